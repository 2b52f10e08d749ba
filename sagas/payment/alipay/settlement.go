package alipay

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/smartwalle/alipay/v3"

	"github.com/pushledger/pushledger/aggregates/money"
	"github.com/pushledger/pushledger/sagas/payment"
)

// 直付通: a trade that is made for a merchant of the platform's (二级商户). Alipay keeps its
// money until the platform confirms the trade, and gives all of it to the merchant then; what
// the platform earns is taken out of that by a second call. What is known of it was read in
// Alipay's SDK (AlipayTradeSettleConfirmModel, SettleDetailInfo, AlipayTradeOrderSettleModel,
// TradeSettleDetail and the codes of their errors).

const (
	apiConfirm = "alipay.trade.settle.confirm"
	apiFee     = "alipay.trade.order.settle"

	// settleByDefault is the account that was named when the merchant was set up. Where it is
	// is between the merchant and Alipay.
	settleByDefault = "defaultSettle"
	// frozenFor is the longest time there is: after it Alipay confirms a trade by itself, and
	// no delivery, and no decision of an operator, may be overtaken by that.
	frozenFor = "365d"
	feeScene  = "平台服务费" // one of the values that the SDK lists

	settled   = "settle"   // a TradeSettleDetail: the merchant has got the money
	allocated = "transfer" // likewise: somebody has got a part of it
)

// Sub-codes of settlements after which the same is to be asked again: too many calls, or a
// confirmation that has not taken effect yet, or one that an earlier call has made.
var unsettled = []string{
	"ACQ.FREQUENCY_LIMITED", "ACQ.ALLOC_REFUSE_BEFORE_SETTLE", "ACQ.ALREADY_CONFIRM_SETTLE", "ACQ.ALREADY_FINISH_ALLOC",
	"ACQ.DUP_OUT_REQUEST_NO", "ACQ.DISCORDANT_REPEAT_REQUEST",
}

type settleInfo struct {
	Details []settleDetail `json:"settle_detail_infos"` // Alipay takes one
	Period  string         `json:"settle_period_time,omitempty"`
}

type settleDetail struct {
	Type   string `json:"trans_in_type"`
	Amount string `json:"amount"`
}

func settleAll(amount money.Fen, period string) *settleInfo {
	return &settleInfo{Details: []settleDetail{{settleByDefault, amount.String()}}, Period: period}
}

// merchantOrder is an order for a merchant. The library knows the two members as texts only,
// and Alipay wants objects.
type merchantOrder struct {
	alipay.TradePagePay
	Merchant *subMerchant `json:"sub_merchant,omitempty"`
	Settle   *settleInfo  `json:"settle_info,omitempty"`
}

type subMerchant struct {
	ID string `json:"merchant_id"`
}

func withMerchant(order payment.Order, asked alipay.TradePagePay) merchantOrder {
	if order.Merchant == "" {
		return merchantOrder{TradePagePay: asked}
	}
	return merchantOrder{asked, &subMerchant{order.Merchant}, settleAll(order.Amount, frozenFor)}
}

type confirmation struct {
	alipay.AuxParam
	RequestNo string      `json:"out_request_no"`
	TradeNo   string      `json:"trade_no"`
	Settle    *settleInfo `json:"settle_info"`
	// Freeze keeps the money frozen at the merchant for 30 days, so that it cannot spend the
	// platform's part of it before that is taken.
	Freeze *freeze `json:"extend_params,omitempty"`
}

type freeze struct {
	Royalty string `json:"royalty_freeze"`
}

// APIName implements alipay.Param.
func (confirmation) APIName() string { return apiConfirm }

// Params implements alipay.Param.
func (confirmation) Params() map[string]string { return nil }

type feeOrder struct {
	alipay.AuxParam
	RequestNo string    `json:"out_request_no"`
	TradeNo   string    `json:"trade_no"`
	Mode      string    `json:"royalty_mode"`
	Royalties []royalty `json:"royalty_parameters"`
	Finish    finish    `json:"extend_params"`
}

// royalty goes to the platform, which is a receiver by itself: nothing has to be bound.
type royalty struct {
	Type   string `json:"royalty_type"`
	InType string `json:"trans_in_type"`
	In     string `json:"trans_in"`
	Amount string `json:"amount"`
	Text   string `json:"desc"`
	Scene  string `json:"royalty_scene"`
}

// finish gives the merchant what is left of the frozen money.
type finish struct {
	Royalty string `json:"royalty_finish"`
}

