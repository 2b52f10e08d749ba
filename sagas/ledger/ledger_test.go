package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates"
	"github.com/pushledger/pushledger/aggregates/catalog"
	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/listing"
	"github.com/pushledger/pushledger/aggregates/money"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/eventstore"
	"github.com/pushledger/pushledger/eventstore/memory"
	"github.com/pushledger/pushledger/sagas/ledger"
)

const (
	anna, bo = "anna", "bo"

	alpha domainname.Name = "alpha.com"
	beta  domainname.Name = "beta.cn"
	gamma domainname.Name = "gamma.com"
)

var noon = time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)

func newStore() *memory.Store {
	return memory.New(eventstore.NewRegistry(catalog.Events()...), func() time.Time { return noon })
}

func command(id string) eventstore.Metadata {
	return eventstore.Metadata{CommandID: id, CommandHash: "hash of " + id, Actor: anna, Traceparent: foreign}
}

// publish decides an offer of the domains at 1.00 each, as seller and registrar agree.
func publish(id string, names []domainname.Name) func(ledger.Push, map[domainname.Name]string) ([]push.Event, error) {
	offer := push.Offer{PushID: id, Seller: anna, Buyer: bo}
	facts := push.OfferFacts{
		CheckedAt: noon,
		Seller:    push.AccountFacts{Account: anna, Exists: true, RealNameVerified: true, AlipayAccount: "anna@example.com"},
		Buyer:     push.AccountFacts{Account: bo, Exists: true},
	}
	for _, name := range names {
		offer.Items = append(offer.Items, push.Item{Domain: name, Price: 1_00})
		facts.Domains = append(facts.Domains, healthy(name))
	}
	return func(loaded ledger.Push, held map[domainname.Name]string) ([]push.Event, error) {
		facts := facts
		facts.HeldBy = held
		return push.DecideOffer(loaded.State, offer, facts, noon)
	}
}

func healthy(name domainname.Name) push.DomainFacts {
	return push.DomainFacts{
		Domain: name, Exists: true, Account: anna, RegistrarOK: true, Sale: "none", Product: "standard",
		RegisteredAt: noon.AddDate(-1, 0, 0), ExpiresAt: noon.AddDate(1, 0, 0), Revision: 1,
	}
}

func offer(ctx context.Context, pushes *ledger.Ledger, id string, names ...domainname.Name) (ledger.Outcome, error) {
	return pushes.Offer(ctx, command("offer "+id), id, names, publish(id, names))
}

func withdraw(current ledger.Push) ([]push.Event, error) {
	return push.DecideWithdraw(current.State, push.Withdraw{Actor: anna}, noon)
}

func accept(current ledger.Push) ([]push.Event, error) {
	facts := push.AcceptFacts{Seller: push.AccountFacts{Exists: true, RealNameVerified: true, AlipayAccount: "bound"}}
	for _, name := range current.State.Domains() {
		facts.Domains = append(facts.Domains, healthy(name))
	}
	command := push.Accept{Actor: bo, Total: current.State.Total, Window: time.Hour}
	return push.DecideAccept(current.State, command, facts, noon)
}

// everything is the whole log.
func everything(t *testing.T, store eventstore.Store) []eventstore.Recorded {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var log []eventstore.Recorded
	err := store.Follow(ctx, 0, func(recorded eventstore.Recorded) error {
		log = append(log, recorded)
		return nil
	}, cancel)
	require.ErrorIs(t, err, context.Canceled)
	return log
}

func holder(t *testing.T, pushes *ledger.Ledger, name domainname.Name) string {
	t.Helper()
	held, err := pushes.Holders(t.Context(), []domainname.Name{name})
	require.NoError(t, err)
	return held[name]
}

func many(count int) []domainname.Name {
	names := make([]domainname.Name, count)
	for i := range names {
		names[i] = domainname.Name("d" + strconv.Itoa(i) + ".com")
	}
	return names
}

func requireRefused(t *testing.T, err error, code string) {
	t.Helper()
	var refusal *push.Refusal
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, code, refusal.Code)
}

// Rules B1 and P8.
func TestAnOfferReservesEveryDomainInTheSameAppend(t *testing.T) {
	store := newStore()
	pushes := ledger.New(store)
	outcome, err := offer(t.Context(), pushes, "p-1", alpha, beta, gamma)
	require.NoError(t, err)
	require.Equal(t, push.StatusOffered, outcome.State.Status)
	require.Equal(t, money.Fen(3_00), outcome.State.Total)

	log := everything(t, store)
	require.Len(t, log, 4)
	for i, name := range []domainname.Name{alpha, beta, gamma} {
		require.Equal(t, ledger.DomainStream(name), log[i].Stream)
		require.Equal(t, listing.Reserved{PushID: "p-1", At: noon}, log[i].Event)
		require.False(t, log[i].Last, "the append goes on")
		require.Equal(t, "p-1", holder(t, pushes, name))
	}
	require.Equal(t, ledger.PushStream("p-1"), log[3].Stream)
	require.True(t, log[3].Last)
	require.Equal(t, log[3].Sequence, outcome.Sequence, "whoever waits for it sees the whole change")
	for _, recorded := range log {
		require.Equal(t, command("offer p-1"), recorded.Metadata)
	}
}

