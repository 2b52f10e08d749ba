package simulation

import (
	"context"
	"slices"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/sagas/registrar"
)

// hold is one order to hold a domain, as the registrar knows it.
type hold struct {
	domain domainname.Name
	state  registrar.HoldState // empty until it is decided
	over   bool                // released, or released before it was placed: never placed again
}

// hold places or releases a hold as far as it goes.
func (r *registry) hold(asked registrar.Hold, wish fault) registrar.HoldResult {
	held := r.domains[asked.Domain]
	if !held.holdable {
		return registrar.HoldResult{State: registrar.HoldUnsupported}
	}
	known := r.holds[asked.OperationID]
	if known == nil {
		known = &hold{domain: asked.Domain}
		r.holds[asked.OperationID] = known
	}
	switch {
	case wish == pend:
		return registrar.HoldResult{State: registrar.HoldPending}
	case !asked.Held && wish == refuse:
		return registrar.HoldResult{State: registrar.HoldRefused, Code: "not_now"}
	case !asked.Held:
		r.w.books.letGo(asked.OperationID)
		known.over = true
		delete(held.holds, asked.OperationID)
		return registrar.HoldResult{State: registrar.HoldDone}
	case known.over:
		return registrar.HoldResult{State: registrar.HoldRefused, Code: "hold_ended"}
	case known.state != "":
	case wish == refuse:
		known.state = registrar.HoldRefused
	default:
		known.state = registrar.HoldDone
		held.holds[asked.OperationID] = true
		r.w.tracef("registrar holds %s", asked.Domain)
	}
	return registrar.HoldResult{State: known.state, Code: "refused_by_registry"}
}

// actions are what an account can do with a domain by itself.
var actions = []string{
	registrar.KindAccountMoved, registrar.KindTransferredOut, registrar.KindTransferOutStarted,
	registrar.KindRegistrantChanged, registrar.KindAuthCodeIssued, registrar.KindAuthCodeIssued,
}

// acts has somebody do something with a domain that it has, if nothing holds the domain:
// mostly a buyer whose purchase is not over.
func (w *world) acts() {
	if w.chance(30) {
		w.registry.steals(w.random.IntN(len(w.registry.names)))
		return
	}
	name, by := w.someDomain(), "account"
	if line, is := w.books.someDelivered(); is {
		name, by = line.domain, line.there
	}
	held := w.registry.domains[name]
	if len(held.holds) > 0 || !held.facts.Exists || !held.facts.RegistrarOK {
		w.tracef("the registrar refuses what %s tries with %s", held.facts.Account, name)
		return
	}
	w.faults++
	w.registry.act(held, by, actions[w.random.IntN(len(actions))])
}

// act does what the holder of a domain has chosen. by is the operation that brought the
// domain to it, if it has bought it.
func (r *registry) act(held *holding, by, kind string) {
	switch kind {
	case registrar.KindAuthCodeIssued:
		held.password, held.passwordOf = by, held.facts.Account
	case registrar.KindTransferredOut:
		r.spent[by] = true
	}
	r.change(held, kind)
	if known, bought := r.w.books.byMove[by]; bought && kind == registrar.KindAccountMoved {
		r.spent[by] = held.facts.Account != known.offered.Seller
	}
}

// steals transfers a domain out by a transfer password that somebody has obtained before.
func (r *registry) steals(first int) {
	for i := range r.names {
		held := r.domains[r.names[(first+i)%len(r.names)]]
		if held.password == "" || len(held.holds) > 0 || !held.facts.Exists || !held.facts.RegistrarOK {
			continue
		}
		r.w.faults++
		r.spent[held.password] = true
		if known, sold := r.w.books.byMove[held.by]; sold && known.payout != nil && known.offered.Seller == held.passwordOf {
			r.w.violate(soldForGood, "%s: %s", known.id, held.facts.Domain)
		}
		r.change(held, registrar.KindTransferredOut)
		return
	}
}

