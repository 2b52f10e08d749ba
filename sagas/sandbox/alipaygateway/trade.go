package alipaygateway

import (
	"context"
	"net/url"
	"regexp"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/pushledger/pushledger/aggregates/money"
)

// Bounds of what a call may hold.
const (
	maxSubject  = 256 // characters
	maxPassback = 512 // bytes
	maxURL      = 256 // bytes

	shortestOrder = time.Minute // that an order may last
	longestOrder  = 15 * 24 * time.Hour
)

// numberPattern is what the merchant's own numbers look like.
var numberPattern = regexp.MustCompile(`^[A-Za-z0-9_]{1,64}$`)

const acqInvalid = "ACQ.INVALID_PARAMETER"

// Refusals of a trade.
var (
	errNoTrade     = failed("ACQ.TRADE_NOT_EXIST", "交易不存在")
	errTradeStatus = failed("ACQ.TRADE_STATUS_ERROR", "交易状态不合法")
	errLate        = failed(acqInvalid, "订单参数异常，请重新下单后再发起付款")
)

type pageContent struct {
	OutTradeNo string `json:"out_trade_no"`
	Amount     string `json:"total_amount"`
	Subject    string `json:"subject"`
	Product    string `json:"product_code"`
	Passback   string `json:"passback_params"`
	TimeExpire string `json:"time_expire"`
	Disable    string `json:"disable_pay_channels"`
	Enable     string `json:"enable_pay_channels"`
	GoodsType  string `json:"goods_type"`
	Buyer      struct {
		Check string `json:"need_check_info"`
		Hash  string `json:"identity_hash"`
	} `json:"ext_user_info"`
	merchantContent
}

// demanded is the hash of the only one who may pay; empty: anybody may.
func (c pageContent) demanded() string {
	if c.Buyer.Check != "T" {
		return ""
	}
	return c.Buyer.Hash
}

// pagePay sends whoever has opened the page to the cashier. That makes no trade: the one who
// signs in there does.
func (g *Gateway) pagePay(ctx context.Context, asked call) (any, error) {
	said, err := content[pageContent](asked)
	if err != nil {
		return nil, err
	}
	wanted, err := g.ordered(said, asked.notifyURL)
	if err != nil {
		return nil, err
	}
	c := g.books.trade(wanted.OutTradeNo)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch known := c.kept; {
	case known.OutTradeNo == "":
		if err := g.lasts(wanted); err != nil {
			return nil, err
		}
		if err := g.saveTrade(ctx, c, wanted); err != nil {
			return nil, err
		}
	case known.Status == ordered && g.isLate(known):
		return nil, errLate
	case known.Amount != wanted.Amount || known.Merchant != wanted.Merchant || known.PushID != wanted.PushID || known.Subject != wanted.Subject:
		return nil, failed("ACQ.CONTEXT_INCONSISTENT", "交易信息被篡改")
	}
	return redirect("cashier?trade_no=" + c.kept.TradeNo), nil
}

// lasts checks for how long an order is still good when its page is first opened.
func (g *Gateway) lasts(wanted trade) error {
	switch left := wanted.ExpiresAt.Sub(g.now()); {
	case left <= 0:
		return errLate
	case left < g.shortest || left > longestOrder:
		return failed(acqInvalid, "time_expire 超出 1m～15d")
	default:
		return nil
	}
}

