// Package booked reads the lines of the journal as movements at the payment provider, to
// be held against its bills.
package booked

import (
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/projections/pushes"
	"github.com/pushledger/pushledger/sagas/payment/bill"
)

// Lines are those of the entries that moved money at the provider.
func Lines(entries []pushes.JournalEntry) []bill.Line {
	var lines []bill.Line
	for _, entry := range entries {
		if line, moved := lineOf(entry); moved {
			lines = append(lines, line)
		}
	}
	return lines
}

func lineOf(entry pushes.JournalEntry) (bill.Line, bool) {
	line := bill.Line{PushID: entry.PushID, Seq: entry.Seq, Amount: entry.Amount, At: entry.Time}
	switch {
	case entry.From == push.ChannelFeeAccount:
		line.Kind, line.Number = bill.Fee, entry.BillDay
	case entry.To == push.ChannelFeeAccount:
		line.Kind, line.Number = bill.FeeBack, entry.BillDay
	case entry.From == push.ClearingAccount && entry.To == push.FrozenAccount:
		line.Kind, line.Number = bill.Royalty, push.FeeNo(entry.PushID)
	case entry.To == push.FrozenAccount: // the seller's money, on bills that are not read
		return line, false
	case entry.From == push.ClearingAccount:
		line.Kind, line.Number = bill.Payment, entry.TradeNo
	case entry.To != push.ClearingAccount:
		return line, false
	case entry.PayoutNo != "":
		line.Kind, line.Number = bill.Payout, entry.PayoutNo
	default:
		line.Kind, line.Number, line.RequestNo = bill.Refund, entry.TradeNo, entry.RequestNo
	}
	return line, true
}
