package simulation

import (
	"context"
	"time"

	"github.com/pushledger/pushledger/aggregates/money"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/sagas/payment"
)

// Bounds of the calm after which every purchase must have ended.
const (
	shortWaits = 300 // rounds that wait as long as the saga asks
	longWaits  = 60  // rounds of longWait each: longer than any offer is valid
	longWait   = 4 * time.Hour
)

// calm lets all faults stop and waits for every purchase to end. A second payment of
// which nobody was told stands in the provider's bill alone, which comes at the end.
func (w *world) calm() {
	w.rate = 0
	w.random.Shuffle(len(w.bank.notices), func(i, j int) {
		w.bank.notices[i], w.bank.notices[j] = w.bank.notices[j], w.bank.notices[i]
	})
	for _, p := range w.processes {
		p.skew = 0
	}
	w.unbound = make(map[string]bool)
	w.bank.own = plenty
	w.rest()
	for _, known := range w.books.order {
		if known.payout != nil && known.status == push.StatusPaid {
			w.retries(w.processes[0], known.id)
		}
	}
	w.rest()
	for _, number := range w.bank.numbers {
		if trade := w.bank.trades[number]; !trade.PaidAt.IsZero() && number != w.books.pushes[trade.PushID].accepted.TradeNo {
			w.check(w.tell(w.processes[0], trade.Trade))
		}
	}
	w.rest()
	for _, known := range w.books.order {
		w.judgeEnd(known)
	}
}

// rest delivers all that is under way and works until nothing is left to do.
func (w *world) rest() {
	for waits := 0; waits < shortWaits+longWaits && w.violation == nil; {
		w.deliverAll()
		busy, wait := false, time.Minute
		for _, p := range w.processes {
			p.follow()
			id, pause := p.saga.WorkOnce(context.Background())
			busy = busy || id != ""
			wait = min(wait, pause)
		}
		w.read()
		w.compare()
		switch open := w.processes[0].saga.Open() + w.processes[1].saga.Open(); {
		case busy:
			continue
		case open == 0:
			return
		case waits >= shortWaits:
			wait = longWait
		}
		waits++
		w.now = w.now.Add(wait)
	}
}

func (w *world) deliverAll() {
	for len(w.bank.underway) > 0 {
		w.bank.arrives(0)
	}
	for len(w.registry.underway) > 0 {
		w.registry.lands(0)
	}
	for len(w.registry.pending) > 0 {
		w.registry.decide(w.registry.operations[w.registry.pending[0]], none)
	}
	for len(w.registry.untaken) > 0 {
		w.hears(w.processes[0])
	}
	for len(w.bank.notices) > 0 {
		told := w.bank.notices[0]
		w.bank.delivered(0)
		w.check(w.tell(w.processes[1], told))
	}
}

// judgeEnd checks how a push ended: settled, refunded, without money, or standing with
// what needs a person.
func (w *world) judgeEnd(known *record) {
	needsPerson := len(known.refused) > 0 || len(known.acted) > 0 || known.untold
	if known.status.Live() && !needsPerson {
		w.violate(everyEnd, "%s is still %s", known.id, known.status)
	}
	kept, out := money.Fen(0), money.Fen(0)
	for _, trade := range w.bank.ofPush[known.id] {
		if !trade.PaidAt.IsZero() {
			kept += trade.incoming() - trade.refunded
		}
		if trade.TradeNo == known.accepted.TradeNo && trade.State == payment.TradeWaiting && !known.closed && !known.status.Live() {
			w.violate(closedForCertain, "%s ended and its trade was never closed", known.id)
		}
	}
	for _, payout := range w.bank.outs[known.id] {
		out += payout.Amount
	}
	if _, made := w.bank.trades[known.accepted.TradeNo]; !made && known.accepted.TradeNo != "" && !known.closed && !known.status.Live() {
		w.violate(everyEnd, "%s ended, and its order, which nobody has signed in to pay, is asked about for ever", known.id)
	}
	settled := known.status == push.StatusCompleted
	fee := known.offered.FeeRate.Of(known.offered.Total)
	byHand := known.balance[push.ByHandAccount] // which the provider still keeps
	switch {
	case needsPerson:
		w.judgeStanding(known, kept, out)
	case settled && (kept != out+known.feeByHand+byHand+fee || out+known.outByHand != known.offered.Total-fee):
		w.violate(rightEnd, "%s is settled, but %s of the buyer is kept and %s paid out", known.id, kept, out)
	case !settled && (kept != byHand || out != 0):
		w.violate(rightEnd, "%s is %s, but %s of the buyer is kept and %s paid out", known.id, known.status, kept, out)
	}
	for _, line := range known.lines {
		if !known.status.Live() && w.registry.domains[line.domain].holds[line.hold] {
			w.violate(heldNoLonger, "%s is %s, and %s is held", known.id, known.status, line.domain)
		}
		if settled && !w.registry.done(line.there, known.offered.Buyer) {
			w.violate(rightEnd, "%s is settled, but %s was never moved", known.id, line.domain)
		}
	}
	w.judgeJournal(known, settled && !needsPerson)
}

// judgeStanding checks that what waits for a person is what the provider still holds.
func (w *world) judgeStanding(known *record, kept, out money.Fen) {
	held := money.Fen(0)
	for account, balance := range known.balance {
		if !push.AtProvider(account) && account != push.FeeAccount {
			held += balance
		}
	}
	fee := known.balance[push.FeeAccount]
	if known.feeOnly { // what is still owed in the journal has been paid
		out = 0
	}
	if kept != held+out+fee {
		w.violate(rightEnd, "%s waits for a person with %s, but the provider keeps %s and has paid out %s", known.id, held, kept, out)
	}
}

// judgeJournal checks that nothing is left over in the journal but the fee.
func (w *world) judgeJournal(known *record, settled bool) {
	if len(known.refused) > 0 || len(known.acted) > 0 || known.untold {
		return
	}
	fee := money.Fen(0)
	if settled {
		fee = known.offered.FeeRate.Of(known.offered.Total)
	}
	for account, balance := range known.balance {
		expected := money.Fen(0)
		switch account {
		case push.FeeAccount:
			expected = fee
		case push.ByHandAccount, push.ClearingAccount, push.FrozenAccount: // together what the platform has earned
			expected = balance
		}
		if balance != expected {
			w.violate(journal, "%s is over, and %s stands at %s", known.id, account, balance)
		}
	}
	byHand := known.balance[push.ByHandAccount]
	if there := known.balance[push.ClearingAccount] + known.balance[push.FrozenAccount]; there != -fee-byHand {
		w.violate(journal, "%s is over, %s was paid by hand, and the provider holds %s", known.id, byHand, -there)
	}
}
