package commands_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/catalog"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/commands"
	"github.com/pushledger/pushledger/eventstore"
	"github.com/pushledger/pushledger/eventstore/memory"
	"github.com/pushledger/pushledger/sagas/ledger"
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
			carriedOut := 0
			for _, reply := range replies {
				require.Equal(t, encoded(t, replies[0]), encoded(t, done(t, reply)))
				if !reply.Repeated {
					carriedOut++
				}
			}
			require.Equal(t, 1, carriedOut, "to the others it is a repetition")
			require.Equal(t, uint64(2), here.length(t), "one reservation and one offer")
		})
	}
}

// The same id and body get the same answer again, byte for byte, and change nothing.
func TestARepeatedCommandGetsTheSameAnswer(t *testing.T) {
	d := newDesk()
	first := make(map[string]string)
	ids := make(map[string]string)
	for _, step := range verbs {
		ids[step.verb] = uuid.NewString()
		first[step.verb] = encoded(t, done(t, d.repeat(ids[step.verb], step.actor, step.verb, step.body)))
		for _, earlier := range verbs[:slices.Index(verbs, step)+1] { // also once the push has gone on
			before := d.length(t)
			spaced := strings.ReplaceAll(earlier.body, ":", " : ")
			for _, id := range []string{ids[earlier.verb], strings.ToUpper(ids[earlier.verb])} {
				require.Equal(t, first[earlier.verb], encoded(t, d.repeat(id, earlier.actor, earlier.verb, spaced)))
			}
			require.Equal(t, before, d.length(t))
		}
	}
	require.Contains(t, first["accept"], "signed=1")
	d.down.Store(true)
	require.Equal(t, first["accept"], encoded(t, d.repeat(ids["accept"], bo, "accept", acceptP1)), "nobody needs to be asked for it")
}

func TestACommandIDWithAnotherBodyIsRefused(t *testing.T) {
	d := newDesk()
	offered, accepted := uuid.NewString(), uuid.NewString()
	done(t, d.repeat(offered, anna, "offer", offerP1))
	done(t, d.repeat(accepted, bo, "accept", acceptP1))
	before := d.length(t)
	refused(t, push.CodeCommandIDReused, d.repeat(offered, anna, "offer", strings.Replace(offerP1, "1999", "1", 1)))
	refused(t, push.CodeCommandIDReused, d.repeat(offered, anna, "withdraw", justP1))
	refused(t, push.CodeCommandIDReused, d.repeat(offered, bo, "accept", acceptP1))
	refused(t, push.CodeCommandIDReused, d.repeat(accepted, bo, "accept", `{"push_id":"p-1","total":"1.00"}`))
	refused(t, push.CodeCommandIDReused, d.repeat(accepted, bo, "decline", justP1))
	require.Equal(t, before, d.length(t))
}

// An offer without an id of its own is one push however often it is sent.
func TestAnOfferWithoutPushID(t *testing.T) {
	d := newDesk()
	const body = `{"buyer":"bo","items":[{"domain":"alpha.com","price":"1"}]}`
	id := uuid.NewString()
	first := done(t, d.repeat(id, anna, "offer", body))
	require.NotEmpty(t, first.PushID)
	require.Equal(t, encoded(t, first), encoded(t, d.repeat(id, anna, "offer", body)))
	refused(t, push.CodeCommandIDReused, d.repeat(id, anna, "offer", strings.Replace(body, `"1"`, `"2"`, 1)))
	refused(t, push.CodeAlreadyOnSale, d.say(anna, "offer", body))
	done(t, d.say(anna, "withdraw", fmt.Sprintf(`{"push_id":%q}`, first.PushID)))
	second := done(t, d.say(anna, "offer", body))
	require.NotEqual(t, first.PushID, second.PushID)
}

func TestARefusedCommandIsDecidedAfresh(t *testing.T) {
	d := newDesk()
	id := uuid.NewString()
	d.locked.Store(true)
	refused(t, push.CodeAccountMoveLocked, d.repeat(id, anna, "offer", offerP1))
	require.Zero(t, d.length(t))
	d.locked.Store(false)
	done(t, d.repeat(id, anna, "offer", strings.Replace(offerP1, "1999", "5", 1)))
}

// Sixty-four sends of one command id have one effect and one answer.
func TestOneCommandSentManyTimesAtOnce(t *testing.T) {
	d := newDesk()
	for _, step := range verbs {
		before := d.length(t)
		id := uuid.NewString()
		answers := make([]commands.Reply, 64)
		start := make(chan struct{})
		var group sync.WaitGroup
		for i := range answers {
			group.Go(func() {
				<-start
				answers[i] = d.repeat(id, step.actor, step.verb, step.body)
			})
		}
		close(start)
		group.Wait()
		for _, answer := range answers {
			require.Equal(t, encoded(t, done(t, answers[0])), encoded(t, answer))
		}
		require.Equal(t, answers[0].Seq, d.length(t))
		history, err := d.log.Load(t.Context(), ledger.PushStream("p-1"))
		require.NoError(t, err)
		require.Equal(t, answers[0].Version, len(history))
		require.LessOrEqual(t, d.length(t), before+2, step.verb)
	}
}

// moody is a log that does not say what became of an append.
type moody struct {
	eventstore.Store
	written bool
	silent  atomic.Int32 // appends that are still to go wrong
}

func (m *moody) Append(ctx context.Context, metadata eventstore.Metadata, changes ...eventstore.Change) (uint64, error) {
	if m.silent.Add(-1) < 0 {
		return m.Store.Append(ctx, metadata, changes...)
	}
	if m.written {
		if _, err := m.Store.Append(ctx, metadata, changes...); err != nil {
			return 0, err
		}
	}
	return 0, eventstore.ErrUnavailable
}

func TestALogThatDoesNotSayWhatBecameOfIt(t *testing.T) {
	for name, written := range map[string]bool{"it was written": true, "it was not written": false} {
		t.Run(name, func(t *testing.T) {
			store := memory.New(eventstore.NewRegistry(catalog.Events()...), func() time.Time { return noon })
			log := &moody{Store: store, written: written}
			d := deskOn(store, log)
			for _, step := range verbs {
				id := uuid.NewString()
				log.silent.Store(1)
				first := d.repeat(id, step.actor, step.verb, step.body)
				if !written {
					refused(t, push.CodeUnavailable, first)
					first = done(t, d.repeat(id, step.actor, step.verb, step.body))
				}
				require.Equal(t, encoded(t, done(t, first)), encoded(t, d.repeat(id, step.actor, step.verb, step.body)))
			}
			require.Equal(t, uint64(5), d.length(t), "each once: two for the offer, one, and two for the end")
		})
	}
}
