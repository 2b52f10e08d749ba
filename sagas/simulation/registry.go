package simulation

import (
	"slices"
	"strconv"
	"time"

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
	holds      map[string]*hold
	pending    []string          // operations that were ordered and not decided
	underway   []order           // that nobody waits for any more and that still arrive
	untaken    []registrar.Event // events that no process has taken yet
	taken      []registrar.Event // of which some come again
	issued     map[string]bool   // ids of all events
	echoes     map[string]bool   // ids of those that name an order of the ledger
	// spent are the operations that brought a domain to somebody who has put it out of
	// reach since, by moving it on or by the transfer password obtained then.
	spent map[string]bool
}

// order is one on its way to the registrar.
type order struct {
	domain domainname.Name
	arrive func()
}

// holding is one domain. It has one account, by construction.
type holding struct {
	facts    push.DomainFacts
	by       string // operation or event that brought it to its account
	holdable bool
	holds    map[string]bool // in force
	// password is the operation that had brought the domain to whoever obtained its
	// transfer password, and passwordOf who that is; empty while none is valid.
	password, passwordOf string
}

type operation struct {
	move   registrar.Move
	result registrar.MoveResult
}

func newRegistry(w *world) *registry {
	r := &registry{
		w: w, domains: make(map[domainname.Name]*holding), operations: make(map[string]*operation), issued: make(map[string]bool),
		holds: make(map[string]*hold), echoes: make(map[string]bool), spent: make(map[string]bool),
	}
	for i := range domains {
		name := domainname.Name("d" + strconv.Itoa(i) + ".com")
		r.names = append(r.names, name)
		r.domains[name] = &holding{holdable: i/len(accounts)%2 == 0, holds: make(map[string]bool), facts: push.DomainFacts{
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
	r.w.books.arrives(known.move)
	held.facts.Account, held.by = known.move.To, known.move.OperationID
	if known.move.VoidAuthCode {
		held.facts.AuthCodeIssuedAt, held.password, held.passwordOf = time.Time{}, "", ""
	}
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

// echo reports a move as the registrar reports any move, with more or less detail (F19),
// and often that it has changed the registrant with it.
func (r *registry) echo(move registrar.Move) {
	if r.w.chance(50) {
		r.report(registrar.Event{Kind: registrar.KindRegistrantChanged, Domain: move.Domain, OperationID: move.OperationID})
	}
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
	r.issued[event.ID], r.echoes[event.ID] = true, event.OperationID != ""
	r.untaken = append(r.untaken, event)
	return event.ID
}

// kinds of events, of those that are triggers and of others.
var kinds = []string{
	registrar.KindDeleted, registrar.KindTransferredOut, registrar.KindTransferOutStarted, registrar.KindAccountMoved,
	registrar.KindRegistrantChanged, registrar.KindBlacklisted, registrar.KindAccountMoveLocked,
	registrar.KindAuthCodeIssued, registrar.KindPolicyViolation, registrar.KindRestricted, registrar.KindExpired, registrar.KindOnSale,
}

// happens is something that the registrar does to a domain, whoever holds it.
func (r *registry) happens(name domainname.Name) {
	r.change(r.domains[name], kinds[r.w.random.IntN(len(kinds))])
}

// change makes the facts of a domain what they are after an event, and mostly reports it:
// now and then under a name that nobody knows, or not at all.
func (r *registry) change(held *holding, kind string) {
	facts := &held.facts
	event := registrar.Event{Kind: kind, Domain: facts.Domain}
	switch kind {
	case registrar.KindDeleted:
		facts.Exists, facts.Account = false, ""
	case registrar.KindTransferredOut:
		facts.RegistrarOK, facts.Pending = false, nil
	case registrar.KindTransferOutStarted:
		facts.RegistrarOK, facts.Pending = false, []string{"transfer_out"}
	case registrar.KindAccountMoved:
		event.From = facts.Account
		for facts.Account == event.From {
			facts.Account = accounts[r.w.random.IntN(len(accounts))]
		}
		event.To = facts.Account
	case registrar.KindAccountMoveLocked:
		facts.AccountMoveLocked = true
	case registrar.KindBlacklisted, registrar.KindPolicyViolation:
		facts.Restrictions = []string{kind}
	case registrar.KindRestricted:
		facts.Restrictions = []string{"arbitration"}
	case registrar.KindExpired:
		facts.ExpiresAt = r.w.now
	case registrar.KindOnSale:
		facts.Sale = "auction"
	case registrar.KindAuthCodeIssued:
		facts.AuthCodeIssuedAt = r.w.now
	}
	facts.Revision++
	id := "unreported"
	switch dice := r.w.random.IntN(100); {
	case dice < 10:
	case dice < 20:
		event.Kind = "something_new"
		fallthrough
	default:
		id = r.report(event)
	}
	if kind == registrar.KindAccountMoved || kind == registrar.KindDeleted || kind == registrar.KindTransferredOut {
		held.by = id
	}
	r.w.tracef("registrar: %s of %s (%s), now with %q", kind, facts.Domain, id, facts.Account)
}

// heal makes a domain fit to be sold again, once nobody sells it.
func (r *registry) heal(name domainname.Name) {
	held := r.domains[name]
	if held.facts.Account == "" {
		held.facts.Account, held.by = accounts[r.w.random.IntN(len(accounts))], "registered anew"
	}
	held.facts.Exists, held.facts.RegistrarOK, held.facts.AccountMoveLocked = true, true, false
	held.facts.Pending, held.facts.Restrictions, held.facts.Sale = nil, nil, "none"
	held.facts.ExpiresAt = start.AddDate(9, 0, 0)
	held.facts.Revision++
}

// lands lets an order arrive that its caller has given up on.
func (r *registry) lands(i int) {
	late := r.underway[i]
	r.underway = slices.Delete(r.underway, i, i+1)
	r.w.tracef("an order of long ago arrives: %s", late.domain)
	late.arrive()
}

// done reports whether an operation brought its domain to an account.
func (r *registry) done(id, to string) bool {
	known, is := r.operations[id]
	return is && known.result.State == registrar.MoveDone && known.move.To == to
}
