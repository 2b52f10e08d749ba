package jetstream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/pushledger/pushledger/eventstore"
)

// The server's codes for a lost race. With the second one somebody else's write of the
// stream is still under way, so that nobody can see yet who has won.
const (
	codeWrongLastSequence         jetstream.ErrorCode = 10071
	codeWrongLastSequenceConstant jetstream.ErrorCode = 10164
)

const (
	maxRefusals  = 8                    // of one group, before its appends are told to come back
	refusalPause = 2 * time.Millisecond // for the write of somebody else to become visible
)

// commit sends a group, in the batch that was opened with its first message if there is
// one, and tells each of its appends what became of it. If the server refuses the group
// because of a lost race, the losers are sought out and the others sent again.
func (s *Store) commit(opened string, group []*waiting) {
	for refusals := 0; len(group) > 0; refusals++ {
		last, err := s.send(opened, group)
		opened = ""
		if errors.Is(err, eventstore.ErrConflict) {
			s.expectAny(group)
		}
		switch {
		case err == nil:
			s.finish(group, last)
			return
		case !errors.Is(err, eventstore.ErrConflict) || len(group) == 1:
			fail(group, err)
			return
		case refusals == maxRefusals:
			fail(group, fmt.Errorf("%w: refused %d times: %w", eventstore.ErrUnavailable, refusals, err))
			return
		}
		group = s.withoutLosers(group)
	}
}

// expectAny takes no stream of a refused group for unseen any more, whatever has been
// learnt: who lost because of that reads it the next time.
func (s *Store) expectAny(group []*waiting) {
	for _, request := range group {
		for stream := range request.expects {
			s.known.add(stream)
		}
	}
}

// withoutLosers fails the appends that lost a race and returns the others.
func (s *Store) withoutLosers(group []*waiting) []*waiting {
	newest, err := s.lookUp(group)
	if err != nil {
		fail(group, fmt.Errorf("%w: find the lost race: %w", eventstore.ErrUnavailable, err))
		return nil
	}
	var others []*waiting
	for _, request := range group {
		if stream, lost := request.lost(newest); lost {
			fail([]*waiting{request}, fmt.Errorf("%w: %s", eventstore.ErrConflict, stream))
		} else {
			others = append(others, request)
		}
	}
	if len(others) == len(group) {
		s.pause()
	}
	return others
}

// lookUp learns where the streams of a group stand.
func (s *Store) lookUp(group []*waiting) (map[eventstore.StreamID]eventstore.Recorded, error) {
	var streams []eventstore.StreamID
	for _, request := range group {
		for stream := range request.expects {
			streams = append(streams, stream)
		}
	}
	newest, err := s.Last(context.Background(), streams...)
	for stream, recorded := range newest {
		s.heads.reached(stream, recorded.Sequence)
	}
	return newest, err
}

func (w *waiting) lost(newest map[eventstore.StreamID]eventstore.Recorded) (eventstore.StreamID, bool) {
	for stream, expect := range w.expects {
		if newest[stream].Sequence != expect {
			return stream, true
		}
	}
	return eventstore.StreamID{}, false
}

func (s *Store) pause() {
	select {
	case <-time.After(refusalPause):
	case <-s.closing:
	}
}

func fail(group []*waiting, err error) {
	for _, request := range group {
		request.done <- result{err: err}
	}
}

// finish tells each append the sequence of its own last event. The events of a batch
// stand next to each other, the newest at the sequence last.
func (s *Store) finish(group []*waiting, last uint64) {
	for i := len(group) - 1; i >= 0; i-- {
		request := group[i]
		first := last + 1 - uint64(len(request.messages))
		for stream, end := range request.ends {
			s.heads.reached(stream, first+uint64(end)) // #nosec G115 -- a position in the append
			s.known.add(stream)
		}
		request.done <- result{sequence: last}
		last = first - 1
	}
}
