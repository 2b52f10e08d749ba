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
	done, queryErr := p.refunded(ctx, refund)
	switch {
	case done:
		return nil
	case refusal != nil && (queryErr == nil || isRefusal(queryErr, subTradeMissing)):
		return refusal
	case queryErr != nil:
		return fmt.Errorf("alipay: refund %s: %w", refund.RequestNo, open(queryErr))
	default:
		return unknown(question.APIName(), errors.New("taken, but it has not happened yet"))
	}
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
	if err := p.ask(ctx, question, &said); err != nil {
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