// ordered reads a new order from a call.
func (g *Gateway) ordered(wanted pageContent, notifyURL string) (trade, error) {
	amount, err := money.Parse(wanted.Amount)
	if err != nil || amount < 1 {
		return trade{}, failed("ACQ.TOTAL_FEE_EXCEED", "订单金额须在 0.01 至 100000000.00 之间")
	}
	until, err := time.ParseInLocation(timeLayout, wanted.TimeExpire, g.zone)
	switch notify, urlErr := url.Parse(notifyURL); {
	case err != nil:
		return trade{}, failed(acqInvalid, "time_expire 须为 yyyy-MM-dd HH:mm:ss")
	case urlErr != nil || notify.Host == "" || len(notifyURL) > maxURL:
		return trade{}, failed(acqInvalid, "notify_url 无效")
	case !numberPattern.MatchString(wanted.OutTradeNo):
		return trade{}, failed(acqInvalid, "out_trade_no 无效")
	case wanted.Product != "FAST_INSTANT_TRADE_PAY":
		return trade{}, failed(acqInvalid, "product_code 无效")
	case wanted.Subject == "" || utf8.RuneCountInString(wanted.Subject) > maxSubject || len(wanted.Passback) > maxPassback:
		return trade{}, failed(acqInvalid, "subject 或 passback_params 无效")
	case utf8.RuneCountInString(wanted.Disable) > maxDisabled:
		return trade{}, failed(acqInvalid, "disable_pay_channels 过长")
	case !slices.Contains([]string{"", "0", "1"}, wanted.GoodsType):
		return trade{}, failed(acqInvalid, "goods_type 须为 0 或 1")
	case wanted.Disable != "" && wanted.Enable != "":
		return trade{}, failed(acqInvalid, "disable_pay_channels 与 enable_pay_channels 互斥")
	}
	pushID, err := url.QueryUnescape(wanted.Passback)
	if err != nil {
		return trade{}, failed(acqInvalid, "passback_params 未编码")
	}
	kept, err := wanted.frozen(amount)
	if err != nil {
		return trade{}, err
	}
	return trade{
		OutTradeNo: wanted.OutTradeNo, TradeNo: g.newNumber(), PushID: pushID, Subject: wanted.Subject, NotifyURL: notifyURL,
		Disabled: wanted.Disable, GoodsType: wanted.GoodsType, IdentityHash: wanted.demanded(), Amount: amount, Status: ordered, CreatedAt: g.now().UTC(), ExpiresAt: until.UTC(),
		frozen: kept,
	}, nil
}

// lock returns the trade with its lock held, closed if its time is over. A trade that
// is not known, or could not be closed, comes unlocked with an error.
func (g *Gateway) lock(ctx context.Context, c *cell[trade]) (*cell[trade], error) {
	c.mu.Lock()
	known := c.kept
	if known.OutTradeNo == "" {
		c.mu.Unlock()
		return nil, errNoTrade
	}
	if g.isOver(known) {
		known.Status = tradeClosed
		if err := g.saveTrade(ctx, c, known); err != nil {
			c.mu.Unlock()
			return nil, err
		}
	}
	if g.isMature(known) {
		if err := g.settle(ctx, c, settlement{RequestNo: g.newNumber(), At: g.now().UTC()}); err != nil {
			c.mu.Unlock()
			return nil, err
		}
	}
	return c, nil
}

// isOver reports whether a trade is to be closed because its time has come. It is not
// while closing goes wrong: so money can still come late, as from a buyer who presses
// pay in the moment in which the trade is being closed.
func (g *Gateway) isOver(t trade) bool {
	return t.Status == waitBuyerPay && g.isLate(t)
}

// isLate reports whether an order or a trade can no longer be paid.
func (g *Gateway) isLate(t trade) bool {
	return !t.ExpiresAt.After(g.now()) && !t.KeptOpen && !g.faults.holds(target{apiClose, t.PushID})
}

// keepOpen marks the trade whose closing a fault prevents.
func (g *Gateway) keepOpen(ctx context.Context, asked call) error {
	wanted, err := content[tradeContent](asked)
	if err != nil {
		return err
	}
	c := g.books.trade(wanted.OutTradeNo)
	c.mu.Lock()
	defer c.mu.Unlock()
	next := c.kept
	if next.Status != waitBuyerPay || next.KeptOpen { // an order without a trade is never closed by a call
		return nil
	}
	next.KeptOpen = true
	return g.saveTrade(ctx, c, next)
}

