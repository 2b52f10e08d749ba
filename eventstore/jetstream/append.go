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
	bytes    int
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
		return 0, errClosed()
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
			return 0, errClosed()
		}
	}
}

func errClosed() error { return fmt.Errorf("%w: the store is closed", eventstore.ErrUnavailable) }

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
			request.bytes += len(message.Data)
		}
		request.ends[change.Stream] = len(request.messages) - 1
	}
	request.messages[len(request.messages)-1].Header.Del(headerMore)
	return request, nil
}

// refuse tells an append that it has lost if that is certain already.
func (w *waiting) refuse(known *heads) bool {
	for stream, expect := range w.expects {
		if known.passed(stream, expect) {
			w.done <- result{err: fmt.Errorf("%w: %s", eventstore.ErrConflict, stream)}
			return true
		}
	}
	return false
}

// abandon lets go of an append that was not sent yet and whose caller has gone.
func (w *waiting) abandon() bool {
	if w.ctx.Err() == nil {
		return false
	}
	w.done <- result{err: fmt.Errorf("%w: %w", eventstore.ErrUnavailable, w.ctx.Err())}
	return true
}

func (w *waiting) overlaps(taken map[eventstore.StreamID]bool) bool {
	for stream := range w.expects {
		if taken[stream] {
			return true
		}
	}
	return false
}
