package audit_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/daybill"
	"github.com/pushledger/pushledger/aggregates/money"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/eventstore"
	"github.com/pushledger/pushledger/eventstore/transparency"
)

func (m *market) reconcile(day string, fees money.Fen) {
	m.t.Helper()
	recorded, err := m.ledger.RecordBill(m.t.Context(), day, func(state daybill.State) ([]daybill.Event, error) {
		return daybill.Decide(state, daybill.Found{Day: day, Fees: fees, Digest: strings.Repeat("a", 64)}, m.now)
	})
	require.NoError(m.t, err)
	require.True(m.t, recorded)
}

func TestFeesOnBillsAreInTheBooks(t *testing.T) {
	m := newMarket(t)
	m.complete("bought", "a.com")
	m.reconcile("2026-11-02", 60)
	m.reconcile("2026-11-03", 5)
	history, err := replay(m.events())
	require.NoError(t, err)
	summary := history.Summary()
	require.Equal(t, "0.00", summary.Sum)
	require.Equal(t, map[string]string{push.ClearingAccount: "-4.35", push.FeeAccount: "5.00", push.ChannelFeeAccount: "-0.65"}, summary.Balances)
}

func TestABillThatNoRuleRecordsIsNamed(t *testing.T) {
	for name, test := range map[string]struct {
		spoil func([]eventstore.Recorded) []eventstore.Recorded
		says  string
	}{
		"recorded twice": {func(events []eventstore.Recorded) []eventstore.Recorded {
			return renumber(append(events, events[len(events)-1]))
		}, "was reconciled before"},
		"by somebody": {func(events []eventstore.Recorded) []eventstore.Recorded {
			events[len(events)-1].Metadata.Actor = "anna"
			return events
		}, `by "anna"`},
		"of another day": {func(events []eventstore.Recorded) []eventstore.Recorded {
			events[len(events)-1].Stream.Key = "2026-11-09"
			return events
		}, "it is about 2026-11-02"},
		"with fees below 0": {func(events []eventstore.Recorded) []eventstore.Recorded {
			last := &events[len(events)-1]
			event := last.Event.(daybill.Reconciled)
			event.Fees = -1
			last.Event = event
			return events
		}, "invalid"},
		"with a push in its change": {func(events []eventstore.Recorded) []eventstore.Recorded {
			events[len(events)-1].Last = false
			return renumber(append(events, events[1]))
		}, "does not belong"},
		"with the event of a push": {func(events []eventstore.Recorded) []eventstore.Recorded {
			events[len(events)-1].Event = push.Completed{}
			return events
		}, "does not belong"},
	} {
		m := newMarket(t)
		m.offer("open", "a.com")
		m.reconcile("2026-11-02", 60)
		_, err := replay(test.spoil(slices.Clone(m.events())))
		var damage *transparency.Damage
		require.ErrorAs(t, err, &damage, name)
		require.ErrorContains(t, err, test.says, name)
	}
}
