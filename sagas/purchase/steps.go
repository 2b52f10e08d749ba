package purchase

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/sagas/payment"
)

// try carries out one step. It returns zero when the step has changed the push, or
// the time at which to look again; an error means that the outcome is unknown and
// the step is to be tried again after a pause.
func (s *Saga) try(ctx context.Context, known *entry, state push.State, step push.Step) (time.Time, error) {
	switch step.Kind {
	case push.StepExpire:
		return s.expire(ctx, state, step)
	case push.StepOpenPayment:
		return s.openPayment(ctx, state)
	case push.StepAwaitPayment:
		return s.awaitPayment(ctx, known, state, step)
	case push.StepClosePayment:
		return s.closePayment(ctx, known, state, step)
	case push.StepDeliver:
		return s.deliver(ctx, known, state, step)
	case push.StepReturn:
		return s.bringBack(ctx, known, state, step)
	case push.StepPayout:
		return s.payout(ctx, state)
	case push.StepRefund:
		return s.refund(ctx, state, step.RequestNo)
	case push.StepRelease:
		return s.release(ctx, known, state, step)
	}
	return time.Time{}, fmt.Errorf("purchase: no way to carry out step %q", step.Kind)
}

func (s *Saga) record(ctx context.Context, id string, decide func(push.State) []push.Event) (time.Time, error) {
	_, err := s.Ledger.Record(ctx, id, decide)
	return time.Time{}, err
}

func (s *Saga) expire(ctx context.Context, state push.State, step push.Step) (time.Time, error) {
	if s.Now().Before(step.Due) {
		return step.Due, nil
	}
	return s.record(ctx, state.ID, func(state push.State) []push.Event { return push.DecideExpire(state, s.Now()) })
}

func (s *Saga) openPayment(ctx context.Context, state push.State) (time.Time, error) {
	if state.ExpiredBy(s.Now()) {
		return s.Now().Add(longestPause), nil // the window is over: waiting for the payment ends it
	}
	if err := s.Provider.Open(ctx, state.Payment.PayURL); err != nil {
		return time.Time{}, err
	}
	return s.record(ctx, state.ID, func(state push.State) []push.Event { return push.DecideOpened(state, s.Now()) })
}

// awaitPayment asks the provider whether the money has come. Once the window is over
// and the provider has said that it has not, the push expires (rule L5); while the
// provider does not answer, nothing is assumed.
func (s *Saga) awaitPayment(ctx context.Context, known *entry, state push.State, step push.Step) (time.Time, error) {
	over := state.ExpiredBy(s.Now())
	if !over && !known.pace.waited(step) {
		return s.laterQuestion(known, step), nil // the buyer has only just been asked
	}
	trade, err := s.Provider.Query(ctx, state.Payment.TradeNo)
	switch {
	case errors.Is(err, payment.ErrTradeNotFound):
	case err != nil:
		return time.Time{}, err
	case trade.State == payment.TradePaid:
		outcome, err := s.receive(ctx, state.ID, trade)
		if err != nil || outcome.State.Version > state.Version {
			return time.Time{}, err
		}
		// The trade holds stray money only, which goes back by itself, or money of which the
		// provider does not say what it is: that is asked for again beyond the window, too.
		if over {
			return known.pace.wait(step, s.Now(), s.PollFirst, s.PollLongest), nil
		}
	}
	if over {
		return s.record(ctx, state.ID, func(state push.State) []push.Event { return push.DecideUnpaid(state, s.Now()) })
	}
	return s.laterQuestion(known, step), nil
}

func (s *Saga) laterQuestion(known *entry, step push.Step) time.Time {
	at := known.pace.wait(step, s.Now(), s.PollFirst, s.PollLongest)
	return earlier(at, step.Due)
}

