package push

import (
	"slices"
	"time"

	"github.com/pushledger/pushledger/aggregates/domainname"
)

// Task names one step of a push that a person can see to.
type Task struct {
	Step      StepKind        // StepPayout, StepRefund, StepReturn, StepReversal, StepBuyerAct or StepCheckFunding
	RequestNo string          // of StepRefund and StepCheckFunding; empty means that of the push's own payment
	Domain    domainname.Name // of StepReturn, StepReversal and StepBuyerAct
}

// Retry is an operator's command to try a step again that was refused for good.
type Retry struct {
	Task
	Actor, Reason string
	// Alarmed says that the step is put off until somebody has seen to what the provider says.
	// Whoever carries it out knows.
	Alarmed bool
}

// Settle is an operator's command to record that a step was done outside the ledger.
type Settle struct {
	Task
	Place                    Place    // of StepReturn: PlaceReturned or PlaceGone
	Decision                 Decision // of StepBuyerAct and StepCheckFunding
	Actor, Reason, Reference string
}

// CheckTask reports what is wrong with the form of a task.
func CheckTask(task Task) error {
	ofDomain := task.Step == StepReturn || task.Step == StepReversal || task.Step == StepBuyerAct
	ofMoney := task.Step == StepPayout || task.Step == StepRefund || task.Step == StepCheckFunding
	switch {
	case !ofDomain && !ofMoney:
		return RefuseValue(CodeInvalidStep, "", string(task.Step))
	case ofDomain == (task.Domain == ""),
		task.RequestNo != "" && task.Step != StepRefund && task.Step != StepCheckFunding:
		return Refuse(CodeInvalidStep, "")
	}
	return nil
}

// CheckPlace reports what is wrong with the form of the place of a settled task.
func CheckPlace(step StepKind, place Place) error {
	if step == StepReturn && place != PlaceReturned && place != PlaceGone || step != StepReturn && place != "" {
		return RefuseValue(CodeInvalidPlace, "", string(place))
	}
	return nil
}

// CheckDecision reports what is wrong with the form of the decision of a settled task.
func CheckDecision(step StepKind, decision Decision) error {
	var possible []Decision
	switch step {
	case StepBuyerAct:
		possible = []Decision{DecisionPaySeller, DecisionRefundBuyer}
	case StepCheckFunding:
		possible = []Decision{DecisionAcceptPayment, DecisionRefundBuyer}
	default:
		possible = []Decision{""}
	}
	if !slices.Contains(possible, decision) {
		return RefuseValue(CodeInvalidDecision, "", string(decision))
	}
	return nil
}

// DecideRetry has a step that waits for a person tried again. What follows is Next's: the
// number of a payout or refund stays, so that no retry moves money twice. One that is under
// way is tried again as well, at once, if it waits for what the operator may have seen to.
func DecideRetry(state State, command Retry, now time.Time) ([]Event, error) {
	task, err := awaited(state, command.Task)
	if err != nil && (!command.Alarmed || !underway(state, task)) {
		return nil, err
	}
	switch task.Step {
	case StepReversal, StepBuyerAct, StepCheckFunding: // there is nothing that could be tried
		return nil, RefuseValue(CodeInvalidStep, "", string(task.Step))
	default:
	}
	return []Event{RetryOrdered{
		At: now, Step: task.Step, RequestNo: task.RequestNo, Domain: task.Domain, By: command.Actor, Reason: command.Reason,
	}}, nil
}

