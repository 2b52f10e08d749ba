package simulation

import (
	"github.com/pushledger/pushledger/aggregates/money"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/sagas/payment"
	"github.com/pushledger/pushledger/sagas/registrar"
)

// invariant is what must hold after every step, in words.
type invariant string

const (
	impossible        invariant = "no error where none can be"
	acknowledged      invariant = "what was acknowledged is in the log"
	genuine           invariant = "a genuine notification is never refused"
	journal           invariant = "no account of the journal is overdrawn"
	statements        invariant = "the statements of both parties tell what the journal holds for them"
	oneNumber         invariant = "a number always means the same movement of money"
	refundWithoutPay  invariant = "only money that came in is refunded"
	refundAbovePaid   invariant = "a trade is never refunded above what was paid (F44)"
	paidTwice         invariant = "nobody is paid twice, by whosever hand"
	refundAndPayout   invariant = "no refund and payout for one push"
	deadNumber        invariant = "a payout takes another number only after the provider's word that the one before has failed"
	unasked           invariant = "money moves only under a number that the log intended"
	ownWayOut         invariant = "a seller is paid the way that was recorded when its push was accepted"
	notBacked         invariant = "what the log says of money, the provider says as well"
	oneLivePush       invariant = "a domain is in at most one live push"
	endedHoldsNothing invariant = "a live push holds all its domains, an ended one none"
	buyerKeepsNothing invariant = "the buyer never holds a domain of a refunded push"
	sellerKeepsNone   invariant = "the seller is never paid while holding a domain"
	endsOnce          invariant = "a push ends once"
	paysTheTotal      invariant = "a push is paid by its total alone, into its own trade, from what is known to be the buyer's money, or by an operator's word (T6)"
	expiresInTime     invariant = "nothing expires early, and no payment window is negative (F28)"
	paidNotExpired    invariant = "a push that was paid in time never expires"
	closedForCertain  invariant = "a trade that is recorded as closed can never be paid any more"
	refusedForCertain invariant = "an unknown outcome is never taken for a refusal"
	movedForCertain   invariant = "a domain counts as moved only once the registrar has moved it"
	eventIgnored      invariant = "an event of the registrar that was taken ends the push (F18)"
	buyerHasBoth      invariant = "no buyer has a domain of a push and its money as well, unless an operator has said so (B5)"
	stopsForAPerson   invariant = "what the buyer has done stops the push until an operator decides (B5)"
	soldForGood       invariant = "nobody takes out what it has sold and was paid for"
	heldFirst         invariant = "every domain that can be held is held before the first one moves (B4)"
	heldToTheEnd      invariant = "a domain is held until its push has ended (B4)"
	heldNoLonger      invariant = "nothing is held for a push that has ended (B4)"
	ownOrders         invariant = "what the ledger has ordered is no trigger (F19, I3)"
	everyEnd          invariant = "once faults stop, every purchase ends"
	rightEnd          invariant = "every end is settled or refunded, or names what needs a person"
)

// judge holds one event against the books of the partners when it enters the log.
func (b *books) judge(known *record, event push.Event) {
	id, w := known.id, b.w
	switch event := event.(type) {
	case push.Withdrawn, push.Declined, push.Completed:
		b.endsNow(known, event)
	case push.Invalidated:
		b.endsNow(known, event)
		b.causedBy(known, event.Cause)
	case push.ReturnStarted:
		b.causedBy(known, event.Cause)
	case push.BuyerActed:
		b.causedBy(known, event.Cause)
	case push.Expired:
		b.endsNow(known, event)
		b.expires(known, event)
	case push.Accepted:
		if event.TradeNo != "" && !event.PayBy.After(event.At) {
			w.violate(expiresInTime, "%s is accepted at %s and to be paid by %s", id, event.At, event.PayBy)
		}
	case push.Paid:
		b.paid(known, event)
	case push.StrayReceived:
		if trade, is := w.bank.trades[event.TradeNo]; !is || trade.PaidAt.IsZero() || trade.incoming() != event.Amount && trade.Amount != event.Amount {
			w.violate(notBacked, "%s: %s in trade %s", id, event.Amount, event.TradeNo)
		}
	case push.Refunded:
		if event.To == push.ByHandAccount {
			b.byHand(known, event.RequestNo)
			return
		}
		b.refunded(id, event.TradeNo, event.RequestNo, event.Amount)
	case push.StrayRefunded:
		if event.To == push.ByHandAccount {
			b.byHand(known, event.RequestNo)
			return
		}
		b.refunded(id, event.TradeNo, event.RequestNo, event.Amount)
	case push.PaidOut:
		b.paidOut(known, event)
	case push.PaymentClosed:
		b.closes(known)
	case push.DomainMoved:
		if !w.registry.done(push.MoveNo(id, event.Domain), known.offered.Buyer) {
			w.violate(movedForCertain, "%s: %s", id, event.Domain)
		}
	case push.DomainMoveRefused:
		b.moveRefused(known, event)
	case push.PayoutRenumbered:
		b.renumbered(known, event)
	case push.PayoutRefused:
		number := event.PayoutNo
		if event.FeeOnly {
			number = push.FeeNo(id)
		}
		b.refusedFor(known, number)
	case push.RefundRefused:
		b.refusedFor(known, event.RequestNo)
	default: // an intention, which moves nothing yet
	}
}

