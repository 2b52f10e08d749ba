package alipay

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/smartwalle/alipay/v3"

	"github.com/pushledger/pushledger/sagas/payment"
)

const (
	payoutProduct = "TRANS_ACCOUNT_NO_PWD"
	payoutScene   = "DIRECT_TRANSFER"
)

type payoutAnswer struct {
	status
	OutBizNo    string `json:"out_biz_no"`
	OrderID     string `json:"order_id"`
	Status      string `json:"status"`
	TransAmount string `json:"trans_amount"` // only when asked about
	ErrorCode   string `json:"error_code"`   // likewise
	FailReason  string `json:"fail_reason"`  // likewise
}

// Payout implements payment.Provider. The push goes along as the remark.
func (p *Provider) Payout(ctx context.Context, payout payment.Payout) (string, error) {
	if payout.Merchant != "" {
		return p.settle(ctx, payout)
	}
	question := p.inScene(alipay.FundTransUniTransfer{
		OutBizNo: payout.PayoutNo, TransAmount: payout.Amount.String(), ProductCode: payoutProduct, BizScene: payoutScene,
		OrderTitle: payout.Title, Remark: payout.PushID,
		PayeeInfo: &alipay.PayeeInfo{Identity: payout.Account, IdentityType: "ALIPAY_LOGON_ID", Name: payout.Name},
	})
	var said payoutAnswer
	err := p.ask(ctx, question, &said)
	var refusal *payment.Refused
	switch {
	case err != nil && !errors.As(err, &refusal):
		return "", err
	case err == nil && said.Status == "SUCCESS":
		if err := same("payout", said.OutBizNo, payout.PayoutNo); err != nil {
			return "", unknown(question.APIName(), err)
		}
		return clip(said.OrderID, maxNumber), nil
	}
	return p.paidOut(ctx, payout, refusal)
}

// paidOut asks what has become of a payout that was refused, which an earlier call may
// have made (Alipay refuses a repetition to another account), or that was only taken.
func (p *Provider) paidOut(ctx context.Context, payout payment.Payout, refusal *payment.Refused) (string, error) {
	question := alipay.FundTransCommonQuery{OutBizNo: payout.PayoutNo, ProductCode: payoutProduct, BizScene: payoutScene}
	var said payoutAnswer
	err := p.ask(ctx, question, &said)
	switch {
	case isRefusal(err, subPayoutMissing) && refusal != nil:
		return "", refusal
	case err != nil:
		return "", fmt.Errorf("alipay: payout %s: %w", payout.PayoutNo, open(err))
	}
	return said.became(question.APIName(), payout)
}

// became reads a signed answer to what has become of a payout.
func (said payoutAnswer) became(api string, payout payment.Payout) (string, error) {
	if err := same("payout", said.OutBizNo, payout.PayoutNo); err != nil {
		return "", unknown(api, err)
	}
	switch said.Status {
	case "SUCCESS":
		amount, err := positive(said.TransAmount)
		if err == nil && amount != payout.Amount {
			err = fmt.Errorf("payout %s was made over %s instead of %s", payout.PayoutNo, amount, payout.Amount)
		}
		if err != nil {
			return "", unknown(api, err)
		}
		return clip(said.OrderID, maxNumber), nil
	case "FAIL": // final, whether or not Alipay says why
		return "", refused(alipay.FundTransUniTransfer{}.APIName(), cmp.Or(said.ErrorCode, said.Status), cmp.Or(said.FailReason, said.Status))
	default:
		return "", unknown(api, fmt.Errorf("payout %s is %.40q", payout.PayoutNo, said.Status))
	}
}
