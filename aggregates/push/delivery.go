package push

import (
	"cmp"
	"time"

	"github.com/pushledger/pushledger/aggregates"
	"github.com/pushledger/pushledger/aggregates/domainname"
)

// MoveOutcome is what came of moving one domain to the buyer.
type MoveOutcome struct {
	Domain   domainname.Name
	Moved    bool
	Revision uint64
	Code     string // why it was refused for good, when not Moved
	Cause    string // CauseMove or CauseCheck, when not Moved
}

// CheckMove decides whether a domain of the push may be moved now, by facts read just
// before: ownership, locks, expiry and other sales once more (rule L7), and a transfer
// password obtained since the push was published (rule I6). An empty code means yes.
func CheckMove(state State, facts DomainFacts, now time.Time) string {
	if AuthCodeSinceOffer(state, facts) {
		return CodeAuthCodeIssued
	}
	return deliverable(facts, state.Seller, now)
}

// AuthCodeSinceOffer reports whether the transfer password of a domain was obtained since the
// push was published (rule I6), and not voided after that.
func AuthCodeSinceOffer(state State, facts DomainFacts) bool {
	return authCodeSince(facts, state.CheckedAt)
}

// authCodeSince reports whether the transfer password of a domain was obtained since then.
func authCodeSince(facts DomainFacts, then time.Time) bool {
	return !facts.AuthCodeIssuedAt.IsZero() && !stale(facts.AuthCodeIssuedAt, then)
}

// DecideMoves records what came of moves. The last domain to arrive leads on to the
// payout, or at a total of 0 to completion; the first that was refused for good makes
// everything go back (rule B2).
func DecideMoves(state State, outcomes []MoveOutcome, now time.Time) []Event {
	var events []Event
	var refused *MoveOutcome
	after := state
	for i, outcome := range outcomes {
		line, known := after.Line(outcome.Domain)
		if !known || after.Delivery != StageDelivering || line.Delivery != DeliveryMoving {
			continue
		}
		event := Event(DomainMoved{At: now, Domain: outcome.Domain, Revision: outcome.Revision})
		if !outcome.Moved {
			event = DomainMoveRefused{At: now, Domain: outcome.Domain, Code: outcome.Code}
			refused = cmp.Or(refused, &outcomes[i])
		}
		events, after = append(events, event), Evolve(after, event)
	}
	switch {
	case len(events) > 0 && after.Delivery == StageDelivered:
		return append(events, settle(after, now)...)
	case refused != nil:
		started := ReturnStarted{
			At: now, Code: returnCode(*refused), Domain: refused.Domain,
			Cause: Cause{Kind: refused.Cause, Detail: refused.Code},
		}
		return append(append(events, started), undone(Evolve(after, started), now)...)
	}
	return events
}

// DecideDelivery is DecideHolds, and then DecideMoves on what that has made of the push:
// what came of holds and of the moves that followed them is recorded together.
func DecideDelivery(state State, holds []HoldOutcome, moves []MoveOutcome, now time.Time) []Event {
	held := DecideHolds(state, holds, now)
	return append(held, DecideMoves(aggregates.Fold(state, Evolve, held...), moves, now)...)
}

// settle starts the payout of a delivered push, or completes one without money.
func settle(state State, now time.Time) []Event {
	if state.Total == 0 {
		return []Event{Completed{At: now}}
	}
	fee := state.FeeRate.Of(state.Total)
	return []Event{PayoutRequested{
		At: now, Seller: state.Seller, PayoutNo: PayoutNo(state.ID), Amount: state.Total - fee, Fee: fee,
	}}
}

// returnCode keeps the codes of the check before a move; a registrar's own code is
// the detail of move_refused.
func returnCode(outcome MoveOutcome) string {
	if outcome.Cause == CauseCheck {
		return outcome.Code
	}
	return CodeMoveRefused
}

// ReturnOutcome is what came of bringing one domain back.
type ReturnOutcome struct {
	Domain   domainname.Name
	Place    Place  // where it is now; empty when the return was refused
	Code     string // why it was refused
	Revision uint64
	// Reached says that it had been with the buyer: if it is gone now, then by the buyer's
	// act, and no refund follows by itself (rule B5).
	Reached bool
	ByHand  bool // a person has said where it is
}

// DecideReturns records where domains of a failed push came to rest. Once none is on
// its way or with the buyer the push ends, and the buyer's money goes back (rule B2).
// A domain that was stuck is settled by the place where a person has put it.
func DecideReturns(state State, outcomes []ReturnOutcome, now time.Time) []Event {
	var events []Event
	after := state
	for _, outcome := range outcomes {
		line, known := after.Line(outcome.Domain)
		if !known || after.Delivery != StageReturning || !awaits(line, outcome) {
			continue
		}
		event := Event(DomainReturned{At: now, Domain: outcome.Domain, Place: outcome.Place, Revision: outcome.Revision})
		switch {
		case outcome.Place == "":
			event = DomainReturnRefused{At: now, Domain: outcome.Domain, Code: outcome.Code}
		case outcome.Place.Gone() && !outcome.ByHand && !line.Forgone && (outcome.Reached || reached(state, line)):
			event = DomainReturnRefused{At: now, Domain: outcome.Domain, Code: CodeBuyerActed}
		}
		events, after = append(events, event), Evolve(after, event)
	}
	return append(events, undone(after, now)...)
}

// reached reports whether a domain is on record as having been with the buyer. Of purchases
// that are older than holds it does not count: their history was made by other rules.
func reached(state State, line Line) bool { return !line.MovedAt.IsZero() && state.Hold != HoldNone }

// PlaceOf is where the registrar says that a domain of a failed push is; empty while it is
// with the buyer.
func PlaceOf(state State, facts DomainFacts) Place {
	left := !facts.RegistrarOK && len(facts.Pending) == 0 // for good: nothing is pending that could still fail
	switch {
	case !facts.Exists:
		return PlaceDeleted
	case left:
		return PlaceTransferredOut
	case facts.Account == state.Seller:
		return PlaceReturned
	case facts.Account == state.Buyer:
		return ""
	default:
		return PlaceGone
	}
}

// awaits reports whether an outcome is news of a line.
func awaits(line Line, outcome ReturnOutcome) bool {
	return line.Delivery == DeliveryReturning || line.Delivery == DeliveryStuck && outcome.Place != ""
}

// undone ends a failed push once every domain is at rest.
func undone(state State, now time.Time) []Event {
	if state.Status != StatusPaid || state.Delivery != StageReturning || !atRest(state) {
		return nil
	}
	events := []Event{Invalidated{At: now, Code: state.Return.Code, Domain: state.Return.Domain, Cause: state.Return.Cause}}
	if state.Total > 0 {
		events = append(events, RefundRequested{
			At: now, Buyer: state.Buyer, TradeNo: state.Payment.TradeNo,
			RequestNo: RefundNo(state.ID, state.Payment.TradeNo), Amount: state.Total,
		})
	}
	return events
}

// atRest reports whether every domain of a failed push is with the seller or gone.
func atRest(state State) bool {
	for _, line := range state.Lines {
		switch line.Delivery {
		case DeliveryReturned, DeliveryKept, DeliveryGone:
		default:
			return false
		}
	}
	return true
}
