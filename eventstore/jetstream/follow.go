package jetstream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/pushledger/pushledger/eventstore"
	"github.com/pushledger/pushledger/eventstore/transparency"
)

const (
	followWindow = 5000             // messages asked for ahead of the handler
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
	messages, err := s.consume(ctx, after)
	if err != nil {
		return err
	}
	defer messages.Stop()
	stop := context.AfterFunc(ctx, messages.Stop)
	defer stop()
	for position := after; !enough(); position++ {
		message, err := nextMessage(ctx, messages)
		if err != nil {
			return err
		}
		place, err := message.Metadata()
		if err != nil {
			return fmt.Errorf("jetstream: follow: %w", err)
		}
		if place.Sequence.Stream != position+1 {
			return missing(position, place.Sequence.Stream)
		}
		if err := handle(kept{message.Subject(), position + 1, message.Headers(), message.Data(), place.Timestamp}); err != nil {
			return err
		}
	}
	return nil
}

func nextMessage(ctx context.Context, messages jetstream.MessagesContext) (jetstream.Msg, error) {
	for {
		message, err := messages.Next()
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case errors.Is(err, jetstream.ErrNoHeartbeat): // the consumer is made anew by itself
		case err != nil:
			return nil, fmt.Errorf("%w: follow: %w", eventstore.ErrUnavailable, err)
		default:
			return message, nil
		}
	}
}

func missing(position, next uint64) error {
	return fmt.Errorf("jetstream: the log goes from sequence %d to %d: events are missing: %w", position, next,
		&transparency.Damage{Sequence: position + 1, Reason: "it is missing, or cannot be read"})
}

func (s *Store) consume(ctx context.Context, after uint64) (jetstream.MessagesContext, error) {
	consumer, err := s.js.OrderedConsumer(ctx, StreamName, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: after + 1, InactiveThreshold: followIdle,
	})
	if err != nil {
		return nil, fmt.Errorf("%w: follow: %w", eventstore.ErrUnavailable, err)
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessages(followWindow))
	if err != nil {
		return nil, fmt.Errorf("%w: follow: %w", eventstore.ErrUnavailable, err)
	}
	return messages, nil
}
