package simulation

import (
	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/listing"
	"github.com/pushledger/pushledger/aggregates/money"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/eventstore"
	"github.com/pushledger/pushledger/sagas/registrar"
)

// books is what the log says, read without the rules under test: one record a push.
type books struct {
	w        *world
	pushes   map[string]*record
	order    []*record // as they were offered
	holder   map[domainname.Name]string
	commands map[string][]string // of a push, carried out
	byMove   map[string]*record  // by the operations that move its domains to the buyer
	byHold   map[string]*record  // by the operations that hold its domains
}

// record is one push by its events.
type record struct {
	id        string
	offeredIn uint64 // sequence of its first event
	offered   push.Offered
	accepted  push.Accepted
	status    push.Status
	paid      *push.Paid
	returns   *push.ReturnStarted
	ended     *push.Invalidated
	refund    *push.RefundRequested
	payout    *push.PayoutRequested
	strays    []push.StrayReceived
	closed    bool // its trade can never be paid any more
	lines     []domainLine
	refused   map[string]string    // what needs a person: number or domain → the partner's code
	acted     map[string]bool      // domains of which a person must decide because of the buyer's act
	untold    bool                 // a person must find out from where its money came
	actedIn   int                  // act in which that was recorded first
	feeOnly   bool                 // its seller is paid, and the fee was refused
	byHand    bool                 // an operator has decided where a domain or the money goes
	outByHand money.Fen            // what a person has paid the seller
	feeByHand money.Fen            // what a person has collected from the seller, whom the provider gave all
	balance   map[string]money.Fen // of the journal, by account
	told      push.Share           // what the statements of the parties come to
}

// domainLine is one domain of a push, with the numbers of its moves.
type domainLine struct {
	domain      domainname.Name
	there, back string // numbers of the operations
	hold        string // number of its hold
	moved       bool
	returned    bool
}

func newBooks(w *world) *books {
	return &books{
		w: w, pushes: make(map[string]*record), holder: make(map[domainname.Name]string), commands: make(map[string][]string),
		byMove: make(map[string]*record), byHold: make(map[string]*record),
	}
}

// enter takes one event of the log in and holds it against the partners' books.
func (b *books) enter(recorded eventstore.Recorded) {
	id := recorded.Stream.Key
	switch event := recorded.Event.(type) {
	case listing.Reserved:
		b.reserved(domainOf(recorded.Stream), event.PushID)
	case listing.Released:
		b.released(domainOf(recorded.Stream), event.PushID)
	case push.Event:
		b.w.tracef("log %d: %s %s %s", recorded.Sequence, id, recorded.Type, recorded.Body)
		if recorded.Metadata.CommandHash != "" {
			b.commands[id] = append(b.commands[id], recorded.Metadata.CommandID)
		}
		b.happened(recorded, event)
	}
	if known, is := b.pushes[id]; is && recorded.Last {
		b.holds(known)
	}
}

func domainOf(stream eventstore.StreamID) domainname.Name {
	name, err := domainname.FromToken(stream.Key)
	if err != nil {
		return domainname.Name(stream.Key)
	}
	return name
}

func (b *books) reserved(name domainname.Name, id string) {
	if holder := b.holder[name]; holder != "" {
		b.w.violate(oneLivePush, "%s is held by %s and reserved by %s", name, holder, id)
	}
	b.holder[name] = id
}

func (b *books) released(name domainname.Name, id string) {
	if holder := b.holder[name]; holder != id {
		b.w.violate(oneLivePush, "%s is held by %q and released by %s", name, holder, id)
	}
	b.holder[name] = ""
}

// holds checks that a live push holds all its domains and an ended one none.
func (b *books) holds(known *record) {
	for _, line := range known.lines {
		if holds := b.holder[line.domain] == known.id; holds != known.status.Live() {
			b.w.violate(endedHoldsNothing, "%s is %s and holds %s: %t", known.id, known.status, line.domain, holds)
		}
	}
}

func (b *books) happened(recorded eventstore.Recorded, event push.Event) {
	id := recorded.Stream.Key
	known, exists := b.pushes[id]
	if !exists {
		known = &record{id: id, offeredIn: recorded.Sequence, refused: make(map[string]string), acted: make(map[string]bool), balance: make(map[string]money.Fen)}
		b.pushes[id] = known
		b.order = append(b.order, known)
	}
	b.judge(known, event)
	if _, is := event.(push.BuyerActed); is && len(known.acted) == 0 {
		known.actedIn = b.w.at
	}
	for _, posting := range push.Postings(id, event) {
		known.balance[posting.From] -= posting.Amount
		known.balance[posting.To] += posting.Amount
		if !push.Outside(posting.From) && known.balance[posting.From] < 0 {
			b.w.violate(journal, "%s: %s takes %s out of %s", id, event.EventType(), posting.Amount, posting.From)
		}
	}
	known.evolve(event)
	b.states(known, push.ShareOf(push.Postings(id, event)))
	if _, first := event.(push.Offered); first {
		for _, line := range known.lines {
			b.byMove[line.there], b.byHold[line.hold] = known, known
		}
	}
}

