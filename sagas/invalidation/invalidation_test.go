package invalidation_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/pushledger/pushledger/aggregates"
	"github.com/pushledger/pushledger/aggregates/catalog"
	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/listing"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/eventstore"
	"github.com/pushledger/pushledger/eventstore/memory"
	"github.com/pushledger/pushledger/sagas/invalidation"
	"github.com/pushledger/pushledger/sagas/ledger"
	"github.com/pushledger/pushledger/sagas/registrar"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	seller, buyer = "anna", "bo"

	alpha domainname.Name = "alpha.com"
	beta  domainname.Name = "beta.cn"
)

// holders is a registrar that knows in whose account a domain is, and little more.
type holders struct {
	registrar.Registrar
	accounts map[domainname.Name]string
	variants map[domainname.Name]domainname.Name // canonical names
	locked   map[domainname.Name]bool
	done     map[string]bool // operations
	down     error
	asked    atomic.Int32
}

func (h *holders) Operation(_ context.Context, id string) (registrar.MoveResult, error) {
	if h.done[id] {
		return registrar.MoveResult{State: registrar.MoveDone}, h.down
	}
	return registrar.MoveResult{State: registrar.MoveUnknown}, h.down
}

func (h *holders) Facts(_ context.Context, names []domainname.Name) ([]push.DomainFacts, error) {
	h.asked.Add(1)
	facts := make([]push.DomainFacts, len(names))
	for i, name := range names {
		facts[i] = push.DomainFacts{
			Domain: name, Exists: true, RegistrarOK: true, Account: h.accounts[name],
			AccountMoveLocked: h.locked[name], Canonical: h.variants[name],
		}
	}
	return facts, h.down
}

// market is a ledger with one saga.
type market struct {
	t         *testing.T
	store     *memory.Store
	ledger    *ledger.Ledger
	registrar *holders
	saga      *invalidation.Saga
	start     time.Time
}

func open(t *testing.T) *market {
	store := memory.New(eventstore.NewRegistry(catalog.Events()...), time.Now)
	return openOn(t, store, store)
}

// openOn has the saga use a log of its own over the same store.
func openOn(t *testing.T, store *memory.Store, over eventstore.Store) *market {
	m := &market{
		t: t, store: store, ledger: ledger.New(store), start: time.Now(),
		registrar: &holders{accounts: map[domainname.Name]string{alpha: seller, beta: seller}},
	}
	m.saga = invalidation.New(over, ledger.New(over), m.registrar, slog.New(slog.DiscardHandler), time.Now)
	return m
}

// offer publishes a push of the domains whose facts were read at an instant.
func (m *market) offer(id string, checked time.Time, names ...domainname.Name) {
	m.t.Helper()
	require.NoError(m.t, m.publish(id, checked, names...))
}

func (m *market) publish(id string, checked time.Time, names ...domainname.Name) error {
	registrations := make([]domainname.Name, len(names))
	for i, name := range names {
		registrations[i] = cmp.Or(m.registrar.variants[name], name)
	}
	_, err := m.ledger.Offer(m.t.Context(), eventstore.Metadata{CommandID: id, CommandHash: "hash", Actor: seller}, id, registrations,
		func(ledger.Push, map[domainname.Name]string) ([]push.Event, error) {
			offered := push.Offered{
				PushID: id, Seller: seller, Buyer: buyer, Currency: "CNY",
				OfferedAt: time.Now(), CheckedAt: checked, ExpiresAt: time.Now().Add(time.Hour),
			}
			for _, name := range names {
				offered.Items = append(offered.Items, push.Item{Domain: name, Canonical: m.registrar.variants[name]})
			}
			return []push.Event{offered}, nil
		})
	return err
}

// deliver has the push paid, so that its domains are on their way.
func (m *market) deliver(id string) {
	m.t.Helper()
	_, err := m.ledger.Record(m.t.Context(), id, func(push.State) []push.Event {
		return []push.Event{push.Accepted{At: time.Now()}, push.Paid{At: time.Now()}, push.DeliveryStarted{At: time.Now()}}
	})
	require.NoError(m.t, err)
}

func (m *market) state(id string) push.State {
	m.t.Helper()
	loaded, err := m.ledger.Load(m.t.Context(), id)
	require.NoError(m.t, err)
	return loaded.State
}