// DecideSettle records that a person has done what a step could not, and what follows: a
// push whose seller was paid is Completed, one whose buyer was refunded is Refunded, and
// one whose last domain has come to rest ends. Money goes to ByHandAccount, since none
// left the provider. facts are those of the domain of StepReturn: one that is still with
// the buyer has not come to rest, whatever the place says. What the buyer has done with a
// delivered domain is settled for either side (rule B5): for the seller delivery goes on,
// for the buyer all that can be is brought back. Money whose sources were not told pays the
// push, or goes back and ends it (rule T6).
func DecideSettle(state State, command Settle, facts DomainFacts, now time.Time) ([]Event, error) {
	task, err := awaited(state, command.Task)
	if err != nil {
		return nil, err
	}
	events := []Event{SettledByHand{
		At: now, Step: task.Step, RequestNo: task.RequestNo, Domain: task.Domain, Decision: command.Decision,
		By: command.Actor, Reason: command.Reason, Reference: command.Reference,
	}}
	switch task.Step {
	case StepPayout:
		return append(events, paidByHand(state, now)...), nil
	case StepRefund:
		return append(events, byHand(DecideRefunded(state, task.RequestNo, now))...), nil
	case StepReturn:
		place := PlaceOf(state, facts)
		if place == "" || place.Gone() != command.Place.Gone() {
			return nil, Refuse(CodePlaceDiffers, facts.Account)
		}
		outcome := ReturnOutcome{Domain: task.Domain, Place: place, Revision: facts.Revision, ByHand: true}
		return append(events, DecideReturns(state, []ReturnOutcome{outcome}, now)...), nil
	case StepBuyerAct:
		if command.Decision == DecisionRefundBuyer {
			events = append(events, ReturnStarted{
				At: now, Code: CodeBuyerActed, Domain: task.Domain,
				Cause: Cause{Kind: CauseOperator, Actor: command.Actor, Reason: command.Reason},
			})
		}
		return events, nil
	case StepCheckFunding:
		return append(events, fundingChecked(state, task, command, now)...), nil
	default: // a reversal changes neither money nor status
		return events, nil
	}
}

// fundingChecked is what follows from what a person has found out about a payment.
func fundingChecked(state State, task Task, command Settle, now time.Time) []Event {
	if command.Decision == DecisionRefundBuyer {
		return []Event{Invalidated{
			At: now, Code: CodeSourcesUntold, Cause: Cause{Kind: CauseOperator, Actor: command.Actor, Reason: command.Reason},
		}}
	}
	at := slices.IndexFunc(state.Strays, func(stray Stray) bool { return stray.RequestNo == task.RequestNo })
	stray := state.Strays[at]
	events := paidBy(state, Receipt{
		TradeNo: stray.TradeNo, ProviderTradeNo: stray.ProviderTradeNo, Amount: stray.Amount, Payer: stray.Payer,
	}, now)
	payment := events[0].(Paid)
	payment.From = SuspenseAccount(stray.TradeNo)
	events[0] = payment
	return events
}

// byHand books the money of events as not having come from the provider.
func byHand(events []Event) []Event {
	for i, event := range events {
		switch e := event.(type) {
		case Refunded:
			e.To = ByHandAccount
			events[i] = e
		case StrayRefunded:
			e.To = ByHandAccount
			events[i] = e
		default: // the end of the push that follows
		}
	}
	return events
}

// underway reports whether a payout or refund goes on by itself.
func underway(state State, task Task) bool {
	return slices.ContainsFunc(Next(state), func(step Step) bool {
		return (step.Kind == StepPayout || step.Kind == StepRefund) && step.Kind == task.Step && step.RequestNo == task.RequestNo
	})
}

// awaited finds the task of a command in the work list, with its request number.
func awaited(state State, task Task) (Task, error) {
	switch {
	case task.RequestNo != "":
	case task.Step == StepRefund && state.Refund != nil:
		task.RequestNo = state.Refund.RequestNo
	case task.Step == StepCheckFunding:
		task.RequestNo = RefundNo(state.ID, state.Payment.TradeNo)
	}
	for _, work := range WorkList(state) {
		if work.Task == task {
			return task, nil
		}
	}
	switch ofStray := task.Step == StepRefund && task.RequestNo != "" &&
		(state.Refund == nil || state.Refund.RequestNo != task.RequestNo); {
	case state.Status == StatusCompleted && !ofStray && task.Step != StepReversal:
		return task, Refuse(CodeCompletedIsFinal, "")
	case state.Status == StatusRefunded:
		return task, Refuse(CodeAlreadyEnded, string(state.Status))
	default:
		return task, Refuse(CodeNotWaiting, "")
	}
}