// states holds the statements of both parties against the journal.
func (b *books) states(known *record, change push.Share) {
	known.told.Seller += change.Seller
	known.told.Buyer += change.Buyer
	own := push.Share{
		Seller: known.balance[push.PayableAccount(known.offered.Seller)],
		Buyer:  known.balance[push.EscrowAccount(known.id)] + known.balance[push.RefundDueAccount(known.offered.Buyer)],
	}
	for _, stray := range known.strays {
		own.Buyer += known.balance[push.SuspenseAccount(stray.TradeNo)]
	}
	if known.told != own {
		b.w.violate(statements, "%s: told %+v, held %+v", known.id, known.told, own)
	}
}

// evolve notes what the invariants need.
func (r *record) evolve(event push.Event) {
	switch event := event.(type) {
	case push.Offered:
		r.offered, r.status = event, push.StatusOffered
		for _, item := range event.Items {
			r.lines = append(r.lines, domainLine{
				domain: item.Domain, there: push.MoveNo(r.id, item.Domain), back: push.ReturnNo(r.id, item.Domain, 0),
				hold: push.HoldNo(r.id, item.Domain),
			})
		}
	case push.Accepted:
		r.accepted, r.status = event, push.StatusAccepted
	case push.Paid:
		r.paid, r.status, r.untold = &event, push.StatusPaid, false
	case push.Withdrawn:
		r.status = push.StatusWithdrawn
	case push.Declined:
		r.status = push.StatusDeclined
	case push.Expired:
		r.status = push.StatusExpired
	case push.Invalidated:
		r.status, r.ended, r.untold = push.StatusInvalidated, &event, false
	case push.Completed:
		r.status = push.StatusCompleted
		clear(r.acted)
	case push.Refunded:
		r.status = push.StatusRefunded
		delete(r.refused, event.RequestNo)
	case push.StrayRefunded:
		delete(r.refused, event.RequestNo)
	case push.PaymentClosed:
		r.closed = true
	case push.StrayReceived:
		r.strays = append(r.strays, event)
		r.untold = r.untold || event.Cause == push.StraySourcesUntold
	case push.DomainMoved:
		for i := range r.lines {
			r.lines[i].moved = r.lines[i].moved || r.lines[i].domain == event.Domain
		}
	case push.BuyerActed:
		r.acted[string(event.Domain)] = true
	case push.SettledByHand:
		delete(r.acted, string(event.Domain))
		r.byHand = r.byHand || event.Step == push.StepReturn || event.Decision == push.DecisionRefundBuyer
	case push.ReturnStarted:
		r.returns = &event
		clear(r.acted) // each is looked for
	case push.DomainReturned:
		delete(r.refused, string(event.Domain))
		for i := range r.lines {
			r.lines[i].returned = r.lines[i].returned || r.lines[i].domain == event.Domain && event.Place == push.PlaceReturned
		}
	case push.DomainReturnRefused:
		r.refused[string(event.Domain)] = event.Code
	case push.RefundRequested:
		r.refund = &event
	case push.RefundRefused:
		r.refused[event.RequestNo] = event.Code
	case push.PayoutRequested:
		r.payout = &event
		clear(r.acted) // all have arrived
	case push.PaidOut:
		delete(r.refused, event.PayoutNo)
		if event.To == push.ByHandAccount {
			r.outByHand = event.Amount
		}
		if event.FeeFrom == push.ByHandAccount {
			r.feeByHand = event.Fee
		}
	case push.PayoutRefused:
		r.refused[event.PayoutNo], r.feeOnly = event.Code, event.FeeOnly
	case push.RetryOrdered:
		if r.payout != nil && event.Step == push.StepPayout {
			delete(r.refused, r.payout.PayoutNo)
		}
	case push.PayoutRenumbered:
		delete(r.refused, event.From)
		renumbered := *r.payout
		renumbered.PayoutNo = event.PayoutNo
		r.payout = &renumbered
	default: // nothing that an invariant asks about
	}
}

// delivered reports whether every domain of the push was moved to the buyer.
func (r *record) delivered() bool {
	for _, line := range r.lines {
		if !line.moved {
			return false
		}
	}
	return true
}

// someLive is one of the newest pushes that have not ended, or any id.
func (b *books) someLive() string {
	for try := 1; try <= 4 && try <= len(b.order); try++ {
		known := b.order[len(b.order)-try]
		if known.status.Live() && b.w.chance(50) {
			return known.id
		}
	}
	return "p1"
}

// heard checks that an event of the registrar that has been taken is not ignored (F18). What
// the buyer has done with a domain that had arrived is no trigger, but stops the push (B5).
func (b *books) heard(event registrar.Event, before uint64) {
	known, held := b.pushes[b.holder[event.Domain]]
	switch {
	case !held || known.returns != nil || known.delivered() || event.At.Before(known.offered.CheckedAt):
	case !push.IsTrigger(event.Kind) || event.OperationID != "":
	case event.Kind == registrar.KindAccountMoved && (known.paid != nil || event.To == known.offered.Seller):
	case before < known.offeredIn:
	case push.IsByHolder(event.Kind) && known.arrived(b.w, event.Domain):
	default:
		b.w.violate(eventIgnored, "%s of %s, which %s holds", event.Kind, event.Domain, known.id)
	}
}

// arrived reports whether a domain of the push was brought to its buyer.
func (r *record) arrived(w *world, name domainname.Name) bool {
	for _, line := range r.lines {
		if line.domain == name {
			return w.registry.done(line.there, r.offered.Buyer)
		}
	}
	return false
}
