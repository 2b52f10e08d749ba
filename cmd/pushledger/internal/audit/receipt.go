package audit

import (
	"slices"
	"strings"
	"time"

	"github.com/pushledger/pushledger/aggregates/push"
)

// receipt is the decision about money that came in, as the events tell of it.
func receipt(before push.State, events []push.Event) decision {
	got, at, is := received(before, events)
	if !is {
		return sure(nil)
	}
	return sure(push.DecideReceipt(before, got, at))
}

// received is what the provider said, as far as the events of one change tell.
func received(before push.State, events []push.Event) (push.Receipt, time.Time, bool) {
	for _, event := range events {
		switch e := event.(type) {
		case push.Paid:
			return push.Receipt{
				TradeNo: e.TradeNo, ProviderTradeNo: e.ProviderTradeNo, Amount: e.Amount, Channels: e.Channels, Payer: e.Payer, PaidAt: e.PaidAt,
			}, e.At, true
		case push.StrayReceived:
			got := push.Receipt{
				TradeNo: e.TradeNo, ProviderTradeNo: e.ProviderTradeNo, Amount: e.Amount, Channels: e.Channels, Payer: e.Payer,
				Insisted: e.Cause == push.StraySourcesUntold,
			}
			switch {
			case before.Status != push.StatusAccepted:
			case e.Cause == push.StrayLate:
				got.PaidAt = before.Payment.PayBy.Add(1) // the event does not say when, only that it was after this
			case e.Cause == push.StrayAmountMismatch && e.Amount == before.Total:
				// Nor how much of it the merchant has funded, only that it has: all of it but this
				// came from the buyer.
				got.Received, got.BuyerPaid = 1, e.Amount
			}
			return got, e.At, true
		default:
		}
	}
	return push.Receipt{}, time.Time{}, false
}

// olderReceipt is a decision about money as it was made before every source had to be known:
// whatever did not lend was money, and so was what was not told. Such an event names no
// payer, as all have done since.
func olderReceipt(before push.State, events []push.Event) decision {
	got, at, is := received(before, events)
	if !is || got.Payer != (push.Payer{}) || slices.ContainsFunc(got.Channels, lent) {
		return sure(nil)
	}
	channels := got.Channels
	got.Channels = []string{"ALIPAYACCOUNT"}
	decided := push.DecideReceipt(before, got, at)
	for i, event := range decided {
		switch e := event.(type) {
		case push.Paid:
			e.Channels = channels
			decided[i] = e
		case push.StrayReceived:
			e.Channels = channels
			decided[i] = e
		default:
		}
	}
	return sure(decided)
}

// lent reports whether a channel was taken for credit then: a card that is both was not.
func lent(channel string) bool {
	return push.CreditChannel(channel) && !strings.EqualFold(channel, "MIXED_CARD")
}
