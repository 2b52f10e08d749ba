package simulation

import (
	"github.com/pushledger/pushledger/aggregates/money"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/sagas/payment"
)

// merchantOf is the number of an account as a merchant at the provider.
func merchantOf(account string) string { return "2088-" + account }

// confirm pays a seller out of a trade that was made for it, and takes the fee out of that.
// Either may go wrong alone.
func (p provider) confirm(payout payment.Payout, wrong fault) (string, error) {
	known, exists := p.bank.trades[payout.TradeNo]
	switch whole := payout.Amount + payout.Fee; {
	case p.bank.moved(payout.PayoutNo): // answered as before
	case !exists || known.State != payment.TradePaid || known.kept == "":
		return "", p.never(payout.PayoutNo, "NOT_TO_BE_CONFIRMED")
	case known.ProviderTradeNo != payout.ProviderTradeNo || known.Amount-known.refunded != whole:
		return "", p.never(payout.PayoutNo, "INVALID_SETTLE_AMOUNT")
	}
	if err := p.money("confirm", payout.PayoutNo, 0, wrong, func() { p.bank.payOut(payout) }); err != nil || payout.Fee == 0 {
		return payout.ProviderTradeNo, err
	}
	switch p.w.fault("fee", lostOrder, refuse) {
	case lostOrder:
		return "", errLost
	case refuse:
		if _, taken := p.bank.fees[payout.FeeNo]; !taken {
			p.bank.refused[payout.FeeNo] = true
			return "", &payment.Refused{API: "fee", Code: "NO_BALANCE", Message: "refused by the simulation", FeeOnly: true}
		}
	default: // it is taken
	}
	if p.bank.refused[payout.FeeNo] { // for ever
		return "", &payment.Refused{API: "fee", Code: "NO_BALANCE", Message: "refused by the simulation", FeeOnly: true}
	}
	p.bank.takeFee(payout)
	return payout.ProviderTradeNo, nil
}

// never refuses a number for ever.
func (p provider) never(number, code string) error {
	p.bank.refused[number] = true
	return &payment.Refused{API: "confirm", Code: code, Message: "refused by the bank"}
}

// takeFee gives the platform its part of what a merchant got.
func (b *bank) takeFee(asked payment.Payout) {
	if before, is := b.fees[asked.FeeNo]; is {
		if before != asked.Fee {
			b.w.violate(oneNumber, "fee %s is %s, then %s", asked.FeeNo, before, asked.Fee)
		}
		return
	}
	b.fees[asked.FeeNo] = asked.Fee
	b.w.tracef("the platform takes %s of what %s got", asked.Fee, asked.Merchant)
}

// ownWay checks that a payout goes the way that was recorded when the push was accepted, to
// its own seller, and a confirmation to the trade that paid the push.
func (b *books) ownWay(known *record, out payment.Payout) {
	trade, is := b.w.bank.trades[known.accepted.TradeNo]
	switch {
	case out.Merchant != known.accepted.Merchant:
		b.w.violate(ownWayOut, "%s: merchant %q, accepted for %q", known.id, out.Merchant, known.accepted.Merchant)
	case out.Merchant == "":
	case out.Merchant != merchantOf(known.offered.Seller) || out.TradeNo != known.accepted.TradeNo || !is || trade.kept != out.Merchant:
		b.w.violate(ownWayOut, "%s: trade %s confirmed for %s", known.id, out.TradeNo, out.Merchant)
	}
}

// paidOut checks that the provider has paid, and given the fee where it says so, or that it
// never will.
func (b *books) paidOut(known *record, event push.PaidOut) {
	if event.To == push.ByHandAccount {
		b.byHand(known, event.PayoutNo)
		return
	}
	out, is := b.w.bank.payouts[event.PayoutNo]
	if !is || out.Amount != event.Amount {
		b.w.violate(notBacked, "%s: payout %s of %s", known.id, event.PayoutNo, event.Amount)
	}
	fee := money.Fen(0)
	if known.accepted.Merchant != "" {
		fee = known.offered.FeeRate.Of(known.offered.Total)
	}
	if event.FeeFrom == push.ByHandAccount {
		if _, taken := b.w.bank.fees[push.FeeNo(known.id)]; taken || !known.feeOnly {
			b.w.violate(paidTwice, "%s: the fee is collected by hand", known.id)
		}
		return
	}
	if event.Fee != fee || b.w.bank.fees[push.FeeNo(known.id)] != fee {
		b.w.violate(notBacked, "%s: fee of %s, of which %s came", known.id, event.Fee, b.w.bank.fees[push.FeeNo(known.id)])
	}
}
