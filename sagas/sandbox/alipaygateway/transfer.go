package alipaygateway

import (
	"context"

	"github.com/pushledger/pushledger/aggregates/money"
)

const (
	minPayout       = 10 // fen
	maxText         = 200
	transferInvalid = "INVALID_PARAMETER"
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

// transfer pays money out, once for each number.
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
	if c.kept.OutBizNo == "" {
		ordered.OrderID, ordered.At = g.newNumber(), g.now().UTC()
		if err := g.savePayout(ctx, c, ordered); err != nil {
			return nil, err
		}
	}
	known := c.kept
	ordered.OrderID, ordered.At = known.OrderID, known.At
	if known != ordered {
		return nil, failed("PAYMENT_INFO_INCONSISTENCY", "两次请求的商户单号相同，但参数不一致")
	}
	return transferAnswer{
		status: success, OutBizNo: known.OutBizNo, OrderID: known.OrderID, FundOrder: known.OrderID,
		Status: "SUCCESS", TransDate: g.format(known.At),
	}, nil
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
	PayDate     string    `json:"pay_date"`
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
	return transferQueryAnswer{
		status: success, OutBizNo: known.OutBizNo, OrderID: known.OrderID, FundOrder: known.OrderID,
		TransAmount: known.Amount, Status: "SUCCESS", PayDate: g.format(known.At),
	}, nil
}
