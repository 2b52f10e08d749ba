package jetstream

import (
	"context"
	"fmt"

	"github.com/pushledger/pushledger/eventstore"
)

const (
	lastAtOnce   = 512 // streams in one question; the server answers 1,024 at most
	lookupsAhead = 4096
)

// lookup is a question for the newest events of some streams, on its way to be asked
// together with others.
type lookup struct {
	streams []eventstore.StreamID // at most lastAtOnce
	done    chan lookedUp         // buffered 1
}

type lookedUp struct {
	newest map[eventstore.StreamID]eventstore.Recorded // may hold more than was asked for
	err    error
}

// Last implements eventstore.Store. The server reads between two writes, so questions
// that wait for it at the same time are put as one.
func (s *Store) Last(ctx context.Context, streams ...eventstore.StreamID) (map[eventstore.StreamID]eventstore.Recorded, error) {
	newest := make(map[eventstore.StreamID]eventstore.Recorded, len(streams))
	for len(streams) > 0 {
		part := streams[:min(len(streams), lastAtOnce)]
		streams = streams[len(part):]
		found, err := s.lookUpTogether(ctx, part)
		if err != nil {
			return nil, fmt.Errorf("jetstream: last of %d streams: %w", len(part), err)
		}
		for _, stream := range part {
			if recorded, exists := found[stream]; exists {
				newest[stream] = recorded
			}
		}
	}
	return newest, nil
}

func (s *Store) lookUpTogether(ctx context.Context, streams []eventstore.StreamID) (map[eventstore.StreamID]eventstore.Recorded, error) {
	for _, stream := range streams {
		if err := stream.Validate(); err != nil {
			return nil, err
		}
	}
	asked := &lookup{streams: streams, done: make(chan lookedUp, 1)}
	select {
	case s.lookups <- asked:
	case <-s.closing:
		return nil, errClosed()
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", eventstore.ErrUnavailable, ctx.Err())
	}
	select {
	case said := <-asked.done:
		return said.newest, said.err
	case <-s.closing:
		return nil, errClosed()
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", eventstore.ErrUnavailable, ctx.Err())
	}
}

// answerLookups is the one goroutine that asks. What comes in while a question is on
// its way makes the next one; a question was asked after all its askers came, so none
// is answered with what stood before.
func (s *Store) answerLookups() {
	var next *lookup
	for {
		if next == nil {
			select {
			case next = <-s.lookups:
			case <-s.closing:
				return
			}
		}
		var group []*lookup
		group, next = s.gatherLookups(next)
		newest, err := s.newest(group)
		for _, asked := range group {
			asked.done <- lookedUp{newest, err}
		}
	}
}

// gatherLookups takes what waits, and returns the one that does not fit any more.
func (s *Store) gatherLookups(first *lookup) (group []*lookup, next *lookup) {
	group = []*lookup{first}
	for total := len(first.streams); ; {
		select {
		case asked := <-s.lookups:
			if total += len(asked.streams); total > lastAtOnce {
				return group, asked
			}
			group = append(group, asked)
		default:
			return group, nil
		}
	}
}

func (s *Store) newest(group []*lookup) (map[eventstore.StreamID]eventstore.Recorded, error) {
	newest := make(map[eventstore.StreamID]eventstore.Recorded)
	var subjects []string
	for _, asked := range group {
		for _, stream := range asked.streams {
			subjects = append(subjects, subject(stream))
		}
	}
	err := s.read(context.Background(), question{Subjects: subjects}, func(recorded eventstore.Recorded) {
		newest[recorded.Stream] = recorded
	})
	return newest, err
}
