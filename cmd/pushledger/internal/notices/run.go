package notices

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/aggregates/words"
	"github.com/pushledger/pushledger/eventstore"
)

const (
	batch       = 256 // events whose notices are published together
	ackPatience = 10 * time.Second
	retryPause  = time.Second
	longestRest = 50 * time.Millisecond
)

// Run publishes until ctx ends and returns nil then. While log or stream cannot be
// reached it waits and goes on. It returns an error if an event cannot be told.
func (n *Notices) Run(ctx context.Context) error {
	for {
		err := n.follow(ctx)
		switch {
		case ctx.Err() != nil:
			return nil //nolint:nilerr // whatever failed did so because it was told to end
		case errors.Is(err, eventstore.ErrUnknownEvent):
			return fmt.Errorf("notices: stopped behind sequence %d: %w", n.position, err)
		}
		n.Logger.WarnContext(ctx, "notices wait", "error", err)
		wait(ctx, retryPause)
	}
}

func wait(ctx context.Context, long time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(long):
	}
}

func (n *Notices) follow(ctx context.Context) error {
	if err := n.resume(ctx); err != nil {
		return err
	}
	if err := n.findOpen(ctx); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	events, followed := make(chan eventstore.Recorded, batch), make(chan error, 1)
	go func() {
		defer close(events)
		followed <- n.Log.Follow(ctx, n.position, func(recorded eventstore.Recorded) error {
			select {
			case events <- recorded:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}, nil)
	}()
	err := n.work(ctx, events)
	stop()
	if reason := <-followed; err == nil {
		err = reason
	}
	return err
}

// findOpen asks the read model for the offers that are open: those that came before the
// position. The others are found in the log.
func (n *Notices) findOpen(ctx context.Context) error {
	n.upcoming = newUpcoming()
	if err := n.Pushes.WaitFor(ctx, n.position); err != nil {
		return err
	}
	return n.Pushes.EachOpen(ctx, n.Now(), func(open push.State) { n.upcoming.add(open.ID, words.Open(open)) })
}

// work publishes what events tell, and what the clock does.
func (n *Notices) work(ctx context.Context, events <-chan eventstore.Recorded) error {
	var together []eventstore.Recorded
	for {
		pause, err := n.tellEnds(ctx)
		if err != nil {
			return err
		}
		clock := time.NewTimer(pause)
		select {
		case first, open := <-events:
			clock.Stop()
			if !open {
				return nil
			}
			began := n.Now()
			together = gather(together, first, events)
			if err := n.tell(ctx, together); err != nil {
				return err
			}
			wait(ctx, min(n.Now().Sub(began), longestRest)) // so that half a core is the most that it takes
		case <-clock.C:
		}
	}
}

// gather takes what is there into the room of what was told before.
func gather(room []eventstore.Recorded, first eventstore.Recorded, events <-chan eventstore.Recorded) []eventstore.Recorded {
	together := append(room[:0], first)
	for len(together) < batch {
		select {
		case event, open := <-events:
			if !open {
				return together
			}
			together = append(together, event)
		default:
			return together
		}
	}
	return together
}

func (n *Notices) tell(ctx context.Context, events []eventstore.Recorded) error {
	var messages []*nats.Msg
	for _, recorded := range events {
		prepared, err := n.prepare(ctx, recorded)
		if err != nil {
			return err
		}
		messages = append(messages, prepared...)
	}
	if err := n.publish(ctx, messages, events[0].Sequence <= n.begun); err != nil {
		return err
	}
	n.position = events[len(events)-1].Sequence
	return nil
}

// tellEnds gives notice of the offers that end soon and returns when to look again. It is
// always careful: after a start nobody remembers of which notice was given.
func (n *Notices) tellEnds(ctx context.Context) (time.Duration, error) {
	for {
		id, soon, found, pause := n.upcoming.next(n.Now())
		if !found {
			return pause, nil
		}
		text := words.ExpiresSoon(soon)
		messages, err := n.messages(soon, Notice{
			PushID: id, Type: ExpiresSoon, Time: n.Now(), ExpiresAt: soon.ExpiresAt, EN: text.EN, ZH: text.ZH,
		}, ExpiresSoon+"."+id, n.position)
		if err != nil {
			return 0, err
		}
		if err := n.publish(ctx, messages, true); err != nil {
			n.upcoming.add(id, soon)
			return 0, err
		}
	}
}

// publish waits until the stream has taken in every message. A careful one leaves out
// what the stream holds already.
func (n *Notices) publish(ctx context.Context, messages []*nats.Msg, careful bool) error {
	if len(messages) == 0 {
		return nil
	}
	if !careful {
		all, err := n.publishCounted(ctx, messages)
		if err != nil || all {
			return err
		}
	}
	return n.publishEach(ctx, messages, careful)
}

// publishCounted asks for the answer to the last message alone, and reports whether the
// stream has grown by as many as there are. Nobody else publishes there; if it has not,
// any of them may be missing.
func (n *Notices) publishCounted(ctx context.Context, messages []*nats.Msg) (all bool, err error) {
	last := len(messages) - 1
	for _, message := range messages[:last] {
		if err := n.conn.PublishMsg(message); err != nil {
			return false, fmt.Errorf("notices: publish: %w", err)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, ackPatience)
	defer cancel()
	taken, err := n.js.PublishMsg(ctx, messages[last])
	if err != nil {
		return false, fmt.Errorf("notices: publish: %w", err)
	}
	all = taken.Sequence == n.stored+uint64(len(messages)) && !taken.Duplicate
	n.stored = max(n.stored, taken.Sequence)
	return all, nil
}

// publishEach asks for the answer to each message. What the stream took in a moment ago
// it does not take in again, since each has an id.
func (n *Notices) publishEach(ctx context.Context, messages []*nats.Msg, careful bool) error {
	var answers []jetstream.PubAckFuture
	for _, message := range messages {
		if careful {
			there, err := n.stands(ctx, message)
			if err != nil {
				return err
			}
			if there {
				continue
			}
		}
		future, err := n.js.PublishMsgAsync(message)
		if err != nil {
			return fmt.Errorf("notices: publish: %w", err)
		}
		answers = append(answers, future)
	}
	late := time.NewTimer(ackPatience)
	defer late.Stop()
	for _, future := range answers {
		select {
		case taken := <-future.Ok():
			n.stored = max(n.stored, taken.Sequence)
		case err := <-future.Err():
			return fmt.Errorf("notices: publish: %w", err)
		case <-late.C:
			return errors.New("notices: publish: the stream does not answer")
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
