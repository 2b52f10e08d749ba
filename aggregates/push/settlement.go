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

// DecidePayoutRefused records that the provider will not pay the seller. The domains
// stay with the buyer and the money stays owed to the seller.
func DecidePayoutRefused(state State, code, message string, now time.Time) []Event {
	if state.Payout == nil || state.Payout.Progress != Requested {
		return nil
	}
	return []Event{PayoutRefused{At: now, PayoutNo: state.Payout.PayoutNo, Code: code, Message: message}}
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
