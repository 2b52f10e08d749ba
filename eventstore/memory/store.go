// Package memory is a log in memory with the semantics of the real one, for tests and
// simulations of what stands on the log.
package memory

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/pushledger/pushledger/aggregates"
	"github.com/pushledger/pushledger/eventstore"
)

// Store is an eventstore.Store that lives as long as the process.
type Store struct {
	registry *eventstore.Registry
	now      func() time.Time

	mu      sync.Mutex
	log     []eventstore.Recorded
	streams map[eventstore.StreamID][]int // indexes into log
	grown   chan struct{}                 // closed and replaced at every append
}

var _ eventstore.Store = (*Store)(nil)

// New returns an empty log.
func New(registry *eventstore.Registry, now func() time.Time) *Store {
	return &Store{registry: registry, now: now, streams: make(map[eventstore.StreamID][]int), grown: make(chan struct{})}
}

// Append implements eventstore.Store.
func (s *Store) Append(ctx context.Context, metadata eventstore.Metadata, changes ...eventstore.Change) (uint64, error) {
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("%w: %w", eventstore.ErrUnavailable, err)
	}
	if err := eventstore.CheckChanges(changes); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var added []eventstore.Recorded
	for _, change := range changes {
		if s.lastOf(change.Stream) != change.Expect {
			return 0, fmt.Errorf("%w: %s", eventstore.ErrConflict, change.Stream)
		}
		for _, event := range change.Events {
			recorded, err := s.record(uint64(len(s.log)+len(added)+1), change.Stream, event, metadata)
			if err != nil {
				return 0, err
			}
			added = append(added, recorded)
		}
	}
	added[len(added)-1].Last = true
	for _, recorded := range added {
		s.streams[recorded.Stream] = append(s.streams[recorded.Stream], len(s.log))
		s.log = append(s.log, recorded)
	}
	close(s.grown)
	s.grown = make(chan struct{})
	return uint64(len(s.log)), nil
}

// record stores what a reader would get back from the body, never the caller's value.
func (s *Store) record(sequence uint64, stream eventstore.StreamID, event aggregates.Event, metadata eventstore.Metadata) (eventstore.Recorded, error) {
	body, err := s.registry.Encode(event)
	if err != nil {
		return eventstore.Recorded{}, err
	}
	decoded, err := s.registry.Decode(event.EventType(), eventstore.SchemaVersion, body)
	if err != nil {
		return eventstore.Recorded{}, err
	}
	return eventstore.Recorded{
		Sequence: sequence, Stream: stream, ID: strconv.FormatUint(sequence, 10), Type: event.EventType(),
		Version: eventstore.SchemaVersion, Time: s.now().UTC(), Metadata: metadata, Body: body, Event: decoded,
	}, nil
}

func (s *Store) lastOf(stream eventstore.StreamID) uint64 {
	indexes := s.streams[stream]
	if len(indexes) == 0 {
		return 0
	}
	return s.log[indexes[len(indexes)-1]].Sequence
}

// Load implements eventstore.Store.
func (s *Store) Load(_ context.Context, stream eventstore.StreamID) ([]eventstore.Recorded, error) {
	if err := stream.Validate(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var history []eventstore.Recorded
	for _, index := range s.streams[stream] {
		history = append(history, s.log[index])
	}
	return history, nil
}

// Last implements eventstore.Store.
func (s *Store) Last(_ context.Context, streams ...eventstore.StreamID) (map[eventstore.StreamID]eventstore.Recorded, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	newest := make(map[eventstore.StreamID]eventstore.Recorded, len(streams))
	for _, stream := range streams {
		if err := stream.Validate(); err != nil {
			return nil, err
		}
		if last := s.lastOf(stream); last > 0 {
			newest[stream] = s.log[last-1]
		}
	}
	return newest, nil
}

// Unseen implements eventstore.Store.
func (s *Store) Unseen(stream eventstore.StreamID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lastOf(stream) == 0
}

// Follow implements eventstore.Store.
func (s *Store) Follow(ctx context.Context, after uint64, handle func(eventstore.Recorded) error, caughtUp func()) error {
	target, err := s.LastSequence(ctx)
	if err != nil {
		return err
	}
	if after > target {
		return fmt.Errorf("memory: follow after %d, but the log ends at %d", after, target)
	}
	for position := after; ; {
		if caughtUp != nil && position >= target {
			caughtUp()
			caughtUp = nil
		}
		recorded, grown, exists := s.next(position)
		if !exists {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-grown:
				continue
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := handle(recorded); err != nil {
			return fmt.Errorf("memory: sequence %d: %w", recorded.Sequence, err)
		}
		position = recorded.Sequence
	}
}

func (s *Store) next(position uint64) (eventstore.Recorded, <-chan struct{}, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if position >= uint64(len(s.log)) {
		return eventstore.Recorded{}, s.grown, false
	}
	return s.log[position], nil, true
}

// LastSequence implements eventstore.Store.
func (s *Store) LastSequence(context.Context) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return uint64(len(s.log)), nil
}