// closePayment makes sure that the trade of an ended push is never paid. While the buyer has
// not signed in to pay there is none that could be closed, and one can come up until the order
// is over; only an answer that is newer than that says that it never will.
func (s *Saga) closePayment(ctx context.Context, known *entry, state push.State, step push.Step) (time.Time, error) {
	err := s.Provider.Close(ctx, state.Payment.TradeNo)
	switch {
	case errors.Is(err, payment.ErrTradePaid):
		trade, err := s.Provider.Query(ctx, state.Payment.TradeNo)
		if err != nil {
			return time.Time{}, err
		}
		if trade.State != payment.TradePaid {
			return time.Time{}, fmt.Errorf("purchase: trade %s was paid when closed, now %s", trade.TradeNo, trade.State)
		}
		_, err = s.receive(ctx, state.ID, trade)
		return time.Time{}, err
	case errors.Is(err, payment.ErrTradeNotFound):
		if over := state.Payment.PayBy.Add(s.CloseGrace); !s.surelyAfter(over) {
			return s.askAgain(known, step, over), nil
		}
		if err := s.noTrade(ctx, state); err != nil {
			return time.Time{}, err
		}
	case err != nil:
		return time.Time{}, err
	}
	return s.record(ctx, state.ID, func(state push.State) []push.Event { return push.DecideClosed(state, s.Now()) })
}

// surelyAfter reports whether an instant is past by the provider's clock and by our own: either
// may be ahead (fault F28), and anybody between us may have changed what is told of the other.
func (s *Saga) surelyAfter(at time.Time) bool {
	return s.Provider.Clock().After(at) && s.Now().After(at)
}

// noTrade returns nil if the provider still knows no trade of the push. One that has come up
// is closed at the next try.
func (s *Saga) noTrade(ctx context.Context, state push.State) error {
	trade, err := s.Provider.Query(ctx, state.Payment.TradeNo)
	switch {
	case errors.Is(err, payment.ErrTradeNotFound):
		return nil
	case err != nil:
		return err
	}
	return fmt.Errorf("purchase: trade %s was not known when closed, now %s", trade.TradeNo, trade.State)
}

// askAgain is when to ask about a trade again that nobody has made yet: at the latest when
// none can be made any more.
func (s *Saga) askAgain(known *entry, step push.Step, over time.Time) time.Time {
	left := max(over.Sub(s.Provider.Clock()), over.Sub(s.Now()), 0) + firstPause
	return earlier(known.pace.wait(step, s.Now(), s.PollFirst, s.PollLongest), s.Now().Add(left))
}

// payout pays the seller: the merchant for whom the trade was made, or the Alipay account
// that is bound now. Without one, or if it is not the one to which this number was refused, the
// provider is only asked: an earlier call under this number may have paid unheard.
func (s *Saga) payout(ctx context.Context, state push.State) (time.Time, error) {
	if state.Payment.Merchant != "" { // to whom the trade belongs, whatever account is bound
		order := payoutOrder(state, push.AccountFacts{})
		providerNo, err := s.Provider.Payout(ctx, order)
		return s.payoutSent(ctx, state, order, providerNo, err)
	}
	seller, err := s.Directory.Account(ctx, state.Seller)
	if err != nil {
		return time.Time{}, err
	}
	switch order := payoutOrder(state, seller); push.WayOfPayout(*state.Payout, seller.AlipayAccount, seller.AlipayName) {
	case push.PayoutRenumber:
		return s.record(ctx, state.ID, func(state push.State) []push.Event {
			return push.DecidePayoutRenumbered(state, seller.AlipayAccount, seller.AlipayName, s.Now())
		})
	case push.PayoutAsk:
		providerNo, err := s.Provider.FindPayout(ctx, order)
		return s.payoutAsked(ctx, state, seller, providerNo, err)
	case push.PayoutSend:
		providerNo, err := s.Provider.Payout(ctx, order)
		return s.payoutSent(ctx, state, order, providerNo, err)
	}
	return time.Time{}, fmt.Errorf("purchase: no way to pay %s out", state.ID)
}

func payoutOrder(state push.State, seller push.AccountFacts) payment.Payout {
	return payment.Payout{
		PayoutNo: state.Payout.PayoutNo, PushID: state.ID,
		Account: seller.AlipayAccount, Name: seller.AlipayName,
		Amount: state.Payout.Amount, Title: "域名带价 push " + state.ID,
		Merchant: state.Payment.Merchant, TradeNo: state.Payment.TradeNo, ProviderTradeNo: state.Payment.ProviderTradeNo,
		Fee: state.Payout.Fee, FeeNo: push.FeeNo(state.ID),
	}
}

