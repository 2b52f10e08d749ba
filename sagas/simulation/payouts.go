package simulation

import (
	"context"
	"slices"
	"strconv"

	"github.com/pushledger/pushledger/aggregates/money"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/sagas/payment"
)

const (
	plenty = money.Fen(1_000_000_000) // of the merchant's own at the bank
	share  = 100                      // of a payment, that the bank keeps one of as its fee
)

// loginOf is the account at the bank that an account of the platform has bound now.
func (w *world) loginOf(account string) string {
	login := account
	if changes := w.bound[account]; changes > 0 {
		login += strconv.Itoa(changes)
	}
	return login + "@example.com"
}

// binds has somebody bind another account at the bank, or none.
func (w *world) binds() {
	account := accounts[w.random.IntN(len(accounts))]
	w.unbound[account] = w.chance(20)
	if w.chance(50) {
		w.bound[account]++
	}
}

// funds has the merchant take all of its own money out of the bank, or put plenty in.
func (w *world) funds() {
	w.bank.own = 0
	if w.chance(60) {
		w.bank.own = plenty
	}
	w.tracef("the merchant has %s of its own at the bank", w.bank.own)
}

// balance is what the merchant has at the bank.
func (b *bank) balance() money.Fen { return b.own + b.flow }

// short is the bank's word that there is not enough money.
func short(api string) error {
	return &payment.Postponed{API: api, Code: "BALANCE", Message: "not enough money"}
}

// transfer pays out under a number that was neither paid nor has failed. What is refused
// either leaves a failure under its number or nothing at all.
func (b *bank) transfer(asked payment.Payout, wrong fault) error {
	if _, paid := b.payouts[asked.PayoutNo]; paid {
		return nil
	}
	if before, failed := b.failed[asked.PayoutNo]; failed {
		return &payment.Refused{API: "payout", Code: "FAIL", Message: "it has failed", Failed: true, Otherwise: before.Account != asked.Account}
	}
	if wrong == refuse {
		b.refused[asked.PayoutNo] = true
		remembers := b.w.chance(60)
		if remembers {
			b.failed[asked.PayoutNo] = asked
		}
		b.w.tracef("the bank refuses to pay %s, and remembers it: %t", asked.Account, remembers)
		return &payment.Refused{API: "payout", Code: "REFUSED", Message: "refused by the simulation", Failed: remembers}
	}
	if b.balance() < asked.Amount {
		return short("payout")
	}
	b.payOut(asked)
	return nil
}

// arrives lets an order of a payout arrive that nobody waits for any more.
func (b *bank) arrives(i int) {
	late := b.underway[i]
	b.underway = slices.Delete(b.underway, i, i+1)
	b.w.tracef("the order to pay %s arrives late", late.Account)
	_ = b.transfer(late, none) // nobody hears the answer
}

// find tells what has become of a payout.
func (b *bank) find(number string) (string, error) {
	if _, paid := b.payouts[number]; paid {
		return "out" + number, nil
	}
	if _, failed := b.failed[number]; failed {
		return "", &payment.Refused{API: "payout", Code: "FAIL", Message: "it has failed", Failed: true}
	}
	return "", payment.ErrPayoutNotFound
}

// retries has an operator order another try of a payout that was refused or is put off.
func (w *world) retries(p *process, id string) {
	task := push.Task{Step: push.StepPayout}
	retry := push.Retry{Task: task, Actor: operators, Reason: "simulated", Alarmed: p.saga.IsAlarmed(id, push.Step{Kind: push.StepPayout})}
	known, err := p.ledger.Recent(context.Background(), id)
	if err != nil || known.State.Payout == nil {
		return
	}
	w.tries++
	w.decides(p, id, "retry"+strconv.Itoa(w.tries), operators, func(state push.State) ([]push.Event, error) {
		return push.DecideRetry(state, retry, p.now())
	})
}

// renumbered checks that the bank itself has said that nothing will be paid under the number of
// before.
func (b *books) renumbered(known *record, event push.PayoutRenumbered) {
	if _, failed := b.w.bank.failed[event.From]; !failed {
		b.w.violate(deadNumber, "%s: %s after %s", known.id, event.PayoutNo, event.From)
	}
}
