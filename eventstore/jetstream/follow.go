package jetstream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/pushledger/pushledger/eventstore"
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
	announce := func(position uint64) {
		if caughtUp != nil && position >= target {
			caughtUp()
			caughtUp = nil
		}
	}
	announce(after)
	messages, err := s.consume(ctx, after)
	if err != nil {
		return err
	}
	defer messages.Stop()
	stop := context.AfterFunc(ctx, messages.Stop)
	defer stop()
	for position := after; ; {
		message, err := messages.Next()
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, jetstream.ErrNoHeartbeat): // the consumer is made anew by itself
			continue
		case err != nil:
			return fmt.Errorf("%w: follow: %w", eventstore.ErrUnavailable, err)
		}
		place, err := message.Metadata()
		if err != nil {
			return fmt.Errorf("jetstream: follow: %w", err)
		}
		if place.Sequence.Stream != position+1 {
			return fmt.Errorf("jetstream: the log goes from sequence %d to %d: events are missing", position, place.Sequence.Stream)
		}
		recorded, err := s.recorded(message.Subject(), place.Sequence.Stream, message.Headers(), message.Data(), place.Timestamp)
		if err != nil {
			return fmt.Errorf("jetstream: follow: %w", err)
		}
		if err := handle(recorded); err != nil {
			return fmt.Errorf("jetstream: sequence %d: %w", recorded.Sequence, err)
		}
		position = recorded.Sequence
		announce(position)
	}
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
