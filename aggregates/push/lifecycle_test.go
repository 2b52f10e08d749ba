package push_test

import (
	"slices"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/money"
	"github.com/pushledger/pushledger/aggregates/push"
)

// Whatever is decided in whatever order, at whatever time and with whatever outcome,
// the invariants of a push hold; and once the partners answer again it comes to an
// end with its money and its domains settled.
func TestAnyLifeKeepsTheInvariants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		life := &life{now: noon, balances: make(map[string]money.Fen)}
		t.Repeat(rapid.StateMachineActions(life))
		life.conclude(t)
	})
}

// life is one push, and what was seen of it.
type life struct {
	now      time.Time
	state    push.State
	events   int
	ends     int  // how often it left the live statuses
	forgone  bool // an operator has decided to refund whatever the buyer did
	balances map[string]money.Fen
	earlier  []snapshot
}

// snapshot is a state and how it read when it was made.
type snapshot struct {
	state push.State
	text  string
}

func text(t require.TestingT, state push.State) string {
	body, err := json.Marshal(state, json.Deterministic(true))
	require.NoError(t, err)
	return string(body)
}

func (l *life) record(t require.TestingT, events []push.Event) {
	wasLive := l.state.Status.Live()
	l.state = after(l.state, events)
	l.events += len(events)
	books(l.balances, events)
	if wasLive && !l.state.Status.Live() {
		l.ends++
	}
	l.earlier = append(l.earlier, snapshot{l.state, text(t, l.state)})
}

// command records what a command did, which is nothing if it was refused.
func (l *life) command(t require.TestingT, events []push.Event, err error) {
	if err != nil {
		require.Empty(t, events)
		return
	}
	require.NotEmpty(t, events, "a command is carried out or refused")
	l.record(t, events)
}

func pick[V any](t *rapid.T, values ...V) V { return rapid.SampledFrom(values).Draw(t, "pick") }

func (l *life) Wait(t *rapid.T) {
	l.now = l.now.Add(pick(t, -time.Hour, -1, 1, time.Minute, window-1, window, day, week-1, week))
}

func (l *life) Offer(t *rapid.T) {
	offer := threeDomains()
	offer.FeeRate = pick(t, money.Rate(0), 50_000)
	offer.ValidFor = pick(t, 0, time.Hour)
	if pick(t, true, false) {
		offer.Items = offer.Items[:1]
	}
	for i := range offer.Items {
		offer.Items[i].Price *= pick(t, money.Fen(0), 1, 1)
	}
	events, err := push.DecideOffer(l.state, offer, goodFacts(offer), l.now)
	l.command(t, events, err)
}

func (l *life) Withdraw(t *rapid.T) {
	events, err := push.DecideWithdraw(l.state, push.Withdraw{Actor: pick(t, seller, buyer, stranger)}, l.now)
	l.command(t, events, err)
}

func (l *life) Decline(t *rapid.T) {
	events, err := push.DecideDecline(l.state, push.Decline{Actor: pick(t, seller, buyer, stranger)}, l.now)
	l.command(t, events, err)
}

func (l *life) Accept(t *rapid.T) {
	command := push.Accept{Actor: pick(t, buyer, buyer, stranger), Total: l.state.Total + pick(t, money.Fen(0), 0, 1), Window: window}
	facts := make([]push.DomainFacts, len(l.state.Lines))
	for i, line := range l.state.Lines {
		facts[i] = healthy(line.Domain)
	}
	events, err := push.DecideAccept(l.state, command, sellable(facts), l.now)
	l.command(t, events, err)
}

func (l *life) Takedown(t *rapid.T) {
	events, err := push.DecideTakedown(l.state, push.Takedown{Actor: "operator", Reason: "r"}, l.now)
	l.command(t, events, err)
}

