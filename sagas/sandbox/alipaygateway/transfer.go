package alipaygateway

import (
	"context"
	"slices"

	"github.com/pushledger/pushledger/aggregates/money"
)

const (
	minPayout       = 10 // fen
	maxText         = 200
	transferInvalid = "INVALID_PARAMETER"
)

// How a payout stands.
const (
	payoutSuccess  = "SUCCESS"
	payoutFailed   = "FAIL"
	payoutDealing  = "DEALING"
	payoutReturned = "REFUND"
)

type transferContent struct {
	OutBizNo string `json:"out_biz_no"`
	Amount   string `json:"trans_amount"`
	Product  string `json:"product_code"`
	Scene    string `json:"biz_scene"`
	Title    string `json:"order_title"`
	Remark   string `json:"remark"`
	InScene  string `json:"transfer_scene_name"`
	Reports  []struct {
		Type    string `json:"info_type"`
		Content string `json:"info_content"`
	} `json:"transfer_scene_report_infos"`
	Payee struct {
		Identity string `json:"identity"`
		Type     string `json:"identity_type"`
		Name     string `json:"name"`
	} `json:"payee_info"`
}

type transferAnswer struct {
	status
	OutBizNo  string `json:"out_biz_no"`
	OrderID   string `json:"order_id"`
	FundOrder string `json:"pay_fund_order_id"`
	Status    string `json:"status"`
	TransDate string `json:"trans_date"`
}

// transfer pays money out, once for each number. A number that was refused is remembered with
// its refusal: for other parameters it is taken. With the same ones it is refused again, unless
// that was for want of money or room in the day's limit, which may be there by now; Alipay says
// that such a call is to be made again as it was. What it answers to the same parameters after
// another refusal is not known.
func (g *Gateway) transfer(ctx context.Context, asked call) (any, error) {
	wanted, err := content[transferContent](asked)
	if err != nil {
		return nil, err
	}
	if err := wanted.checkScene(); err != nil {
		return nil, err
	}
	ordered, err := orderedPayout(wanted)
	if err != nil {
		return nil, err
	}
	c := g.books.payout(ordered.OutBizNo)
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.kept
	switch {
	case known.OutBizNo != "" && known.order() != ordered:
		return nil, failed("PAYMENT_INFO_INCONSISTENCY", "两次请求的商户单号相同，但参数不一致")
	case known.OutBizNo != "" && known.status() == payoutFailed && !passing[known.ErrorCode]:
		return nil, failed(known.ErrorCode, known.FailReason)
	case known.OutBizNo == "" || known.status() == payoutFailed:
		if known, err = g.payOut(ctx, c, ordered); err != nil {
			return nil, err
		}
	}
	return transferAnswer{
		status: success, OutBizNo: known.OutBizNo, OrderID: known.OrderID, FundOrder: known.OrderID,
		Status: known.status(), TransDate: g.format(known.At),
	}, nil
}

// Refusals that another try of the same call may get past.
const (
	noBalance = "PAYER_BALANCE_NOT_ENOUGH"
	dayIsFull = "EXCEED_LIMIT_DM_MAX_AMOUNT"
)

var passing = map[string]bool{noBalance: true, dayIsFull: true}

// payOut makes a payout or notes that it was refused. The caller holds the cell's lock.
func (g *Gateway) payOut(ctx context.Context, c *cell[payout], ordered payout) (payout, error) {
	made := ordered
	made.OrderID, made.At, made.Status = g.newNumber(), g.now().UTC(), g.account.standing(ordered.PushID)
	no := g.refusePayout(made)
	if no != nil {
		made.Status, made.ErrorCode, made.FailReason = payoutFailed, no.SubCode, no.SubMsg
	}
	if err := g.savePayout(ctx, c, made); err != nil {
		if no == nil {
			g.giveBackPayout(made)
		}
		return payout{}, err
	}
	if no != nil {
		return payout{}, no
	}
	return made, nil
}

// refusePayout tells why a payout cannot be made. If it returns nil its money is taken.
func (g *Gateway) refusePayout(wanted payout) *status {
	known, exists := g.payee(wanted.Payee, wanted.Name)
	limit := g.account.limit(known)
	switch {
	case !exists:
		return business("PAYEE_NOT_EXIST", "收款账号不存在")
	case known.Name != wanted.Name:
		return business("PAYEE_USER_INFO_ERROR", "支付宝账号和姓名不匹配，请确认姓名是否正确")
	case limit > 0 && wanted.Amount > limit && known.Company:
		return business("EXCEED_LIMIT_ENT_SM_AMOUNT", "超出转账给企业支付宝账户的单笔限额")
	case limit > 0 && wanted.Amount > limit:
		return business("EXCEED_LIMIT_PERSONAL_SM_AMOUNT", "超出转账给个人支付宝账户的单笔限额")
	case !g.account.reserve(g.dayOf(wanted), wanted.Amount):
		return business(dayIsFull, "超出单日转账限额")
	}
	if g.account.take(wanted.Amount) != nil {
		g.account.release(g.dayOf(wanted), wanted.Amount)
		return business(noBalance, "付款方余额不足")
	}
	return nil
}

func (g *Gateway) giveBackPayout(made payout) {
	g.account.release(g.dayOf(made), made.Amount)
	g.account.add(made.Amount)
}

