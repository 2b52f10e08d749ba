package push_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/push"
)

func TestL5MoneyInTimePaysThePush(t *testing.T) {
	state := given(t, offered, accepted, opened)

	events := push.DecideReceipt(state, receipt(state), noon)

	require.Equal(t, []push.Event{
		push.Paid{
			At: noon, Amount: total, TradeNo: push.TradeNo("p-1"), ProviderTradeNo: "2026110222001",
			Channels: []string{"ALIPAYACCOUNT"}, PaidAt: noon.Truncate(time.Second),
		},
		push.DeliveryStarted{At: noon},
		push.HoldStarted{At: noon},
	}, events)
	paid := after(state, events)
	require.Equal(t, push.StatusPaid, paid.Status)
	require.Equal(t, paid.Domains(), paid.At(push.DeliveryMoving))
}

// What a receipt does in each situation: the cause for which it is stray, "pays", or
// "" for no effect.
func TestL5T6ReceiptsInEverySituation(t *testing.T) {
	const late, other, duplicate = "late", "other_trade", "duplicate"
	type effects struct{ own, less, credit, unknown, untold, other string }
	waiting := effects{"pays", "amount_mismatch", "credit_funding", "unknown_channel", "", other}
	over := effects{late, late, late, late, late, other}
	spent := effects{"", "", "", "", "", other}
	settled := effects{"", "", "", "", "", duplicate}
	all := effects{other, other, other, other, other, other} // there is no trade of its own
	want := map[string]effects{
		"never offered": {},
		"offered":       all, "withdrawn": all, "declined": all, "expired": all, "taken down": all,
		"accepted": waiting, "payment open": waiting,
		"unpaid": over, "unpaid and closed": over, "ended before payment": over,
		"paid too little": spent, "paid by credit": spent, "credit refunded": spent, "sources untold": spent, "paid from who knows where": spent,
		"delivering": settled, "one moved": settled, "delivered": settled, "payout refused": settled,
		"completed": settled, "returning": settled, "stuck": settled, "refund due": settled,
		"refund refused": settled, "refunded": settled, "stopped": settled, "completed, held": settled,
	}
	states := situations(t)
	require.Len(t, states, len(want))
	for name, effects := range want {
		t.Run(name, func(t *testing.T) {
			state := states[name]
			own := push.Receipt{TradeNo: push.TradeNo("p-1"), Amount: total, Channels: []string{"BANKCARD", "DEBIT_CARD"}, PaidAt: noon}
			require.Equal(t, effects.own, effect(push.DecideReceipt(state, own, noon)))
			less := own
			less.Amount--
			require.Equal(t, effects.less, effect(push.DecideReceipt(state, less, noon)))
			credit := own
			credit.Channels = []string{"ALIPAYACCOUNT", "creditCard"}
			require.Equal(t, effects.credit, effect(push.DecideReceipt(state, credit, noon)))
			unknown := own
			unknown.Channels = []string{"ALIPAYACCOUNT", "TMARKETING"}
			require.Equal(t, effects.unknown, effect(push.DecideReceipt(state, unknown, noon)))
			untold := own
			untold.Channels = nil
			require.Equal(t, effects.untold, effect(push.DecideReceipt(state, untold, noon)))
			another := own
			another.TradeNo = "Tother"
			require.Equal(t, effects.other, effect(push.DecideReceipt(state, another, noon)))
		})
	}
}

func effect(events []push.Event) string {
	for _, event := range events {
		if stray, is := event.(push.StrayReceived); is {
			return string(stray.Cause)
		}
		if _, is := event.(push.Paid); is {
			return "pays"
		}
	}
	return ""
}

func TestT6CreditFundingEndsThePushAndGoesBack(t *testing.T) {
	state := given(t, offered, accepted, opened)
	money := receipt(state)
	money.Channels = []string{"ALIPAYACCOUNT", "PCREDIT"}

	events := push.DecideReceipt(state, money, noon)

	require.Equal(t, []push.Event{
		push.Invalidated{At: noon, Code: "credit_funding", Cause: push.Cause{Kind: push.CausePayment, Detail: "ALIPAYACCOUNT,PCREDIT"}},
		push.StrayReceived{
			At: noon, TradeNo: money.TradeNo, ProviderTradeNo: money.ProviderTradeNo, Amount: total,
			Channels: money.Channels, Cause: push.StrayCreditFunding, RequestNo: push.RefundNo("p-1", money.TradeNo),
		},
	}, events)
	ended := given(t, offered, accepted, opened, paidByCredit, refunded)
	require.Equal(t, push.StatusRefunded, ended.Status)
	require.Equal(t, "credit_funding", ended.EndReason)
}

