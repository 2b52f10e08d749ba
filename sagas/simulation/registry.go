package simulation

import (
	"slices"
	"strconv"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/sagas/registrar"
)

// registry is the registrar's own books: who has which domain, and every operation.
type registry struct {
	w          *world
	domains    map[domainname.Name]*holding
	names      []domainname.Name
	operations map[string]*operation
	pending    []string          // operations that were ordered and not decided
	underway   []registrar.Move  // orders that nobody waits for any more and that still arrive
	untaken    []registrar.Event // events that no process has taken yet
	taken      []registrar.Event // of which some come again
	issued     map[string]bool   // ids of all events
}

// holding is one domain. It has one account, by construction.
type holding struct {
	facts push.DomainFacts
	by    string // operation or event that brought it to its account
}

type operation struct {
	move   registrar.Move
	result registrar.MoveResult
}

func newRegistry(w *world) *registry {
	r := &registry{
		w: w, domains: make(map[domainname.Name]*holding), operations: make(map[string]*operation), issued: make(map[string]bool),
	}
	for i := range domains {
		name := domainname.Name("d" + strconv.Itoa(i) + ".com")
		r.names = append(r.names, name)
		r.domains[name] = &holding{facts: push.DomainFacts{
			Domain: name, Exists: true, Account: accounts[i%len(accounts)], RegistrarOK: true, Product: "standard", Sale: "none",
			RegisteredAt: start.AddDate(-1, 0, 0), ExpiresAt: start.AddDate(9, 0, 0), Revision: 1,
		}}
	}
	return r
}

// order carries a move out as far as it goes. An operation is decided once.
func (r *registry) order(move registrar.Move, wish fault) registrar.MoveResult {
	known, is := r.operations[move.OperationID]
	switch {
	case !is:
		known = &operation{move: move}
		r.operations[move.OperationID] = known
	case known.move != move:
		return registrar.MoveResult{State: registrar.MoveRefused, Code: "operation_id_reused", Revision: r.domains[move.Domain].facts.Revision}
	case known.result.State == registrar.MoveDone || known.result.State == registrar.MoveRefused:
		return known.result
	case known.result.State == registrar.MovePending && wish == none:
		wish = pend // it stays so until the registrar gets round to it
	}
	r.decide(known, wish)
	return known.result
}

func (r *registry) decide(known *operation, wish fault) {
	held := r.domains[known.move.Domain]
	code := obstacle(held.facts, known.move.From)
	switch wish { //nolint:exhaustive // the others are no wish about the outcome
	case pend:
		if known.result.State != registrar.MovePending {
			r.pending = append(r.pending, known.move.OperationID)
		}
		known.result = registrar.MoveResult{State: registrar.MovePending, Revision: held.facts.Revision}
		return
	case refuse:
		code = "refused_by_registry"
	}
	r.pending = slices.DeleteFunc(r.pending, func(id string) bool { return id == known.move.OperationID })
	if code != "" {
		known.result = registrar.MoveResult{State: registrar.MoveRefused, Code: code, Revision: held.facts.Revision}
		return
	}
	held.facts.Account, held.by = known.move.To, known.move.OperationID
	held.facts.Revision++
	known.result = registrar.MoveResult{State: registrar.MoveDone, Revision: held.facts.Revision}
	r.w.tracef("registrar moved %s from %s to %s", known.move.Domain, known.move.From, known.move.To)
	r.echo(known.move)
}

// obstacle is why a domain cannot leave an account; empty if it can.
func obstacle(facts push.DomainFacts, from string) string {
	switch {
	case !facts.Exists:
		return "not_found"
	case facts.Account != from:
		return "not_owner"
	case len(facts.Pending) > 0:
		return "pending_operation"
	case !facts.RegistrarOK:
		return "not_found"
	case facts.AccountMoveLocked:
		return "account_move_locked"
	default:
		return ""
	}
}

// echo reports a move as the registrar reports any move, with more or less detail (F19).
func (r *registry) echo(move registrar.Move) {
	event := registrar.Event{Kind: registrar.KindAccountMoved, Domain: move.Domain}
	switch r.w.random.IntN(3) {
	case 0:
		event.OperationID, event.From, event.To = move.OperationID, move.From, move.To
	case 1:
		event.From, event.To = move.From, move.To
	}
	r.report(event)
}

func (r *registry) report(event registrar.Event) string {
	event.ID, event.At = "e"+strconv.Itoa(len(r.issued)+1), r.w.now
	r.issued[event.ID] = true
	r.untaken = append(r.untaken, event)
	return event.ID
}

// happens is something that others do to a domain, of every kind that there is.
func (r *registry) happens(name domainname.Name) {
	kinds := []string{
		registrar.KindDeleted, registrar.KindTransferredOut, registrar.KindTransferOutStarted, registrar.KindAccountMoved,
		registrar.KindRegistrantChanged, registrar.KindBlacklisted, registrar.KindAccountMoveLocked,
		registrar.KindAuthCodeIssued, registrar.KindPolicyViolation,
	}
	held := r.domains[name]
	event := registrar.Event{Kind: kinds[r.w.random.IntN(len(kinds))], Domain: name}
	facts := &held.facts
	switch event.Kind {
	case registrar.KindDeleted:
		facts.Exists, facts.Account = false, ""
	case registrar.KindTransferredOut:
		facts.RegistrarOK, facts.Pending = false, nil
	case registrar.KindTransferOutStarted:
		facts.RegistrarOK, facts.Pending = false, []string{"transfer_out"}
	case registrar.KindAccountMoved:
		event.From = facts.Account
		facts.Account = accounts[r.w.random.IntN(len(accounts))]
		event.To = facts.Account
	case registrar.KindAccountMoveLocked:
		facts.AccountMoveLocked = true
	case registrar.KindBlacklisted, registrar.KindPolicyViolation:
		facts.Restrictions = []string{event.Kind}
	case registrar.KindAuthCodeIssued:
		facts.AuthCodeIssuedAt = r.w.now
	}
	facts.Revision++
	id := r.report(event)
	if event.Kind == registrar.KindAccountMoved || event.Kind == registrar.KindDeleted || event.Kind == registrar.KindTransferredOut {
		held.by = id
	}
	r.w.tracef("registrar: %s of %s (%s), now with %q", event.Kind, name, id, facts.Account)
}

// heal makes a domain fit to be sold again, once nobody sells it.
func (r *registry) heal(name domainname.Name) {
	held := r.domains[name]
	if held.facts.Account == "" {
		held.facts.Account, held.by = accounts[r.w.random.IntN(len(accounts))], "registered anew"
	}
	held.facts.Exists, held.facts.RegistrarOK, held.facts.AccountMoveLocked = true, true, false
	held.facts.Pending, held.facts.Restrictions = nil, nil
	held.facts.Revision++
}

// lands lets an order arrive that its caller has given up on.
func (r *registry) lands(i int) {
	move := r.underway[i]
	r.underway = slices.Delete(r.underway, i, i+1)
	r.w.tracef("an order of long ago arrives: %s", move.Domain)
	r.order(move, none)
}

// done reports whether an operation brought its domain to an account.
func (r *registry) done(id, to string) bool {
	known, is := r.operations[id]
	return is && known.result.State == registrar.MoveDone && known.move.To == to
}
