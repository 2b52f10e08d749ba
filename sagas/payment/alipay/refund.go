package alipay

import (
	"context"
	"errors"
	"fmt"

	sdk "github.com/smartwalle/alipay/v3"

	"github.com/pushledger/pushledger/aggregates/money"
	"github.com/pushledger/pushledger/sagas/payment"
)

// Refund implements payment.Provider.
func (p *Provider) Refund(ctx context.Context, refund payment.Refund) error {
	if !isNumber(refund.RequestNo) || refund.Amount < 1 || refund.Amount > money.Max {
		return fmt.Errorf("alipay: refund %.80q lacks a number or an amount", refund.RequestNo)
	}
	var answer sdk.TradeRefundRsp
	err := p.call(ctx, sdk.TradeRefund{
		OutTradeNo: refund.TradeNo, OutRequestNo: refund.RequestNo,
		RefundAmount: refund.Amount.String(), RefundReason: refund.Reason,
	}, &answer, &answer.Error)
	var refused *payment.Refused
	switch {
	case err == nil && answer.FundChange == "Y":
		return same("trade", answer.OutTradeNo, refund.TradeNo)
	case err != nil && !errors.As(err, &refused):
		return err
	}
	// An earlier call may have done it: then this one has moved nothing, or is even
	// refused because no money is left.
	done, queryErr := p.refunded(ctx, refund)
	switch {
	case done:
		return nil
	case refused != nil && (queryErr == nil || refusedWith(queryErr, tradeNotExist)):
		return refused
	case queryErr != nil:
		// A refusal of the question is no refusal of the refund.
		return fmt.Errorf("alipay: refund %s is undecided: %v", refund.RequestNo, queryErr) //nolint:errorlint // see above
	default:
		return fmt.Errorf("alipay: refund %s was taken but has not happened yet", refund.RequestNo)
	}
}

// refunded asks whether the refund has happened.
func (p *Provider) refunded(ctx context.Context, refund payment.Refund) (bool, error) {
	var answer sdk.TradeFastPayRefundQueryRsp
	err := p.call(ctx, sdk.TradeFastPayRefundQuery{OutTradeNo: refund.TradeNo, OutRequestNo: refund.RequestNo}, &answer, &answer.Error)
	if err != nil {
		return false, err
	}
	if answer.RefundStatus != "REFUND_SUCCESS" {
		return false, nil
	}
	amount, err := positive(answer.RefundAmount)
	if err != nil {
		return false, err
	}
	if amount != refund.Amount {
		return false, fmt.Errorf("alipay: refund %s was made over %s instead of %s", refund.RequestNo, amount, refund.Amount)
	}
	return true, errors.Join(same("trade", answer.OutTradeNo, refund.TradeNo), same("refund", answer.OutRequestNo, refund.RequestNo))
}
