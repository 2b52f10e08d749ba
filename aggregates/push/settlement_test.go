package push_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/money"
	"github.com/pushledger/pushledger/aggregates/push"
)

func TestT1PaidOutCompletes(t *testing.T) {
	can := map[string]bool{"delivered": true, "payout refused": true}
	for name, state := range situations(t) {
		events := push.DecidePaidOut(state, "pay-9", noon)
		if !can[name] {
			require.Empty(t, events, name)
			continue
		}
		require.Equal(t, []push.Event{
			push.PaidOut{At: noon, Seller: seller, PayoutNo: push.PayoutNo("p-1"), ProviderNo: "pay-9", Amount: total},
			push.Completed{At: noon},
		}, events, name)
		done := after(state, events)
		require.Equal(t, push.StatusCompleted, done.Status)
		require.Equal(t, push.Done, done.Payout.Progress)
		require.Empty(t, done.Payout.Code)
	}
}

func TestT5ARefusedPayoutKeepsTheProvidersWords(t *testing.T) {
	state := situations(t)["payout refused"]
	require.Equal(t, push.StatusPaid, state.Status)
	require.Equal(t, state.Domains(), state.At(push.DeliveryDelivered), "the domains stay with the buyer")
	require.Equal(t, push.Payout{
		PayoutNo: push.PayoutNo("p-1"), Amount: total, Progress: push.Refused, Code: "PAYEE_NOT_EXIST", Message: "收款账号不存在",
		Refusals: 1, RefusedAt: noon,
	}, *state.Payout)
	for name, state := range situations(t) {
		want := 0
		if name == "delivered" {
			want = 1
		}
		require.Len(t, push.DecidePayoutRefused(state, push.PayoutRefusal{PayoutNo: push.PayoutNo(state.ID), Code: "c", Message: "m"}, noon), want, name)
	}
}

func TestB2ARefundThatArrivedMakesThePushRefunded(t *testing.T) {
	can := map[string]bool{"refund due": true, "refund refused": true}
	for name, state := range situations(t) {
		if len(state.Strays) > 0 {
			continue
		}
		events := push.DecideRefunded(state, push.RefundNo("p-1", push.TradeNo("p-1")), noon)
		if !can[name] {
			require.Empty(t, events, name)
			continue
		}
		require.Equal(t, []push.Event{push.Refunded{
			At: noon, TradeNo: push.TradeNo("p-1"), RequestNo: refundNo(state), Amount: total, From: push.RefundDueAccount(buyer),
		}}, events, name)
		done := after(state, events)
		require.Equal(t, push.StatusRefunded, done.Status)
		require.Equal(t, "move_refused", done.EndReason, "why it ended stays")
		require.Equal(t, push.Refund{
			TradeNo: push.TradeNo("p-1"), RequestNo: refundNo(state), Amount: total, Progress: push.Done,
			Refusals: state.Refund.Refusals,
		}, *done.Refund)
		require.Empty(t, push.DecideRefunded(state, "Rother", noon))
	}
}

func TestStrayMoneyThatWentBackLeavesTheEndAsItWas(t *testing.T) {
	late := given(t, offered, accepted, unpaid, func(p *past) {
		received(push.Receipt{TradeNo: p.state.Payment.TradeNo, Amount: total, PaidAt: p.now})(p)
	})

	events := push.DecideRefunded(late, refundNo(late), noon)

	require.Equal(t, []push.Event{push.StrayRefunded{
		At: noon, TradeNo: push.TradeNo("p-1"), RequestNo: refundNo(late), Amount: total,
	}}, events)
	back := after(late, events)
	require.Equal(t, push.StatusExpired, back.Status)
	require.Equal(t, push.Done, back.Strays[0].Progress)
	require.Empty(t, push.DecideRefunded(back, refundNo(late), noon))
}

