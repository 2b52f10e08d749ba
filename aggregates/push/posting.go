package push

import (
	"cmp"

	"github.com/pushledger/pushledger/aggregates/money"
)

// Accounts of the double-entry journal.
const (
	ClearingAccount = "alipay:clearing" // money at the payment provider; negative by what we hold
	FeeAccount      = "platform:fee"    // what the platform has earned
	// ByHandAccount is what persons have paid outside the provider. The provider still
	// holds as much: it is the platform's.
	ByHandAccount = "platform:by_hand"
)

// EscrowAccount holds the money of a paid push until it is settled or refunded.
func EscrowAccount(pushID string) string { return "push:" + pushID + ":escrow" }

// PayableAccount is what is owed to a seller.
func PayableAccount(seller string) string { return "seller:" + seller + ":payable" }

// RefundDueAccount is what is owed back to a buyer.
func RefundDueAccount(buyer string) string { return "buyer:" + buyer + ":refund_due" }

// SuspenseAccount holds money that paid nothing until it is refunded.
func SuspenseAccount(tradeNo string) string { return "suspense:" + tradeNo }

// Posting moves an amount from one account of the journal to another, so the sum over
// all accounts is zero whatever is posted.
type Posting struct {
	From, To string
	Amount   money.Fen // above 0
	Numbers
}

// Numbers are those under which the provider knows a movement of money; the ones that
// do not apply are empty.
type Numbers struct {
	TradeNo   string // of the trade that was paid or refunded
	RequestNo string // of the refund
	PayoutNo  string
}

// Postings is what an event of a push means for the journal.
func Postings(pushID string, event Event) []Posting {
	var postings []Posting
	post := func(from, to string, amount money.Fen, numbers Numbers) {
		if amount > 0 {
			postings = append(postings, Posting{From: from, To: to, Amount: amount, Numbers: numbers})
		}
	}
	switch e := event.(type) {
	case Paid:
		post(cmp.Or(e.From, ClearingAccount), EscrowAccount(pushID), e.Amount, Numbers{TradeNo: e.TradeNo})
	case PayoutRequested:
		post(EscrowAccount(pushID), PayableAccount(e.Seller), e.Amount, Numbers{PayoutNo: e.PayoutNo})
		post(EscrowAccount(pushID), FeeAccount, e.Fee, Numbers{PayoutNo: e.PayoutNo})
	case PaidOut:
		post(PayableAccount(e.Seller), cmp.Or(e.To, ClearingAccount), e.Amount, Numbers{PayoutNo: e.PayoutNo})
	case RefundRequested:
		post(EscrowAccount(pushID), RefundDueAccount(e.Buyer), e.Amount, Numbers{TradeNo: e.TradeNo, RequestNo: e.RequestNo})
	case Refunded:
		post(e.From, cmp.Or(e.To, ClearingAccount), e.Amount, Numbers{TradeNo: e.TradeNo, RequestNo: e.RequestNo})
	case StrayReceived:
		post(ClearingAccount, SuspenseAccount(e.TradeNo), e.Amount, Numbers{TradeNo: e.TradeNo})
	case StrayRefunded:
		post(SuspenseAccount(e.TradeNo), cmp.Or(e.To, ClearingAccount), e.Amount, Numbers{TradeNo: e.TradeNo, RequestNo: e.RequestNo})
	case Offered, Withdrawn, Declined, Accepted, Expired, Invalidated, Completed,
		PaymentOpened, PaymentClosed, DeliveryStarted, HoldStarted, DomainsHeld, HoldsReleased,
		BuyerActed, DomainMoved, DomainMoveRefused, ReturnStarted, DomainReturned, DomainReturnRefused, RefundRefused, PayoutRefused, PayoutRenumbered,
		MoveReversed, RetryOrdered, SettledByHand:
		// no money moves
	}
	return postings
}