func TestARefusedOfferWritesNothing(t *testing.T) {
	store := newStore()
	pushes := ledger.New(store)
	_, err := offer(t.Context(), pushes, "p-1", alpha)
	require.NoError(t, err)

	_, err = offer(t.Context(), pushes, "p-2", beta, alpha)
	requireRefused(t, err, push.CodeAlreadyOnSale)
	_, err = offer(t.Context(), pushes, "p-1", gamma)
	requireRefused(t, err, push.CodePushExists)
	require.Len(t, everything(t, store), 2)
	require.Empty(t, holder(t, pushes, beta))
	require.Empty(t, holder(t, pushes, gamma))
}

// Rule P8: whoever wins, no domain is ever in two live pushes, and no winner is lost.
func TestRacingOffersLeaveEachDomainInOneLivePush(t *testing.T) {
	const racers, domains, each = 32, 8, 3
	store := newStore()
	pushes := ledger.New(store)
	names := many(domains)
	wanted := func(racer int) []domainname.Name {
		return []domainname.Name{names[racer%domains], names[(racer+3)%domains], names[(racer*5+1)%domains]}[:each-racer%2]
	}
	errs := make([]error, racers)
	start := make(chan struct{})
	var group sync.WaitGroup
	for racer := range racers {
		group.Go(func() {
			<-start
			_, errs[racer] = offer(t.Context(), pushes, "p-"+strconv.Itoa(racer), slices.Compact(slices.Sorted(slices.Values(wanted(racer))))...)
		})
	}
	close(start)
	group.Wait()

	reserved := make(map[domainname.Name]string)
	for racer, err := range errs {
		id := "p-" + strconv.Itoa(racer)
		loaded, loadErr := pushes.Load(t.Context(), id)
		require.NoError(t, loadErr)
		if err != nil {
			requireRefused(t, err, push.CodeAlreadyOnSale)
			require.Equal(t, push.StatusNone, loaded.State.Status)
			continue
		}
		require.Equal(t, push.StatusOffered, loaded.State.Status)
		for _, name := range loaded.State.Domains() {
			require.Empty(t, reserved[name], "%s is in two live pushes", name)
			reserved[name] = id
		}
	}
	require.NotEmpty(t, reserved)
	held, err := pushes.Holders(t.Context(), names)
	require.NoError(t, err)
	require.Equal(t, reserved, held)
}

// Rule L6, for batches of every size.
func TestAnEndReleasesEveryDomainAtOnce(t *testing.T) {
	for _, size := range []int{1, 2, push.MaxItems} {
		t.Run(strconv.Itoa(size), func(t *testing.T) {
			store := newStore()
			pushes := ledger.New(store)
			_, err := offer(t.Context(), pushes, "other", alpha) // the domains of p-1 are not the first in the log
			require.NoError(t, err)
			names := many(size)
			_, err = offer(t.Context(), pushes, "p-1", names...)
			require.NoError(t, err)
			_, err = offer(t.Context(), pushes, "another", beta) // nor the last
			require.NoError(t, err)

			before := len(everything(t, store))
			outcome, err := pushes.Decide(t.Context(), command("withdraw"), "p-1", withdraw)
			require.NoError(t, err)
			require.Equal(t, push.StatusWithdrawn, outcome.State.Status)
			appended := everything(t, store)[before:]
			require.Len(t, appended, size+1)
			for i, name := range names {
				require.Equal(t, ledger.DomainStream(name), appended[i].Stream)
				require.Equal(t, listing.Released{PushID: "p-1", At: noon}, appended[i].Event)
				require.False(t, appended[i].Last)
			}
			require.Equal(t, push.Withdrawn{At: noon}, appended[size].Event)

			held, err := pushes.Holders(t.Context(), append(names, alpha, beta))
			require.NoError(t, err)
			require.Equal(t, map[domainname.Name]string{alpha: "other", beta: "another"}, held)
			_, err = offer(t.Context(), pushes, "p-2", names...)
			require.NoError(t, err, "a released domain can be pushed again at once")
			_, err = pushes.Decide(t.Context(), command("withdraw again"), "p-2", withdraw)
			require.NoError(t, err, "also for the second time")
		})
	}
}