// causedBy checks that no echo of the ledger's own orders is taken for something else.
func (b *books) causedBy(known *record, cause push.Cause) {
	if b.w.registry.echoes[cause.EventID] {
		b.w.violate(ownOrders, "%s: event %s", known.id, cause.EventID)
	}
}

func (b *books) endsNow(known *record, event push.Event) {
	if !known.status.Live() {
		b.w.violate(endsOnce, "%s is %s and then %s", known.id, known.status, event.EventType())
	}
}

func (b *books) paid(known *record, event push.Paid) {
	id, total := known.id, known.offered.Total
	if event.Amount != total || total == 0 {
		if event.Amount != total {
			b.w.violate(paysTheTotal, "%s costs %s and is paid by %s", id, total, event.Amount)
		}
		return
	}
	trade, is := b.w.bank.trades[event.TradeNo]
	if !is || trade.PaidAt.IsZero() || trade.Amount != total || event.TradeNo != known.accepted.TradeNo || !trade.counts(event) {
		b.w.violate(paysTheTotal, "%s, trade %s: %+v", id, event.TradeNo, trade)
	}
}

// counts reports whether a trade may pay a push: the bank has told that it is the buyer's own
// money, or somebody has decided so who was not told. What the merchant gives it tells at once.
func (t *trade) counts(event push.Paid) bool {
	return t.Received == 0 && (t.funding == own && t.untold == nil || event.From != "" && event.From != push.FrozenAccount)
}

// expires checks the clock of whoever recorded it, and that the money had not come.
func (b *books) expires(known *record, event push.Expired) {
	deadline := known.offered.ExpiresAt
	if event.Reason == push.ExpiryPaymentWindow {
		deadline = known.accepted.PayBy
	}
	if event.At.Before(deadline) {
		b.w.violate(expiresInTime, "%s at %s, due %s", known.id, event.At, deadline)
	}
	trade, is := b.w.bank.trades[known.accepted.TradeNo]
	if is && !trade.PaidAt.IsZero() && trade.paidIn < b.w.at && trade.Amount == known.offered.Total &&
		!trade.PaidAt.After(known.accepted.PayBy) && trade.funding == own {
		b.w.violate(paidNotExpired, "%s was paid at %s", known.id, trade.PaidAt)
	}
}

// byHand checks that a person has moved only money that the provider never will under the
// same number.
func (b *books) byHand(known *record, number string) {
	if _, waits := known.refused[number]; !waits || b.w.bank.moved(number) {
		b.w.violate(paidTwice, "%s: %s is settled by hand", known.id, number)
	}
}

func (b *books) refunded(id, tradeNo, requestNo string, amount money.Fen) {
	trade, is := b.w.bank.trades[tradeNo]
	if !is || trade.refunds[requestNo] != amount {
		b.w.violate(notBacked, "%s: refund %s of %s", id, requestNo, amount)
	}
}