func TestL5AroundTheEndOfThePaymentWindow(t *testing.T) {
	state := given(t, offered, accepted, opened)
	end := state.Payment.PayBy
	for name, test := range map[string]struct {
		paidAt, now time.Time
		want        string
	}{
		"paid and heard of in time":     {end.Add(-1), end.Add(-1), "pays"},
		"paid in time, heard of late":   {end.Add(-1), end.Add(time.Hour), "pays"},
		"paid at the very end":          {end, end, "pays"},
		"paid just after":               {end.Add(1), end.Add(1), "late"},
		"paid long after":               {end.Add(time.Hour), end.Add(time.Hour), "late"},
		"the provider's clock is ahead": {end.Add(time.Minute), end.Add(-1), "pays"},
	} {
		t.Run(name, func(t *testing.T) {
			money := receipt(state)
			money.PaidAt = test.paidAt
			events := push.DecideReceipt(state, money, test.now)
			require.Equal(t, test.want, effect(events))
			if test.want == "late" {
				require.Equal(t, push.Expired{At: test.now, Reason: push.ExpiryPaymentWindow}, events[0])
			}
		})
	}
}

func TestL5NotPaidByTheEndOfTheWindow(t *testing.T) {
	state := given(t, offered, accepted, opened)
	end := state.Payment.PayBy
	require.Empty(t, push.DecideUnpaid(state, end.Add(-1)))
	for _, now := range []time.Time{end, end.Add(1)} {
		require.Equal(t, []push.Event{push.Expired{At: now, Reason: push.ExpiryPaymentWindow}}, push.DecideUnpaid(state, now))
	}
	require.Equal(t, "payment_window", given(t, offered, accepted, unpaid).EndReason)
	for name, other := range situations(t) {
		if other.Status != push.StatusAccepted {
			require.Empty(t, push.DecideUnpaid(other, end.Add(week)), name)
		}
	}
}

// The provider goes on calling such a trade paid; the push must end all the same.
func TestL5ATradeSpentOnTheWrongAmountEndsWithTheWindow(t *testing.T) {
	state := given(t, offered, accepted, opened, paidTooLittle)
	money := receipt(state)
	require.Empty(t, push.DecideReceipt(state, money, state.Payment.PayBy.Add(-1)))
	require.Equal(t,
		[]push.Event{push.Expired{At: state.Payment.PayBy, Reason: push.ExpiryPaymentWindow}},
		push.DecideReceipt(state, money, state.Payment.PayBy))
}

func TestTheSameStrayMoneyIsRecordedOnce(t *testing.T) {
	for _, steps := range [][]step{
		{offered, accepted, unpaid},
		{offered, accepted, opened, reported("deleted", alpha)},
		{offered, accepted, paid},
	} {
		state := given(t, steps...)
		money := receipt(state)
		if state.Payment.Paid {
			money.TradeNo = "Tsecond"
		}
		state = after(state, push.DecideReceipt(state, money, noon))
		require.Len(t, state.Strays, 1)
		require.Empty(t, push.DecideReceipt(state, money, noon))
	}
}

func TestATradeIsOpenedOnce(t *testing.T) {
	for name, state := range situations(t) {
		want := 0
		if name == "accepted" {
			want = 1
		}
		require.Len(t, push.DecideOpened(state, noon), want, name)
	}
	require.True(t, given(t, offered, accepted, opened).Payment.Opened)
}

func TestL5TheTradeOfAnEndedPushIsClosedOnce(t *testing.T) {
	open := map[string]bool{"unpaid": true, "ended before payment": true}
	for name, state := range situations(t) {
		events := push.DecideClosed(state, noon)
		if open[name] {
			require.Equal(t, []push.Event{push.PaymentClosed{At: noon, TradeNo: push.TradeNo("p-1")}}, events, name)
			require.Empty(t, push.DecideClosed(after(state, events), noon), name)
		} else {
			require.Empty(t, events, name)
		}
	}
}

func TestNumbersArePlainStableAndApart(t *testing.T) {
	numbers := []string{
		push.TradeNo("p-1"), push.TradeNo("p-2"), push.PayoutNo("p-1"), push.RefundNo("p-1", push.TradeNo("p-1")),
		push.RefundNo("p-1", "Tother"), push.MoveNo("p-1", alpha), push.MoveNo("p-1", beta), push.MoveNo("p-2", alpha),
		push.ReturnNo("p-1", alpha, 0), push.ReturnNo("p-1", alpha, 1), push.ReturnNo("p-1", alpha, 2),
	}
	seen := make(map[string]bool)
	for _, number := range numbers {
		require.Len(t, number, 33)
		require.Empty(t, strings.Trim(number[1:], "abcdefghijklmnopqrstuvwxyz234567"))
		require.False(t, seen[number])
		seen[number] = true
	}
	require.Equal(t, numbers[0], push.TradeNo("p-1"))
}
