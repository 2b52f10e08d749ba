package commands_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/commands"
	"github.com/pushledger/pushledger/eventstore"
	"github.com/pushledger/pushledger/eventstore/memory"
)

// logIndex is an index that knows all that is in the log.
type logIndex struct{ log *memory.Store }

func (i logIndex) PushOf(ctx context.Context, account, commandID string) (pushID string, found bool, err error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	err = i.log.Follow(ctx, 0, func(recorded eventstore.Recorded) error {
		_, ofPush := recorded.Event.(push.Event)
		if ofPush && recorded.Metadata.Actor == account && recorded.Metadata.CommandID == commandID && !found {
			pushID, found = recorded.Stream.Key, true
		}
		return nil
	}, stop)
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	return pushID, found, err
}

func (i logIndex) Position() uint64 {
	last, err := i.log.LastSequence(context.Background())
	if err != nil {
		panic(err) // the log in memory is always there
	}
	return last
}

// blindIndex knows nothing: what this process did is remembered without it.
type blindIndex struct{}

func (blindIndex) PushOf(context.Context, string, string) (string, bool, error) {
	return "", false, errors.New("the index is being rebuilt")
}

func (blindIndex) Position() uint64 { return 0 }

func offerOf(id, domain string) string {
	return fmt.Sprintf(`{"push_id":"%s","buyer":"bo","items":[{"domain":"%s","price":"10.00"}]}`, id, domain)
}

func TestOneCommandIDMeansOnePush(t *testing.T) {
	for name, start := range map[string]func(*desk) *desk{
		"as the process remembers": func(d *desk) *desk { return deskWith(d.log, d.log, blindIndex{}) },
		"as the index knows":       func(d *desk) *desk { return d },
	} {
		t.Run(name, func(t *testing.T) {
			d := start(newDesk())
			first, second := uuid.NewString(), uuid.NewString()
			done(t, d.repeat(first, anna, "offer", offerOf("one", "one.com")))
			done(t, d.say(anna, "offer", offerOf("two", "two.com")))
			done(t, d.say(anna, "offer", offerOf("three", "three.com")))
			done(t, d.repeat(second, anna, "withdraw", `{"push_id":"two"}`))
			if name == "as the index knows" {
				d = deskOn(d.log, d.log) // a restart
			}

			refused(t, push.CodeCommandIDReused, d.repeat(first, anna, "offer", offerOf("other", "other.com")))
			refused(t, push.CodeCommandIDReused, d.repeat(first, anna, "offer", `{"buyer":"bo","items":[{"domain":"other.com","price":"10.00"}]}`))
			refused(t, push.CodeCommandIDReused, d.repeat(second, anna, "withdraw", `{"push_id":"three"}`))
			refused(t, push.CodeCommandIDReused, d.repeat(second, anna, "offer", offerOf("other", "other.com")))
			done(t, d.repeat(second, anna, "withdraw", `{"push_id":"two"}`))

			done(t, d.repeat(first, bo, "accept", `{"push_id":"three","total":"10.00"}`))
			again := uuid.NewString()
			refused(t, push.CodePushNotFound, d.repeat(again, anna, "withdraw", `{"push_id":"none"}`))
			done(t, d.repeat(again, anna, "offer", offerOf("four", "four.com")))
		})
	}
}

func TestACommandSentManyTimesAtOnceIsCarriedOutOnce(t *testing.T) {
	for name, body := range map[string]string{
		"with a push id":    offerOf("p-9", "nine.com"),
		"without a push id": `{"buyer":"bo","items":[{"domain":"nine.com","price":"10.00"}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			here := newDesk()
			there := deskOn(here.log, here.log) // another process
			id := uuid.NewString()
			replies := make([]commands.Reply, 64)
			var group sync.WaitGroup
			for i := range replies {
				group.Go(func() { replies[i] = []*desk{here, there}[i%2].repeat(id, anna, "offer", body) })
			}
			group.Wait()
			for _, reply := range replies {
				require.Equal(t, replies[0], done(t, reply))
			}
			require.Equal(t, uint64(2), here.length(t), "one reservation and one offer")
		})
	}
}
