package audit_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/sagas/ledger"
)

// What was taken before every source had to be known stays lawful; what has been decided
// since names its payer, and is held to the rules of today.
func TestReceiptsOfEitherTimeObeyTheirRules(t *testing.T) {
	payer := push.Payer{UserID: "2088102117900002"}
	for name, given := range map[string]struct {
		channels []string
		payer    push.Payer
		lawful   bool
	}{
		"old, money":               {[]string{"ALIPAYACCOUNT"}, push.Payer{}, true},
		"old, not told":            {nil, push.Payer{}, true},
		"old, of an unknown kind":  {[]string{"ALIPAYACCOUNT", "TMARKETING"}, push.Payer{}, true},
		"old, a card of any kind":  {[]string{"BANKCARD"}, push.Payer{}, true},
		"old, a card that is both": {[]string{"BANKCARD", "MIXED_CARD"}, push.Payer{}, true},
		"old, credit":              {[]string{"BANKCARD", "CREDIT_CARD"}, push.Payer{}, false},
		"new, money":               {[]string{"BANKCARD", "DEBIT_CARD"}, payer, true},
		"new, not told":            {nil, payer, false},
		"new, of an unknown kind":  {[]string{"TMARKETING"}, payer, false},
		"new, a card that is both": {[]string{"BANKCARD", "MIXED_CARD"}, payer, false},
	} {
		for kind, as := range map[string]func(push.State, *market) []push.Event{
			"paid": func(_ push.State, m *market) []push.Event {
				return []push.Event{
					push.Paid{At: m.now, Amount: 100_00, TradeNo: push.TradeNo("p"), Channels: given.channels, Payer: given.payer, PaidAt: m.now},
					push.DeliveryStarted{At: m.now},
					push.HoldStarted{At: m.now},
				}
			},
			"late": func(state push.State, _ *market) []push.Event {
				at := state.Payment.PayBy.Add(1)
				return []push.Event{
					push.Expired{At: at, Reason: push.ExpiryPaymentWindow},
					push.StrayReceived{
						At: at, TradeNo: push.TradeNo("p"), Amount: 100_00, Channels: given.channels, Payer: given.payer,
						Cause: push.StrayLate, RequestNo: push.RefundNo("p", push.TradeNo("p")),
					},
				}
			},
		} {
			m := newMarket(t)
			m.offer("p", "a.com")
			m.accept("p")
			m.record("p", func(state push.State) []push.Event { return as(state, m) })
			_, err := replay(m.events())
			lawful := given.lawful || kind == "late" && given.channels == nil // late whatever it is
			require.Equal(t, lawful, err == nil, "%s, %s: %v", name, kind, err)
		}
	}
}

// Every way in which the sources of a payment decide about it.
func TestWhatTheSourcesDecideObeysTheRules(t *testing.T) {
	for name, given := range map[string]struct {
		change   func(*push.Receipt)
		decision push.Decision
	}{
		"unknown":                  {change: func(got *push.Receipt) { got.Channels = []string{"CORPORATE"} }},
		"the merchant's":           {change: func(got *push.Receipt) { got.Channels = []string{"ALIPAYACCOUNT", "MCOUPON"} }},
		"less received":            {change: func(got *push.Receipt) { got.Received, got.BuyerPaid = 9_00, 9_00 }},
		"less received than paid":  {change: func(got *push.Receipt) { got.Received, got.BuyerPaid = 9_00, 100_00 }},
		"untold":                   {change: func(got *push.Receipt) { got.Channels, got.Insisted = nil, true }},
		"untold, and accepted":     {func(got *push.Receipt) { got.Channels, got.Insisted = nil, true }, push.DecisionAcceptPayment},
		"untold, and sent back":    {func(got *push.Receipt) { got.Channels, got.Insisted = nil, true }, push.DecisionRefundBuyer},
		"a debit card":             {change: func(got *push.Receipt) { got.Channels = []string{"BANKCARD", "DEBIT_CARD"} }},
		"less received, not asked": {change: func(got *push.Receipt) { got.Channels, got.Received = nil, 1 }},
	} {
		m := newMarket(t)
		m.offer("p", "a.com")
		m.accept("p")
		m.record("p", func(state push.State) []push.Event {
			got := push.Receipt{
				TradeNo: push.TradeNo("p"), Amount: state.Total, Channels: []string{"ALIPAYACCOUNT"},
				Payer: push.Payer{UserID: "2088102117900002"}, PaidAt: m.now,
			}
			given.change(&got)
			return push.DecideReceipt(state, got, m.now)
		})
		if given.decision != "" {
			m.command("p", func(state push.State) ([]push.Event, error) {
				return push.DecideSettle(state, push.Settle{
					Task: push.Task{Step: push.StepCheckFunding}, Decision: given.decision, Actor: "olga", Reason: "asked", Reference: "T-1",
				}, push.DomainFacts{}, m.now)
			})
		}
		history, err := replay(m.events())
		require.NoError(t, err, name)
		require.Equal(t, "0.00", history.Summary().Sum, name)
	}
}

// A buyer who must pay itself, and somebody else who does.
func TestADemandedPayerObeysTheRules(t *testing.T) {
	own, other := push.Payer{UserID: "2088-own"}, push.Payer{UserID: "2088-other"}
	for _, payer := range []push.Payer{own, other} {
		m := newMarket(t)
		m.offer("p", "a.com")
		facts := sellable
		facts.Buyer = push.AccountFacts{AlipayUserID: own.UserID}
		_, err := m.ledger.Decide(t.Context(), by("bo"), "p", func(current ledger.Push) ([]push.Event, error) {
			accept := push.Accept{Actor: "bo", Total: current.State.Total, Window: time.Hour, OwnAccount: true}
			return push.DecideAccept(current.State, accept, facts, m.now)
		})
		require.NoError(t, err)
		m.record("p", func(state push.State) []push.Event {
			return push.DecideReceipt(state, push.Receipt{
				TradeNo: push.TradeNo("p"), Amount: state.Total, Channels: []string{"ALIPAYACCOUNT"}, Payer: payer, PaidAt: m.now,
			}, m.now)
		})
		history, err := replay(m.events())
		require.NoError(t, err)
		status := map[push.Payer]string{own: "Paid", other: "Accepted"}[payer]
		require.Equal(t, map[string]int{status: 1}, history.Summary().Statuses)
	}
}
