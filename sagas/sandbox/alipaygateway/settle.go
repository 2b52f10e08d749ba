package alipaygateway

import (
	"context"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/pushledger/pushledger/aggregates/money"
)

// 直付通: a trade that is made for a merchant of the platform's. Its money is frozen until the
// trade is confirmed, or its period is over; then the merchant has it, and the platform may
// take its fee. The codes are those of Alipay's SDK, the words are not known.

const (
	methodConfirm = "alipay.trade.settle.confirm"
	methodFee     = "alipay.trade.order.settle"

	defaultSettle  = "defaultSettle"
	longestPeriod  = 365 // days
	largestRoyalty = 30  // percent of a trade, unless the contract says otherwise
	day            = 24 * time.Hour
)

var (
	// merchantPattern is what a merchant's number looks like. Those that end in 0000 are of no
	// merchant, so that there are some to be refused.
	merchantPattern = regexp.MustCompile(`^2088[0-9]{12}$`)
	feePattern      = regexp.MustCompile(`^[A-Za-z0-9_]{1,32}$`)
	periodPattern   = regexp.MustCompile(`^[1-9][0-9]{0,2}d$`)
)

// frozen is what a trade for a merchant holds besides.
type frozen struct {
	Merchant   string      `json:"merchant,omitzero"` // empty: the trade is the platform's own
	Period     int         `json:"period,omitzero"`   // days after which it is confirmed by itself
	Settlement *settlement `json:"settlement,omitzero"`
	Royalties  []refund    `json:"royalties,omitzero"` // what the platform took, by request number
	Finished   bool        `json:"finished,omitzero"`  // it takes no more
}

// settlement is that the merchant got the money.
type settlement struct {
	RequestNo string    `json:"out_request_no"`
	Amount    money.Fen `json:"amount"`
	At        time.Time `json:"at"`
	Freeze    bool      `json:"freeze,omitzero"`
}

// royalties is what the platform has taken and not given back with refunds.
func (t trade) royalties() money.Fen {
	total := money.Fen(0)
	for _, taken := range t.Royalties {
		total += taken.Amount
	}
	for _, back := range t.Refunds {
		total -= back.Royalty
	}
	return total
}

type merchantContent struct {
	Merchant *struct {
		ID   string `json:"merchant_id"`
		Type string `json:"merchant_type"`
	} `json:"sub_merchant"`
	Settle *settleContent `json:"settle_info"`
}

type settleContent struct {
	Details []struct {
		Type   string `json:"trans_in_type"`
		In     string `json:"trans_in"`
		Amount string `json:"amount"`
	} `json:"settle_detail_infos"`
	Period string `json:"settle_period_time"`
}

// whole refuses a settlement that is not of so much to the merchant's own account.
func (s *settleContent) whole(amount money.Fen, otherwise string) error {
	if s == nil || len(s.Details) != 1 || s.Details[0].Type != defaultSettle || s.Details[0].In != "" {
		return failed(acqInvalid, "settle_info 无效")
	}
	if asked, err := money.Parse(s.Details[0].Amount); err != nil || asked != amount {
		return failed(otherwise, "结算金额与交易金额不一致")
	}
	return nil
}

// frozen reads for which merchant an order is, if it is for one.
func (m merchantContent) frozen(amount money.Fen) (frozen, error) {
	switch {
	case m.Merchant == nil && m.Settle == nil:
		return frozen{}, nil
	case m.Merchant == nil || m.Merchant.ID == "":
		return frozen{}, failed("ACQ.SECONDARY_MERCHANT_ID_BLANK", "二级商户编号错误")
	case !merchantPattern.MatchString(m.Merchant.ID) || m.Merchant.ID[12:] == "0000":
		return frozen{}, failed("ACQ.SECONDARY_MERCHANT_ID_INVALID", "二级商户不存在")
	case m.Merchant.Type != "" && m.Merchant.Type != "alipay":
		return frozen{}, failed(acqInvalid, "merchant_type 无效")
	}
	if err := m.Settle.whole(amount, "ACQ.TRADE_SETTLE_ERROR"); err != nil {
		return frozen{}, err
	}
	if !periodPattern.MatchString(m.Settle.Period) {
		return frozen{}, failed(acqInvalid, "settle_period_time 无效")
	}
	days, err := strconv.Atoi(m.Settle.Period[:len(m.Settle.Period)-1])
	if err != nil || days > longestPeriod {
		return frozen{}, failed(acqInvalid, "settle_period_time 须在 1d 至 365d 之间")
	}
	return frozen{Merchant: m.Merchant.ID, Period: days}, nil
}