// asked finds the trade that a call is about and locks it.
func (g *Gateway) asked(ctx context.Context, outTradeNo string) (*cell[trade], error) {
	if !numberPattern.MatchString(outTradeNo) {
		return nil, failed(acqInvalid, "out_trade_no 无效")
	}
	c, err := g.lock(ctx, g.books.trade(outTradeNo))
	if err == nil && c.kept.Status == ordered {
		c.mu.Unlock()
		return nil, errNoTrade
	}
	return c, err
}

// signIn has the buyer sign in at the cashier, which makes a trade of the order.
func (g *Gateway) signIn(ctx context.Context, c *cell[trade]) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	next := c.kept
	switch {
	case next.Status != ordered:
		return nil
	case g.isLate(next):
		return refuse("trade_closed", "the time of order %s is over", next.OutTradeNo)
	}
	next.Status = waitBuyerPay
	return g.saveTrade(ctx, c, next)
}

type tradeContent struct {
	OutTradeNo string   `json:"out_trade_no"`
	Options    []string `json:"query_options"`
}

type fundBill struct {
	Channel string    `json:"fund_channel"`
	Type    string    `json:"fund_type,omitzero"`
	Amount  money.Fen `json:"amount"`
}

type queryAnswer struct {
	status
	TradeNo      string     `json:"trade_no"`
	OutTradeNo   string     `json:"out_trade_no"`
	TradeStatus  string     `json:"trade_status"`
	TotalAmount  money.Fen  `json:"total_amount"`
	Receipt      *money.Fen `json:"receipt_amount,omitzero"`
	BuyerPay     *money.Fen `json:"buyer_pay_amount,omitzero"`
	Additional   string     `json:"additional_status,omitzero"`
	BuyerLogonID string     `json:"buyer_logon_id,omitzero"`
	BuyerUserID  string     `json:"buyer_user_id,omitzero"`
	SendPayDate  string     `json:"send_pay_date,omitzero"`
	FundBills    []fundBill `json:"fund_bill_list,omitzero"`
	Settled      *settled   `json:"trade_settle_info,omitzero"`
}

func (g *Gateway) query(ctx context.Context, asked call) (any, error) {
	wanted, err := content[tradeContent](asked)
	if err != nil {
		return nil, err
	}
	c, err := g.asked(ctx, wanted.OutTradeNo)
	if err != nil {
		return nil, err
	}
	defer c.mu.Unlock()
	answer := queryAnswer{
		status: success, TradeNo: c.kept.TradeNo, OutTradeNo: c.kept.OutTradeNo,
		TradeStatus: c.kept.Status, TotalAmount: c.kept.Amount,
	}
	if !c.kept.PaidAt.IsZero() {
		answer.BuyerLogonID, answer.BuyerUserID = buyerLogonID, c.kept.buyer()
		answer.SendPayDate = g.format(c.kept.PaidAt)
		receipt, paid := c.kept.receiptTold(), c.kept.received()
		answer.Receipt, answer.BuyerPay, answer.Additional = &receipt, &paid, c.kept.Additional
		if slices.Contains(wanted.Options, "fund_bill_list") && !c.kept.Silent {
			answer.FundBills = c.kept.fundBills()
		}
		if slices.Contains(wanted.Options, "trade_settle_info") {
			answer.Settled = g.settledOf(c.kept)
		}
	}
	return answer, nil
}

type closeAnswer struct {
	status
	TradeNo    string `json:"trade_no"`
	OutTradeNo string `json:"out_trade_no"`
}

func (g *Gateway) closeTrade(ctx context.Context, asked call) (any, error) {
	wanted, err := content[tradeContent](asked)
	if err != nil {
		return nil, err
	}
	c, err := g.asked(ctx, wanted.OutTradeNo)
	if err != nil {
		return nil, err
	}
	defer c.mu.Unlock()
	next := c.kept
	if next.Status != waitBuyerPay {
		return nil, errTradeStatus
	}
	next.Status = tradeClosed
	if err := g.saveTrade(ctx, c, next); err != nil {
		return nil, err
	}
	return closeAnswer{status: success, TradeNo: next.TradeNo, OutTradeNo: next.OutTradeNo}, nil
}
