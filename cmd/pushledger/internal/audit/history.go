// Package audit verifies, replays and compares the ledger for somebody who trusts none of
// its parts. It reads the log of a running service through a door of its own, that of a
// stopped one from its files, or an exported bundle, and always in the same way.
package audit

import (
	"fmt"
	"maps"
	"slices"

	"github.com/pushledger/pushledger/aggregates/daybill"
	"github.com/pushledger/pushledger/aggregates/listing"
	"github.com/pushledger/pushledger/aggregates/money"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/eventstore"
	"github.com/pushledger/pushledger/eventstore/transparency"
	"github.com/pushledger/pushledger/sagas/ledger"
)

// History replays the ledger change by change and holds it against the rules: whether a
// decision of theirs could have led to each change, whether every domain is with at most
// one live push at any instant (P8, L6), and whether the money adds up.
type History struct {
	// partial histories begin in the middle; pushes offered before are left out.
	partial  bool
	pushes   map[string]push.State
	domains  map[string]string        // the live push that holds a domain, by the domain's stream key
	bills    map[string]daybill.State // by day
	balances map[string]money.Fen
	change   []eventstore.Recorded // the one that is not whole yet
}

// NewHistory starts from nothing. A partial one starts behind the beginning of the log.
func NewHistory(partial bool) *History {
	return &History{
		partial: partial, pushes: make(map[string]push.State),
		domains: make(map[string]string), bills: make(map[string]daybill.State), balances: make(map[string]money.Fen),
	}
}

// Add takes the next event. What breaks a rule is *transparency.Damage.
func (h *History) Add(recorded eventstore.Recorded) error {
	h.change = append(h.change, recorded)
	if !recorded.Last {
		return nil
	}
	whole := h.change
	h.change = h.change[:0]
	return h.apply(whole)
}

// Finish is called after the last event.
func (h *History) Finish() error {
	if len(h.change) > 0 {
		return broken(h.change[0], "the change that it begins never ends")
	}
	return nil
}

func broken(at eventstore.Recorded, format string, arguments ...any) error {
	return &transparency.Damage{Sequence: at.Sequence, Reason: fmt.Sprintf(format, arguments...)}
}

// apply takes one whole change: that of a bill, or domains first and then the push they
// belong to.
func (h *History) apply(change []eventstore.Recorded) error {
	if change[0].Stream.Kind == ledger.BillKind {
		return h.applyBill(change)
	}
	split := 0
	for split < len(change) && change[split].Stream.Kind == domainKind {
		split++
	}
	domains, own := change[:split], change[split:]
	if len(own) == 0 {
		return broken(change[0], "a domain changed hands without a push")
	}
	id := own[0].Stream.Key
	events := make([]push.Event, len(own))
	for i, recorded := range own {
		event, is := recorded.Event.(push.Event)
		if !is || recorded.Stream != ledger.PushStream(id) || recorded.Metadata != own[0].Metadata {
			return broken(recorded, "%s does not belong to the change of push %s", recorded.Type, id)
		}
		events[i] = event
	}
	before, known := h.pushes[id]
	if _, offered := events[0].(push.Offered); h.partial && !known && !offered {
		return nil
	}
	before = withReversed(before, events[0])
	if err := retrace(before, id, own[0].Metadata.Actor, events); err != nil {
		return broken(own[0], "push %s: %v", id, err)
	}
	after := before
	for _, event := range events {
		after = push.Evolve(after, event)
	}
	if err := h.move(own[0], before, after, domains); err != nil {
		return err
	}
	if err := h.post(id, after, own, events); err != nil {
		return err
	}
	if !after.Status.Live() { // nothing but a reversed move asks for these any more, and there may be millions
		after.Lines, after.Remark = reversed(after.Lines), ""
	}
	h.pushes[id] = after
	return nil
}