func (m *market) last() uint64 {
	m.t.Helper()
	last, err := m.store.LastSequence(m.t.Context())
	require.NoError(m.t, err)
	return last
}

func (m *market) handle(event registrar.Event) {
	m.t.Helper()
	require.NoError(m.t, m.saga.Handle(m.t.Context(), event))
}

// event is one that comes after everything that has happened so far.
func event(kind string, name domainname.Name) registrar.Event {
	return registrar.Event{ID: "e-1", Kind: kind, Domain: name, At: time.Now().Add(time.Second)}
}

// run has the saga watch the log until the test ends. Only to be called in a bubble.
func (m *market) run() {
	m.t.Helper()
	ctx, cancel := context.WithCancel(m.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- m.saga.Run(ctx) }()
	m.t.Cleanup(func() {
		cancel()
		require.NoError(m.t, <-ended)
	})
	synctest.Wait() // it stands at the end of the log
}

// Rules I1–I4, I6 and I7.
func TestEveryKindEndsTheLivePush(t *testing.T) {
	for kind, code := range map[string]string{
		registrar.KindDeleted:            push.CodeDomainGone,
		registrar.KindTransferredOut:     push.CodeDomainGone,
		registrar.KindTransferOutStarted: push.CodeDomainGone,
		registrar.KindAccountMoved:       push.CodeAccountMoved,
		registrar.KindRegistrantChanged:  push.CodeRegistrantChanged,
		registrar.KindBlacklisted:        push.CodeBlacklisted,
		registrar.KindAccountMoveLocked:  push.CodeAccountMoveLocked,
		registrar.KindAuthCodeIssued:     push.CodeAuthCodeIssued,
		registrar.KindPolicyViolation:    push.CodePolicyViolation,
		registrar.KindRestricted:         push.CodePublishingRestricted,
	} {
		t.Run(kind, func(t *testing.T) {
			m := open(t)
			m.offer("other", m.start, "other.com")
			m.offer("p-1", m.start, alpha, beta)
			m.handle(event(kind, beta))

			state := m.state("p-1")
			require.Equal(t, push.StatusInvalidated, state.Status)
			require.Equal(t, code, state.EndReason)
			require.Equal(t, beta, state.EndDomain)
			held, err := m.ledger.Holders(t.Context(), []domainname.Name{alpha, beta})
			require.NoError(t, err)
			require.Empty(t, held, "one trigger on one domain releases all")
			require.Equal(t, push.StatusOffered, m.state("other").Status)
			history, err := m.store.Load(t.Context(), ledger.PushStream("p-1"))
			require.NoError(t, err)
			require.Equal(t, push.Cause{Kind: push.CauseRegistrarEvent, EventID: "e-1", Detail: kind},
				history[1].Event.(push.Invalidated).Cause)
		})
	}
}

func TestAPaidPushIsUndone(t *testing.T) {
	m := open(t)
	m.offer("p-1", m.start, alpha)
	m.deliver("p-1")
	m.handle(event(registrar.KindBlacklisted, alpha))
	state := m.state("p-1")
	require.Equal(t, push.StatusPaid, state.Status, "it ends when the domains are back")
	require.Equal(t, push.CodeBlacklisted, state.Return.Code)
}

func TestWhatChangesNothing(t *testing.T) {
	for name, handled := range map[string]func(*market){
		"a domain that nobody sells": func(m *market) { m.handle(event(registrar.KindDeleted, "unheard-of.com")) },
		"a kind that nobody knows":   func(m *market) { m.handle(event("polished", alpha)) },
		"an event older than the facts of the offer": func(m *market) {
			stale := event(registrar.KindDeleted, alpha)
			stale.At = m.start.Add(-time.Second)
			m.handle(stale)
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := open(t)
			m.offer("p-1", m.start, alpha)
			before := m.last()
			handled(m)
			require.Equal(t, before, m.last())
			require.Equal(t, push.StatusOffered, m.state("p-1").Status)
		})
	}
}

func TestARepeatedEventChangesNothing(t *testing.T) {
	m := open(t)
	m.offer("p-1", m.start, alpha)
	ended := event(registrar.KindRegistrantChanged, alpha)
	m.handle(ended)
	before := m.last()
	m.handle(ended)
	require.Equal(t, before, m.last())

	m.offer("p-2", ended.At.Add(time.Second), alpha)
	before = m.last()
	m.handle(ended)
	require.Equal(t, before, m.last(), "nor does it end the next push, whose facts knew of it")
	require.Equal(t, push.StatusOffered, m.state("p-2").Status)
}

