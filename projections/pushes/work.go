package pushes

import (
	"github.com/pushledger/pushledger/aggregates/push"
)

// Work is how a purchase stands that is not over.
type Work string

// The states of a purchase in progress.
const (
	WorkNone    Work = ""        // not begun, or over
	WorkRunning Work = "running" // goes on by itself, or waits for the buyer's money
	WorkStuck   Work = "stuck"   // a partner has refused for good; a person must help
)

// work tells how a purchase stands. It is a function of the state alone, so it needs no
// clock: what a partner has not answered yet is running.
func work(state push.State) Work {
	if len(stuckAt(state)) > 0 {
		return WorkStuck
	}
	if state.Status == push.StatusAccepted || state.Status == push.StatusPaid {
		return WorkRunning
	}
	for _, step := range push.Next(state) {
		if step.Kind != push.StepExpire {
			return WorkRunning
		}
	}
	return WorkNone
}

// stuckAt is every step that was refused for good.
func stuckAt(state push.State) []PurchaseStep {
	var stuck []PurchaseStep
	add := func(kind push.StepKind, requestNo, code, message string) {
		stuck = append(stuck, PurchaseStep{Step: kind, RequestNo: requestNo, LastError: joinNonEmpty(code, message)})
	}
	for _, line := range state.Lines {
		if line.Delivery == push.DeliveryStuck {
			add(push.StepReturn, "", line.Code, line.Domain.Unicode())
		}
	}
	if state.Refund != nil && state.Refund.Progress == push.Refused {
		add(push.StepRefund, state.Refund.RequestNo, state.Refund.Code, state.Refund.Message)
	}
	for _, stray := range state.Strays {
		if stray.Progress == push.Refused {
			add(push.StepRefund, stray.RequestNo, stray.Code, stray.Message)
		}
	}
	if state.Payout != nil && state.Payout.Progress == push.Refused {
		add(push.StepPayout, "", state.Payout.Code, state.Payout.Message)
	}
	return stuck
}

func joinNonEmpty(code, message string) string {
	if code == "" || message == "" {
		return code + message
	}
	return code + ": " + message
}
