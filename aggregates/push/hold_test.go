package push_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/push"
)

var everyDomain = []domainname.Name{alpha, beta, gamma}

func TestB4HoldsAreOrderedWithTheDeliveryAndRecordedBeforeTheMoves(t *testing.T) {
	state := given(t, offered, accepted, paid)
	require.Equal(t, push.HoldOrdered, state.Hold)
	require.Equal(t, []push.Event{
		push.DomainsHeld{At: noon, Held: everyDomain},
		push.DomainMoved{At: noon, Domain: beta, Revision: 2},
	}, push.DecideDelivery(state, holds(state, everyDomain...), arrivals(beta), noon))
}

func TestB4APurchaseThatIsOlderThanHoldsOrdersThemFirst(t *testing.T) {
	state := given(t, offered, accepted)
	state = after(state, []push.Event{push.Paid{At: noon, Amount: total}, push.DeliveryStarted{At: noon}, push.DomainMoved{At: noon, Domain: alpha}})
	require.Equal(t, []push.Step{{Kind: push.StepDeliver}}, push.Next(state))
	started := push.DecideHoldStarted(state, noon)
	require.Equal(t, []push.Event{push.HoldStarted{At: noon}}, started)
	state = after(state, started)
	require.Empty(t, push.DecideHoldStarted(state, noon), "once")

	outcomes := holds(state, beta, gamma)
	outcomes[0].Code, outcomes[0].Cause = "transfer_under_way", push.CauseHold // the buyer has begun something with what it has
	require.Equal(t, []push.Event{push.DomainsHeld{At: noon, Held: []domainname.Name{beta, gamma}}}, push.DecideHolds(state, outcomes, noon))
}

func TestB4ADomainThatTheRegistrarRefusesToHoldIsNotDelivered(t *testing.T) {
	state := given(t, offered, accepted, paid)
	outcomes := []push.HoldOutcome{{Domain: beta, Code: "transfer_under_way", Cause: push.CauseHold}}
	events := push.DecideDelivery(state, outcomes, nil, noon)
	require.Equal(t, []push.Event{push.ReturnStarted{
		At: noon, Code: push.CodeHoldRefused, Domain: beta, Cause: push.Cause{Kind: push.CauseHold, Detail: "transfer_under_way"},
	}}, events)
	require.Equal(t, everyDomain, after(state, events).At(push.DeliveryReturning))
}

func TestB4FactsThatForbidTheMoveSayWhyItWasNotHeld(t *testing.T) {
	state := given(t, offered, accepted, paid)
	events := push.DecideHolds(state, []push.HoldOutcome{{Domain: beta, Code: push.CodeDomainGone, Cause: push.CauseCheck}}, noon)
	require.Equal(t, push.CodeDomainGone, events[0].(push.ReturnStarted).Code)
}

func TestB4NothingIsRecordedOfHoldsUntilAllAreKnown(t *testing.T) {
	state := given(t, offered, accepted, paid)
	require.Empty(t, push.DecideHolds(state, holds(state, everyDomain...)[:2], noon))
	require.Empty(t, push.DecideHolds(state, nil, noon))
}

func TestB4WhereNothingCanBeHeldNothingIsReleased(t *testing.T) {
	delivered := []step{moved(everyDomain...), completed}
	unheld := given(t, append([]step{offered, accepted, paid, held()}, delivered...)...)
	require.Equal(t, push.HoldUnsupported, unheld.Hold)
	require.Empty(t, push.Next(unheld))

	some := given(t, append([]step{offered, accepted, paid, held(beta)}, delivered...)...)
	require.Equal(t, []push.Step{{Kind: push.StepRelease}}, push.Next(some))
	require.Equal(t, []push.Event{push.HoldsReleased{At: noon}}, push.DecideReleased(some, noon))
	require.Empty(t, push.DecideReleased(given(t, append([]step{offered, accepted, paid, held(beta)}, append(delivered, released)...)...), noon))
}

