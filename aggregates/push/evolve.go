package push

import (
	"slices"
	"time"

	"github.com/pushledger/pushledger/aggregates/domainname"
)

// Evolve applies one event. It decides nothing and trusts the log. It never writes
// into the slices of the state it was given, so earlier states stay as they were.
func Evolve(state State, event Event) State {
	state.Version++
	switch e := event.(type) {
	case Offered:
		return state.offered(e)
	case Withdrawn:
		state.Status, state.EndedAt = StatusWithdrawn, e.At
	case Declined:
		state.Status, state.EndedAt, state.EndReason = StatusDeclined, e.At, e.Reason
	case Accepted:
		state.Status, state.AcceptedAt = StatusAccepted, e.At
		state.Payment = Payment{TradeNo: e.TradeNo, PayURL: e.PayURL, PayBy: e.PayBy, Bound: e.Payer, Merchant: e.Merchant}
		state.Registrant = e.Registrant
	case Paid:
		state.paid(e)
	case Expired:
		state.Status, state.EndedAt, state.EndReason = StatusExpired, e.At, string(e.Reason)
	case Invalidated:
		state.Status, state.EndedAt = StatusInvalidated, e.At
		state.EndReason, state.EndDomain = e.Code, e.Domain
		state.decideStrays(Requested) // there is nothing left that the money could pay
	case Completed:
		state.Status, state.EndedAt = StatusCompleted, e.At
	case Refunded:
		return state.refunded(e)
	case PaymentOpened:
		state.Payment.Opened = true
	case PaymentClosed:
		state.Payment.Closed = true
	case StrayReceived:
		return state.strayReceived(e)
	case StrayRefunded:
		state.setStray(e.RequestNo, func(stray *Stray) { stray.outcome(Done, "", "", time.Time{}) })
	case DeliveryStarted:
		state.Delivery = StageDelivering
		state.setLines(func(line *Line) { line.Delivery = DeliveryMoving })
	case HoldStarted:
		state.Hold = HoldOrdered
	case DomainsHeld:
		state.Hold = HoldPlaced
		if len(e.Held) == 0 {
			state.Hold = HoldUnsupported
		}
		state.setLines(func(line *Line) { line.Held = slices.Contains(e.Held, line.Domain) })
	case HoldsReleased:
		state.Hold = HoldReleased
	case BuyerActed:
		state.changeLine(e.Domain, func(line *Line) { line.Acted, line.ActedAt = e.Code, e.At })
	case DomainMoved:
		state.changeLine(e.Domain, func(line *Line) {
			line.Delivery, line.Code, line.RefusedAt, line.MovedAt = DeliveryDelivered, "", time.Time{}, e.At
		})
		if state.Delivery == StageDelivering && state.allDelivered() {
			state.Delivery = StageDelivered
		}
	case DomainMoveRefused:
		state.setLine(e.Domain, DeliveryRefused, e.Code)
	case ReturnStarted:
		return state.returning(e)
	case DomainReturned:
		state.setLine(e.Domain, deliveryOf(e.Place), "")
	case DomainReturnRefused:
		state.changeLine(e.Domain, func(line *Line) {
			line.Delivery, line.Code, line.RefusedAt = DeliveryStuck, e.Code, e.At
			line.Refusals++
		})
	case MoveReversed:
		state.setReversed(e.Domain, e.To, e.At)
	case RefundRequested:
		state.Refund = &Refund{TradeNo: e.TradeNo, RequestNo: e.RequestNo, Amount: e.Amount}
	case RefundRefused:
		return state.refundRefused(e)
	case PayoutRequested:
		state.Payout = &Payout{PayoutNo: e.PayoutNo, Amount: e.Amount, Fee: e.Fee}
	case PaidOut:
		state.setPayout(Done, "", "", time.Time{})
	case PayoutRefused:
		state.payoutRefused(e)
	case PayoutRenumbered:
		state.payoutRenumbered(e)
	case RetryOrdered:
		return state.retried(e)
	case SettledByHand:
		state.settled(e)
	}
	return state
}

func (s State) offered(e Offered) State {
	s.Status = StatusOffered
	s.ID, s.Seller, s.Buyer = e.PushID, e.Seller, e.Buyer
	s.Lines = make([]Line, len(e.Items))
	for i, item := range e.Items {
		s.Lines[i] = Line{Item: item}
	}
	s.Total, s.FeeRate, s.Remark = e.Total, e.FeeRate, e.Remark
	s.OfferedAt, s.CheckedAt = e.OfferedAt, e.CheckedAt
	s.ExpiresAt, s.ExpiryReason = e.ExpiresAt, e.ExpiryReason
	return s
}

// paid notes the payment. Money that waited for a person is none of the strays any more.
func (s *State) paid(e Paid) {
	s.Status, s.PaidAt = StatusPaid, e.At
	s.Payment.Paid, s.Payment.Payer, s.Payment.ProviderTradeNo = true, e.Payer, e.ProviderTradeNo
	s.decideStrays(Done)
}

func (s State) strayReceived(e StrayReceived) State {
	stray := Stray{
		TradeNo: e.TradeNo, RequestNo: e.RequestNo, ProviderTradeNo: e.ProviderTradeNo,
		Amount: e.Amount, Cause: e.Cause, Payer: e.Payer, ReceivedAt: e.At,
	}
	if e.Cause == StraySourcesUntold {
		stray.Progress = Undecided
	}
	s.Strays = append(slices.Clone(s.Strays), stray)
	return s
}