func (l *life) Report(t *rapid.T) {
	name := pick(t, alpha, beta, gamma, "other.com")
	l.record(t, push.DecideReport(l.state, push.Report{
		Kind: pick(t, "deleted", "account_moved", "account_moved", "registrant_changed", "auth_code_issued", "renewed"), Domain: name,
		At: l.now.Add(pick(t, -week, 0)), To: pick(t, "", buyer, seller, stranger),
		OperationID: pick(t, "", push.MoveNo("p-1", name), "Mother"),
	}, l.now))
}

func (l *life) Receipt(t *rapid.T) {
	l.record(t, push.DecideReceipt(l.state, push.Receipt{
		TradeNo: pick(t, l.ownTrade(), l.ownTrade(), "T2", "T3"), Amount: pick(t, max(l.state.Total, 1), max(l.state.Total, 1), 7),
		Channels: pick(t, []string{"ALIPAYACCOUNT"}, []string{"ALIPAYACCOUNT"}, []string{"PCREDIT"}, []string{"MCOUPON"}, []string{"X"}, nil),
		Received: pick(t, money.Fen(0), 0, 0, 1), Insisted: pick(t, true, false),
		PaidAt: l.now.Add(pick(t, 0, -window, window)),
	}, l.now))
}

func (l *life) ownTrade() string { return push.TradeNo("p-1") }

func (l *life) Timers(t *rapid.T) {
	decide := pick(t, push.DecideExpire, push.DecideUnpaid, push.DecideOpened, push.DecideClosed)
	l.record(t, decide(l.state, l.now))
}

func (l *life) Moves(t *rapid.T) {
	var outcomes []push.MoveOutcome
	for _, name := range []domainname.Name{alpha, beta, gamma, "other.com"} {
		outcome := push.MoveOutcome{Domain: name, Moved: pick(t, true, true, true, false)}
		if !outcome.Moved {
			outcome.Cause, outcome.Code = push.CauseCheck, pick(t, "registry_lock", push.CodeAccountMoved, push.CodeDomainGone)
		}
		if pick(t, true, false) {
			outcomes = append(outcomes, outcome)
		}
	}
	l.record(t, push.DecideMoves(l.state, outcomes, l.now))
}

func (l *life) Holds(t *rapid.T) {
	var outcomes []push.HoldOutcome
	for _, name := range []domainname.Name{alpha, beta, gamma, "other.com"} {
		if pick(t, true, true, true, false) {
			outcomes = append(outcomes, push.HoldOutcome{Domain: name, Held: pick(t, true, false), Code: pick(t, "", "", "", "locked"), Cause: push.CauseHold})
		}
	}
	decide := pick(t, push.DecideHoldStarted, push.DecideReleased, func(state push.State, now time.Time) []push.Event {
		return push.DecideHolds(state, outcomes, now)
	})
	l.record(t, decide(l.state, l.now))
}

func (l *life) FactsReadAgain(t *rapid.T) {
	facts := healthy(pick(t, alpha, beta, gamma, "other.com"))
	facts.Account = pick(t, seller, seller, buyer, buyer, stranger)
	facts.RegistrarOK = pick(t, true, true, true, false)
	l.record(t, push.DecideFacts(l.state, facts, l.now))
}

func (l *life) Decision(t *rapid.T) {
	l.decideFor(t, pick(t, push.DecisionPaySeller, push.DecisionRefundBuyer))
}

// decideFor has an operator settle whatever the buyer has done.
func (l *life) decideFor(t require.TestingT, decision push.Decision) {
	for _, work := range push.WorkList(l.state) {
		if work.Step != push.StepBuyerAct || !slices.Contains(push.WorkList(l.state), work) {
			continue
		}
		command := settle(work.Task)
		command.Decision = decision
		events, err := push.DecideSettle(l.state, command, push.DomainFacts{}, l.now)
		require.NoError(t, err)
		l.forgone = l.forgone || decision == push.DecisionRefundBuyer
		l.record(t, events)
	}
}