// isMature reports whether a trade is confirmed because its period is over.
func (g *Gateway) isMature(t trade) bool {
	return t.Merchant != "" && t.Status == tradeSuccess && t.Settlement == nil && !g.now().Before(t.PaidAt.Add(time.Duration(t.Period)*day))
}

// settle gives the merchant what is left of a trade. The caller holds the trade's lock.
func (g *Gateway) settle(ctx context.Context, c *cell[trade], made settlement) error {
	next := c.kept
	made.Amount = next.Amount - next.refunded()
	next.Settlement = &made
	if err := g.saveTrade(ctx, c, next); err != nil {
		return err
	}
	g.books.mu.Lock()
	defer g.books.mu.Unlock()
	g.books.settled[made.RequestNo] = next.TradeNo
	return nil
}

type confirmContent struct {
	RequestNo string         `json:"out_request_no"`
	TradeNo   string         `json:"trade_no"`
	Settle    *settleContent `json:"settle_info"`
	Extend    struct {
		Freeze string `json:"royalty_freeze"`
	} `json:"extend_params"`
}

type settleAnswer struct {
	status
	TradeNo   string `json:"trade_no"`
	RequestNo string `json:"out_request_no,omitzero"`
}

// confirm has a merchant get the money of its trade, once.
func (g *Gateway) confirm(ctx context.Context, asked call) (any, error) {
	wanted, err := content[confirmContent](asked)
	if err != nil {
		return nil, err
	}
	if !numberPattern.MatchString(wanted.RequestNo) {
		return nil, failed(acqInvalid, "out_request_no 无效")
	}
	c, err := g.named(ctx, wanted.TradeNo)
	if err != nil {
		return nil, err
	}
	defer c.mu.Unlock()
	known := c.kept
	switch made := known.Settlement; {
	case known.Merchant == "":
		return nil, failed("ACQ.SETTLE_SCENE_NOT_SUPPORT", "当前交易不支持确认结算")
	case made != nil && made.RequestNo != wanted.RequestNo:
		return nil, failed("ACQ.ALREADY_CONFIRM_SETTLE", "交易已确认结算")
	case made != nil:
		if err := wanted.Settle.whole(made.Amount, "ACQ.DISCORDANT_REPEAT_REQUEST"); err != nil {
			return nil, err
		}
		return settleAnswer{status: success, TradeNo: known.TradeNo, RequestNo: made.RequestNo}, nil
	case g.books.settledBy(wanted.RequestNo) != "":
		return nil, failed("ACQ.DUP_OUT_REQUEST_NO", "结算请求号重复")
	case len(known.Refunds) > 0 && known.Status == tradeClosed:
		return nil, failed("ACQ.CONFIRM_REFUSE_AFTER_REFUND", "交易已全额退款，不允许确认结算")
	case known.Status == tradeFinished:
		return nil, failed("ACQ.TRADE_HAS_FINISHED", "交易已完结")
	case known.Status != tradeSuccess || known.Additional != "":
		return nil, failed("ACQ.REASON_TRADE_STATUS_INVALID", "交易状态异常")
	}
	if err := wanted.Settle.whole(known.Amount-known.refunded(), "ACQ.INVALID_SETTLE_AMOUNT_PARAMETER"); err != nil {
		return nil, err
	}
	err = g.settle(ctx, c, settlement{RequestNo: wanted.RequestNo, At: g.now().UTC(), Freeze: wanted.Extend.Freeze == "true"})
	if err != nil {
		return nil, err
	}
	return settleAnswer{status: success, TradeNo: known.TradeNo, RequestNo: wanted.RequestNo}, nil
}