func TestARefusedRefundStaysOwedAndCanStillBeSettled(t *testing.T) {
	late := given(t, offered, accepted, unpaid, func(p *past) {
		received(push.Receipt{TradeNo: p.state.Payment.TradeNo, Amount: 5, PaidAt: p.now})(p)
	}, refundRefused)
	require.Equal(t, push.Refused, late.Strays[0].Progress)
	require.Equal(t, "TRADE_HAS_FINISHED", late.Strays[0].Code)
	require.Empty(t, push.DecideRefundRefused(late, refundNo(late), "c", "m", noon), "refused once")
	back := after(late, push.DecideRefunded(late, refundNo(late), noon))
	require.Equal(t, push.Done, back.Strays[0].Progress)
	require.Empty(t, back.Strays[0].Code)

	owed := situations(t)["refund refused"]
	require.Equal(t, push.Refused, owed.Refund.Progress)
	require.Equal(t, "交易已完结", owed.Refund.Message)
	require.Empty(t, push.DecideRefundRefused(owed, refundNo(owed), "c", "m", noon), "refused once")
	require.Empty(t, push.DecideRefundRefused(owed, "Rother", "c", "m", noon))
}

// books folds the postings of events into balances.
func books(balances map[string]money.Fen, events []push.Event) {
	for _, event := range events {
		for _, posting := range push.Postings("p-1", event) {
			balances[posting.From] -= posting.Amount
			balances[posting.To] += posting.Amount
		}
	}
}

func TestTheJournalOfASettledPush(t *testing.T) {
	offer := threeDomains()
	offer.FeeRate = 50_000
	balances := make(map[string]money.Fen)
	state := given(t, offering(offer), accepted)
	for _, decide := range []func() []push.Event{
		func() []push.Event { return push.DecideReceipt(state, receipt(state), noon) },
		func() []push.Event { return push.DecideMoves(state, arrivals(alpha, beta, gamma), noon) },
		func() []push.Event { return push.DecidePaidOut(state, "pay-9", noon) },
	} {
		events := decide()
		require.NotEmpty(t, events)
		books(balances, events)
		state = after(state, events)
	}
	require.Equal(t, map[string]money.Fen{
		"alipay:clearing": -15_02, "platform:fee": 15_02,
		"push:p-1:escrow": 0, "seller:seller-anna:payable": 0,
	}, balances)
}

func TestTheJournalOfAFailedPush(t *testing.T) {
	balances := make(map[string]money.Fen)
	books(balances, []push.Event{push.Paid{Amount: total}})
	require.Equal(t, map[string]money.Fen{"alipay:clearing": -total, "push:p-1:escrow": total}, balances)
	books(balances, []push.Event{push.RefundRequested{Buyer: buyer, Amount: total}})
	require.Equal(t, total, balances["buyer:buyer-bo:refund_due"])
	require.Zero(t, balances["push:p-1:escrow"])
	books(balances, []push.Event{push.Refunded{From: push.RefundDueAccount(buyer), Amount: total}})
	require.Zero(t, balances["buyer:buyer-bo:refund_due"])
	require.Zero(t, balances["alipay:clearing"])
}

func TestTheJournalOfStrayMoney(t *testing.T) {
	balances := make(map[string]money.Fen)
	books(balances, []push.Event{push.StrayReceived{TradeNo: "T1", Amount: 7}, push.StrayReceived{TradeNo: "T2", Amount: 8}})
	require.Equal(t, map[string]money.Fen{"alipay:clearing": -15, "suspense:T1": 7, "suspense:T2": 8}, balances)
	books(balances, []push.Event{
		push.StrayRefunded{TradeNo: "T1", Amount: 7},
		push.Refunded{From: push.SuspenseAccount("T2"), Amount: 8},
	})
	require.Equal(t, map[string]money.Fen{"alipay:clearing": 0, "suspense:T1": 0, "suspense:T2": 0}, balances)
}

func TestAPostingIsNeverOfNothing(t *testing.T) {
	require.Empty(t, push.Postings("p-1", push.Paid{}))
	require.Len(t, push.Postings("p-1", push.PayoutRequested{Seller: seller, Amount: 5}), 1)
}
