package push

import "time"

// Step is something that has to be done for a push now or later. The saga carries
// steps out; it decides nothing.
type Step struct {
	Kind StepKind
	// Due is the earliest time to do it; zero: at once.
	Due time.Time
	// RequestNo is the refund in question, for StepRefund.
	RequestNo string
}

// StepKind names a Step.
type StepKind string

// The kinds of a Step.
const (
	StepExpire       StepKind = "expire"        // record that the offer is over, at Due
	StepOpenPayment  StepKind = "open_payment"  // open the payment page once, to see that it can be
	StepAwaitPayment StepKind = "await_payment" // ask the provider now and then; at Due it is over
	StepDeliver      StepKind = "deliver"       // hold the domains, then move those that are not with the buyer yet
	StepReturn       StepKind = "return"        // bring the domains back
	StepPayout       StepKind = "payout"        // pay the seller
	StepRefund       StepKind = "refund"        // give money back
	StepClosePayment StepKind = "close_payment" // make sure that the trade is never paid
	StepRelease      StepKind = "release"       // have the registrar hold the domains no longer
	// StepReversal is never in Next: only a person can see to a move that was taken back.
	StepReversal StepKind = "reversal"
	// StepBuyerAct is never in Next: a person must decide who has the money (rule B5).
	StepBuyerAct StepKind = "buyer_act"
	// StepCheckFunding is never in Next: a person must find out from where the money of a
	// payment came (rule T6).
	StepCheckFunding StepKind = "check_funding"
)

// Next lists what has to be done for a push, most urgent first. It is a function of
// the state alone: nothing is lost in a restart, and a deadline is no message that
// could go missing. What a person must help with (refused for good) is not in it.
func Next(state State) []Step {
	var steps []Step
	switch {
	case state.Status == StatusOffered:
		steps = append(steps, Step{Kind: StepExpire, Due: state.ExpiresAt})
	case state.undecided(): // a person decides
	case state.Status == StatusAccepted && !state.Payment.Opened:
		steps = append(steps, Step{Kind: StepOpenPayment}, Step{Kind: StepAwaitPayment, Due: state.Payment.PayBy})
	case state.Status == StatusAccepted:
		steps = append(steps, Step{Kind: StepAwaitPayment, Due: state.Payment.PayBy})
	case state.stopped(): // a person decides
	case state.Status == StatusPaid && state.Delivery == StageDelivering:
		steps = append(steps, Step{Kind: StepDeliver})
	case state.Status == StatusPaid && state.Delivery == StageReturning && len(state.At(DeliveryReturning)) > 0:
		steps = append(steps, Step{Kind: StepReturn})
	case state.Status == StatusPaid && state.Payout != nil && state.Payout.Progress == Requested:
		steps = append(steps, Step{Kind: StepPayout})
	case owesClose(state):
		steps = append(steps, Step{Kind: StepClosePayment})
	}
	if state.Refund != nil && state.Refund.Progress == Requested {
		steps = append(steps, Step{Kind: StepRefund, RequestNo: state.Refund.RequestNo})
	}
	for _, stray := range state.Strays {
		if stray.Progress == Requested {
			steps = append(steps, Step{Kind: StepRefund, RequestNo: stray.RequestNo})
		}
	}
	if owesRelease(state) {
		steps = append(steps, Step{Kind: StepRelease})
	}
	return steps
}