func TestAnEndThatIsNoEndReleasesNothing(t *testing.T) {
	store := newStore()
	pushes := ledger.New(store)
	_, err := offer(t.Context(), pushes, "p-1", alpha)
	require.NoError(t, err)
	outcome, err := pushes.Decide(t.Context(), command("accept"), "p-1", accept)
	require.NoError(t, err)
	require.Equal(t, push.StatusAccepted, outcome.State.Status)
	require.Equal(t, "p-1", holder(t, pushes, alpha))

	_, err = pushes.Record(t.Context(), "p-1", func(push.State) []push.Event {
		return []push.Event{push.Expired{At: noon, Reason: push.ExpiryPaymentWindow}}
	})
	require.NoError(t, err)
	require.Empty(t, holder(t, pushes, alpha))
	before := len(everything(t, store))
	_, err = pushes.Record(t.Context(), "p-1", func(state push.State) []push.Event { return push.DecideClosed(state, noon) })
	require.NoError(t, err)
	require.Len(t, everything(t, store), before+1, "what was released stays released, and is not released again")
}

func TestADecisionWithoutEventsWritesNothing(t *testing.T) {
	store := newStore()
	pushes := ledger.New(store)
	offered, err := offer(t.Context(), pushes, "p-1", alpha)
	require.NoError(t, err)
	nothing := func(push.State) []push.Event { return nil }

	outcome, err := pushes.Record(t.Context(), "p-1", nothing)
	require.NoError(t, err)
	require.Equal(t, offered.State, outcome.State)
	require.Equal(t, offered.Sequence, outcome.Sequence)
	outcome, err = pushes.Record(t.Context(), "never-offered", nothing)
	require.NoError(t, err)
	require.Zero(t, outcome)
	refused := errors.New("no")
	_, err = pushes.Decide(t.Context(), command("refused"), "p-1", func(ledger.Push) ([]push.Event, error) { return nil, refused })
	require.ErrorIs(t, err, refused)
	require.Len(t, everything(t, store), 2)
}

func TestACommandsOutcomeIsTheSameWheneverItIsAskedFor(t *testing.T) {
	pushes := ledger.New(newStore())
	told := make(map[string]ledger.Outcome)
	var err error
	told["offer p-1"], err = offer(t.Context(), pushes, "p-1", alpha, beta)
	require.NoError(t, err)
	told["accept"], err = pushes.Decide(t.Context(), command("accept"), "p-1", accept)
	require.NoError(t, err)
	_, err = pushes.Record(t.Context(), "p-1", func(state push.State) []push.Event { return push.DecideOpened(state, noon) })
	require.NoError(t, err)
	told["takedown"], err = pushes.Decide(t.Context(), command("takedown"), "p-1", func(current ledger.Push) ([]push.Event, error) {
		return push.DecideTakedown(current.State, push.Takedown{Actor: "operator", Reason: "court order"}, noon)
	})
	require.NoError(t, err)

	loaded, err := pushes.Load(t.Context(), "p-1")
	require.NoError(t, err)
	for id, outcome := range told {
		known, found := loaded.Command(id)
		require.True(t, found, id)
		require.Equal(t, outcome, known, id)
	}
	_, found := loaded.Command("withdraw")
	require.False(t, found)
	_, found = loaded.Command("")
	require.False(t, found, "the service's own steps are nobody's command")
}

// A purchase at a total of 0 is several events by one command (rule T8).
func TestACommandOfSeveralEventsHasOneOutcome(t *testing.T) {
	pushes := ledger.New(newStore())
	_, err := offer(t.Context(), pushes, "p-1", alpha)
	require.NoError(t, err)
	outcome, err := pushes.Decide(t.Context(), command("free"), "p-1", func(ledger.Push) ([]push.Event, error) {
		return []push.Event{push.Accepted{At: noon}, push.Paid{At: noon}, push.DeliveryStarted{At: noon}}, nil
	})
	require.NoError(t, err)
	require.Equal(t, push.StatusPaid, outcome.State.Status)
	loaded, err := pushes.Load(t.Context(), "p-1")
	require.NoError(t, err)
	known, _ := loaded.Command("free")
	require.Equal(t, outcome, known)
}

func TestAForeignEventIsAnError(t *testing.T) {
	store := newStore()
	pushes := ledger.New(store)
	for stream, event := range map[eventstore.StreamID]aggregates.Event{
		ledger.PushStream("p-1"):   listing.Reserved{PushID: "p-1", At: noon},
		ledger.DomainStream(alpha): push.Withdrawn{At: noon},
	} {
		_, err := store.Append(t.Context(), eventstore.Metadata{}, eventstore.Change{Stream: stream, Events: []aggregates.Event{event}})
		require.NoError(t, err)
	}
	_, err := pushes.Load(t.Context(), "p-1")
	require.ErrorContains(t, err, "holds a Reserved")
	_, err = pushes.Holders(t.Context(), []domainname.Name{alpha})
	require.ErrorContains(t, err, "holds a Withdrawn")
	_, err = offer(t.Context(), pushes, "p-2", alpha)
	require.ErrorContains(t, err, "holds a Withdrawn")
}

