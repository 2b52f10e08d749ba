package jetstream

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/pushledger/pushledger/eventstore"
	"github.com/pushledger/pushledger/eventstore/transparency"
)

const (
	followWindow = 5000             // messages asked for ahead of the handler
	followBytes  = 16 << 20         // of one request; two wait at most, half of what the client library holds
	followIdle   = 30 * time.Second // after which the server drops a consumer nobody reads
)

// Follow implements eventstore.Store.
func (s *Store) Follow(ctx context.Context, after uint64, handle func(eventstore.Recorded) error, caughtUp func()) error {
	target, err := s.LastSequence(ctx)
	if err != nil {
		return err
	}
	if after > target {
		return fmt.Errorf("jetstream: follow after %d, but the log ends at %d", after, target)
	}
	position := after
	pass := func(recorded eventstore.Recorded) error {
		if err := handle(recorded); err != nil {
			return err
		}
		if caughtUp != nil && recorded.Sequence >= target {
			caughtUp()
			caughtUp = nil
		}
		return nil
	}
	if caughtUp != nil && position >= target {
		caughtUp()
		caughtUp = nil
	}
	return s.followFeed(ctx, &position,
		func(event fed) error { return handled(event.Recorded, pass) },
		func() error {
			return s.followAlone(ctx, &position, pass, func() bool { return s.feed.covers(position) })
		})
}

func handled(recorded eventstore.Recorded, handle func(eventstore.Recorded) error) error {
	if err := handle(recorded); err != nil {
		return fmt.Errorf("jetstream: sequence %d: %w", recorded.Sequence, err)
	}
	return nil
}

// followAlone reads from the server until enough says so, and keeps position at what
// has been handled.
func (s *Store) followAlone(ctx context.Context, position *uint64, handle func(eventstore.Recorded) error, enough func() bool) error {
	return s.followStored(ctx, *position, func(message kept) error {
		recorded, err := s.recorded(message.subject, message.sequence, message.header, message.body, message.at)
		if err != nil {
			return fmt.Errorf("jetstream: follow: %w", err)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := handled(recorded, handle); err != nil {
			return err
		}
		*position = recorded.Sequence
		return nil
	}, enough)
}

// kept is a message of the log as the server gives it.
type kept struct {
	subject  string
	sequence uint64
	header   nats.Header
	body     []byte
	at       time.Time
}

// followStored is followAlone of messages that nobody has decoded. A gap is
// *transparency.Damage.
func (s *Store) followStored(ctx context.Context, after uint64, handle func(kept) error, enough func() bool) error {
	if enough() {
		return nil
	}
	consumer, err := s.js.OrderedConsumer(ctx, StreamName, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: after + 1, InactiveThreshold: followIdle,
	})
	if err != nil {
		return fmt.Errorf("%w: follow: %w", eventstore.ErrUnavailable, err)
	}
	reader := &follower{position: after, handle: handle, enough: enough, ended: make(chan error, 1)}
	consuming, err := consumer.Consume(reader.take,
		jetstream.PullMaxMessagesWithBytesLimit(followWindow, followBytes), jetstream.ConsumeErrHandler(reader.failed))
	if err != nil {
		return fmt.Errorf("%w: follow: %w", eventstore.ErrUnavailable, err)
	}
	defer consuming.Stop()
	select {
	case err = <-reader.ended:
	case <-ctx.Done():
		err = ctx.Err()
	}
	reader.close()
	return err
}

// follower takes the messages of one consumer where the client library delivers them:
// to ask for each with Next costs a timer and a channel more, a tenth of a replay.
type follower struct {
	handle func(kept) error
	enough func() bool
	ended  chan error // at most the first reason to end

	mutex    sync.Mutex // held while a message is handled
	closed   bool
	position uint64
}

func (f *follower) take(message jetstream.Msg) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if f.closed {
		return
	}
	if err := f.next(message); err != nil || f.enough() {
		f.closed = true
		f.end(err)
	}
}

func (f *follower) next(message jetstream.Msg) error {
	place, err := message.Metadata()
	if err != nil {
		return fmt.Errorf("jetstream: follow: %w", err)
	}
	if place.Sequence.Stream != f.position+1 {
		return missing(f.position, place.Sequence.Stream)
	}
	f.position++
	return f.handle(kept{message.Subject(), f.position, message.Headers(), message.Data(), place.Timestamp})
}

// failed ends the following, unless the client library goes on by itself.
func (f *follower) failed(_ jetstream.ConsumeContext, err error) {
	for _, mended := range []error{
		jetstream.ErrNoHeartbeat, jetstream.ErrConsumerDeleted, jetstream.ErrConsumerLeadershipChanged, nats.ErrNoResponders,
	} {
		if errors.Is(err, mended) {
			return
		}
	}
	f.end(fmt.Errorf("%w: follow: %w", eventstore.ErrUnavailable, err))
}

func (f *follower) end(err error) {
	select {
	case f.ended <- err:
	default:
	}
}

// close returns when no message is being handled, and none will be.
func (f *follower) close() {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.closed = true
}

func missing(position, next uint64) error {
	return fmt.Errorf("jetstream: the log goes from sequence %d to %d: events are missing: %w", position, next,
		&transparency.Damage{Sequence: position + 1, Reason: "it is missing, or cannot be read"})
}
