package alipaygateway

import (
	"context"
	"encoding/csv"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pushledger/pushledger/aggregates/money"
)

// The bills of alipay.data.dataservice.bill.downloadurl.query that are made here.
const (
	billTrade   = "trade"        // 业务明细
	billAccount = "signcustomer" // 账务明细
)

const dayLayout = "2006年01月02日 15:04:05"

// bill is the table of one bill.
type bill struct {
	title   string
	columns []string
	row     func(g *Gateway, moved movement) []string
}

var bills = map[string]bill{
	billTrade: {"业务明细", []string{
		"支付宝交易号", "商户订单号", "业务类型", "商品名称", "创建时间", "完成时间", "门店编号", "门店名称", "操作员", "终端号", "对方账户",
		"订单金额（元）", "商家实收（元）", "支付宝红包（元）", "集分宝（元）", "支付宝优惠（元）", "商家优惠（元）", "券核销金额（元）", "券名称",
		"商家红包消费金额（元）", "卡消费金额（元）", "退款批次号/请求号", "服务费（元）", "分润（元）", "备注",
	}, (*Gateway).tradeRow},
	billAccount: {"账务明细", []string{
		"账务流水号", "业务流水号", "商户订单号", "商品名称", "发生时间", "对方账号", "收入金额（+元）", "支出金额（-元）", "账户余额（元）", "交易渠道", "业务类型", "备注",
	}, (*Gateway).accountRow},
}

// movement is money that came in or went out.
type movement struct {
	trade   trade // of a payment, a refund or a fee
	refund  refund
	payout  payout
	royalty refund // that the platform took of a trade for a merchant
	fee     bool   // Alipay's, of the trade
	back    bool   // the payout has come back
	at      time.Time
	balance money.Fen // of the merchant, after it
}

// billAnswer answers sandbox.alipay.bill.
type billAnswer struct {
	OK   bool   `json:"ok"` // true
	Bill string `json:"bill"`
	Day  string `json:"day"` // the one that it is now, as in bill_date
}

// billControl answers sandbox.alipay.bill: one bill over everything so far, in UTF-8. Its
// period begins and ends a day beyond, so that all of it is well within. It also has the
// bills of this day made at once, or a number stand on every bill twice.
func (g *Gateway) billControl(_ context.Context, body []byte) (any, error) {
	wanted := struct {
		Type  string `json:"type"`
		Ready bool   `json:"ready"`
		Twice string `json:"twice"`
	}{Type: billTrade}
	if err := read(body, &wanted); err != nil {
		return nil, err
	}
	table, known := bills[wanted.Type]
	if !known {
		return nil, refuse("invalid_type", "type %.40q is neither %s nor %s", wanted.Type, billTrade, billAccount)
	}
	today := g.now().In(g.zone).Format(time.DateOnly)
	if len(wanted.Twice) > maxText {
		return nil, refuse("invalid_number", "a number has at most %d bytes", maxText)
	}
	g.handed.arrange(today, wanted.Ready, wanted.Twice)
	all := g.movements()
	from, to := g.now(), g.now()
	if len(all) > 0 {
		from = all[0].at
	}
	text, err := g.write(table, g.midnight(from, -1), g.midnight(to, 2), all)
	return billAnswer{OK: true, Bill: text, Day: today}, err
}

// midnight is the begin of the day of a moment, or of one so many days later.
func (g *Gateway) midnight(at time.Time, days int) time.Time {
	year, month, day := at.In(g.zone).Date()
	return time.Date(year, month, day+days, 0, 0, 0, 0, g.zone)
}

// movements lists all that moved, oldest first.
func (g *Gateway) movements() []movement {
	var all []movement
	for _, t := range g.paidTrades("") {
		if t.Merchant != "" { // none of the platform's money: it stands on bills that are not made here
			for _, taken := range t.Royalties {
				all = append(all, movement{trade: t, royalty: taken, at: taken.At})
			}
			continue
		}
		all = append(all, movement{trade: t, at: t.PaidAt})
		if t.Fee > 0 {
			all = append(all, movement{trade: t, fee: true, at: t.PaidAt})
		}
		for _, r := range t.Refunds {
			all = append(all, movement{trade: t, refund: r, at: r.At})
		}
	}
	for _, p := range g.madePayouts("") {
		all = append(all, movement{payout: p, at: p.At})
		if !p.BackAt.IsZero() {
			all = append(all, movement{payout: p, back: true, at: p.BackAt})
		}
	}
	all = g.handed.repeat(all)
	slices.SortStableFunc(all, func(a, b movement) int { return a.at.Compare(b.at) })
	balance := g.account.openedWith()
	for i := range all {
		balance += all[i].signed()
		all[i].balance = balance
	}
	return all
}

