package push

import (
	"strings"
	"time"

	"github.com/pushledger/pushledger/aggregates/money"
)

// Receipt is money that the provider says has come in.
type Receipt struct {
	TradeNo         string
	ProviderTradeNo string
	Amount          money.Fen // of the whole trade
	// Received is how much of it the merchant gets, and BuyerPaid how much the buyer has
	// paid itself; 0 where the provider does not tell.
	Received, BuyerPaid money.Fen
	// Channels are the sources of the money, a bank card followed by its type; empty while
	// the provider does not tell them.
	Channels []string
	Payer    Payer
	PaidAt   time.Time // the provider's clock, to the second
	// Insisted says that the provider has been asked for the sources for so long that only a
	// person can go on without them.
	Insisted bool
}

// Payer is who paid, by the provider's own ids. What it does not tell is empty.
type Payer struct {
	UserID      string `json:"user_id,omitzero"`
	OpenID      string `json:"open_id,omitzero"`
	LoginMasked string `json:"login_masked,omitzero"`
}

// other reports that somebody else has paid than the one who alone may.
func (p Payer) other(bound Payer) bool {
	return differ(p.UserID, bound.UserID) || differ(p.OpenID, bound.OpenID)
}

// is reports that whoever alone may has paid. Where neither other nor is, nobody says who has.
func (p Payer) is(bound Payer) bool {
	return bound == (Payer{}) || !p.other(bound) && (p.UserID != "" && bound.UserID != "" || p.OpenID != "" && bound.OpenID != "")
}

func differ(told, bound string) bool { return told != "" && bound != "" && told != bound }

// short reports that less has come in than the trade is over: the merchant itself has
// funded the rest.
func (r Receipt) short() bool { return r.Received > 0 && r.Received < r.Amount }

// paidByBuyer is what came in and goes back of a payment to which the merchant has contributed. The
// provider gives the buyer's own money back first, so this moves all of it and nothing of
// what the merchant has given. Where it is not told how much that is, it is the whole
// trade, of which the provider gives the buyer no more than the buyer's part.
func (r Receipt) paidByBuyer() money.Fen {
	if told := min(max(r.Received, r.BuyerPaid), r.Amount); told > 0 {
		return told
	}
	return r.Amount
}

// DecideReceipt decides what money that came in is: the payment of the push, or stray
// money that goes back (rules L5, T6; faults of amount, time and number). Money that
// is already recorded changes nothing, but that a push whose trade is spent on money
// that did not count ends with its payment window. Neither does money of which the
// provider does not tell the sources, or who has paid where that matters: it is asked
// again, until it has been long enough.
func DecideReceipt(state State, receipt Receipt, now time.Time) []Event {
	own := receipt.TradeNo == state.Payment.TradeNo && state.Payment.TradeNo != ""
	_, spent := state.stray(receipt.TradeNo)
	switch {
	case state.Status == StatusNone || own && state.Payment.Paid || spent && !own:
		return nil
	case spent:
		return DecideUnpaid(state, now)
	case !own && state.Payment.Paid:
		return []Event{strayReceived(state, receipt, StrayDuplicate, now)}
	case !own:
		return []Event{strayReceived(state, receipt, StrayOtherTrade, now)}
	case state.Status != StatusAccepted:
		return []Event{strayReceived(state, receipt, StrayLate, now)}
	case receipt.Amount != state.Total:
		return []Event{strayReceived(state, receipt, StrayAmountMismatch, now)}
	case receipt.short():
		return []Event{strayReceived(state, receipt, StrayAmountMismatch, now)}
	}
	switch FundingOf(receipt.Channels) {
	case FundingCredit:
		return invalidFunding(state, receipt, CodeCreditFunding, StrayCreditFunding, now)
	case FundingUnknown:
		return invalidFunding(state, receipt, CodeUnknownChannel, StrayUnknownChannel, now)
	case FundingMerchant:
		return []Event{strayReceived(state, receipt, StrayAmountMismatch, now)}
	case FundingMoney, FundingUntold:
	}
	untold := len(receipt.Channels) == 0 || !receipt.Payer.is(state.Payment.Bound)
	switch {
	case receipt.Payer.other(state.Payment.Bound):
		return []Event{strayReceived(state, receipt, StrayOtherPayer, now)}
	case state.ExpiredBy(now) && receipt.PaidAt.After(state.Payment.PayBy):
		return []Event{
			Expired{At: now, Reason: ExpiryPaymentWindow},
			strayReceived(state, receipt, StrayLate, now),
		}
	case untold && !receipt.Insisted:
		return nil
	case untold:
		return []Event{strayReceived(state, receipt, StraySourcesUntold, now)}
	}
	return paidBy(state, receipt, now)
}

// paidBy is the payment of a push, and the beginning of its delivery.
func paidBy(state State, receipt Receipt, now time.Time) []Event {
	return []Event{
		Paid{
			At: now, Amount: receipt.Amount, TradeNo: receipt.TradeNo, ProviderTradeNo: receipt.ProviderTradeNo,
			Channels: receipt.Channels, Payer: receipt.Payer, PaidAt: receipt.PaidAt, From: state.frozen(),
		},
		DeliveryStarted{At: now},
		HoldStarted{At: now},
	}
}

// invalidFunding ends a push whose payment came from a source that is not allowed.
func invalidFunding(state State, receipt Receipt, code string, cause StrayCause, now time.Time) []Event {
	return []Event{
		Invalidated{At: now, Code: code, Cause: Cause{Kind: CausePayment, Detail: strings.Join(receipt.Channels, ",")}},
		strayReceived(state, receipt, cause, now),
	}
}

// strayReceived is money that pays nothing. What the merchant itself has given of it never
// came in, and does not go back.
func strayReceived(state State, receipt Receipt, cause StrayCause, now time.Time) StrayReceived {
	if receipt.short() || FundingOf(receipt.Channels) == FundingMerchant {
		receipt.Amount = receipt.paidByBuyer()
	}
	return StrayReceived{
		At: now, TradeNo: receipt.TradeNo, ProviderTradeNo: receipt.ProviderTradeNo,
		Amount: receipt.Amount, Channels: receipt.Channels, Payer: receipt.Payer, Cause: cause,
		RequestNo: RefundNo(state.ID, receipt.TradeNo), From: state.frozen(),
	}
}

// DecideOpened records that the payment page of the push could be opened.
func DecideOpened(state State, now time.Time) []Event {
	if state.Status != StatusAccepted || state.Payment.Opened {
		return nil
	}
	return []Event{PaymentOpened{At: now, TradeNo: state.Payment.TradeNo}}
}

// DecideUnpaid ends an accepted push whose payment window is over (rule L5). The
// caller has just heard from the provider that the trade is not paid.
func DecideUnpaid(state State, now time.Time) []Event {
	if state.Status != StatusAccepted || !state.ExpiredBy(now) || state.undecided() {
		return nil
	}
	return []Event{Expired{At: now, Reason: ExpiryPaymentWindow}}
}

// DecideClosed records that the trade of an ended push can never be paid any more.
func DecideClosed(state State, now time.Time) []Event {
	if !owesClose(state) {
		return nil
	}
	return []Event{PaymentClosed{At: now, TradeNo: state.Payment.TradeNo}}
}

// owesClose reports whether the push has ended while its trade may still be paid.
func owesClose(state State) bool {
	if state.Status.Live() || state.Payment.TradeNo == "" || state.Payment.Paid || state.Payment.Closed {
		return false
	}
	_, spent := state.stray(state.Payment.TradeNo)
	return !spent
}
