package push_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/push"
)

// The registrar's events that end a push, with the rule and the code of the end.
var triggers = map[string]struct{ rule, code string }{
	"deleted":              {"I1", "domain_gone"},
	"transferred_out":      {"I1", "domain_gone"},
	"transfer_out_started": {"I1", "domain_gone"},
	"account_moved":        {"I2", "account_moved"},
	"registrant_changed":   {"I3", "registrant_changed"},
	"blacklisted":          {"I4", "blacklisted"},
	"account_move_locked":  {"I4", "account_move_locked"},
	"restricted":           {"I4", "publishing_restricted"},
	"auth_code_issued":     {"I6", "auth_code_issued"},
	"policy_violation":     {"I7", "policy_violation"},
}

func TestI1toI7EveryTriggerAtEveryStage(t *testing.T) {
	for name, state := range situations(t) {
		for kind, trigger := range triggers {
			t.Run(trigger.rule+" "+kind+", "+name, func(t *testing.T) {
				event := report(kind, beta)
				event.To = stranger
				cause := push.Cause{Kind: push.CauseRegistrarEvent, EventID: "e-1", Detail: kind}

				events := push.DecideReport(state, event, noon)

				switch {
				case state.Status == push.StatusOffered || state.Status == push.StatusAccepted:
					require.Equal(t, []push.Event{push.Invalidated{At: noon, Code: trigger.code, Domain: beta, Cause: cause}}, events)
					ended := after(state, events)
					require.Equal(t, push.StatusInvalidated, ended.Status)
					require.Equal(t, trigger.code, ended.EndReason)
					require.Equal(t, beta, ended.EndDomain)
				case state.Delivery == push.StageDelivering:
					require.Equal(t, []push.Event{push.ReturnStarted{At: noon, Code: trigger.code, Domain: beta, Cause: cause}}, events)
					require.Equal(t, push.StatusPaid, after(state, events).Status)
				default:
					require.Empty(t, events)
				}
			})
		}
	}
}

func TestTriggersAreThoseOfTheTable(t *testing.T) {
	for kind := range triggers {
		require.True(t, push.IsTrigger(kind), kind)
	}
	for _, kind := range []string{"", "renewed", "Deleted", "taken_down", "expired", "on_sale"} {
		require.False(t, push.IsTrigger(kind), kind)
		require.Empty(t, push.DecideReport(given(t, offered), report(kind, alpha), noon))
	}
}

func TestAReportOfADomainOutsideThePushChangesNothing(t *testing.T) {
	require.Empty(t, push.DecideReport(given(t, offered), report("deleted", "other.com"), noon))
}

func TestAReportSeenTwiceWorksOnce(t *testing.T) {
	for _, steps := range [][]step{
		{offered, reported("deleted", alpha)},
		{offered, accepted, paid, reported("deleted", alpha)},
	} {
		require.Empty(t, push.DecideReport(given(t, steps...), report("deleted", alpha), noon))
	}
}

// What happened before the registrar was asked was part of its answer.
func TestAReportOlderThanTheFactsIsStale(t *testing.T) {
	state := given(t, offered) // checked half a microsecond after noon
	for name, test := range map[string]struct {
		at    time.Time
		stale bool
	}{
		"before":                       {noon.Add(-1), true},
		"the same instant":             {noon, false},
		"after":                        {noon.Add(1), false},
		"the same second, no fraction": {noon.Truncate(time.Second), false},
		"the second before":            {noon.Truncate(time.Second).Add(-time.Second), true},
	} {
		t.Run(name, func(t *testing.T) {
			event := report("auth_code_issued", alpha)
			event.At = test.at
			require.Equal(t, test.stale, len(push.DecideReport(state, event, noon)) == 0)
		})
	}
}