// The registrar was asked before the event, the push was recorded after it.
func TestAnEventDuringTheOfferEndsThePush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := open(t)
		m.offer("before", m.start, beta)
		m.run()
		checked := time.Now()
		m.handle(event(registrar.KindRegistrantChanged, alpha))
		time.Sleep(30 * time.Second)
		m.offer("p-1", checked, alpha)
		synctest.Wait()
		state := m.state("p-1")
		require.Equal(t, push.StatusInvalidated, state.Status)
		require.Equal(t, push.CodeRegistrantChanged, state.EndReason)
		require.Equal(t, push.StatusOffered, m.state("before").Status)
	})
}

func TestAnEventThatTheFactsKnewOfDoesNotEndThePush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := open(t)
		m.run()
		m.handle(event(registrar.KindRegistrantChanged, alpha))
		time.Sleep(30 * time.Second)
		m.offer("p-1", time.Now(), alpha)
		synctest.Wait()
		require.Equal(t, push.StatusOffered, m.state("p-1").Status)
	})
}

func TestEventsAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := open(t)
		m.run()
		checked := time.Now()
		m.handle(event(registrar.KindRegistrantChanged, alpha))
		m.handle(event(registrar.KindBlacklisted, alpha))
		time.Sleep(10 * time.Minute)
		m.handle(event(registrar.KindDeleted, beta)) // makes room
		m.offer("p-1", checked, alpha)
		synctest.Wait()
		require.Equal(t, push.StatusOffered, m.state("p-1").Status, "no offer takes that long")
	})
}

// weak is a log that cannot be written to for some time.
type weak struct {
	eventstore.Store
	down atomic.Bool
}

func (w *weak) Append(ctx context.Context, metadata eventstore.Metadata, changes ...eventstore.Change) (uint64, error) {
	if w.down.Load() {
		return 0, fmt.Errorf("%w: in this test", eventstore.ErrUnavailable)
	}
	return w.Store.Append(ctx, metadata, changes...)
}

func TestALogThatIsDownDelaysButLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New(eventstore.NewRegistry(catalog.Events()...), time.Now)
		log := &weak{Store: store}
		m := openOn(t, store, log)
		m.run()
		checked := time.Now()
		m.handle(event(registrar.KindRegistrantChanged, alpha))
		log.down.Store(true)
		m.offer("p-1", checked, alpha)
		m.offer("p-2", checked, beta)
		require.ErrorIs(t, m.saga.Handle(t.Context(), event(registrar.KindDeleted, beta)), eventstore.ErrUnavailable, "to be delivered again")
		time.Sleep(time.Minute)
		require.Equal(t, push.StatusOffered, m.state("p-1").Status)
		log.down.Store(false)
		time.Sleep(time.Minute)
		require.Equal(t, push.StatusInvalidated, m.state("p-1").Status)
		require.Equal(t, push.StatusInvalidated, m.state("p-2").Status)
	})
}

func TestALogThatCannotBeFollowedIsAnError(t *testing.T) {
	m := open(t)
	broken := errors.New("cut off")
	saga := invalidation.New(deaf{m.store, broken}, m.ledger, m.registrar, slog.New(slog.DiscardHandler), time.Now)
	require.ErrorIs(t, saga.Run(t.Context()), broken)
}

type deaf struct {
	eventstore.Store
	err error
}

func (d deaf) Follow(context.Context, uint64, func(eventstore.Recorded) error, func()) error {
	return d.err
}