// APIName implements alipay.Param.
func (feeOrder) APIName() string { return apiFee }

// Params implements alipay.Param.
func (feeOrder) Params() map[string]string { return nil }

type settledAnswer struct {
	status
	TradeNo   string `json:"trade_no"`
	RequestNo string `json:"out_request_no"` // of a confirmation
}

// settle pays a seller by confirming the trade that was made for it, and then takes the fee.
// Either is repeated under its own number until it is known to have happened.
func (p *Provider) settle(ctx context.Context, payout payment.Payout) (string, error) {
	if payout.ProviderTradeNo == "" || payout.Amount < 1 {
		return "", fmt.Errorf("alipay: payout %s: a trade that is confirmed has a number and money", payout.PayoutNo)
	}
	whole := payout.Amount + payout.Fee
	asked := confirmation{RequestNo: payout.PayoutNo, TradeNo: payout.ProviderTradeNo, Settle: settleAll(whole, "")}
	if payout.Fee > 0 {
		asked.Freeze = &freeze{"true"}
	}
	if err := p.perform(ctx, payout, asked, movement{settled, payout.PayoutNo, whole}); err != nil {
		return "", err
	}
	if payout.Fee == 0 {
		return payout.ProviderTradeNo, nil
	}
	err := p.perform(ctx, payout, feeOrder{
		RequestNo: payout.FeeNo, TradeNo: payout.ProviderTradeNo, Mode: "sync", Finish: finish{"true"},
		Royalties: []royalty{{allocated, "userId", p.config.SellerID, payout.Fee.String(), feeScene, feeScene}},
	}, movement{allocated, payout.FeeNo, payout.Fee})
	var refusal *payment.Refused
	if errors.As(err, &refusal) {
		refusal.FeeOnly = true
	}
	if err != nil {
		return "", err
	}
	return payout.ProviderTradeNo, nil
}

// movement is what a call of a settlement does.
type movement struct {
	kind, number string
	amount       money.Fen
}

// perform makes one call of a settlement. What is refused may have been done before, by a call
// whose answer was lost or by Alipay itself when the time for a confirmation was over: the
// trade tells.
func (p *Provider) perform(ctx context.Context, payout payment.Payout, asked alipay.Param, wanted movement) error {
	var said settledAnswer
	err := p.ask(ctx, asked, &said)
	var refusal *payment.Refused
	switch {
	case err == nil:
		err = same("trade", said.TradeNo, payout.ProviderTradeNo)
		if said.RequestNo != "" && err == nil {
			err = same("settlement", said.RequestNo, wanted.number)
		}
		if err != nil {
			return unknown(asked.APIName(), err)
		}
		return nil
	case !errors.As(err, &refusal):
		return err
	}
	done, err := p.happened(ctx, payout, wanted)
	switch {
	case err != nil:
		return fmt.Errorf("alipay: payout %s: %w", payout.PayoutNo, open(err))
	case done:
		return nil
	case slices.Contains(unsettled, refusal.Code):
		return fmt.Errorf("alipay: payout %s: %w", payout.PayoutNo, open(refusal))
	default:
		return refusal
	}
}

type settlementAnswer struct {
	status
	OutTradeNo string                  `json:"out_trade_no"`
	Settled    *alipay.TradeSettleInfo `json:"trade_settle_info"`
}

// happened asks the trade whether a movement was made. A merchant gets the money of a trade
// once, under whatever number that was.
func (p *Provider) happened(ctx context.Context, payout payment.Payout, wanted movement) (bool, error) {
	question := alipay.TradeQuery{OutTradeNo: payout.TradeNo, QueryOptions: []string{"trade_settle_info"}}
	var said settlementAnswer
	if err := p.ask(ctx, question, &said); err != nil {
		return false, err
	}
	if err := same("trade", said.OutTradeNo, payout.TradeNo); err != nil {
		return false, unknown(question.APIName(), err)
	}
	if said.Settled == nil {
		return false, nil
	}
	for _, detail := range said.Settled.TradeSettleDetailList {
		if detail == nil || detail.OperationType != wanted.kind || wanted.kind == allocated && detail.OperationSerialNo != wanted.number {
			continue
		}
		amount, err := positive(detail.Amount)
		if err == nil && amount != wanted.amount {
			err = fmt.Errorf("%s of trade %s was made over %s instead of %s", wanted.kind, payout.TradeNo, amount, wanted.amount)
		}
		if err != nil {
			return false, unknown(question.APIName(), err)
		}
		return true, nil
	}
	return false, nil
}