func TestI2TheMoveThatThePushOrderedIsNoTrigger(t *testing.T) {
	paidFor := []step{offered, accepted, opened, paid}
	undoing := append(paidFor[:4:4], moved(alpha), moveRefused(beta))
	for name, test := range map[string]struct {
		given         []step
		operation, to string
		own           bool
	}{
		"its operation":                     {paidFor, push.MoveNo("p-1", alpha), buyer, true},
		"its operation, account unsaid":     {paidFor, push.MoveNo("p-1", alpha), "", true},
		"its operation, after the move":     {append(paidFor[:4:4], moved(alpha)), push.MoveNo("p-1", alpha), buyer, true},
		"its return":                        {undoing, push.ReturnNo("p-1", alpha, 0), seller, true},
		"its operation, to another":         {paidFor, push.MoveNo("p-1", alpha), stranger, false},
		"the operation of another push":     {paidFor, push.MoveNo("p-2", alpha), buyer, false},
		"the operation of another domain":   {paidFor, push.MoveNo("p-1", beta), buyer, false},
		"to the buyer while moving":         {paidFor, "", buyer, true},
		"nothing said while moving":         {paidFor, "", "", true},
		"to a stranger while moving":        {paidFor, "", stranger, false},
		"to a stranger after the move":      {append(paidFor[:4:4], moved(alpha)), "", stranger, false},
		"back to the seller after the move": {append(paidFor[:4:4], moved(alpha)), "", seller, false},
		"to the buyer before payment":       {[]step{offered, accepted}, "", buyer, false},
		"nothing said before payment":       {[]step{offered}, "", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			event := report("account_moved", alpha)
			event.OperationID, event.To = test.operation, test.to
			require.Equal(t, test.own, len(push.DecideReport(given(t, test.given...), event, noon)) == 0)
			if push.IsEcho("p-1", buyer, event) {
				require.True(t, test.own, "what is told without the state must be what the state says")
			}
		})
	}
}

// Many registrars change the registrant with the sale.
func TestI3AChangeOfRegistrantThatTheLedgerOrderedIsNoTrigger(t *testing.T) {
	delivering := []step{offered, accepted, paid}
	for name, test := range map[string]struct {
		operation string
		given     []step
		own       bool
	}{
		"with the move":                 {push.MoveNo("p-1", alpha), delivering, true},
		"after the move":                {push.MoveNo("p-1", alpha), append(delivering[:3:3], moved(alpha)), true},
		"with the return":               {push.ReturnNo("p-1", alpha, 0), append(delivering[:3:3], moved(alpha), moveRefused(beta)), true},
		"with another push's move":      {push.MoveNo("p-2", alpha), delivering, false},
		"with another domain's move":    {push.MoveNo("p-1", beta), delivering, false},
		"of which no operation is told": {"", delivering, false},
	} {
		t.Run(name, func(t *testing.T) {
			event := report("registrant_changed", alpha)
			event.OperationID = test.operation
			require.Equal(t, test.own, len(push.DecideReport(given(t, test.given...), event, noon)) == 0)
			if push.IsEcho("p-1", buyer, event) {
				require.True(t, test.own, "what is told without the state must be what the state says")
			}
		})
	}
}

func TestI2OnlyAMoveOrAChangeOfRegistrantCanBeAnEcho(t *testing.T) {
	event := report("auth_code_issued", alpha)
	event.OperationID = push.MoveNo("p-1", alpha)
	require.NotEmpty(t, push.DecideReport(given(t, offered, accepted, paid), event, noon))
}

func TestI5ATriggerAfterTheEndOfAnOfferFindsItExpired(t *testing.T) {
	state := given(t, offered)
	events := push.DecideReport(state, report("deleted", alpha), state.ExpiresAt)
	require.Equal(t, []push.Event{push.Expired{At: state.ExpiresAt, Reason: push.ExpiryValidity}}, events)
}

func TestATriggerOnOneDomainEndsTheWholePush(t *testing.T) {
	state := given(t, offered, accepted, paid, moved(alpha), reported("blacklisted", gamma))
	require.Equal(t, []domainname.Name{alpha, beta, gamma}, state.At(push.DeliveryReturning))
	require.Equal(t, &push.Return{
		Code: "blacklisted", Domain: gamma,
		Cause: push.Cause{Kind: push.CauseRegistrarEvent, EventID: "e-1", Detail: "blacklisted"},
	}, state.Return)
}
