package pushes_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates"
	"github.com/pushledger/pushledger/aggregates/daybill"
	"github.com/pushledger/pushledger/aggregates/money"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/eventstore"
	"github.com/pushledger/pushledger/projections/pushes"
	"github.com/pushledger/pushledger/projections/pushes/pushestest"
)

// reconciled is what the bill of a day came to.
func reconciled(day string, fees, back money.Fen) daybill.Reconciled {
	return daybill.Reconciled{At: time.Date(2026, 11, 5, 2, 30, 0, 0, time.UTC), Found: daybill.Found{
		Day: day, Fees: fees, FeesBack: back, Payments: 3, Differences: 1, Digest: strings.Repeat("a", 64),
	}}
}

func TestDaysThatWereReconciledAreListedAndTheirFeesBooked(t *testing.T) {
	ledger := pushestest.Start(t)
	offered := pushestest.Offered("p-1", "anna", "bo", alpha)
	ledger.Show(t, "p-1", append([]push.Event{offered}, pushestest.Purchase(offered)...)...)
	before := time.Now()
	var last uint64
	for _, event := range []daybill.Reconciled{reconciled("2026-11-02", 12_00, 0), reconciled("2026-11-03", 5, 7), reconciled("2026-11-04", 0, 0)} {
		var err error
		last, err = ledger.Log.Append(t.Context(), eventstore.Metadata{Actor: "service"}, eventstore.Change{
			Stream: eventstore.StreamID{Kind: "bill", Key: event.Day}, Events: []aggregates.Event{event},
		})
		require.NoError(t, err)
	}
	require.NoError(t, ledger.Queries.WaitFor(t.Context(), last))

	page, err := ledger.Queries.Bills(t.Context(), operator, pushes.BillsRequest{})
	require.NoError(t, err)
	require.Len(t, page.Bills, 3)
	require.Equal(t, reconciled("2026-11-04", 0, 0).Found, page.Bills[0].Found)
	require.Equal(t, last, page.Bills[0].Seq)
	page, err = ledger.Queries.Bills(t.Context(), operator, pushes.BillsRequest{Before: "2026-11-04", Limit: 1})
	require.NoError(t, err)
	require.Len(t, page.Bills, 1)
	require.Equal(t, reconciled("2026-11-03", 5, 7).Found, page.Bills[0].Found)

	entries, err := ledger.Queries.JournalSince(t.Context(), before)
	require.NoError(t, err)
	require.Len(t, entries, 3)
	require.Equal(t, pushes.JournalEntry{
		Seq: last - 2, Event: "BillReconciled", Time: entries[0].Time, From: push.ChannelFeeAccount, To: push.ClearingAccount, Amount: 12_00, BillDay: "2026-11-02",
	}, entries[0])
	require.Equal(t, push.ClearingAccount, entries[2].From, "what was given back")
	balances, err := ledger.Queries.Balances(t.Context(), operator, pushes.BalancesRequest{})
	require.NoError(t, err)
	require.Equal(t, "0.00", balances.Sum)
	require.Contains(t, balances.Balances, pushes.Balance{Account: push.ChannelFeeAccount, Balance: "-11.98"})
}

func TestWhoAsksForBillsWronglyIsRefused(t *testing.T) {
	ledger := pushestest.Start(t)
	for _, request := range []pushes.BillsRequest{{Limit: -1}, {Limit: pushes.MaxLimit + 1}, {Before: "yesterday"}} {
		_, err := ledger.Queries.Bills(t.Context(), operator, request)
		var refusal *push.Refusal
		require.ErrorAs(t, err, &refusal, request)
	}
	_, err := ledger.Queries.Bills(t.Context(), pushes.Viewer{Account: "anna"}, pushes.BillsRequest{})
	require.Error(t, err)
}
