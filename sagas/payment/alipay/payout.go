package alipay

import (
	"context"
	"errors"
	"fmt"

	sdk "github.com/smartwalle/alipay/v3"

	"github.com/pushledger/pushledger/sagas/payment"
)

const (
	payoutProduct = "TRANS_ACCOUNT_NO_PWD"
	payoutScene   = "DIRECT_TRANSFER"
	orderNotExist = "ORDER_NOT_EXIST"
)

// Payout implements payment.Provider. The push goes along as the remark.
func (p *Provider) Payout(ctx context.Context, payout payment.Payout) (string, error) {
	if !isNumber(payout.PayoutNo) {
		return "", fmt.Errorf("alipay: payout of push %.80q has no usable number", payout.PushID)
	}
	var answer sdk.FundTransUniTransferRsp
	err := p.call(ctx, sdk.FundTransUniTransfer{
		OutBizNo: payout.PayoutNo, TransAmount: payout.Amount.String(), ProductCode: payoutProduct, BizScene: payoutScene,
		OrderTitle: payout.Title, Remark: payout.PushID,
		PayeeInfo: &sdk.PayeeInfo{Identity: payout.Account, IdentityType: "ALIPAY_LOGON_ID", Name: payout.Name},
	}, &answer, &answer.Error)
	var refused *payment.Refused
	switch {
	case err == nil && answer.Status == "SUCCESS":
		return answer.OrderId, same("payout", answer.OutBizNo, payout.PayoutNo)
	case err != nil && !errors.As(err, &refused):
		return "", err
	}
	return p.paidOut(ctx, payout, refused)
}

// paidOut asks what has become of a payout that was refused, which an earlier call may
// have made (Alipay refuses a repetition to another account), or that was only taken.
func (p *Provider) paidOut(ctx context.Context, payout payment.Payout, refused *payment.Refused) (string, error) {
	var answer sdk.FundTransCommonQueryRsp
	err := p.call(ctx, sdk.FundTransCommonQuery{
		OutBizNo: payout.PayoutNo, ProductCode: payoutProduct, BizScene: payoutScene,
	}, &answer, &answer.Error)
	switch {
	case refusedWith(err, orderNotExist) && refused != nil:
		return "", refused
	case err != nil:
		// A refusal of the question is no refusal of the payout.
		return "", fmt.Errorf("alipay: payout %s is undecided: %v", payout.PayoutNo, err) //nolint:errorlint // see above
	}
	if err := same("payout", answer.OutBizNo, payout.PayoutNo); err != nil {
		return "", err
	}
	switch answer.Status {
	case "SUCCESS":
		amount, err := positive(answer.TransAmount)
		if err != nil {
			return "", err
		}
		if amount != payout.Amount {
			return "", fmt.Errorf("alipay: payout %s was made over %s instead of %s", payout.PayoutNo, amount, payout.Amount)
		}
		return answer.OrderId, nil
	case "FAIL":
		return "", &payment.Refused{API: "alipay.fund.trans.uni.transfer", Code: answer.ErrorCode, Message: answer.FailReason}
	default:
		return "", fmt.Errorf("alipay: payout %s is undecided: %.40q", payout.PayoutNo, answer.Status)
	}
}