// decideStrays ends the wait for a person of money of which nobody knew what it is.
func (s *State) decideStrays(progress Progress) {
	if !s.undecided() {
		return
	}
	s.Strays = slices.Clone(s.Strays)
	for i := range s.Strays {
		if s.Strays[i].Progress == Undecided {
			s.Strays[i].Progress = progress
		}
	}
}

func (s State) returning(e ReturnStarted) State {
	s.Delivery = StageReturning
	s.Return = &Return{Code: e.Code, Domain: e.Domain, Cause: e.Cause}
	// Even a move that was refused may have been ordered before, by an order that is still
	// on the way: where each domain is must be found out.
	s.setLines(func(line *Line) {
		line.Delivery = DeliveryReturning
		line.Acted, line.ActedAt = "", time.Time{}
	})
	return s
}

// deliveryOf is how a domain stands that has come to rest somewhere.
func deliveryOf(place Place) Delivery {
	if place.Gone() {
		return DeliveryGone
	}
	return Delivery(place)
}

// settled notes what a person has decided about a domain.
func (s *State) settled(e SettledByHand) {
	switch e.Step {
	case StepReversal:
		s.setReversed(e.Domain, "", time.Time{})
	case StepBuyerAct:
		s.changeLine(e.Domain, func(line *Line) {
			line.Acted, line.ActedAt = "", time.Time{}
			line.Forgone, line.Upheld = e.Decision == DecisionRefundBuyer, e.Decision == DecisionPaySeller
		})
	}
}

func (s State) refunded(e Refunded) State {
	s.Status = StatusRefunded
	s.setRefund(e.RequestNo, Done, "", "", time.Time{})
	return s
}

func (s State) refundRefused(e RefundRefused) State {
	s.setRefund(e.RequestNo, Refused, e.Code, e.Message, e.At)
	return s
}

// retried puts what was refused back to where the saga goes on with it.
func (s State) retried(e RetryOrdered) State {
	switch e.Step {
	case StepPayout:
		s.setPayout(Requested, "", "", time.Time{})
	case StepRefund:
		s.setRefund(e.RequestNo, Requested, "", "", time.Time{})
	case StepReturn:
		s.setLine(e.Domain, DeliveryReturning, "")
	}
	return s
}

// setRefund notes what came of the refund of a number: the push's own or a stray's.
func (s *State) setRefund(requestNo string, progress Progress, code, message string, at time.Time) {
	if s.Refund != nil && s.Refund.RequestNo == requestNo {
		refund := *s.Refund
		refund.Progress, refund.Code, refund.Message, refund.RefusedAt = progress, code, message, at
		refund.Refusals += refusals(progress)
		s.Refund = &refund
	}
	s.setStray(requestNo, func(stray *Stray) { stray.outcome(progress, code, message, at) })
}

func (s *Stray) outcome(progress Progress, code, message string, at time.Time) {
	s.Progress, s.Code, s.Message, s.RefusedAt = progress, code, message, at
	s.Refusals += refusals(progress)
}

func (s *State) setPayout(progress Progress, code, message string, at time.Time) {
	if s.Payout == nil {
		return
	}
	payout := *s.Payout
	payout.Progress, payout.Code, payout.Message, payout.RefusedAt = progress, code, message, at
	payout.Refusals += refusals(progress)
	payout.FeeOnly = false
	s.Payout = &payout
}

func (s *State) payoutRefused(e PayoutRefused) {
	s.setPayout(Refused, e.Code, e.Message, e.At)
	if s.Payout != nil { // a copy of its own by now
		s.Payout.Failed, s.Payout.Payee, s.Payout.FeeOnly = e.Failed, e.Payee, e.FeeOnly
	}
}

func (s *State) payoutRenumbered(e PayoutRenumbered) {
	s.setPayout(Requested, "", "", time.Time{})
	if s.Payout != nil { // likewise
		s.Payout.PayoutNo, s.Payout.Failed, s.Payout.Payee = e.PayoutNo, false, ""
	}
}

func refusals(progress Progress) int {
	if progress == Refused {
		return 1
	}
	return 0
}

func (s *State) setReversed(name domainname.Name, to string, at time.Time) {
	s.changeLine(name, func(line *Line) { line.ReversedTo, line.ReversedAt = to, at })
}

func (s *State) changeLine(name domainname.Name, change func(*Line)) {
	s.setLines(func(line *Line) {
		if line.Domain == name {
			change(line)
		}
	})
}

func (s *State) setLines(change func(*Line)) {
	s.Lines = slices.Clone(s.Lines)
	for i := range s.Lines {
		change(&s.Lines[i])
	}
}

func (s State) allDelivered() bool {
	return !slices.ContainsFunc(s.Lines, func(line Line) bool { return line.Delivery != DeliveryDelivered })
}

func (s *State) setLine(name domainname.Name, delivery Delivery, code string) {
	s.changeLine(name, func(line *Line) { line.Delivery, line.Code, line.RefusedAt = delivery, code, time.Time{} })
}

func (s *State) setStray(requestNo string, change func(*Stray)) {
	s.Strays = slices.Clone(s.Strays)
	for i := range s.Strays {
		if s.Strays[i].RequestNo == requestNo {
			change(&s.Strays[i])
		}
	}
}
