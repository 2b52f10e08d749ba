package push

import (
	"cmp"

	"github.com/pushledger/pushledger/aggregates/money"
)

// Accounts of the double-entry journal.
const (
	ClearingAccount = "alipay:clearing" // money at the payment provider; negative by what we hold
	FeeAccount      = "platform:fee"    // what the platform has earned
	// ChannelFeeAccount is what the provider has charged the platform for its service;
	// negative, as it is a cost.
	ChannelFeeAccount = "platform:channel_fee"
	// FrozenAccount is money that the payment provider keeps for a merchant until its trade is
	// confirmed; negative by what it keeps. It was never the platform's.
	FrozenAccount = "alipay:frozen"
	// ByHandAccount is what persons have paid outside the provider, which still holds as much,
	// less the fees that they have collected outside of it.
	ByHandAccount = "platform:by_hand"
)

// How the names of the other accounts begin and end.
const (
	escrowPrefix, escrowSuffix       = "push:", ":escrow"
	payablePrefix, payableSuffix     = "seller:", ":payable"
	refundDuePrefix, refundDueSuffix = "buyer:", ":refund_due"
	suspensePrefix                   = "suspense:"
)

// EscrowAccount holds the money of a paid push until it is settled or refunded.
func EscrowAccount(pushID string) string { return escrowPrefix + pushID + escrowSuffix }

// PayableAccount is what is owed to a seller.
func PayableAccount(seller string) string { return payablePrefix + seller + payableSuffix }

// RefundDueAccount is what is owed back to a buyer.
func RefundDueAccount(buyer string) string { return refundDuePrefix + buyer + refundDueSuffix }

// AtProvider reports whether an account of the journal is money at the payment provider: it
// is negative by what there is.
func AtProvider(account string) bool { return account == ClearingAccount || account == FrozenAccount }

// Outside reports whether an account of the journal is money beyond what the platform owes:
// at the provider, or in the hands of persons who have paid, or collected a fee, themselves.
// Only such an account may stand below zero.
func Outside(account string) bool { return AtProvider(account) || account == ByHandAccount }

// SuspenseAccount holds money that paid nothing until it is refunded.
func SuspenseAccount(tradeNo string) string { return suspensePrefix + tradeNo }

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
		post(cmp.Or(e.FeeFrom, ClearingAccount), FrozenAccount, e.Fee, Numbers{PayoutNo: e.PayoutNo})
	case RefundRequested:
		post(EscrowAccount(pushID), RefundDueAccount(e.Buyer), e.Amount, Numbers{TradeNo: e.TradeNo, RequestNo: e.RequestNo})
	case Refunded:
		post(e.From, cmp.Or(e.To, ClearingAccount), e.Amount, Numbers{TradeNo: e.TradeNo, RequestNo: e.RequestNo})
	case StrayReceived:
		post(cmp.Or(e.From, ClearingAccount), SuspenseAccount(e.TradeNo), e.Amount, Numbers{TradeNo: e.TradeNo})
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