// payoutSent records what came of a payout.
func (s *Saga) payoutSent(ctx context.Context, state push.State, order payment.Payout, providerNo string, err error) (time.Time, error) {
	var refused *payment.Refused
	switch {
	case errors.As(err, &refused):
		refusal := push.PayoutRefusal{PayoutNo: order.PayoutNo, Code: refused.Code, Message: refused.Message, Failed: refused.Failed}
		if !refused.Otherwise && order.Merchant == "" {
			refusal.Payee = push.PayeeDigest(order.PayoutNo, order.Account, order.Name)
		}
		return s.record(ctx, state.ID, func(state push.State) []push.Event {
			if refused.FeeOnly {
				return push.DecideFeeRefused(state, refusal, s.Now())
			}
			return push.DecidePayoutRefused(state, refusal, s.Now())
		})
	case err != nil:
		return time.Time{}, err
	}
	return s.paidOut(ctx, state.ID, order.PayoutNo, providerNo)
}

// payoutAsked records what has become of a payout that is not sent to the account of today.
func (s *Saga) payoutAsked(ctx context.Context, state push.State, seller push.AccountFacts, providerNo string, err error) (time.Time, error) {
	refusal := push.PayoutRefusal{PayoutNo: state.Payout.PayoutNo, Code: push.CodePayeeChanged, Payee: state.Payout.Payee}
	var refused *payment.Refused
	switch {
	case err == nil:
		return s.paidOut(ctx, state.ID, state.Payout.PayoutNo, providerNo)
	case errors.As(err, &refused):
		refusal.Code, refusal.Message, refusal.Failed = refused.Code, refused.Message, refused.Failed
	case !errors.Is(err, payment.ErrPayoutNotFound):
		return time.Time{}, err
	}
	if seller.AlipayAccount == "" {
		refusal.Code, refusal.Message = push.CodeSellerNoAlipay, ""
	}
	if refusal.Message == "" {
		_, refusal.Message = push.Message(refusal.Code)
	}
	return s.record(ctx, state.ID, func(state push.State) []push.Event {
		return push.DecidePayoutFailed(state, refusal, seller.AlipayAccount, seller.AlipayName, s.Now())
	})
}

// paidOut records that a payout was made. If its number is not that of today any more, somebody
// else was faster, and looks again.
func (s *Saga) paidOut(ctx context.Context, id, payoutNo, providerNo string) (time.Time, error) {
	return s.record(ctx, id, func(state push.State) []push.Event {
		if state.Payout == nil || state.Payout.PayoutNo != payoutNo {
			return nil
		}
		return push.DecidePaidOut(state, providerNo, s.Now())
	})
}

// refund gives money back: that of the failed push itself, or stray money.
func (s *Saga) refund(ctx context.Context, state push.State, requestNo string) (time.Time, error) {
	request, found := refundOf(state, requestNo)
	if !found {
		return time.Time{}, fmt.Errorf("purchase: push %s has no refund %s", state.ID, requestNo)
	}
	err := s.Provider.Refund(ctx, request)
	var refused *payment.Refused
	switch {
	case errors.As(err, &refused):
		return s.record(ctx, state.ID, func(state push.State) []push.Event {
			return push.DecideRefundRefused(state, requestNo, refused.Code, refused.Message, s.Now())
		})
	case err != nil:
		return time.Time{}, err
	}
	return s.record(ctx, state.ID, func(state push.State) []push.Event { return push.DecideRefunded(state, requestNo, s.Now()) })
}

func refundOf(state push.State, requestNo string) (payment.Refund, bool) {
	if state.Refund != nil && state.Refund.RequestNo == requestNo {
		return payment.Refund{TradeNo: state.Refund.TradeNo, RequestNo: requestNo, Amount: state.Refund.Amount, Reason: state.EndReason}, true
	}
	for _, stray := range state.Strays {
		if stray.RequestNo == requestNo {
			return payment.Refund{TradeNo: stray.TradeNo, RequestNo: requestNo, Amount: stray.Amount, Reason: string(stray.Cause)}, true
		}
	}
	return payment.Refund{}, false
}