// someDelivered is a domain that a buyer has of a push that is not over.
func (b *books) someDelivered() (domainLine, bool) {
	var lines []domainLine
	for _, known := range b.order[max(0, len(b.order)-8):] {
		for _, line := range known.lines {
			held := b.w.registry.domains[line.domain]
			if known.status == push.StatusPaid && held.by == line.there && held.facts.Account == known.offered.Buyer {
				lines = append(lines, line)
			}
		}
	}
	if len(lines) == 0 {
		return domainLine{}, false
	}
	return lines[b.w.random.IntN(len(lines))], true
}

// letGo checks that no hold ends before its push.
func (b *books) letGo(operation string) {
	if known, is := b.byHold[operation]; is && known.status.Live() {
		b.w.violate(heldToTheEnd, "%s is %s", known.id, known.status)
	}
}

// arrives checks that every domain of a push was held before one of them moves.
func (b *books) arrives(move registrar.Move) {
	known, is := b.byMove[move.OperationID]
	if !is || move.To != known.offered.Buyer {
		return
	}
	for _, line := range known.lines {
		held := b.w.registry.domains[line.domain]
		if held.holdable && !held.holds[line.hold] {
			b.w.violate(heldFirst, "%s: %s moves while %s is not held", known.id, move.Domain, line.domain)
		}
	}
}

// ordered checks that nothing is begun for a push that waits for an operator's decision.
func (b *books) ordered(move registrar.Move) {
	known, is := b.byMove[move.OperationID]
	_, begun := b.w.registry.operations[move.OperationID]
	if is && !begun && move.To == known.offered.Buyer && len(known.acted) > 0 && known.actedIn < b.w.at {
		b.w.violate(stopsForAPerson, "%s: %s", known.id, move.Domain)
	}
}

// checksFunding has an operator find out from where the money of a push came.
func (w *world) checksFunding(p *process, id string, command push.Settle) {
	command.Decision = push.DecisionRefundBuyer
	if w.bank.trades[w.books.pushes[id].accepted.TradeNo].funding == own && w.chance(80) {
		command.Decision = push.DecisionAcceptPayment
	}
	w.decides(p, id, "settle", operators, func(state push.State) ([]push.Event, error) {
		return push.DecideSettle(state, command, push.DomainFacts{}, p.now())
	})
}

// settlesMoney has an operator pay what the provider has refused.
func (w *world) settlesMoney(p *process, id string, command push.Settle) {
	w.decides(p, id, "settle", operators, func(state push.State) ([]push.Event, error) {
		return push.DecideSettle(state, command, push.DomainFacts{}, p.now())
	})
}

// settles has an operator decide what only a person can: about what a buyer has done with
// a domain, about one that could not be moved back, and about money that the provider does
// not move.
func (w *world) settles(p *process, id string) {
	known, err := p.ledger.Recent(context.Background(), id)
	if err != nil {
		return
	}
	list := slices.DeleteFunc(push.WorkList(known.State), func(work push.Work) bool { return work.Step == push.StepReversal })
	if len(list) == 0 {
		return
	}
	command := push.Settle{Task: list[w.random.IntN(len(list))].Task, Actor: operators, Reason: "simulated", Reference: "ticket"}
	switch command.Step {
	case push.StepCheckFunding:
		w.checksFunding(p, id, command)
		return
	case push.StepPayout, push.StepRefund:
		w.settlesMoney(p, id, command)
		return
	default: // about a domain
	}
	facts, err := p.platform.Facts(context.Background(), []domainname.Name{command.Domain})
	if err != nil {
		return
	}
	switch {
	case command.Step == push.StepBuyerAct && w.chance(50):
		command.Decision = push.DecisionPaySeller
	case command.Step == push.StepBuyerAct:
		command.Decision = push.DecisionRefundBuyer
	case push.PlaceOf(known.State, facts[0]).Gone():
		command.Place = push.PlaceGone
	default:
		command.Place = push.PlaceReturned
	}
	w.decides(p, id, "settle", operators, func(state push.State) ([]push.Event, error) {
		return push.DecideSettle(state, command, facts[0], p.now())
	})
}