// signed is the amount, below 0 if it went out.
func (m movement) signed() money.Fen {
	switch {
	case m.royalty.RequestNo != "":
		return m.royalty.Amount
	case m.back:
		return m.payout.Amount
	case m.payout.OutBizNo != "":
		return -m.payout.Amount
	case m.fee:
		return -m.trade.Fee
	case m.refund.RequestNo != "":
		return -m.refund.Amount
	default:
		return m.trade.received()
	}
}

// ofOrder is the amount of the order that was paid or refunded, with the merchant's part.
func (m movement) ofOrder() money.Fen {
	if m.refund.RequestNo != "" {
		return -m.refund.Amount
	}
	return m.trade.Amount
}

// write makes the CSV of a bill, in UTF-8.
func (g *Gateway) write(table bill, from, to time.Time, all []movement) (string, error) {
	var text strings.Builder
	fmt.Fprintf(&text, "#支付宝%s查询\n#账号：[%s0156]\n", table.title, sellerID)
	fmt.Fprintf(&text, "#起始日期：[%s]   终止日期：[%s]\n", from.Format(dayLayout), to.Format(dayLayout))
	fmt.Fprintf(&text, "#-----------------------------------------%s列表----------------------------------------\n", table.title)
	rows := csv.NewWriter(&text)
	if err := rows.Write(table.columns); err != nil {
		return "", fmt.Errorf("alipaygateway: bill: %w", err)
	}
	for _, moved := range all {
		row := table.row(g, moved)
		if row == nil { // it stands on the other bill
			continue
		}
		if err := rows.Write(row); err != nil {
			return "", fmt.Errorf("alipaygateway: bill: %w", err)
		}
	}
	rows.Flush()
	fmt.Fprintf(&text, "#-----------------------------------------%s列表结束------------------------------------\n", table.title)
	fmt.Fprintf(&text, "#导出时间：[%s]\n", g.now().In(g.zone).Format(dayLayout))
	return text.String(), rows.Error()
}

func (g *Gateway) tradeRow(moved movement) []string {
	if moved.payout.OutBizNo != "" || moved.fee || moved.royalty.RequestNo != "" {
		return nil
	}
	fee := money.Fen(0)
	kind := "交易"
	if moved.refund.RequestNo != "" {
		kind = "退款"
	} else {
		fee = -moved.trade.Fee
	}
	amount, received := moved.ofOrder().String(), moved.signed()
	ours := moved.ofOrder() - received
	return []string{
		moved.trade.TradeNo + "\t", moved.trade.OutTradeNo + "\t", kind, moved.trade.Subject,
		g.format(moved.trade.CreatedAt), g.format(moved.at), "", "", "", "", buyerLogonID + "\t",
		amount, received.String(), "0.00", "0.00", "0.00", ours.String(), "0.00", "", "0.00", "0.00", moved.refund.RequestNo + "\t", fee.String(), "0.00", "",
	}
}

func (g *Gateway) accountRow(moved movement) []string {
	number, ours, title, other, kind := moved.trade.TradeNo, moved.trade.OutTradeNo, moved.trade.Subject, buyerLogonID, "在线支付"
	switch {
	case moved.royalty.RequestNo != "": // how Alipay words it is not known
		ours, other, kind = moved.royalty.RequestNo, moved.trade.Merchant, "分账"
	case moved.back:
		number, ours, title, other, kind = moved.payout.OrderID, moved.payout.OutBizNo, moved.payout.Title, moved.payout.Payee, "转账退回"
	case moved.fee:
		title, other, kind = "服务费", "", "收费"
	case moved.payout.OutBizNo != "":
		number, ours, title, other, kind = moved.payout.OrderID, moved.payout.OutBizNo, moved.payout.Title, moved.payout.Payee, "转账"
	case moved.refund.RequestNo != "":
		kind = "交易退款"
	}
	in, out := moved.signed().String(), ""
	if moved.signed() < 0 {
		in, out = "", in
	}
	return []string{
		number + "\t", number + "\t", ours + "\t", title, g.format(moved.at), other + "\t",
		in, out, moved.balance.String(), "支付宝", kind, "",
	}
}