func (g *Gateway) dayOf(made payout) string { return g.format(made.At)[:len("2006-01-02")] }

// payoutControl answers sandbox.alipay.payout: the payout of a push stands as given, the newest
// one at once, or the next one if there is none.
func (g *Gateway) payoutControl(ctx context.Context, body []byte) (any, error) {
	var wanted struct {
		PushID string `json:"push_id"`
		Status string `json:"status"`
	}
	if err := read(body, &wanted); err != nil {
		return nil, err
	}
	switch {
	case wanted.PushID == "" || len(wanted.PushID) > maxPushID:
		return nil, refuse("invalid_push_id", "a push id has 1 to %d bytes", maxPushID)
	case !slices.Contains([]string{payoutSuccess, payoutFailed, payoutDealing, payoutReturned}, wanted.Status):
		return nil, refuse("invalid_status", "status %.40q", wanted.Status)
	}
	made := g.newestPayout(wanted.PushID)
	if made == nil {
		if wanted.Status != payoutDealing {
			return nil, refuse("payout_not_found", "push %.80q has no payout yet, which could only be %s", wanted.PushID, payoutDealing)
		}
		g.account.mu.Lock()
		defer g.account.mu.Unlock()
		g.account.next[wanted.PushID] = wanted.Status
		return done{OK: true, PushID: wanted.PushID}, nil
	}
	made.mu.Lock()
	defer made.mu.Unlock()
	next := made.kept
	if !next.keeps() {
		return nil, refuse("payout_over", "payout %s is %s", next.OutBizNo, next.status())
	}
	next.Status, next.ErrorCode, next.FailReason = wanted.Status, "", ""
	if !next.keeps() {
		next.ErrorCode, next.FailReason, next.BackAt = "PAYEE_ACCOUNT_STATUS_ERROR", "收款方账号异常", g.now().UTC()
	}
	if err := g.savePayout(ctx, made, next); err != nil {
		return nil, err
	}
	if !next.keeps() {
		g.account.add(next.Amount)
	}
	return done{OK: true, PushID: wanted.PushID}, nil
}

// newestPayout is the payout of a push that was made last, nil if none was.
func (g *Gateway) newestPayout(pushID string) *cell[payout] {
	var newest *cell[payout]
	for _, c := range g.books.allPayouts() {
		if known := c.read(); known.OutBizNo != "" && known.PushID == pushID && (newest == nil || known.At.After(newest.read().At)) {
			newest = c
		}
	}
	return newest
}

func orderedPayout(wanted transferContent) (payout, error) {
	amount, err := money.Parse(wanted.Amount)
	switch {
	case err != nil || amount < minPayout:
		return payout{}, failed("EXCEED_LIMIT_MIN_AMOUNT", "转账金额须在 0.10 至 100000000.00 之间")
	case !numberPattern.MatchString(wanted.OutBizNo):
		return payout{}, failed(transferInvalid, "out_biz_no 无效")
	case wanted.Product != "TRANS_ACCOUNT_NO_PWD" || wanted.Scene != "DIRECT_TRANSFER":
		return payout{}, failed(transferInvalid, "product_code 或 biz_scene 无效")
	case wanted.Payee.Identity == "" || len(wanted.Payee.Identity) > maxText:
		return payout{}, failed("PAYEE_NOT_EXIST", "收款账号不存在")
	case wanted.Payee.Type != "ALIPAY_LOGON_ID" || wanted.Payee.Name == "" || len(wanted.Payee.Name) > maxText:
		return payout{}, failed(transferInvalid, "payee_info 无效")
	case len(wanted.Title) > maxText || len(wanted.Remark) > maxText:
		return payout{}, failed(transferInvalid, "order_title 或 remark 过长")
	}
	return payout{
		OutBizNo: wanted.OutBizNo, PushID: wanted.Remark, Payee: wanted.Payee.Identity, Name: wanted.Payee.Name,
		Title: wanted.Title, Amount: amount,
	}, nil
}

type transferQueryAnswer struct {
	status
	OutBizNo    string    `json:"out_biz_no"`
	OrderID     string    `json:"order_id"`
	FundOrder   string    `json:"pay_fund_order_id"`
	TransAmount money.Fen `json:"trans_amount"`
	Status      string    `json:"status"`
	PayDate     string    `json:"pay_date,omitzero"`
	ErrorCode   string    `json:"error_code,omitzero"`
	FailReason  string    `json:"fail_reason,omitzero"`
}

func (g *Gateway) transferQuery(_ context.Context, asked call) (any, error) {
	wanted, err := content[transferContent](asked)
	if err != nil {
		return nil, err
	}
	if !numberPattern.MatchString(wanted.OutBizNo) {
		return nil, failed(transferInvalid, "out_biz_no 无效")
	}
	known := g.books.payout(wanted.OutBizNo).read()
	if known.OutBizNo == "" {
		return nil, failed("ORDER_NOT_EXIST", "转账单据不存在")
	}
	answer := transferQueryAnswer{
		status: success, OutBizNo: known.OutBizNo, OrderID: known.OrderID, FundOrder: known.OrderID,
		TransAmount: known.Amount, Status: known.status(), ErrorCode: known.ErrorCode, FailReason: known.FailReason,
	}
	if known.status() == payoutSuccess {
		answer.PayDate = g.format(known.At)
	}
	return answer, nil
}
