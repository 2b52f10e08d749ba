package audit_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/push"
)

// delivering is a paid push of two domains of which the first is with the buyer.
func (m *market) delivering(id string, holds ...push.HoldOutcome) {
	m.t.Helper()
	m.offer(id, "a.com", "b.com")
	m.accept(id)
	m.pay(id)
	m.record(id, func(state push.State) []push.Event {
		return push.DecideDelivery(state, holds, []push.MoveOutcome{{Domain: "a.com", Moved: true}}, m.now)
	})
}

func unheld(names ...domainname.Name) []push.HoldOutcome {
	outcomes := make([]push.HoldOutcome, len(names))
	for i, name := range names {
		outcomes[i].Domain = name
	}
	return outcomes
}

func (m *market) act(id string) {
	m.t.Helper()
	m.record(id, func(state push.State) []push.Event {
		return push.DecideReport(state, push.Report{EventID: "e", Kind: "account_moved", Domain: "a.com", At: m.now, To: "eve"}, m.now)
	})
}

func (m *market) decide(id string, decision push.Decision) {
	m.t.Helper()
	m.command(id, func(state push.State) ([]push.Event, error) {
		return push.DecideSettle(state, push.Settle{
			Task: push.Task{Step: push.StepBuyerAct, Domain: "a.com"}, Decision: decision, Actor: "olga", Reason: "agreed", Reference: "T-1",
		}, push.DomainFacts{}, m.now)
	})
}

func TestWhatTheBuyerDoesAndAnOperatorDecidesObeysTheRules(t *testing.T) {
	m := newMarket(t)
	for _, id := range []string{"seller", "buyer"} {
		m.delivering(id, unheld("a.com", "b.com")...)
		m.act(id)
		if id == "seller" {
			m.decide(id, push.DecisionPaySeller)
			m.record(id, func(state push.State) []push.Event {
				return push.DecideMoves(state, []push.MoveOutcome{{Domain: "b.com", Moved: true}}, m.now)
			})
			m.record(id, func(state push.State) []push.Event { return push.DecidePaidOut(state, "9001", m.now) })
			continue
		}
		m.decide(id, push.DecisionRefundBuyer)
		m.record(id, func(state push.State) []push.Event {
			return push.DecideReturns(state, []push.ReturnOutcome{
				{Domain: "a.com", Place: push.PlaceGone, Reached: true}, {Domain: "b.com", Place: push.PlaceKept},
			}, m.now)
		})
	}
	history, err := replay(m.events())
	require.NoError(t, err)
	require.Equal(t, map[string]int{"Completed": 1, "Invalidated": 1}, history.Summary().Statuses)

	forged := m.events()
	for i, recorded := range forged {
		if settled, is := recorded.Event.(push.SettledByHand); is {
			settled.Decision = push.DecisionPaySeller
			forged[i].Event = settled
		}
	}
	_, err = replay(forged)
	require.Error(t, err, "a refund that nobody has decided")
}

func TestADomainGoneFromTheBuyerIsNotRefundedWithoutAPerson(t *testing.T) {
	m := newMarket(t)
	m.delivering("p", unheld("a.com", "b.com")...)
	m.record("p", func(state push.State) []push.Event {
		return push.DecideMoves(state, []push.MoveOutcome{{Domain: "b.com", Code: "locked", Cause: push.CauseMove}}, m.now)
	})
	m.record("p", func(push.State) []push.Event {
		return []push.Event{push.DomainReturned{At: m.now, Domain: "a.com", Place: push.PlaceGone}}
	})
	_, err := replay(m.events())
	require.ErrorContains(t, err, "no rule leads")
}

func TestRefusedHoldsObeyTheRules(t *testing.T) {
	m := newMarket(t)
	m.offer("p", "a.com", "b.com")
	m.accept("p")
	m.pay("p")
	m.record("p", func(state push.State) []push.Event {
		return push.DecideHolds(state, []push.HoldOutcome{{Domain: "b.com", Code: "transfer_under_way", Cause: push.CauseHold}}, m.now)
	})
	_, err := replay(m.events())
	require.NoError(t, err)
}

