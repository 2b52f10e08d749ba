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
	Amount          money.Fen
	Channels        []string
	PaidAt          time.Time // the provider's clock, to the second
}

// creditChannels are the funding channels of Alipay that lend money (rule T6).
var creditChannels = map[string]bool{
	"CREDITCARD": true, "CREDITCARDEXPRESS": true, "CREDITCARDCARTOON": true, "OPTIMIZEDMOTO": true,
	"CREDIT": true, "PCREDIT": true, "PCREDITPAYINSTALLMENT": true, "PCREDITPAY": true,
	"HUABEI": true, "JIEBEI": true, "HONEYPAY": true, "CREDITGROUP": true, "CREDITADVANCEV2": true,
}

// CreditChannel reports whether a funding channel lends the buyer money (rule T6).
func CreditChannel(channel string) bool {
	plain := strings.NewReplacer("_", "", "-", "").Replace(strings.ToUpper(channel))
	return creditChannels[plain]
}

// DecideReceipt decides what money that came in is: the payment of the push, or stray
// money that goes back (rules L5, T6; faults of amount, time and number). Money that
// is already recorded changes nothing, but that a push whose trade is spent on money
// that did not count ends with its payment window.
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
	case anyCredit(receipt.Channels):
		return []Event{
			Invalidated{At: now, Code: CodeCreditFunding, Cause: Cause{Kind: CausePayment, Detail: strings.Join(receipt.Channels, ",")}},
			strayReceived(state, receipt, StrayCreditFunding, now),
		}
	case state.ExpiredBy(now) && receipt.PaidAt.After(state.Payment.PayBy):
		return []Event{
			Expired{At: now, Reason: ExpiryPaymentWindow},
			strayReceived(state, receipt, StrayLate, now),
		}
	}
	return []Event{
		Paid{
			At: now, Amount: receipt.Amount, TradeNo: receipt.TradeNo, ProviderTradeNo: receipt.ProviderTradeNo,
			Channels: receipt.Channels, PaidAt: receipt.PaidAt,
		},
		DeliveryStarted{At: now},
		HoldStarted{At: now},
	}
}

func strayReceived(state State, receipt Receipt, cause StrayCause, now time.Time) StrayReceived {
	return StrayReceived{
		At: now, TradeNo: receipt.TradeNo, ProviderTradeNo: receipt.ProviderTradeNo,
		Amount: receipt.Amount, Channels: receipt.Channels, Cause: cause,
		RequestNo: RefundNo(state.ID, receipt.TradeNo),
	}
}

func anyCredit(channels []string) bool {
	for _, channel := range channels {
		if CreditChannel(channel) {
			return true
		}
	}
	return false
}

// DecideOpened records that the provider knows the push's trade.
func DecideOpened(state State, now time.Time) []Event {
	if state.Status != StatusAccepted || state.Payment.Opened {
		return nil
	}
	return []Event{PaymentOpened{At: now, TradeNo: state.Payment.TradeNo}}
}

// DecideUnpaid ends an accepted push whose payment window is over (rule L5). The
// caller has just heard from the provider that the trade is not paid.
func DecideUnpaid(state State, now time.Time) []Event {
	if state.Status != StatusAccepted || !state.ExpiredBy(now) {
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
