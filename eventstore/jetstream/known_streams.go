package jetstream

import (
	"context"
	"fmt"
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/pushledger/pushledger/eventstore"
)

// knownStreams knows which streams of one kind have events: most appends to them are to new
// ones, and for a new one nothing has to be read. It holds hashes, eight bytes each; of
// two streams with one hash the second is read like any other.
type knownStreams struct {
	kind     string
	seed     maphash.Seed
	complete atomic.Bool // everything that was in the log at the start is known
	mu       sync.RWMutex
	hashes   map[uint64]struct{}
}

func newKnownStreams(kind string) *knownStreams {
	return &knownStreams{kind: kind, seed: maphash.MakeSeed(), hashes: make(map[uint64]struct{})}
}

func (k *knownStreams) add(stream eventstore.StreamID) {
	if stream.Kind != k.kind {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.hashes[maphash.String(k.seed, stream.Key)] = struct{}{}
}

func (k *knownStreams) lacks(stream eventstore.StreamID) bool {
	if stream.Kind != k.kind || !k.complete.Load() {
		return false
	}
	k.mu.RLock()
	defer k.mu.RUnlock()
	_, known := k.hashes[maphash.String(k.seed, stream.Key)]
	return !known
}

// Unseen implements eventstore.Store.
func (s *Store) Unseen(stream eventstore.StreamID) bool { return s.known.lacks(stream) }

// learnStreams lists what is in the log. New streams that come while it does are seen
// by the feed, so none is missed. Until it has ended every stream is read.
func (s *Store) learnStreams(ctx context.Context) {
	for ctx.Err() == nil {
		if err := s.listStreams(ctx); err == nil {
			s.known.complete.Store(true)
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(feedPause):
		}
	}
}

func (s *Store) listStreams(ctx context.Context) error {
	if s.known.kind == "" {
		return nil
	}
	for offset := 0; ; {
		page, err := s.subjects(ctx, offset)
		if err != nil {
			return err
		}
		for subject := range page {
			stream, err := streamOf(subject)
			if err != nil {
				return err
			}
			s.known.add(stream)
		}
		if len(page) == 0 {
			return nil
		}
		offset += len(page)
	}
}

// subjects is one page of the server's list, which is sorted and only ever grows.
func (s *Store) subjects(ctx context.Context, offset int) (map[string]uint64, error) {
	asked, err := json.Marshal(map[string]any{"subjects_filter": SubjectPrefix + s.known.kind + ".>", "offset": offset})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, callPatience)
	defer cancel()
	answer, err := s.conn.RequestWithContext(ctx, "$JS.API.STREAM.INFO."+StreamName, asked)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", eventstore.ErrUnavailable, err)
	}
	var said struct {
		Error *jetstream.APIError `json:"error"`
		State struct {
			Subjects map[string]uint64 `json:"subjects"`
		} `json:"state"`
	}
	if err := json.Unmarshal(answer.Data, &said); err != nil {
		return nil, fmt.Errorf("%w: %w", eventstore.ErrUnavailable, err)
	}
	if said.Error != nil {
		return nil, fmt.Errorf("%w: %w", eventstore.ErrUnavailable, said.Error)
	}
	return said.State.Subjects, nil
}
