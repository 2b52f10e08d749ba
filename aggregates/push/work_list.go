package push

import "time"

// Work is a step of a push that cannot go on without a person.
type Work struct {
	Task
	Code     string    // why: the partner's own code
	Message  string    // the partner's own words, if it had any; of StepBuyerAct what the buyer did
	Since    time.Time // when it was refused last
	Refusals int       // how often it was refused, retries included; 0 of what nobody has refused
}

// WorkList is everything about a push that needs a person: a payout or refund that the
// provider refused for good, a domain that could not be moved back, a delivered domain
// whose move the registrar has taken back, one that the buyer has moved on while the
// push was not delivered as a whole, and money of which the provider does not tell the
// sources. What is tried again by itself is not in it, however long that takes. It is empty exactly if nobody has to do anything.
func WorkList(state State) []Work {
	var list []Work
	if payout := state.Payout; payout != nil && payout.Progress == Refused {
		list = append(list, Work{
			Task: Task{Step: StepPayout},
			Code: payout.Code, Message: payout.explained(), Since: payout.RefusedAt, Refusals: payout.Refusals,
		})
	}
	if refund := state.Refund; refund != nil && refund.Progress == Refused {
		list = append(list, Work{
			Task: Task{Step: StepRefund, RequestNo: refund.RequestNo},
			Code: refund.Code, Message: explained(refund.Code, refund.Message), Since: refund.RefusedAt, Refusals: refund.Refusals,
		})
	}
	for _, stray := range state.Strays {
		switch stray.Progress {
		case Refused:
			list = append(list, Work{
				Task: Task{Step: StepRefund, RequestNo: stray.RequestNo},
				Code: stray.Code, Message: explained(stray.Code, stray.Message), Since: stray.RefusedAt, Refusals: stray.Refusals,
			})
		case Undecided:
			list = append(list, Work{
				Task: Task{Step: StepCheckFunding, RequestNo: stray.RequestNo}, Code: CodeSourcesUntold, Since: stray.ReceivedAt,
			})
		default: // goes back by itself, or has
		}
	}
	for _, line := range state.Lines {
		if line.Delivery == DeliveryStuck {
			list = append(list, Work{
				Task: Task{Step: StepReturn, Domain: line.Domain},
				Code: line.Code, Since: line.RefusedAt, Refusals: line.Refusals,
			})
		}
		if line.Acted != "" && state.stopped() {
			list = append(list, Work{
				Task: Task{Step: StepBuyerAct, Domain: line.Domain}, Code: CodeBuyerActed, Message: line.Acted, Since: line.ActedAt,
			})
		}
		if line.ReversedTo != "" {
			list = append(list, Work{
				Task: Task{Step: StepReversal, Domain: line.Domain}, Code: CodeAccountMoved, Since: line.ReversedAt,
			})
		}
	}
	return list
}

// explained adds to the provider's words that the seller has its money, where it has.
func (p Payout) explained() string {
	if !p.FeeOnly {
		return p.Message
	}
	return p.Message + " (the seller is paid, only the fee did not come: retry, or settle it once you have the fee otherwise / 卖家已结算，仅平台服务费未到账：可重试，或另行收取后人工处理)"
}

// finishedTrade is Alipay's code for a trade whose time for refunds is over.
const finishedTrade = "ACQ.TRADE_HAS_FINISHED"

// returnedPayout is Alipay's word for a payout that came back after it had been made.
const returnedPayout = "REFUND"

// explanations are what codes of the provider's mean for whoever has to help: to try again is
// in vain.
var explanations = map[string]string{
	finishedTrade:  " (a finished trade can be refunded no more: pay the buyer otherwise and settle it / 交易已完结，不可再退款，请线下退还后人工处理)",
	returnedPayout: " (the money came back to the merchant's account: pay the seller otherwise and settle it / 款项已退回商户账户，请另行打款后人工处理)",
}

// explained adds to the provider's words what they mean.
func explained(code, message string) string { return message + explanations[code] }
