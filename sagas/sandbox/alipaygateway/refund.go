package alipaygateway

import (
	"context"
	"slices"

	"github.com/pushledger/pushledger/aggregates/money"
)

type refundContent struct {
	OutTradeNo string `json:"out_trade_no"`
	RequestNo  string `json:"out_request_no"`
	Amount     string `json:"refund_amount"`
	// Royalties are the parts of it that the platform gives back of what it took.
	Royalties []royaltyContent `json:"refund_royalty_parameters"`
}

type refundAnswer struct {
	status
	TradeNo    string    `json:"trade_no"`
	OutTradeNo string    `json:"out_trade_no"`
	FundChange string    `json:"fund_change"`
	RefundFee  money.Fen `json:"refund_fee"` // of all refunds together
}

// find returns the refund of a number.
func (t trade) find(requestNo string) (refund, bool) {
	at := slices.IndexFunc(t.Refunds, func(known refund) bool { return known.RequestNo == requestNo })
	if at < 0 {
		return refund{}, false
	}
	return t.Refunds[at], true
}

func (g *Gateway) refund(ctx context.Context, asked call) (any, error) {
	wanted, err := content[refundContent](asked)
	if err != nil {
		return nil, err
	}
	amount, err := money.Parse(wanted.Amount)
	if err != nil || amount < 1 || !numberPattern.MatchString(wanted.RequestNo) {
		return nil, failed(acqInvalid, "refund_amount 或 out_request_no 无效")
	}
	royalty, err := returnedRoyalty(wanted.Royalties)
	if err != nil {
		return nil, err
	}
	c, err := g.asked(ctx, wanted.OutTradeNo)
	if err != nil {
		return nil, err
	}
	defer c.mu.Unlock()
	if g.now().Before(c.refunded.Add(g.visible * 3 / 10)) {
		return nil, failed("ACQ.SYSTEM_ERROR", "同一笔交易的退款请求过于频繁")
	}
	c.refunded = g.now()
	change := "N"
	if known, is := c.kept.find(wanted.RequestNo); !is {
		if err := g.giveBack(ctx, c, refund{RequestNo: wanted.RequestNo, Amount: amount, At: g.now().UTC(), Royalty: royalty}); err != nil {
			return nil, err
		}
		change = "Y"
	} else if known.Amount != amount {
		return nil, failed("ACQ.DISCORDANT_REPEAT_REQUEST", "同一退款请求号的退款金额不一致")
	}
	return refundAnswer{
		status: success, TradeNo: c.kept.TradeNo, OutTradeNo: c.kept.OutTradeNo,
		FundChange: change, RefundFee: c.kept.refunded(),
	}, nil
}

// giveBack refunds once. The caller holds the trade's lock. A trade that is refunded in
// full is closed, which its merchant is told.
func (g *Gateway) giveBack(ctx context.Context, c *cell[trade], back refund) error {
	next := c.kept
	switch {
	case next.PaidAt.IsZero():
		return errTradeStatus
	case next.Status == tradeFinished:
		return failed("ACQ.TRADE_HAS_FINISHED", "交易已完结")
	case back.Amount > next.Amount-next.refunded():
		return failed("ACQ.REFUND_AMT_NOT_EQUAL_TOTAL", "退款金额超限")
	}
	if next.Merchant != "" {
		if err := next.coversRefund(back); err != nil {
			return err
		}
	} else if g.account.take(back.Amount) != nil {
		return failed("ACQ.SELLER_BALANCE_NOT_ENOUGH", "卖家余额不足")
	}
	next.Refunds = append(slices.Clip(next.Refunds), back)
	full := next.refunded() == next.Amount
	if full {
		next.Status = tradeClosed
		next.Notices = append(slices.Clip(next.Notices), g.newNotice(tradeClosed, 0))
	}
	if err := g.saveTrade(ctx, c, next); err != nil {
		if next.Merchant == "" {
			g.account.add(back.Amount)
		}
		return err
	}
	if full {
		g.start(c, next.Notices[len(next.Notices)-1].ID)
	}
	return nil
}

type refundQueryAnswer struct {
	status
	TradeNo      string    `json:"trade_no,omitzero"`
	OutTradeNo   string    `json:"out_trade_no,omitzero"`
	OutRequestNo string    `json:"out_request_no,omitzero"`
	TotalAmount  money.Fen `json:"total_amount,omitzero"`
	RefundAmount money.Fen `json:"refund_amount,omitzero"`
	RefundStatus string    `json:"refund_status,omitzero"` // left out: there was no such refund
	RefundedAt   string    `json:"gmt_refund_pay,omitzero"`
}

// refundQuery shows a refund some time after it was made, as Alipay does.
func (g *Gateway) refundQuery(ctx context.Context, asked call) (any, error) {
	wanted, err := content[refundContent](asked)
	if err != nil {
		return nil, err
	}
	c, err := g.asked(ctx, wanted.OutTradeNo)
	if err != nil {
		return nil, err
	}
	defer c.mu.Unlock()
	known, is := c.kept.find(wanted.RequestNo)
	if !is || g.now().Before(known.At.Add(g.visible)) {
		return refundQueryAnswer{status: success}, nil
	}
	return refundQueryAnswer{
		status: success, TradeNo: c.kept.TradeNo, OutTradeNo: c.kept.OutTradeNo, OutRequestNo: known.RequestNo,
		TotalAmount: c.kept.Amount, RefundAmount: known.Amount, RefundStatus: "REFUND_SUCCESS", RefundedAt: g.format(known.At),
	}, nil
}