// An order to hold may be on its way when the push is undone before any was answered.
func TestB4HoldsThatWereOnlyOrderedAreReleasedAtAnyEnd(t *testing.T) {
	undone := given(t, offered, accepted, paid, takenDown, placed(push.PlaceKept, everyDomain...))
	require.Equal(t, push.StatusInvalidated, undone.Status)
	require.Contains(t, push.Next(undone), push.Step{Kind: push.StepRelease})
	require.Empty(t, push.DecideReleased(given(t, offered, accepted, paid), noon), "not before the end")
}

// What a holder can do with a domain by itself, and what the registrar does.
var byHolder = map[string]bool{
	"deleted": true, "transferred_out": true, "transfer_out_started": true, "account_moved": true, "registrant_changed": true, "auth_code_issued": true,
}

func TestB5WhatTheBuyerDoesWithADeliveredDomainStopsThePush(t *testing.T) {
	for kind, trigger := range triggers {
		t.Run(kind, func(t *testing.T) {
			require.Equal(t, byHolder[kind], push.IsByHolder(kind))
			event := report(kind, alpha)
			event.To = stranger
			cause := push.Cause{Kind: push.CauseRegistrarEvent, EventID: "e-1", Detail: kind}
			state := given(t, offered, accepted, paid, moved(alpha))

			events := push.DecideReport(state, event, noon)

			if !byHolder[kind] {
				require.Equal(t, []push.Event{push.ReturnStarted{At: noon, Code: trigger.code, Domain: alpha, Cause: cause}}, events)
				return
			}
			require.Equal(t, []push.Event{push.BuyerActed{At: noon, Domain: alpha, Code: trigger.code, Cause: cause}}, events)
			stopped := after(state, events)
			require.Equal(t, push.StatusPaid, stopped.Status)
			require.Empty(t, push.Next(stopped), "nothing is done by itself")
			require.Empty(t, push.DecideReport(stopped, event, noon), "seen twice")
		})
	}
}

// It comes late: by the time of the act the domain was still with the seller.
func TestB5WhatTheSellerDidBeforeThePaymentIsNoActOfTheBuyer(t *testing.T) {
	state := given(t, offered, accepted, paid, moved(alpha))
	event := report("registrant_changed", alpha)
	state.PaidAt = event.At.Add(time.Minute)
	events := push.DecideReport(state, event, noon)
	require.IsType(t, push.ReturnStarted{}, events[0])
}

// The registrar takes back the very move that the push ordered (fault F43).
func TestB5ADeliveryThatIsTakenBackIsNoActOfTheBuyer(t *testing.T) {
	state := given(t, offered, accepted, paid, moved(alpha))
	event := report("account_moved", alpha)
	event.OperationID, event.To = push.MoveNo(state.ID, alpha), state.Seller
	events := push.DecideReport(state, event, noon)
	require.IsType(t, push.ReturnStarted{}, events[0])
}

func TestB5OnceDecidedForTheSellerTheBuyerStopsThePushNoMore(t *testing.T) {
	state := given(t, offered, accepted, paid, held(), moved(alpha), acted(alpha), decidedFor(push.DecisionPaySeller, alpha))
	for kind := range byHolder {
		event := report(kind, alpha)
		event.To = stranger
		require.Empty(t, push.DecideReport(state, event, noon), kind)
	}
}

func TestB5OnceEveryDomainHasArrivedTheBuyerMayDoAsItLikes(t *testing.T) {
	state := given(t, offered, accepted, paid, moved(alpha), acted(alpha), moved(beta, gamma))
	require.Equal(t, push.StageDelivered, state.Delivery)
	require.Empty(t, push.WorkList(state))
	require.Equal(t, []push.Step{{Kind: push.StepPayout}}, push.Next(state))
}

func TestB5AnOperatorDecidesForTheSeller(t *testing.T) {
	state := given(t, offered, accepted, paid, held(), moved(alpha), acted(alpha), decidedFor(push.DecisionPaySeller, alpha))
	require.Equal(t, []push.Step{{Kind: push.StepDeliver}}, push.Next(state))
	require.Empty(t, push.WorkList(state))
	paidOut := given(t, offered, accepted, paid, held(), moved(alpha), acted(alpha), decidedFor(push.DecisionPaySeller, alpha),
		moved(beta, gamma), completed)
	require.Equal(t, push.StatusCompleted, paidOut.Status)
}

