package push

import "time"

// DecidePaidOut records that the seller has been paid, which completes the push.
func DecidePaidOut(state State, providerNo string, now time.Time) []Event {
	if state.Status != StatusPaid || state.Payout == nil || state.Payout.Progress == Done {
		return nil
	}
	paid := PaidOut{
		At: now, Seller: state.Seller, PayoutNo: state.Payout.PayoutNo, ProviderNo: providerNo, Amount: state.Payout.Amount, To: state.frozen(),
	}
	if paid.To != "" {
		paid.Fee = state.Payout.Fee
	}
	return []Event{paid, Completed{At: now}}
}

// PayoutRefusal is what the provider says of a payout that it will not make.
type PayoutRefusal struct {
	PayoutNo      string
	Code, Message string
	Failed        bool   // nothing will ever be paid under the number
	Payee         string // PayeeDigest of the account that was refused; empty: not known
}

// DecidePayoutRefused records that the provider will not pay the seller. The domains
// stay with the buyer and the money stays owed to the seller. What is said of a number that
// is not that of today any more says nothing of today's.
func DecidePayoutRefused(state State, refusal PayoutRefusal, now time.Time) []Event {
	if state.Payout == nil || state.Payout.Progress != Requested || state.Payout.PayoutNo != refusal.PayoutNo {
		return nil
	}
	return []Event{PayoutRefused{
		At: now, PayoutNo: state.Payout.PayoutNo, Code: refusal.Code, Message: refusal.Message, Failed: refusal.Failed, Payee: refusal.Payee,
	}}
}

// PayoutWay is how a payout that is to be made goes on.
type PayoutWay int

// The ways of a payout. A number is sent again to the same account only.
const (
	PayoutSend     PayoutWay = iota // send it under its number
	PayoutAsk                       // only ask what has become of its number
	PayoutRenumber                  // its number has failed for good: take the next one
)

// WayOfPayout is how the payout of a push goes on to an account at the provider; an empty login
// means that the seller has none. A number that was refused for one account is never sent to
// another: unless the provider itself has named it failed, it may still be paid, and the seller
// would be paid twice.
func WayOfPayout(payout Payout, login, name string) PayoutWay {
	same := payout.Payee == PayeeDigest(payout.PayoutNo, login, name)
	switch {
	case login == "":
		return PayoutAsk
	case payout.Failed && !same:
		return PayoutRenumber
	case payout.Payee != "" && !same:
		return PayoutAsk
	default:
		return PayoutSend
	}
}

// DecidePayoutRenumbered gives a payout its next number, if the way to the account is that.
func DecidePayoutRenumbered(state State, login, name string, now time.Time) []Event {
	payout := state.Payout
	if payout == nil || payout.Progress != Requested || WayOfPayout(*payout, login, name) != PayoutRenumber {
		return nil
	}
	return []Event{PayoutRenumbered{At: now, From: payout.PayoutNo, PayoutNo: PayoutNoAfter(payout.PayoutNo)}}
}

// DecidePayoutFailed records that a payout has failed to an account that the seller has no more,
// and goes on under the next number to the one that it has.
func DecidePayoutFailed(state State, refusal PayoutRefusal, login, name string, now time.Time) []Event {
	events := DecidePayoutRefused(state, refusal, now)
	if len(events) == 0 || !refusal.Failed || login == "" {
		return events
	}
	for _, event := range events {
		state = Evolve(state, event)
	}
	state.setPayout(Requested, "", "", time.Time{})
	return append(events, DecidePayoutRenumbered(state, login, name, now)...)
}

// endedBy are the codes of ends for which the source of a payment is the reason.
var endedBy = map[StrayCause]string{
	StrayCreditFunding: CodeCreditFunding, StrayUnknownChannel: CodeUnknownChannel, StraySourcesUntold: CodeSourcesUntold,
}

// DecideRefunded records that a refund has reached the buyer: that of the push's own
// payment, or that of stray money. The push is Refunded by the first, and by stray
// money only if the source of that money is why it ended (rule T6).
func DecideRefunded(state State, requestNo string, now time.Time) []Event {
	if refund := state.Refund; refund != nil && refund.RequestNo == requestNo && refund.Progress != Done {
		return []Event{Refunded{
			At: now, TradeNo: refund.TradeNo, RequestNo: requestNo, Amount: refund.Amount,
			From: RefundDueAccount(state.Buyer), To: state.frozen(),
		}}
	}
	for _, stray := range state.Strays {
		switch {
		case stray.RequestNo != requestNo || stray.Progress == Done || stray.Progress == Undecided:
		case state.EndReason == endedBy[stray.Cause] && state.Status == StatusInvalidated:
			return []Event{Refunded{
				At: now, TradeNo: stray.TradeNo, RequestNo: requestNo, Amount: stray.Amount,
				From: SuspenseAccount(stray.TradeNo), To: state.frozen(),
			}}
		default:
			return []Event{StrayRefunded{At: now, TradeNo: stray.TradeNo, RequestNo: requestNo, Amount: stray.Amount, To: state.frozen()}}
		}
	}
	return nil
}

// DecideRefundRefused records that the provider will not refund. The money stays owed.
func DecideRefundRefused(state State, requestNo, code, message string, now time.Time) []Event {
	pending := state.Refund != nil && state.Refund.RequestNo == requestNo && state.Refund.Progress == Requested
	for _, stray := range state.Strays {
		pending = pending || stray.RequestNo == requestNo && stray.Progress == Requested
	}
	if !pending {
		return nil
	}
	return []Event{RefundRefused{At: now, RequestNo: requestNo, Code: code, Message: message}}
}
