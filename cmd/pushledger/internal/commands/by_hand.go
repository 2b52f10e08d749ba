package commands

import (
	"context"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/eventstore"
	"github.com/pushledger/pushledger/sagas/ledger"
)

// The verbs by which an operator sees to what was refused for good.
const (
	verbRetry  = "retry"
	verbSettle = "settle"
)

type taskBody struct {
	PushID    string        `json:"push_id"`
	Step      push.StepKind `json:"step"`
	RequestNo string        `json:"request_no"`
	Domain    string        `json:"domain"`
	Reason    string        `json:"reason"`
}

type settleBody struct {
	taskBody
	Place     push.Place    `json:"place"`
	Decision  push.Decision `json:"decision"`
	Reference string        `json:"reference"`
}

// task checks the form of a task and its reason.
func (b taskBody) task() (push.Task, error) {
	task := push.Task{Step: b.Step, RequestNo: b.RequestNo}
	if b.Domain != "" {
		name, err := domainname.ParseRegistered(b.Domain)
		if err != nil {
			violation := push.ViolateValue("T9", push.CodeInvalidDomain, b.Domain)
			violation.Input = clip(b.Domain)
			return task, push.RefuseAll([]push.Violation{violation})
		}
		task.Domain = name
	}
	if b.RequestNo != "" && !idPattern.MatchString(b.RequestNo) {
		return task, push.RefuseValue(push.CodeInvalidStep, "request_no", b.RequestNo)
	}
	if err := push.CheckTask(task); err != nil {
		return task, err
	}
	return task, checkReason(b.Reason, true)
}

// retry has a step tried again that waits for a person.
func (h *Handler) retry(ctx context.Context, command Command, metadata eventstore.Metadata) (ledger.Outcome, error) {
	var body taskBody
	if err := decode(command.Body, &body); err != nil {
		return ledger.Outcome{}, err
	}
	task, err := body.task()
	if err != nil {
		return ledger.Outcome{}, err
	}
	return h.decide(ctx, metadata, body.PushID, func(state push.State) ([]push.Event, error) {
		if !h.operator(command.Account) {
			return nil, push.Refuse(push.CodeNotYourPush, "")
		}
		return push.DecideRetry(state, push.Retry{
			Task: task, Actor: command.Account, Reason: body.Reason, Alarmed: h.alarmed(state, task),
		}, h.Now())
	})
}

// alarmed reports whether one of the steps that a task may mean is put off until somebody has
// seen to it.
func (h *Handler) alarmed(state push.State, task push.Task) bool {
	if h.Alarmed == nil {
		return false
	}
	if task.RequestNo == "" && task.Step == push.StepRefund && state.Refund != nil {
		task.RequestNo = state.Refund.RequestNo
	}
	return h.Alarmed(state.ID, push.Step{Kind: task.Step, RequestNo: task.RequestNo})
}

// settleByHand records what was done outside the ledger for a step that waits for a
// person. Where a domain is, the registrar is asked.
func (h *Handler) settleByHand(ctx context.Context, command Command, metadata eventstore.Metadata) (ledger.Outcome, error) {
	var body settleBody
	if err := decode(command.Body, &body); err != nil {
		return ledger.Outcome{}, err
	}
	task, err := body.settled()
	if err != nil {
		return ledger.Outcome{}, err
	}
	facts, err := h.placeFacts(ctx, command.Account, task)
	if err != nil {
		return ledger.Outcome{}, err
	}
	return h.decide(ctx, metadata, body.PushID, func(state push.State) ([]push.Event, error) {
		if !h.operator(command.Account) {
			return nil, push.Refuse(push.CodeNotYourPush, "")
		}
		return push.DecideSettle(state, push.Settle{
			Task: task, Place: body.Place, Decision: body.Decision, Actor: command.Account, Reason: body.Reason, Reference: body.Reference,
		}, facts, h.Now())
	})
}

// settled checks the form of all that a settlement says.
func (b settleBody) settled() (push.Task, error) {
	task, err := b.task()
	if err != nil {
		return task, err
	}
	if b.Reference == "" {
		return task, push.Refuse(push.CodeReferenceRequired, "")
	}
	if err := checkReason(b.Reference, false); err != nil {
		return task, push.Refuse(push.CodeTooLarge, "reference")
	}
	if err := push.CheckDecision(task.Step, b.Decision); err != nil {
		return task, err
	}
	return task, push.CheckPlace(task.Step, b.Place)
}

// placeFacts asks where the domain of a return is, for operators only.
func (h *Handler) placeFacts(ctx context.Context, account string, task push.Task) (push.DomainFacts, error) {
	if task.Step != push.StepReturn || !h.operator(account) {
		return push.DomainFacts{}, nil
	}
	facts, err := h.Registrar.Facts(ctx, []domainname.Name{task.Domain})
	if err != nil {
		return push.DomainFacts{}, err
	}
	return facts[0], nil
}