func TestB5AnOperatorDecidesForTheBuyer(t *testing.T) {
	undoing := []step{offered, accepted, paid, held(), moved(alpha), acted(alpha), decidedFor(push.DecisionRefundBuyer, alpha)}
	state := given(t, undoing...)
	require.Equal(t, &push.Return{
		Code: push.CodeBuyerActed, Domain: alpha, Cause: push.Cause{Kind: push.CauseOperator, Actor: operator, Reason: "wired"},
	}, state.Return)
	refunded := given(t, append(undoing, placed(push.PlaceGone, alpha), placed(push.PlaceKept, beta, gamma))...)
	require.Equal(t, push.StatusInvalidated, refunded.Status)
	require.Equal(t, total, refunded.Refund.Amount)
}

// Whatever undoes a push, a domain that was with the buyer and is gone refunds nothing.
func TestB5ADomainThatIsGoneFromTheBuyerWaitsForAPerson(t *testing.T) {
	for name, outcome := range map[string]push.ReturnOutcome{
		"by the record":    {Domain: alpha, Place: push.PlaceGone},
		"by the registrar": {Domain: beta, Place: push.PlaceTransferredOut, Reached: true}, // done, and not recorded
	} {
		t.Run(name, func(t *testing.T) {
			state := given(t, offered, accepted, paid, held(), moved(alpha), moveRefused(gamma))
			events := push.DecideReturns(state, []push.ReturnOutcome{outcome}, noon)
			require.Equal(t, []push.Event{push.DomainReturnRefused{At: noon, Domain: outcome.Domain, Code: push.CodeBuyerActed}}, events)
			stuck := after(state, events)
			require.Equal(t, push.CodeBuyerActed, push.WorkList(stuck)[0].Code)

			command := settle(push.Task{Step: push.StepReturn, Domain: outcome.Domain})
			command.Place = push.PlaceGone
			events, err := push.DecideSettle(stuck, command, push.DomainFacts{Domain: outcome.Domain, Exists: true, RegistrarOK: true, Account: stranger}, noon)
			require.NoError(t, err)
			require.Equal(t, push.DeliveryGone, lineOf(t, after(stuck, events), outcome.Domain).Delivery)
		})
	}
}

func lineOf(t *testing.T, state push.State, name domainname.Name) push.Line {
	t.Helper()
	line, known := state.Line(name)
	require.True(t, known)
	return line
}

func TestB6TwoNamesOfOneRegistrationAreOneDomain(t *testing.T) {
	const simplified, traditional = domainname.Name("xn--fsqu00a.xn--fiqs8s"), domainname.Name("xn--fsqu00a.xn--fiqz9s")
	offer := oneDomain(simplified, 1_00)
	offer.Items = append(offer.Items, push.Item{Domain: traditional, Price: 2_00})
	facts := goodFacts(offer)
	facts.Domains[1].Canonical = simplified
	offer.Items = push.Registered(offer.Items, facts.Domains)
	require.Equal(t, simplified, offer.Items[1].Registration())
	require.Empty(t, offer.Items[0].Canonical, "it is called so itself")

	events, err := push.DecideOffer(push.State{}, offer, facts, noon)
	refusal := refusalOf(t, push.CodeDuplicateDomain, events, err)
	require.Equal(t, []breaks{{traditional, "B3", "duplicate_domain"}}, violations(t, refusal))

	offer.Items, facts.Domains = offer.Items[1:], facts.Domains[1:]
	facts.HeldBy = map[domainname.Name]string{simplified: "p-0"}
	events, err = push.DecideOffer(push.State{}, offer, facts, noon)
	refusal = refusalOf(t, push.CodeAlreadyOnSale, events, err)
	require.Equal(t, []breaks{{traditional, "P8", "already_on_sale"}}, violations(t, refusal))

	facts.HeldBy = nil
	state := given(t, func(p *past) { p.decided(push.DecideOffer(p.state, offer, facts, p.now)) })
	for _, name := range []domainname.Name{simplified, traditional} {
		require.Equal(t, traditional, lineOf(t, state, name).Domain)
		require.NotEmpty(t, push.DecideReport(state, report("deleted", name), noon))
	}
}
