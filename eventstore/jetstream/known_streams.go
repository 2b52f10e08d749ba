package jetstream

import (
	"fmt"
	"hash/maphash"
	"iter"
	"sync"
	"sync/atomic"

	"github.com/pushledger/pushledger/eventstore"
)

// knownStreams knows which streams of one kind have events: most appends to them are to new
// ones, and for a new one nothing has to be read. It holds hashes of four bytes: with a million
// streams one new one in four thousand is taken for known and read like those.
type knownStreams struct {
	kind     string
	seed     maphash.Seed
	complete atomic.Bool // everything that was in the log at the start has been learnt
	mu       sync.RWMutex
	hashes   map[uint32]struct{}
}

func newKnownStreams(kind string) *knownStreams {
	return &knownStreams{kind: kind, seed: maphash.MakeSeed(), hashes: make(map[uint32]struct{})}
}

func (k *knownStreams) hash(stream eventstore.StreamID) uint32 {
	return uint32(maphash.String(k.seed, stream.Key)) // #nosec G115 -- half of it is enough
}

func (k *knownStreams) add(stream eventstore.StreamID) {
	if stream.Kind != k.kind {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.hashes[k.hash(stream)] = struct{}{}
}

func (k *knownStreams) lacks(stream eventstore.StreamID) bool {
	if stream.Kind != k.kind || !k.complete.Load() {
		return false
	}
	k.mu.RLock()
	defer k.mu.RUnlock()
	_, known := k.hashes[k.hash(stream)]
	return !known
}

// Unseen implements eventstore.Store.
func (s *Store) Unseen(stream eventstore.StreamID) bool { return s.known.lacks(stream) }

// Learn is told all streams of Options.NewKind that were in the log when it was opened;
// those that came since are seen by the feed, so none is missed. Once it has returned nil,
// Unseen tells them apart; before that every stream is read. It returns the first error of
// what it is told from, and may be called again.
func (s *Store) Learn(streams iter.Seq2[eventstore.StreamID, error]) error {
	for stream, err := range streams {
		if err != nil {
			return fmt.Errorf("jetstream: learn streams: %w", err)
		}
		s.known.add(stream)
	}
	s.known.complete.Store(true)
	return nil
}