// The account move that the ledger itself ordered is no I2.
func TestWhoseMoveItWas(t *testing.T) {
	for name, test := range map[string]struct {
		paid   bool
		holder string // by the registrar, if it is asked
		detail registrar.Event
		asked  int32
		ended  bool
	}{
		"our own operation":                 {true, buyer, registrar.Event{OperationID: push.MoveNo("p-1", alpha)}, 0, false},
		"a foreign operation to the buyer":  {true, buyer, registrar.Event{OperationID: "theirs", To: buyer}, 0, true},
		"it says that the buyer has it":     {true, "eve", registrar.Event{To: buyer}, 0, false},
		"it says that a stranger has it":    {true, buyer, registrar.Event{To: "eve"}, 0, true},
		"no detail, and the buyer has it":   {true, buyer, registrar.Event{}, 1, false},
		"no detail, and a stranger has it":  {true, "eve", registrar.Event{}, 1, true},
		"no detail, and nobody has paid it": {false, buyer, registrar.Event{}, 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			m := open(t)
			m.offer("p-1", m.start, alpha)
			if test.paid {
				m.deliver("p-1")
			}
			m.registrar.accounts[alpha] = test.holder
			moved := test.detail
			moved.ID, moved.Kind, moved.Domain, moved.At = "e-1", registrar.KindAccountMoved, alpha, time.Now().Add(time.Second)
			m.handle(moved)
			require.Equal(t, test.asked, m.registrar.asked.Load())
			state := m.state("p-1")
			require.Equal(t, test.ended, state.Return != nil || state.Status == push.StatusInvalidated)
		})
	}
}

func TestARegistrarThatIsDownHasTheEventComeAgain(t *testing.T) {
	m := open(t)
	m.offer("p-1", m.start, alpha)
	m.registrar.down = registrar.ErrUnavailable
	moved := event(registrar.KindAccountMoved, alpha)
	require.ErrorIs(t, m.saga.Handle(t.Context(), moved), registrar.ErrUnavailable)
	require.Equal(t, push.StatusOffered, m.state("p-1").Status)
	m.registrar.down, m.registrar.accounts[alpha] = nil, "eve"
	m.handle(moved)
	require.Equal(t, push.StatusInvalidated, m.state("p-1").Status)
}

func TestAForeignEventOfADomainIsAnError(t *testing.T) {
	m := open(t)
	_, err := m.store.Append(t.Context(), eventstore.Metadata{}, eventstore.Change{
		Stream: ledger.DomainStream(alpha), Events: []aggregates.Event{push.Withdrawn{}},
	}, eventstore.Change{Stream: ledger.DomainStream(beta), Events: []aggregates.Event{listing.Released{PushID: "p-0"}}})
	require.NoError(t, err)
	require.ErrorContains(t, m.saga.Handle(t.Context(), event(registrar.KindDeleted, alpha)), "Withdrawn")
	m.handle(event(registrar.KindDeleted, beta))
}

// Events come several at a time, while offers come in.
func TestEventsAndOffersAtTheSameTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := open(t)
		m.run()
		checked := time.Now()
		offered, handled := make([]error, 50), make([]error, 50)
		var group sync.WaitGroup
		for i := range offered {
			name := domainname.Name(fmt.Sprintf("d%d.com", i))
			group.Go(func() { offered[i] = m.publish(fmt.Sprintf("p-%d", i), checked, name) })
			group.Go(func() { handled[i] = m.saga.Handle(t.Context(), event(registrar.KindDeleted, name)) })
		}
		group.Wait()
		require.NoError(t, errors.Join(append(offered, handled...)...))
		time.Sleep(time.Minute) // one that lost a race against the other waits before it decides again
		synctest.Wait()
		for i := range offered {
			require.Equal(t, push.StatusInvalidated, m.state(fmt.Sprintf("p-%d", i)).Status)
		}
	})
}

func TestADeliveryTakenBackIsNotedAfterTheEnd(t *testing.T) {
	m := open(t)
	m.offer("p-1", m.start, alpha)
	m.deliver("p-1")
	_, err := m.ledger.Record(t.Context(), "p-1", func(push.State) []push.Event {
		return []push.Event{push.DomainMoved{At: time.Now(), Domain: alpha}, push.Completed{At: time.Now()}}
	})
	require.NoError(t, err)
	m.handle(event(registrar.KindAccountMoved, alpha)) // the buyer's own business
	require.Empty(t, push.WorkList(m.state("p-1")))

	back := event(registrar.KindAccountMoved, alpha)
	back.OperationID, back.To = push.MoveNo("p-1", alpha), seller
	m.handle(back)
	m.handle(back)

	state := m.state("p-1")
	require.Equal(t, push.StatusCompleted, state.Status)
	require.Len(t, push.WorkList(state), 1)
	require.Equal(t, seller, state.Lines[0].ReversedTo)
}
