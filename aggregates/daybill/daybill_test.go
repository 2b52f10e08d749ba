package daybill_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates"
	"github.com/pushledger/pushledger/aggregates/daybill"
	"github.com/pushledger/pushledger/aggregates/money"
	"github.com/pushledger/pushledger/aggregates/push"
)

var noon = time.Date(2026, 11, 3, 4, 0, 0, 0, time.UTC)

func found() daybill.Found {
	return daybill.Found{Day: "2026-11-02", Fees: 11_99, FeesBack: 3, Payments: 2, Digest: strings.Repeat("a", 64)}
}

func TestADayIsReconciledOnce(t *testing.T) {
	events, err := daybill.Decide(daybill.State{}, found(), noon)
	require.NoError(t, err)
	require.Equal(t, []daybill.Event{daybill.Reconciled{At: noon, Found: found()}}, events)
	state := aggregates.Fold(daybill.State{}, daybill.Evolve, events...)

	again, err := daybill.Decide(state, found(), noon.Add(time.Hour))
	require.NoError(t, err)
	require.Empty(t, again, "the same bill")
	worse := found()
	worse.Differences = 7
	again, err = daybill.Decide(state, worse, noon.Add(time.Hour))
	require.NoError(t, err)
	require.Empty(t, again, "the same bill, and the journal has changed")

	other := found()
	other.Fees, other.Digest = 12_00, strings.Repeat("b", 64)
	again, err = daybill.Decide(state, other, noon.Add(time.Hour))
	require.ErrorIs(t, err, daybill.ErrChanged)
	require.Empty(t, again)
}

func TestWhatIsNoBillIsNotRecorded(t *testing.T) {
	for name, spoil := range map[string]func(*daybill.Found){
		"no day":              func(f *daybill.Found) { f.Day = "yesterday" },
		"no digest":           func(f *daybill.Found) { f.Digest = "" },
		"a fee below 0":       func(f *daybill.Found) { f.Fees = -1 },
		"too much of a fee":   func(f *daybill.Found) { f.FeesBack = money.Max + 1 },
		"fewer rows than 0":   func(f *daybill.Found) { f.Expenses = -1 },
		"fewer faults than 0": func(f *daybill.Found) { f.Differences = -1 },
	} {
		wrong := found()
		spoil(&wrong)
		events, err := daybill.Decide(daybill.State{}, wrong, noon)
		require.ErrorIs(t, err, daybill.ErrInvalid, name)
		require.Empty(t, events)
	}
}

func TestFeesAreThePlatformsCost(t *testing.T) {
	postings := daybill.Postings(daybill.Reconciled{At: noon, Found: found()})
	require.Equal(t, []push.Posting{
		{From: push.ChannelFeeAccount, To: push.ClearingAccount, Amount: 11_99},
		{From: push.ClearingAccount, To: push.ChannelFeeAccount, Amount: 3},
	}, postings)
	require.Empty(t, daybill.Postings(daybill.Reconciled{At: noon}))
}