func (b *books) closes(known *record) {
	trade, is := b.w.bank.trades[known.accepted.TradeNo]
	open := !b.w.now.After(known.accepted.PayBy.Add(lag)) // whoever signs in makes one
	if is {
		open = trade.State == payment.TradeWaiting && !b.w.now.After(trade.payBy.Add(lag))
	}
	if open {
		b.w.violate(closedForCertain, "%s, trade %s", known.id, known.accepted.TradeNo)
	}
}

// moveRefused checks that the registrar said no, or that its facts did.
func (b *books) moveRefused(known *record, event push.DomainMoveRefused) {
	ordered, is := b.w.registry.operations[push.MoveNo(known.id, event.Domain)]
	facts := b.w.registry.domains[event.Domain].facts
	unfit := obstacle(facts, known.offered.Seller) != "" || len(facts.Restrictions) > 0 || !facts.AuthCodeIssuedAt.IsZero() ||
		facts.Sale != "none" || b.w.now.After(facts.ExpiresAt.Add(-maxSkew))
	if !unfit && (!is || ordered.result.State != registrar.MoveRefused) {
		b.w.violate(refusedForCertain, "%s: move of %s, %s", known.id, event.Domain, event.Code)
	}
}

func (b *books) refusedFor(known *record, number string) {
	if !b.w.bank.refused[number] && (known.payout == nil || known.payout.PayoutNo != number || !b.w.unbound[known.offered.Seller]) {
		b.w.violate(refusedForCertain, "%s: %s", known.id, number)
	}
}

// compare holds the three books against each other.
func (w *world) compare() {
	for _, known := range w.books.order {
		if known.accepted.At.IsZero() {
			continue
		}
		w.compareRefunds(known)
		w.comparePayout(known)
	}
}

func (w *world) compareRefunds(known *record) {
	for _, trade := range w.bank.ofPush[known.id] {
		if trade.refunded > trade.incoming() {
			w.violate(refundAbovePaid, "%s: %s of %s, trade %s", known.id, trade.refunded, trade.incoming(), trade.TradeNo)
		}
		for requestNo, amount := range trade.refunds {
			if !known.intends(trade.TradeNo, requestNo, amount) {
				w.violate(unasked, "%s: refund %s of %s", known.id, requestNo, amount)
			}
		}
	}
	if known.refund == nil && (known.ended == nil || known.offered.Total > 0) {
		return
	}
	for _, line := range known.lines {
		held := w.registry.domains[line.domain]
		if held.facts.Account == known.offered.Buyer && held.by == line.there {
			w.violate(buyerKeepsNothing, "%s: %s", known.id, line.domain)
		}
		if known.refund != nil && (!known.byHand || line.returned) && w.registry.spent[line.there] {
			w.violate(buyerHasBoth, "%s: %s", known.id, line.domain)
		}
	}
}

// intends reports whether the log holds the intention of a refund.
func (r *record) intends(tradeNo, requestNo string, amount money.Fen) bool {
	if r.refund != nil && r.refund.RequestNo == requestNo {
		return r.refund.TradeNo == tradeNo && r.refund.Amount == amount
	}
	for _, stray := range r.strays {
		if stray.RequestNo == requestNo {
			return stray.TradeNo == tradeNo && stray.Amount == amount
		}
	}
	return false
}

func (w *world) comparePayout(known *record) {
	outs := w.bank.outs[known.id]
	if known.payout != nil || len(outs) > 0 {
		for _, line := range known.lines {
			if !w.registry.done(line.there, known.offered.Buyer) || w.registry.done(line.back, known.offered.Seller) {
				w.violate(sellerKeepsNone, "%s: %s", known.id, line.domain)
			}
		}
	}
	if len(outs) == 0 {
		return
	}
	w.books.ownWay(known, outs[0])
	if len(outs) > 1 {
		w.violate(paidTwice, "%s: %d payouts", known.id, len(outs))
	}
	if own, is := w.bank.trades[known.accepted.TradeNo]; is && own.refunded > 0 {
		w.violate(refundAndPayout, "%s", known.id)
	}
	owed := known.offered.Total - known.offered.FeeRate.Of(known.offered.Total)
	if known.payout == nil || known.payout.PayoutNo != outs[0].PayoutNo || outs[0].Amount != owed {
		w.violate(unasked, "%s: payout of %s", known.id, outs[0].Amount)
	}
}
