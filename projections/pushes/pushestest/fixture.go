// Package pushestest keeps the read model of pushes over a log in memory, for tests of
// whatever answers from it.
package pushestest

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates"
	"github.com/pushledger/pushledger/aggregates/catalog"
	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/listing"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/eventstore"
	"github.com/pushledger/pushledger/eventstore/memory"
	"github.com/pushledger/pushledger/projections"
	"github.com/pushledger/pushledger/projections/accounts"
	"github.com/pushledger/pushledger/projections/pushes"
)

// Fixture is a log and the read models that follow it.
type Fixture struct {
	Log      *memory.Store
	Runner   *projections.Served
	Queries  *pushes.Queries
	Accounts *accounts.Queries
}

// New returns a fixture with an empty log, whose runner stands still until Run.
func New(t testing.TB) *Fixture {
	t.Helper()
	return Over(t, memory.New(eventstore.NewRegistry(catalog.Events()...), time.Now))
}

// Over returns an empty read model over a log, whose runner stands still until Run.
func Over(t testing.TB, log *memory.Store) *Fixture {
	t.Helper()
	queries, err := pushes.OpenQueries(func(model projections.Model) (*projections.Served, error) { return open(t, log, model), nil }, log)
	require.NoError(t, err)
	return &Fixture{
		Log: log, Runner: queries.Served, Queries: queries,
		Accounts: accounts.NewQueries(open(t, log, accounts.Model())),
	}
}

func open(t testing.TB, log *memory.Store, model projections.Model) *projections.Served {
	t.Helper()
	path := filepath.Join(t.TempDir(), model.Name+".db")
	served, err := projections.OpenServed(t.Context(), path, model, log, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, served.Close()) })
	return served
}

// Models are both read models.
func (f *Fixture) Models() []*projections.Served {
	return []*projections.Served{f.Runner, f.Accounts.Served}
}

// Run follows the log until the test ends, and waits until the models are ready.
func (f *Fixture) Run(t testing.TB) {
	t.Helper()
	for _, model := range f.Models() {
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- model.Run(ctx) }()
		t.Cleanup(func() {
			cancel()
			require.NoError(t, <-ended)
		})
		require.NoError(t, model.WaitReady(t.Context()))
	}
}

// Start is New and Run.
func Start(t testing.TB) *Fixture {
	t.Helper()
	fixture := New(t)
	fixture.Run(t)
	return fixture
}

// Record adds events to the history of a push, together with the reservation or release
// of its domains, and gives the sequence of the last one.
func (f *Fixture) Record(t testing.TB, id string, events ...push.Event) uint64 {
	t.Helper()
	var sequence uint64
	for _, event := range events {
		history, err := f.Log.Load(t.Context(), eventstore.StreamID{Kind: "push", Key: id})
		require.NoError(t, err)
		before := stateOf(history)
		after := push.Evolve(before, event)
		changes := []eventstore.Change{f.change(t, eventstore.StreamID{Kind: "push", Key: id}, event)}
		for _, name := range after.Domains() {
			stream := eventstore.StreamID{Kind: "domain", Key: name.Token()}
			switch {
			case !before.Status.Live() && after.Status.Live():
				changes = append(changes, f.change(t, stream, listing.Reserved{PushID: id, At: noon}))
			case before.Status.Live() && !after.Status.Live():
				changes = append(changes, f.change(t, stream, listing.Released{PushID: id, At: noon}))
			}
		}
		sequence, err = f.Log.Append(t.Context(), eventstore.Metadata{Actor: after.Seller, CommandID: "command-of-" + id}, changes...)
		require.NoError(t, err)
	}
	return sequence
}

// Show is Record, and waits until queries show it.
func (f *Fixture) Show(t testing.TB, id string, events ...push.Event) uint64 {
	t.Helper()
	sequence := f.Record(t, id, events...)
	require.NoError(t, f.Runner.WaitFor(t.Context(), sequence))
	require.NoError(t, f.Accounts.WaitFor(t.Context(), sequence))
	return sequence
}

func (f *Fixture) change(t testing.TB, stream eventstore.StreamID, event aggregates.Event) eventstore.Change {
	t.Helper()
	last, err := f.Log.Last(t.Context(), stream)
	require.NoError(t, err)
	return eventstore.Change{Stream: stream, Expect: last[stream].Sequence, Events: []aggregates.Event{event}}
}

func stateOf(history []eventstore.Recorded) push.State {
	var state push.State
	for _, recorded := range history {
		state = push.Evolve(state, recorded.Event.(push.Event))
	}
	return state
}

