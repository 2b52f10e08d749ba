package push

import "time"

// Money of a trade that was made for a merchant (直付通) is never the platform's: the
// provider freezes it, and gives it to the seller once the trade is confirmed, or back to
// the buyer. How a purchase is settled is decided when it is accepted, for good.

// merchantOf is the merchant for which a trade is made; empty where sellers are paid by a
// transfer.
func merchantOf(facts AcceptFacts) string {
	if !facts.NeedsMerchant {
		return ""
	}
	return facts.Seller.AlipayMerchantID
}

// frozen is the journal account that has the money of the push's trades at the provider, if
// that is not the platform's own there.
func (s State) frozen() string {
	if s.Payment.Merchant == "" {
		return ""
	}
	return FrozenAccount
}

// DecideFeeRefused records that the provider has paid the seller and will not give the
// platform its fee out of it.
func DecideFeeRefused(state State, refusal PayoutRefusal, now time.Time) []Event {
	events := DecidePayoutRefused(state, refusal, now)
	for i, event := range events {
		if refused, is := event.(PayoutRefused); is {
			refused.FeeOnly = true
			events[i] = refused
		}
	}
	return events
}

// paidByHand records that a person has paid the seller; or, where only the fee was missing,
// that a person has got the fee.
func paidByHand(state State, now time.Time) []Event {
	events := DecidePaidOut(state, "", now)
	paid := events[0].(PaidOut) // the payout waits, so it is not done
	if state.Payout.FeeOnly {
		paid.FeeFrom = ByHandAccount
	} else {
		paid.To, paid.Fee = ByHandAccount, 0
	}
	events[0] = paid
	return events
}