// named finds a trade by Alipay's own number and locks it.
func (g *Gateway) named(ctx context.Context, tradeNo string) (*cell[trade], error) {
	c := g.books.page(tradeNo)
	if c == nil {
		return nil, errNoTrade
	}
	return g.lock(ctx, c)
}

func (b *books) settledBy(requestNo string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.settled[requestNo]
}

type royaltyContent struct {
	Type    string `json:"royalty_type"`
	InType  string `json:"trans_in_type"`
	In      string `json:"trans_in"`
	OutType string `json:"trans_out_type"`
	Out     string `json:"trans_out"`
	Amount  string `json:"amount"`
}

type feeContent struct {
	RequestNo string           `json:"out_request_no"`
	TradeNo   string           `json:"trade_no"`
	Mode      string           `json:"royalty_mode"`
	Royalties []royaltyContent `json:"royalty_parameters"`
	Extend    struct {
		Finish string `json:"royalty_finish"`
	} `json:"extend_params"`
}

// fee reads the one royalty that goes to the platform.
func (f feeContent) fee() (money.Fen, error) {
	if !feePattern.MatchString(f.RequestNo) || f.Mode != "" && f.Mode != "sync" || len(f.Royalties) != 1 {
		return 0, failed(acqInvalid, "out_request_no、royalty_mode 或 royalty_parameters 无效")
	}
	only := f.Royalties[0]
	amount, err := money.Parse(only.Amount)
	switch {
	case err != nil || amount < 1 || only.Type != "" && only.Type != "transfer":
		return 0, failed(acqInvalid, "royalty_parameters 无效")
	case only.InType != "userId" || only.In != sellerID:
		return 0, failed("ACQ.ROYALTY_RECEIVER_INVALID", "分账收入方未绑定分账关系")
	}
	return amount, nil
}

// takeFee gives the platform its part of what a merchant got, once for each number.
func (g *Gateway) takeFee(ctx context.Context, asked call) (any, error) {
	wanted, err := content[feeContent](asked)
	if err != nil {
		return nil, err
	}
	amount, err := wanted.fee()
	if err != nil {
		return nil, err
	}
	c, err := g.named(ctx, wanted.TradeNo)
	if err != nil {
		return nil, err
	}
	defer c.mu.Unlock()
	next := c.kept
	at := slices.IndexFunc(next.Royalties, func(taken refund) bool { return taken.RequestNo == wanted.RequestNo })
	switch done := (settleAnswer{status: success, TradeNo: next.TradeNo}); {
	case next.Merchant == "":
		return nil, failed("ACQ.NOT_SUPPORT_ROYALTY", "当前交易不支持分账")
	case at >= 0 && next.Royalties[at].Amount != amount:
		return nil, failed("ACQ.DISCORDANT_REPEAT_REQUEST", "请求被篡改")
	case at >= 0:
		return done, nil
	case next.Settlement == nil || g.allocAfter > 0 && g.now().Before(next.Settlement.At.Add(g.allocAfter)):
		return nil, failed("ACQ.ALLOC_REFUSE_BEFORE_SETTLE", "确认结算前不允许分账")
	case next.Status == tradeClosed:
		return nil, failed("ACQ.ALLOC_REFUSE_AFTER_REFUND", "退款后不允许分账")
	case next.Finished:
		return nil, failed("ACQ.ALREADY_FINISH_ALLOC", "分账已完结")
	case amount > largestRoyalty*(next.Amount/100)-next.royalties():
		return nil, failed("ACQ.ALLOC_AMOUNT_VALIDATE_ERROR", "分账金额超过最大可分账金额")
	}
	next.Royalties = append(slices.Clip(next.Royalties), refund{RequestNo: wanted.RequestNo, Amount: amount, At: g.now().UTC()})
	next.Finished = wanted.Extend.Finish == "true"
	if err := g.saveTrade(ctx, c, next); err != nil {
		return nil, err
	}
	g.account.add(amount)
	return settleAnswer{status: success, TradeNo: next.TradeNo}, nil
}

