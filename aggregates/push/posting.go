package push

import "github.com/pushledger/pushledger/aggregates/money"

// Accounts of the double-entry journal.
const (
	ClearingAccount = "alipay:clearing" // money at the payment provider; negative by what we hold
	FeeAccount      = "platform:fee"    // what the platform has earned
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
}

// Postings is what an event of a push means for the journal.
func Postings(pushID string, event Event) []Posting {
	var postings []Posting
	post := func(from, to string, amount money.Fen) {
		if amount > 0 {
			postings = append(postings, Posting{From: from, To: to, Amount: amount})
		}
	}
	switch e := event.(type) {
	case Paid:
		post(ClearingAccount, EscrowAccount(pushID), e.Amount)
	case PayoutRequested:
		post(EscrowAccount(pushID), PayableAccount(e.Seller), e.Amount)
		post(EscrowAccount(pushID), FeeAccount, e.Fee)
	case PaidOut:
		post(PayableAccount(e.Seller), ClearingAccount, e.Amount)
	case RefundRequested:
		post(EscrowAccount(pushID), RefundDueAccount(e.Buyer), e.Amount)
	case Refunded:
		post(e.From, ClearingAccount, e.Amount)
	case StrayReceived:
		post(ClearingAccount, SuspenseAccount(e.TradeNo), e.Amount)
	case StrayRefunded:
		post(SuspenseAccount(e.TradeNo), ClearingAccount, e.Amount)
	case Offered, Withdrawn, Declined, Accepted, Expired, Invalidated, Completed,
		PaymentOpened, PaymentClosed, DeliveryStarted, DomainMoved, DomainMoveRefused,
		ReturnStarted, DomainReturned, DomainReturnRefused, RefundRefused, PayoutRefused:
		// no money moves
	}
	return postings
}