// contested is a log on which somebody else is always faster.
type contested struct {
	eventstore.Store
	appends atomic.Int32
}

func (c *contested) Append(context.Context, eventstore.Metadata, ...eventstore.Change) (uint64, error) {
	c.appends.Add(1)
	return 0, fmt.Errorf("%w: in this test", eventstore.ErrConflict)
}

func TestTooManyLostRacesEndAsUnavailable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &contested{Store: newStore()}
		_, err := offer(t.Context(), ledger.New(store), "p-1", alpha)
		require.ErrorIs(t, err, eventstore.ErrUnavailable)
		require.Equal(t, int32(eventstore.MaxAttempts), store.appends.Load())

		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = offer(ctx, ledger.New(store), "p-1", alpha)
		require.ErrorIs(t, err, eventstore.ErrUnavailable)
	})
}

// broken is a log that cannot be read.
type broken struct{ eventstore.Store }

// Unseen implements eventstore.Store.
func (broken) Unseen(eventstore.StreamID) bool { return false }

func (broken) Load(context.Context, eventstore.StreamID) ([]eventstore.Recorded, error) {
	return nil, eventstore.ErrUnavailable
}

func (broken) Last(context.Context, ...eventstore.StreamID) (map[eventstore.StreamID]eventstore.Recorded, error) {
	return nil, eventstore.ErrUnavailable
}

func TestALogThatCannotBeReadIsNoEmptyLog(t *testing.T) {
	pushes := ledger.New(broken{newStore()})
	_, err := pushes.Load(t.Context(), "p-1")
	require.ErrorIs(t, err, eventstore.ErrUnavailable)
	_, err = pushes.Holders(t.Context(), []domainname.Name{alpha})
	require.ErrorIs(t, err, eventstore.ErrUnavailable)
	_, err = offer(t.Context(), pushes, "p-1", alpha)
	require.ErrorIs(t, err, eventstore.ErrUnavailable)
	_, err = pushes.Record(t.Context(), "p-1", func(push.State) []push.Event { return nil })
	require.ErrorIs(t, err, eventstore.ErrUnavailable)
}

// Rule L3: exactly one wins and the other is told so.
func TestWithdrawRacesAccept(t *testing.T) {
	wins := make(map[push.Status]int)
	for round := range 400 {
		pushes := ledger.New(newStore())
		_, err := offer(t.Context(), pushes, "p-1", alpha)
		require.NoError(t, err)
		start := make(chan struct{})
		var withdrawn, accepted error
		var group sync.WaitGroup
		group.Go(func() {
			<-start
			_, withdrawn = pushes.Decide(t.Context(), command("withdraw"), "p-1", withdraw)
		})
		group.Go(func() {
			<-start
			_, accepted = pushes.Decide(t.Context(), command("accept"), "p-1", accept)
		})
		close(start)
		group.Wait()

		loaded, err := pushes.Load(t.Context(), "p-1")
		require.NoError(t, err)
		switch status := loaded.State.Status; status {
		case push.StatusWithdrawn:
			require.NoError(t, withdrawn)
			requireRefused(t, accepted, push.CodeAlreadyEnded)
			require.Empty(t, holder(t, pushes, alpha))
		default:
			require.Equal(t, push.StatusAccepted, status, "round %d", round)
			require.NoError(t, accepted)
			requireRefused(t, withdrawn, push.CodeAlreadyAccepted)
			require.Equal(t, "p-1", holder(t, pushes, alpha))
		}
		wins[loaded.State.Status]++
	}
	t.Logf("%v", wins)
}

func TestTheLastPushOfADomainIsKnownAfterItsEnd(t *testing.T) {
	pushes := ledger.New(newStore())
	id, err := pushes.LastPush(t.Context(), alpha)
	require.NoError(t, err)
	require.Empty(t, id)
	_, err = offer(t.Context(), pushes, "p-1", alpha)
	require.NoError(t, err)
	id, err = pushes.LastPush(t.Context(), alpha)
	require.NoError(t, err)
	require.Equal(t, "p-1", id)
	_, err = pushes.Decide(t.Context(), command("withdraw"), "p-1", withdraw)
	require.NoError(t, err)
	id, err = pushes.LastPush(t.Context(), alpha)
	require.NoError(t, err)
	require.Equal(t, "p-1", id)
}
