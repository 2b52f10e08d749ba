package push

import (
	"time"

	"github.com/pushledger/pushledger/aggregates/domainname"
)

// HoldOutcome is what came of having the registrar hold one domain.
type HoldOutcome struct {
	Domain domainname.Name
	Held   bool
	Code   string // why it cannot be delivered; empty when Held, and where it can be delivered unheld
	Cause  string // CauseHold if the registrar refused to hold it, CauseCheck if facts say why
}

// DecideHoldStarted records the intention to hold, for a purchase whose delivery began
// before there were holds.
func DecideHoldStarted(state State, now time.Time) []Event {
	if state.Status != StatusPaid || state.Delivery != StageDelivering || state.Hold != HoldNone {
		return nil
	}
	return []Event{HoldStarted{At: now}}
}

// DecideHolds records what came of holding the domains of the push (rule B4). outcomes has
// one for each domain, or the one that was refused. A domain that the registrar refuses to
// hold cannot be delivered (rule B2), unless it is with the buyer already.
func DecideHolds(state State, outcomes []HoldOutcome, now time.Time) []Event {
	if state.Status != StatusPaid || state.Delivery != StageDelivering || state.Hold != HoldOrdered {
		return nil
	}
	known := 0
	var held []domainname.Name
	for _, outcome := range outcomes {
		line, is := state.Line(outcome.Domain)
		if !is {
			continue
		}
		known++
		switch {
		case outcome.Held:
			held = append(held, line.Domain)
		case outcome.Code != "" && line.Delivery == DeliveryMoving:
			return []Event{ReturnStarted{
				At: now, Code: outcome.returnCode(), Domain: line.Domain, Cause: Cause{Kind: outcome.Cause, Detail: outcome.Code},
			}}
		}
	}
	if known < len(state.Lines) {
		return nil // the others are asked for again
	}
	return []Event{DomainsHeld{At: now, Held: held}}
}

// returnCode keeps the code of facts; a registrar's own code is the detail of hold_refused.
func (o HoldOutcome) returnCode() string {
	if o.Cause == CauseCheck {
		return o.Code
	}
	return CodeHoldRefused
}

// DecideReleased records that the registrar holds no domain of an ended push any more.
func DecideReleased(state State, now time.Time) []Event {
	if !owesRelease(state) {
		return nil
	}
	return []Event{HoldsReleased{At: now}}
}

// owesRelease reports whether the push has ended while a domain may still be held for it.
func owesRelease(state State) bool {
	return !state.Status.Live() && (state.Hold == HoldOrdered || state.Hold == HoldPlaced)
}