func (l *life) FundingChecked(t *rapid.T) {
	l.checkFunding(t, pick(t, push.DecisionAcceptPayment, push.DecisionRefundBuyer))
}

// checkFunding has an operator say what the money is whose sources are not told.
func (l *life) checkFunding(t require.TestingT, decision push.Decision) {
	for _, work := range push.WorkList(l.state) {
		if work.Step == push.StepCheckFunding {
			command := settle(work.Task)
			command.Decision = decision
			events, err := push.DecideSettle(l.state, command, push.DomainFacts{}, l.now)
			require.NoError(t, err)
			l.record(t, events)
		}
	}
}

func (l *life) Returns(t *rapid.T) {
	var outcomes []push.ReturnOutcome
	for _, name := range []domainname.Name{alpha, beta, gamma, "other.com"} {
		if pick(t, true, false) {
			place := pick(t, push.PlaceReturned, push.PlaceKept, push.PlaceGone, push.PlaceTransferredOut, push.PlaceDeleted, "")
			line, _ := l.state.Line(name)
			outcomes = append(outcomes, push.ReturnOutcome{Domain: name, Place: place, Reached: !line.MovedAt.IsZero()})
		}
	}
	l.record(t, push.DecideReturns(l.state, outcomes, l.now))
}

func (l *life) Settlement(t *rapid.T) {
	requestNo := push.RefundNo("p-1", pick(t, l.ownTrade(), l.ownTrade(), "T2", "T3"))
	switch pick(t, "paid out", "payout refused", "refunded", "refund refused") {
	case "paid out":
		l.record(t, push.DecidePaidOut(l.state, "pay-9", l.now))
	case "payout refused":
		l.record(t, push.DecidePayoutRefused(l.state, push.PayoutRefusal{PayoutNo: push.PayoutNo(l.state.ID), Code: "c", Message: "m"}, l.now))
	case "refunded":
		l.record(t, push.DecideRefunded(l.state, requestNo, l.now))
	case "refund refused":
		l.record(t, push.DecideRefundRefused(l.state, requestNo, "c", "m", l.now))
	}
}

// Check holds after every action.
func (l *life) Check(t *rapid.T) {
	require.Equal(t, l.events, l.state.Version)
	require.LessOrEqual(t, l.ends, 1, "a push ends once")
	l.checkMoney(t)
	l.checkDomains(t)
}

func (l *life) checkMoney(t require.TestingT) {
	sum := money.Fen(0)
	for account, balance := range l.balances {
		sum += balance
		if account != push.ClearingAccount {
			require.GreaterOrEqual(t, balance, money.Fen(0), account)
		}
	}
	require.Zero(t, sum)
	escrow := l.balances[push.EscrowAccount("p-1")]
	if l.state.Status == push.StatusPaid && l.state.Payout == nil {
		require.Equal(t, l.state.Total, escrow, "paid and neither released nor refunded: held")
	} else {
		require.Zero(t, escrow)
	}
	require.False(t, l.state.Payout != nil && l.state.Refund != nil, "settled or refunded, never both")
	require.Equal(t, owed(l.state.Strays), suspended(l.balances))
}

func owed(strays []push.Stray) (sum money.Fen) {
	for _, stray := range strays {
		if stray.Progress != push.Done {
			sum += stray.Amount
		}
	}
	return sum
}

func suspended(balances map[string]money.Fen) (sum money.Fen) {
	for _, trade := range []string{push.TradeNo("p-1"), "T2", "T3"} {
		sum += balances[push.SuspenseAccount(trade)]
	}
	return sum
}