// returnedRoyalty is what a refund takes back of the platform's fee.
func returnedRoyalty(list []royaltyContent) (money.Fen, error) {
	total := money.Fen(0)
	for _, back := range list {
		amount, err := money.Parse(back.Amount)
		if err != nil || amount < 1 || back.Type != "" && back.Type != "transfer" || back.Out != sellerID {
			return 0, failed(acqInvalid, "refund_royalty_parameters 无效")
		}
		total += amount
	}
	return total, nil
}

// coversRefund refuses a refund that nobody pays for: before the confirmation the frozen money
// does, after it what the merchant has left of the trade, with what the platform gives back.
func (t trade) coversRefund(back refund) error {
	switch {
	case t.Merchant == "" && back.Royalty == 0, t.Settlement == nil && back.Royalty == 0:
		return nil
	case t.Settlement == nil || back.Royalty > t.royalties() || back.Royalty > back.Amount:
		return failed("ACQ.ALLOC_AMOUNT_VALIDATE_ERROR", "退分账金额超限")
	case back.Amount > t.Amount-t.refunded()-t.royalties()+back.Royalty:
		return failed("ACQ.SELLER_BALANCE_NOT_ENOUGH", "卖家余额不足")
	}
	return nil
}

// settled is the trade_settle_info of a query.
type settled struct {
	Details []settledDetail `json:"trade_settle_detail_list"`
}

type settledDetail struct {
	Type     string    `json:"operation_type"`
	SerialNo string    `json:"operation_serial_no,omitzero"`
	At       string    `json:"operation_dt,omitzero"`
	Out      string    `json:"trans_out,omitzero"`
	In       string    `json:"trans_in,omitzero"`
	Amount   money.Fen `json:"amount"`
}

// settledOf tells of the money of a trade for a merchant, nil of any other.
func (g *Gateway) settledOf(t trade) *settled {
	switch {
	case t.Merchant == "":
		return nil
	case t.Settlement == nil:
		return &settled{[]settledDetail{{Type: "on_settle", In: t.Merchant, Amount: t.Amount - t.refunded()}}}
	}
	all := &settled{[]settledDetail{{
		Type: "settle", SerialNo: t.Settlement.RequestNo, At: g.format(t.Settlement.At), In: t.Merchant, Amount: t.Settlement.Amount,
	}}}
	for _, taken := range t.Royalties {
		all.Details = append(all.Details, settledDetail{
			Type: "transfer", SerialNo: taken.RequestNo, At: g.format(taken.At), Out: t.Merchant, In: sellerID, Amount: taken.Amount,
		})
	}
	return all
}

type ledgerFee struct {
	PushID    string    `json:"push_id"`
	RequestNo string    `json:"out_request_no"`
	Amount    money.Fen `json:"amount"`
}

// settlements lists what merchants got, less what the platform took of it.
func (g *Gateway) settlements(pushID string) (payouts []ledgerPayout, fees []ledgerFee) {
	for _, t := range g.paidTrades(pushID) {
		if t.Settlement == nil {
			continue
		}
		left := t.Settlement.Amount
		for _, taken := range t.Royalties {
			left -= taken.Amount
			fees = append(fees, ledgerFee{t.PushID, taken.RequestNo, taken.Amount})
		}
		payouts = append(payouts, ledgerPayout{t.PushID, t.Settlement.RequestNo, t.Merchant, left})
	}
	return payouts, fees
}
