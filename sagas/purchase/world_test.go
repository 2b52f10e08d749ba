package purchase_test

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/pushledger/pushledger/aggregates/catalog"
	"github.com/pushledger/pushledger/eventstore"
	"github.com/pushledger/pushledger/eventstore/memory"
	"github.com/pushledger/pushledger/sagas/invalidation"
	"github.com/pushledger/pushledger/sagas/ledger"
	"github.com/pushledger/pushledger/sagas/payment"
	"github.com/pushledger/pushledger/sagas/purchase"
	"github.com/pushledger/pushledger/sagas/registrar"
	"github.com/pushledger/pushledger/sagas/sandbox/sandboxtest"
)

// TestMain lets many more tests run at the same time than there are processors: they
// mostly wait for pauses and payment windows.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "24"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

const (
	seller = "anna"
	buyer  = "bo"

	patience = 3 * time.Minute        // for what must come, on a busy machine
	answers  = 800 * time.Millisecond // that the adapters wait for an answer
	window   = 6 * time.Second        // of a payment whose end is waited for; long enough to pay in it on a busy machine
	ever     = 1_000_000              // calls that a fault holds for, until it is lifted
)

const people = `{"accounts":[
	{"account":"anna","alipay_account":"anna@example.com","alipay_name":"安娜","alipay_merchant_id":"2088000000000107"},
	{"account":"sue","alipay_account":"sue@example.com","alipay_name":"苏"},
	{"account":"bo"},{"account":"eve"}]}`

// world is a ledger with its sagas at work, and the partners.
type world struct {
	*sandboxtest.Partners
	store  *memory.Store
	ledger *ledger.Ledger
	// merchant has sellers paid by confirming trades that are made for that merchant; empty: by
	// transfers.
	merchant string
	sources  time.Duration // for which the provider is asked for them; 0: as by default
	// probe and later are the pauses of what Alipay will not do as things stand; 0: as by default
	probe, later time.Duration
	postponed    atomic.Int32 // steps that the saga has told were put off
	unknown      atomic.Int32 // payments from unknown channels that the saga has told of
	handled      sync.Map     // registrar event kind and domain → true, once its handling is over
}

// bothWays plays a test where sellers are paid by transfers, and where they are by confirming
// trades.
func bothWays(t *testing.T, play func(*testing.T, *world)) {
	t.Helper()
	for name, merchant := range map[string]string{"by transfer": "", "by confirmation": "2088000000000107"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.merchant = merchant
			play(t, w)
		})
	}
}

// newWorld starts everything. Its faults of Alipay are for the whole of it.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := ledgerAt(newPartners(t))
	w.invalidate(t)
	w.takeNotifications(w.run(t, w.store).saga)
	return w
}

func newPartners(t *testing.T) *sandboxtest.Partners {
	return sandboxtest.Start(t, sandboxtest.Config{Inventory: people, Timeout: answers, LateNotify: 2 * time.Second})
}

// ledgerAt is an empty ledger at the partners, at which nobody works yet.
func ledgerAt(partners *sandboxtest.Partners) *world {
	store := memory.New(eventstore.NewRegistry(catalog.Events()...), time.Now)
	return &world{Partners: partners, store: store, ledger: ledger.New(store)}
}

// running is a saga at work.
type running struct {
	saga *purchase.Saga
	stop func() // and wait for its end
}

// run has a new saga work on the log until it is stopped or the test ends.
func (w *world) run(t *testing.T, over eventstore.Store) running {
	t.Helper()
	saga := purchase.New(purchase.Config{
		Store: over, Ledger: ledger.New(over), Provider: w.Provider, Registrar: w.Registrar, Directory: w.Registrar,
		Logger: slog.New(slog.DiscardHandler), Now: now, Workers: 32,
		PollFirst: 100 * time.Millisecond, PollLongest: 500 * time.Millisecond, CloseGrace: time.Second,
		SourcesPatience: w.sources, UnknownChannel: func() { w.unknown.Add(1) },
		ProbeEvery: w.probe, PostponedFirst: w.later, PostponedLongest: w.later, Postponed: func(string, string) { w.postponed.Add(1) },
	})
	return running{saga, background(t, saga.Run)}
}

func now() time.Time { return time.Now().UTC() }

// background runs something that ends without error when it is stopped.
func background(t *testing.T, run func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	t.Cleanup(stop)
	return stop
}

func (w *world) takeNotifications(saga *purchase.Saga) {
	w.OnNotification(func(ctx context.Context, trade payment.Trade) error { return saga.Notified(ctx, trade) })
}

// invalidate takes the registrar's events in.
func (w *world) invalidate(t *testing.T) {
	t.Helper()
	saga := invalidation.New(w.store, w.ledger, w.Registrar, slog.New(slog.DiscardHandler), now)
	background(t, saga.Run)
	background(t, func(ctx context.Context) error {
		return w.Feed.Follow(ctx, func(ctx context.Context, event registrar.Event) error {
			err := saga.Handle(ctx, event)
			if err == nil {
				w.handled.Store(event.Kind+" "+string(event.Domain), true)
			}
			return err
		})
	})
}

// crashing is a log whose process dies at the first append of an event: right before it
// is written, or right after.
type crashing struct {
	eventstore.Store
	at      string
	written bool
	dead    atomic.Bool
	died    chan struct{}
}

func (c *crashing) Append(ctx context.Context, metadata eventstore.Metadata, changes ...eventstore.Change) (uint64, error) {
	switch {
	case c.dead.Load():
		return 0, fmt.Errorf("%w: the process is dead", eventstore.ErrUnavailable)
	case !holds(changes, c.at):
		return c.Store.Append(ctx, metadata, changes...)
	}
	c.dead.Store(true)
	defer close(c.died)
	if c.written {
		if _, err := c.Store.Append(ctx, metadata, changes...); err != nil {
			return 0, err
		}
	}
	return 0, fmt.Errorf("%w: the process dies", eventstore.ErrUnavailable)
}

func holds(changes []eventstore.Change, event string) bool {
	for _, change := range changes {
		for _, added := range change.Events {
			if added.EventType() == event {
				return true
			}
		}
	}
	return false
}

// newID is unique, also as a label of a domain.
func newID() string { return "p" + strings.ReplaceAll(uuid.NewString(), "-", "") }

func command(actor string) eventstore.Metadata {
	return eventstore.Metadata{CommandID: uuid.NewString(), CommandHash: "hash", Actor: actor}
}
