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
	WorkStuck   Work = "stuck"   // a partner has refused for good, or taken a move back; a person must help
	// WorkAlarm goes on by itself once a person has seen to what the payment provider says. No
	// log knows of it: whoever does the steps does, so no row of the read model holds it.
	WorkAlarm Work = "alarm"
)

// work tells how a purchase stands. It is a function of the state alone, so it needs no
// clock: what a partner has not answered yet is running.
func work(state push.State) Work {
	if len(push.WorkList(state)) > 0 {
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

// stuckAt is every step that needs a person.
func stuckAt(state push.State) []PurchaseStep {
	var stuck []PurchaseStep
	for _, work := range push.WorkList(state) {
		stuck = append(stuck, PurchaseStep{
			Step: work.Step, RequestNo: work.RequestNo, Domain: work.Domain, Attempts: work.Refusals, Since: work.Since,
			LastError: joinNonEmpty(work.Code, work.Message),
		})
	}
	return stuck
}

func joinNonEmpty(code, message string) string {
	if code == "" || message == "" {
		return code + message
	}
	return code + ": " + message
}
