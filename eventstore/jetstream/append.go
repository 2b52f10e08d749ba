package jetstream

import (
	"context"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/pushledger/pushledger/eventstore"
)

// waiting is one append on its way into a group.
type waiting struct {
	ctx      context.Context
	messages []*nats.Msg
	expects  map[eventstore.StreamID]uint64
	ends     map[eventstore.StreamID]int // index of each stream's last message
	done     chan result                 // buffered 1
}

type result struct {
	sequence uint64
	err      error
}

// Append implements eventstore.Store.
func (s *Store) Append(ctx context.Context, metadata eventstore.Metadata, changes ...eventstore.Change) (uint64, error) {
	request, err := s.prepare(ctx, metadata, changes)
	if err != nil {
		return 0, err
	}
	select {
	case s.queue <- request:
	case <-s.closing:
		return 0, fmt.Errorf("%w: the store is closed", eventstore.ErrUnavailable)
	default:
		return 0, fmt.Errorf("%w: %d appends are waiting already", eventstore.ErrUnavailable, queueLength)
	}
	select {
	case outcome := <-request.done:
		return outcome.sequence, outcome.err
	case <-ctx.Done():
		return 0, fmt.Errorf("%w: %w", eventstore.ErrUnavailable, ctx.Err())
	case <-s.stopped: // it may have come too late for the committer to see it
		select {
		case outcome := <-request.done:
			return outcome.sequence, outcome.err
		default:
			return 0, fmt.Errorf("%w: the store is closed", eventstore.ErrUnavailable)
		}
	}
}

func (s *Store) prepare(ctx context.Context, metadata eventstore.Metadata, changes []eventstore.Change) (*waiting, error) {
	if err := eventstore.CheckChanges(changes); err != nil {
		return nil, err
	}
	request := &waiting{
		ctx: ctx, done: make(chan result, 1),
		expects: make(map[eventstore.StreamID]uint64, len(changes)), ends: make(map[eventstore.StreamID]int, len(changes)),
	}
	for _, change := range changes {
		request.expects[change.Stream] = change.Expect
		for i, event := range change.Events {
			message, err := s.message(change.Stream, event, metadata)
			if err != nil {
				return nil, err
			}
			if i == 0 { // a second expectation on one subject in a batch would be refused
				message.Header.Set(jetstream.ExpectedLastSubjSeqHeader, strconv.FormatUint(change.Expect, 10))
			}
			message.Header.Set(headerMore, "1")
			request.messages = append(request.messages, message)
		}
		request.ends[change.Stream] = len(request.messages) - 1
	}
	request.messages[len(request.messages)-1].Header.Del(headerMore)
	return request, nil
}

// commitGroups is the one goroutine that writes. A lone append leaves at once; while
// one group is on its way to disk the next one gathers, so groups grow with the load
// and nobody waits for company on a free line.
func (s *Store) commitGroups() {
	defer close(s.stopped)
	var backlog []*waiting
	for {
		if len(backlog) == 0 {
			select {
			case request := <-s.queue:
				backlog = append(backlog, request)
			case <-s.closing:
				s.turnAway(backlog)
				return
			}
		}
		select {
		case <-s.closing:
			s.turnAway(backlog)
			return
		default:
		}
		backlog = s.gather(backlog)
		var group []*waiting
		group, backlog = split(backlog, s.groupSize)
		backlog = dropLosers(backlog, s.commit(group))
	}
}

// gather takes what waits in the queue, without waiting for more.
func (s *Store) gather(backlog []*waiting) []*waiting {
	for len(backlog) < s.groupSize {
		select {
		case request := <-s.queue:
			backlog = append(backlog, request)
		default:
			return backlog
		}
	}
	return backlog
}

func (s *Store) turnAway(backlog []*waiting) {
	for {
		for _, request := range backlog {
			request.done <- result{err: fmt.Errorf("%w: the store is closed", eventstore.ErrUnavailable)}
		}
		select {
		case request := <-s.queue:
			backlog = []*waiting{request}
		default:
			return
		}
	}
}

// split takes the next group off the backlog, in order of arrival. An append on a
// stream that the group writes already, or that an earlier one waits for, stays for a
// later group: there it meets the stream as it will then be.
func split(backlog []*waiting, most int) (group, rest []*waiting) {
	taken := make(map[eventstore.StreamID]bool)
	events := 0
	full := false
	for _, request := range backlog {
		if request.ctx.Err() != nil { // its caller is gone; it has not been sent
			request.done <- result{err: fmt.Errorf("%w: %w", eventstore.ErrUnavailable, request.ctx.Err())}
			continue
		}
		full = full || events+len(request.messages) > most
		if full || overlaps(request, taken) {
			rest = append(rest, request)
		} else {
			group = append(group, request)
			events += len(request.messages)
		}
		for stream := range request.expects {
			taken[stream] = true
		}
	}
	return group, rest
}

// dropLosers fails the appends of the backlog that lost their race to the group just
// written, without asking the server: where those streams stand now is known.
func dropLosers(backlog []*waiting, newest map[eventstore.StreamID]uint64) []*waiting {
	var rest []*waiting
	for _, request := range backlog {
		if stream, lost := request.losesTo(newest); lost {
			fail([]*waiting{request}, fmt.Errorf("%w: %s", eventstore.ErrConflict, stream))
		} else {
			rest = append(rest, request)
		}
	}
	return rest
}

func (w *waiting) losesTo(newest map[eventstore.StreamID]uint64) (eventstore.StreamID, bool) {
	for stream, expect := range w.expects {
		if now, known := newest[stream]; known && now != expect {
			return stream, true
		}
	}
	return eventstore.StreamID{}, false
}

func overlaps(request *waiting, taken map[eventstore.StreamID]bool) bool {
	for stream := range request.expects {
		if taken[stream] {
			return true
		}
	}
	return false
}