var noon = time.Date(2026, 11, 2, 12, 0, 0, 500, time.UTC)

// Offered is an offer of domains at 100.00 each, made at noon.
func Offered(id, seller, buyer string, domains ...domainname.Name) push.Offered {
	offered := push.Offered{
		PushID: id, Seller: seller, Buyer: buyer, Currency: "CNY", FeeRate: 50_000,
		OfferedAt: noon, CheckedAt: noon, ExpiresAt: noon.Add(push.MaxValidity), ExpiryReason: push.ExpiryValidity,
	}
	for _, name := range domains {
		offered.Items = append(offered.Items, push.Item{Domain: name, Price: 100_00})
		offered.Total += 100_00
	}
	return offered
}

// Payer is who pays every push here.
var Payer = push.Payer{UserID: "2088102117900002", LoginMasked: "buy***@example.com"}

// Payment is an accepted and paid offer.
func Payment(offered push.Offered) []push.Event {
	trade := push.TradeNo(offered.PushID)
	return []push.Event{
		push.Accepted{At: noon, Total: offered.Total, TradeNo: trade, PayBy: noon.Add(30 * time.Minute), PayURL: "https://pay.example/" + trade},
		push.PaymentOpened{At: noon, TradeNo: trade},
		push.Paid{At: noon, Amount: offered.Total, TradeNo: trade, Channels: []string{"ALIPAYACCOUNT"}, Payer: Payer, PaidAt: noon},
	}
}

// Purchase is everything that happens to an offer that is bought.
func Purchase(offered push.Offered) []push.Event {
	events := append(Payment(offered), push.DeliveryStarted{At: noon})
	for _, item := range offered.Items {
		events = append(events, push.DomainMoved{At: noon, Domain: item.Domain, Revision: 7})
	}
	fee := offered.FeeRate.Of(offered.Total)
	number := push.PayoutNo(offered.PushID)
	return append(events,
		push.PayoutRequested{At: noon, Seller: offered.Seller, PayoutNo: number, Amount: offered.Total - fee, Fee: fee},
		push.PaidOut{At: noon, Seller: offered.Seller, PayoutNo: number, Amount: offered.Total - fee},
		push.Completed{At: noon},
	)
}

// Failure is everything that happens to an offer whose last domain cannot be moved after
// it was paid, and of which money came in a second time (rule B2).
func Failure(offered push.Offered) []push.Event {
	events := append(Payment(offered), push.DeliveryStarted{At: noon})
	last := len(offered.Items) - 1
	for _, item := range offered.Items[:last] {
		events = append(events, push.DomainMoved{At: noon, Domain: item.Domain, Revision: 7})
	}
	failed := offered.Items[last].Domain
	cause := push.Cause{Kind: push.CauseMove, Detail: "E42"}
	events = append(events,
		push.DomainMoveRefused{At: noon, Domain: failed, Code: push.CodeMoveRefused},
		push.ReturnStarted{At: noon, Code: push.CodeMoveRefused, Domain: failed, Cause: cause},
	)
	for _, item := range offered.Items[:last] {
		events = append(events, push.DomainReturned{At: noon, Domain: item.Domain, Place: push.PlaceReturned})
	}
	events = append(events, push.DomainReturned{At: noon, Domain: failed, Place: push.PlaceKept})
	trade := push.TradeNo(offered.PushID)
	refund, stray := push.RefundNo(offered.PushID, trade), "R-stray"
	return append(events,
		push.RefundRequested{At: noon, Buyer: offered.Buyer, TradeNo: trade, RequestNo: refund, Amount: offered.Total},
		push.Invalidated{At: noon, Code: push.CodeMoveRefused, Domain: failed, Cause: cause},
		push.StrayReceived{At: noon, TradeNo: "T-2", Amount: 5_00, Payer: Payer, Cause: push.StrayDuplicate, RequestNo: stray},
		push.RefundRefused{At: noon, RequestNo: stray, Code: "SYSTEM_ERROR", Message: "系统繁忙"},
		push.StrayRefunded{At: noon, TradeNo: "T-2", RequestNo: stray, Amount: 5_00},
		push.Refunded{At: noon, TradeNo: trade, RequestNo: refund, Amount: offered.Total, From: push.RefundDueAccount(offered.Buyer)},
	)
}

// At moves an offer in time.
func At(offered push.Offered, after time.Duration) push.Offered {
	offered.OfferedAt = offered.OfferedAt.Add(after)
	offered.ExpiresAt = offered.ExpiresAt.Add(after)
	return offered
}
