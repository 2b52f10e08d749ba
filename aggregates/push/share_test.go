package push_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/money"
	"github.com/pushledger/pushledger/aggregates/push"
)

// given, when, then: whatever events move a push's money, both parties' statements close at
// nothing once it has ended, by whosever hand.
func TestStatementsCloseAtNothing(t *testing.T) {
	const id, seller, buyer, trade = "p-1", "anna", "bo", "T1"
	paid := push.Paid{Amount: 100_00, TradeNo: trade}
	payout := push.PayoutRequested{Seller: seller, PayoutNo: "P1", Amount: 95_00, Fee: 5_00}
	refund := push.RefundRequested{Buyer: buyer, TradeNo: trade, RequestNo: "R1", Amount: 100_00}
	stray := push.StrayReceived{TradeNo: trade, Amount: 100_00, RequestNo: "R1"}
	for name, given := range map[string]struct {
		events []push.Event
		fee    money.Fen
	}{
		"settled":                 {[]push.Event{paid, payout, push.PaidOut{Seller: seller, PayoutNo: "P1", Amount: 95_00}}, 5_00},
		"settled by hand":         {[]push.Event{paid, payout, push.PaidOut{Seller: seller, PayoutNo: "P1", Amount: 95_00, To: push.ByHandAccount}}, 5_00},
		"refunded":                {[]push.Event{paid, refund, push.Refunded{From: push.RefundDueAccount(buyer), Amount: 100_00}}, 0},
		"refunded by hand":        {[]push.Event{paid, refund, push.Refunded{From: push.RefundDueAccount(buyer), Amount: 100_00, To: push.ByHandAccount}}, 0},
		"stray money":             {[]push.Event{stray, push.StrayRefunded{TradeNo: trade, Amount: 100_00}}, 0},
		"stray money, by hand":    {[]push.Event{stray, push.StrayRefunded{TradeNo: trade, Amount: 100_00, To: push.ByHandAccount}}, 0},
		"sources untold, settled": {[]push.Event{stray, push.Paid{Amount: 100_00, From: push.SuspenseAccount(trade)}, payout, push.PaidOut{Seller: seller, Amount: 95_00}}, 5_00},
	} {
		var told push.Share
		for _, event := range given.events {
			change := push.ShareOf(push.Postings(id, event))
			told.Buyer, told.Seller, told.Fee = told.Buyer+change.Buyer, told.Seller+change.Seller, told.Fee+change.Fee
		}
		require.Equal(t, push.Share{Fee: given.fee}, told, name)
	}
}
