package alipay

import (
	"context"
	"errors"
	"fmt"

	"github.com/smartwalle/alipay/v3"

	"github.com/pushledger/pushledger/sagas/payment"
)

type refundAnswer struct {
	status
	OutTradeNo string `json:"out_trade_no"`
	FundChange string `json:"fund_change"`
}

// Refund implements payment.Provider.
func (p *Provider) Refund(ctx context.Context, refund payment.Refund) error {
	if refusal, certain := p.unseen.look(refund.RequestNo); refusal != nil {
		return p.secondLook(ctx, refund, refusal, certain)
	}
	if wait := p.spacing.enter(refund.TradeNo); wait > 0 {
		return fmt.Errorf("alipay: refund %s: refunds of one trade are %s apart: not asked for before %s", refund.RequestNo, p.spacing.apart, wait)
	}
	question := alipay.TradeRefund{
		OutTradeNo: refund.TradeNo, OutRequestNo: refund.RequestNo,
		RefundAmount: refund.Amount.String(), RefundReason: clip(refund.Reason, maxSubject),
	}
	var said refundAnswer
	err := p.ask(ctx, question, &said)
	var refusal *payment.Refused
	switch {
	case err != nil && !errors.As(err, &refusal):
		return err
	case err == nil && said.FundChange == "Y":
		if err := same("trade", said.OutTradeNo, refund.TradeNo); err != nil {
			return unknown(question.APIName(), err)
		}
		return nil
	}
	// An earlier call may have done it: then this one has moved nothing, or is even
	// refused because no money is left.
	done, err := p.refunded(ctx, refund)
	switch {
	case done:
		return nil
	case err != nil:
		return fmt.Errorf("alipay: refund %s: %w", refund.RequestNo, open(err))
	case refusal == nil:
		return unknown(question.APIName(), errors.New("taken, but it is not shown yet"))
	case means(refusal, conflict): // it was made, over another amount
		return fmt.Errorf("alipay: refund %s: %w", refund.RequestNo, open(refusal))
	}
	p.unseen.remember(refund.RequestNo, refusal)
	return tooEarly(refund, refusal)
}

// secondLook asks once more about a refund that was refused and not shown.
func (p *Provider) secondLook(ctx context.Context, refund payment.Refund, refusal *payment.Refused, certain bool) error {
	done, err := p.refunded(ctx, refund)
	switch {
	case err != nil:
		return fmt.Errorf("alipay: refund %s: %w", refund.RequestNo, open(err))
	case !done && !certain:
		return tooEarly(refund, refusal)
	}
	p.unseen.forget(refund.RequestNo)
	if done {
		return nil
	}
	return refusal
}

func tooEarly(refund payment.Refund, refusal *payment.Refused) error {
	return fmt.Errorf("alipay: refund %s: not shown, which may only be too early: %w", refund.RequestNo, open(refusal))
}

type refundedAnswer struct {
	status
	OutTradeNo   string `json:"out_trade_no"`
	OutRequestNo string `json:"out_request_no"`
	RefundStatus string `json:"refund_status"`
	RefundAmount string `json:"refund_amount"`
}

// refunded asks whether the refund has happened.
func (p *Provider) refunded(ctx context.Context, refund payment.Refund) (bool, error) {
	question := alipay.TradeFastPayRefundQuery{OutTradeNo: refund.TradeNo, OutRequestNo: refund.RequestNo}
	var said refundedAnswer
	err := p.ask(ctx, question, &said)
	switch {
	case means(err, missing):
		return false, nil
	case err != nil:
		return false, err
	}
	return said.happened(question.APIName(), refund)
}

// happened reads a signed answer to whether a refund has happened.
func (said refundedAnswer) happened(api string, refund payment.Refund) (bool, error) {
	if said.RefundStatus != "REFUND_SUCCESS" {
		return false, nil
	}
	amount, err := positive(said.RefundAmount)
	if err == nil && amount != refund.Amount {
		err = fmt.Errorf("refund %s was made over %s instead of %s", refund.RequestNo, amount, refund.Amount)
	}
	err = errors.Join(err, same("trade", said.OutTradeNo, refund.TradeNo), same("refund", said.OutRequestNo, refund.RequestNo))
	if err != nil {
		return false, unknown(api, err)
	}
	return true, nil
}