func (l *life) checkDomains(t require.TestingT) {
	delivered := l.state.At(push.DeliveryDelivered)
	if l.state.Payout != nil || l.state.Status == push.StatusCompleted {
		require.Equal(t, l.state.Domains(), delivered, "the seller is paid for what the buyer has")
		return
	}
	if l.state.Status.Live() || l.state.Status == push.StatusNone {
		return
	}
	for _, line := range l.state.Lines {
		if !line.MovedAt.IsZero() && line.Delivery == push.DeliveryGone {
			require.True(t, l.forgone, "B5: %s was with the buyer, is gone, and the push ended by itself", line.Domain)
		}
		atRest := []push.Delivery{push.DeliveryNone, push.DeliveryReturned, push.DeliveryKept, push.DeliveryGone}
		require.True(t, slices.Contains(atRest, line.Delivery), "a failed push ended with %s %s", line.Domain, line.Delivery)
	}
}

// conclude lets every partner answer well and a person settle what is stuck. However
// the push came to where it is, that brings it to an end, and nothing is left to do.
func (l *life) conclude(t *rapid.T) {
	for range 50 {
		steps := push.Next(l.state)
		if len(steps) == 0 && !l.helped(t) {
			break
		}
		if len(steps) > 0 {
			l.carryOut(t, steps[len(steps)-1])
		}
		l.Check(t)
	}
	require.False(t, l.state.Status.Live())
	require.Empty(t, push.Next(l.state))
	for account, balance := range l.balances {
		if account != push.ClearingAccount && account != push.FeeAccount {
			require.Zero(t, balance, account)
		}
	}
	require.Equal(t, -l.balances[push.ClearingAccount], l.balances[push.FeeAccount])
	for _, snapshot := range l.earlier {
		require.Equal(t, snapshot.text, text(t, snapshot.state), "an earlier state was written to")
	}
}

// carryOut does a step with success, at its time.
func (l *life) carryOut(t require.TestingT, step push.Step) {
	if l.now.Before(step.Due) {
		l.now = step.Due
	}
	before := l.events
	switch step.Kind {
	case push.StepExpire:
		l.record(t, push.DecideExpire(l.state, l.now))
	case push.StepOpenPayment:
		l.record(t, push.DecideOpened(l.state, l.now))
	case push.StepAwaitPayment:
		l.record(t, push.DecideUnpaid(l.state, l.now))
	case push.StepDeliver:
		l.record(t, push.DecideDelivery(l.state, holds(l.state, l.state.Domains()...), arrivals(l.state.At(push.DeliveryMoving)...), l.now))
	case push.StepRelease:
		l.record(t, push.DecideReleased(l.state, l.now))
	case push.StepReturn:
		l.putBack(t, push.DeliveryReturning)
	case push.StepPayout:
		l.record(t, push.DecidePaidOut(l.state, "pay-9", l.now))
	case push.StepRefund:
		l.record(t, push.DecideRefunded(l.state, step.RequestNo, l.now))
	case push.StepClosePayment:
		l.record(t, push.DecideClosed(l.state, l.now))
	}
	require.Greater(t, l.events, before, "%s is never done", step.Kind)
}

func (l *life) putBack(t require.TestingT, from push.Delivery) {
	var outcomes []push.ReturnOutcome
	for _, name := range l.state.At(from) {
		outcomes = append(outcomes, push.ReturnOutcome{Domain: name, Place: push.PlaceReturned})
	}
	l.record(t, push.DecideReturns(l.state, outcomes, l.now))
}

// helped reports whether there was something that only a person could do.
func (l *life) helped(t require.TestingT) bool {
	before := l.events
	l.decideFor(t, push.DecisionRefundBuyer)
	l.checkFunding(t, push.DecisionRefundBuyer)
	l.putBack(t, push.DeliveryStuck)
	l.record(t, push.DecidePaidOut(l.state, "by hand", l.now))
	if l.state.Refund != nil {
		l.record(t, push.DecideRefunded(l.state, l.state.Refund.RequestNo, l.now))
	}
	for _, stray := range l.state.Strays {
		l.record(t, push.DecideRefunded(l.state, stray.RequestNo, l.now))
	}
	return l.events > before
}