// withReversed gives an ended push the line back of which an event tells that its move was
// taken back: the others were forgotten with the end.
func withReversed(state push.State, event push.Event) push.State {
	taken, is := event.(push.MoveReversed)
	if _, known := state.Line(taken.Domain); !is || known || state.Status.Live() {
		return state
	}
	state.Lines = append(slices.Clip(state.Lines), push.Line{Item: push.Item{Domain: taken.Domain}})
	return state
}

// reversed are the lines of a delivered push of which the registrar has taken moves back.
func reversed(lines []push.Line) []push.Line {
	var taken []push.Line
	for _, line := range lines {
		if line.ReversedTo != "" {
			taken = append(taken, line)
		}
	}
	return taken
}

var domainKind = ledger.DomainStream("").Kind

// move holds the reservations and releases of a change against the life of its push.
func (h *History) move(own eventstore.Recorded, before, after push.State, changed []eventstore.Recorded) error {
	id := own.Stream.Key
	reserve := !before.Status.Live() && after.Status.Live()
	release := before.Status.Live() && !after.Status.Live()
	expected := make(map[string]bool)
	if reserve || release {
		for _, line := range after.Lines {
			expected[ledger.DomainStream(line.Registration()).Key] = true
		}
	}
	for _, recorded := range changed {
		key := recorded.Stream.Key
		if !expected[key] {
			return broken(recorded, "push %s has no business with domain %s here", id, key)
		}
		delete(expected, key)
		holder := h.domains[key]
		switch event := recorded.Event.(type) {
		case listing.Reserved:
			if !reserve || event.PushID != id || holder != "" {
				return broken(recorded, "push %s reserves domain %s, which push %q holds", id, key, holder)
			}
			h.domains[key] = id
		case listing.Released:
			if !release || event.PushID != id || holder != id {
				return broken(recorded, "push %s releases domain %s, which push %q holds", id, key, holder)
			}
			delete(h.domains, key)
		default:
			return broken(recorded, "%s is no event of a domain", recorded.Type)
		}
	}
	for key := range expected {
		return broken(own, "push %s did not take domain %s along", id, key)
	}
	return nil
}

// post carries the money of a change into the books. An ended push has nothing left in
// escrow, and statements tell what the journal tells.
func (h *History) post(id string, after push.State, own []eventstore.Recorded, events []push.Event) error {
	var postings []push.Posting
	for _, event := range events {
		postings = append(postings, push.Postings(id, event)...)
	}
	if err := h.carry(own[0], postings); err != nil {
		return err
	}
	if len(postings) > 0 {
		if err := checkStatements(id, after, postings); err != nil {
			return broken(own[0], "push %s: %v", id, err)
		}
	}
	if left := h.balances[push.EscrowAccount(id)]; left != 0 && !after.Status.Live() {
		return broken(own[0], "push %s has ended as %s with %s in escrow", id, after.Status, left)
	}
	return nil
}

// Summary is where everything stands after the events that were added.
type Summary struct {
	Pushes   int               `json:"pushes"`
	Statuses map[string]int    `json:"statuses"` // number of pushes by status
	Domains  int               `json:"domains"`  // held by live pushes
	Open     int               `json:"open"`     // pushes for which something has to be done now or later
	Balances map[string]string `json:"balances"` // in yuan, of every account that is not empty
	Sum      string            `json:"sum"`      // of all balances
}

// Summary sums up.
func (h *History) Summary() Summary {
	summary := Summary{
		Pushes: len(h.pushes), Domains: len(h.domains),
		Statuses: make(map[string]int), Balances: make(map[string]string),
	}
	for state := range maps.Values(h.pushes) {
		summary.Statuses[string(state.Status)]++
		if len(push.Next(state)) > 0 {
			summary.Open++
		}
	}
	var sum money.Fen
	for account, balance := range h.balances {
		sum += balance
		summary.Balances[account] = balance.String()
	}
	summary.Sum = sum.String()
	return summary
}
