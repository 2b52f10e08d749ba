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

	apiTransfer      = "alipay.fund.trans.uni.transfer"
	apiTransferQuery = "alipay.fund.trans.common.query"
)

// How a payout stands at Alipay.
const (
	payoutSuccess  = "SUCCESS"
	payoutFailed   = "FAIL"
	payoutDealing  = "DEALING"
	payoutInit     = "INIT"   // of the older questions: it waits to be dealt with
	payoutReturned = "REFUND" // 退票: the payee's bank has sent it back, after a SUCCESS
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
	refusal := refusalOf(err)
	switch {
	case err != nil && refusal == nil:
		return "", err
	case err == nil && said.Status == payoutSuccess:
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
	number, err := p.FindPayout(ctx, payout)
	otherwise := refusal != nil && means(refusal, conflict)
	switch {
	case errors.Is(err, payment.ErrPayoutNotFound) && refusal != nil && !otherwise:
		return "", refusal
	case errors.Is(err, payment.ErrPayoutNotFound): // it said that it knows the number
		return "", unknown(apiTransferQuery, fmt.Errorf("payout %s is known, and then it is not", payout.PayoutNo))
	case refusalOf(err) != nil:
		fate := *refusalOf(err)
		fate.Otherwise = otherwise
		return "", &fate
	}
	return number, err
}

// FindPayout implements payment.Provider.
func (p *Provider) FindPayout(ctx context.Context, payout payment.Payout) (string, error) {
	question := alipay.FundTransCommonQuery{OutBizNo: payout.PayoutNo, ProductCode: payoutProduct, BizScene: payoutScene}
	var said payoutAnswer
	err := p.ask(ctx, question, &said)
	switch {
	case means(err, missing):
		return "", fmt.Errorf("%w: %s", payment.ErrPayoutNotFound, payout.PayoutNo)
	case err != nil:
		return "", fmt.Errorf("alipay: payout %s: %w", payout.PayoutNo, open(err))
	}
	return said.became(question.APIName(), payout)
}

// became reads a signed answer to what has become of a payout. FAIL is final, whether or not
// Alipay says why, and so is REFUND: the money was on its way and has come back. While Alipay
// is at it, nobody has to do anything.
func (said payoutAnswer) became(api string, payout payment.Payout) (string, error) {
	if err := same("payout", said.OutBizNo, payout.PayoutNo); err != nil {
		return "", unknown(api, err)
	}
	no := refused(apiTransfer, clip(cmp.Or(said.ErrorCode, said.Status), maxRefusalCode), clip(cmp.Or(said.FailReason, said.Status), maxRefusalText))
	switch said.Status {
	case payoutSuccess:
		amount, err := positive(said.TransAmount)
		if err == nil && amount != payout.Amount {
			err = fmt.Errorf("payout %s was made over %s instead of %s", payout.PayoutNo, amount, payout.Amount)
		}
		if err != nil {
			return "", unknown(api, err)
		}
		return clip(said.OrderID, maxNumber), nil
	case payoutFailed:
		// Where another try of the same call may get past it, the number is not used up.
		no.Failed = said.ErrorCode == "" || meaningOf(apiTransfer, codeBusiness, said.ErrorCode) == final
		return "", no
	case payoutReturned:
		no.Code = payoutReturned
		return "", no
	case payoutDealing, payoutInit:
		return "", &payment.Postponed{API: apiTransfer, Code: payoutDealing, Message: "Alipay is at it / 支付宝处理中"}
	default:
		return "", unknown(api, fmt.Errorf("payout %s is %.40q", payout.PayoutNo, said.Status))
	}
}