// A purchase that began before there were holds, and goes on with them.
func TestPurchasesThatAreOlderThanHoldsObeyTheRules(t *testing.T) {
	m := newMarket(t)
	for _, id := range []string{"old", "between"} {
		m.offer(id, "a.com", "b.com")
		m.accept(id)
		m.record(id, func(state push.State) []push.Event {
			events := push.DecideReceipt(state, push.Receipt{
				TradeNo: push.TradeNo(id), Amount: state.Total, Channels: []string{"ALIPAYACCOUNT"}, PaidAt: m.now,
			}, m.now)
			return events[:len(events)-1]
		})
		m.record(id, func(state push.State) []push.Event {
			return push.DecideMoves(state, []push.MoveOutcome{{Domain: "a.com", Moved: true}}, m.now)
		})
		if id == "between" {
			m.record(id, func(state push.State) []push.Event { return push.DecideHoldStarted(state, m.now) })
			m.record(id, func(state push.State) []push.Event {
				return push.DecideHolds(state, []push.HoldOutcome{{Domain: "a.com", Code: "acted"}, {Domain: "b.com", Held: true}}, m.now)
			})
		}
		m.record(id, func(state push.State) []push.Event {
			return push.DecideMoves(state, []push.MoveOutcome{{Domain: "b.com", Code: "locked", Cause: push.CauseMove}}, m.now)
		})
		if id == "old" { // a domain that was gone from the buyer was refunded by the rules of then
			m.record(id, func(state push.State) []push.Event {
				return push.DecideReturns(state, []push.ReturnOutcome{
					{Domain: "a.com", Place: push.PlaceGone}, {Domain: "b.com", Place: push.PlaceKept},
				}, m.now)
			})
		}
	}
	history, err := replay(m.events())
	require.NoError(t, err)
	require.Equal(t, map[string]int{"Invalidated": 1, "Paid": 1}, history.Summary().Statuses)
}

func TestAMoveThatIsTakenBackAfterTheEndObeysTheRules(t *testing.T) {
	m := newMarket(t)
	m.complete("p", "a.com", "b.com")
	m.record("p", func(state push.State) []push.Event {
		return push.DecideReport(state, push.Report{
			EventID: "e", Kind: "account_moved", Domain: "b.com", At: m.now, To: "anna", OperationID: push.MoveNo("p", "b.com"),
		}, m.now)
	})
	m.command("p", func(state push.State) ([]push.Event, error) {
		return push.DecideSettle(state, push.Settle{
			Task: push.Task{Step: push.StepReversal, Domain: "b.com"}, Actor: "olga", Reason: "agreed", Reference: "T-1",
		}, push.DomainFacts{}, m.now)
	})
	history, err := replay(m.events())
	require.NoError(t, err)
	require.Equal(t, map[string]int{"Completed": 1}, history.Summary().Statuses)
}

// The clock of the process that noted it was behind.
func TestAnActNotedByAClockThatIsBehindObeysTheRules(t *testing.T) {
	m := newMarket(t)
	m.delivering("p", unheld("a.com", "b.com")...)
	facts := push.DomainFacts{Domain: "a.com", Exists: true, RegistrarOK: true, Account: "bo", AuthCodeIssuedAt: m.now.Add(time.Second)}
	m.record("p", func(state push.State) []push.Event { return push.DecideFacts(state, facts, m.now.Add(-2*time.Second)) })
	_, err := replay(m.events())
	require.NoError(t, err)
}

// What the buyer did is undone only by a decision that an operator has recorded.
func TestAnUndoingInTheNameOfAnOperatorWhoDecidedNothingIsFound(t *testing.T) {
	m := newMarket(t)
	m.delivering("p", unheld("a.com", "b.com")...)
	m.act("p")
	m.record("p", func(push.State) []push.Event {
		return []push.Event{push.ReturnStarted{
			At: m.now, Code: push.CodeBuyerActed, Domain: "a.com", Cause: push.Cause{Kind: push.CauseOperator, Actor: "olga", Reason: "never said"},
		}}
	})
	_, err := replay(m.events())
	require.Error(t, err)
}
