package alipaygateway

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"time"

	"github.com/pushledger/pushledger/aggregates/money"
)

// The one buyer of the sandbox.
const (
	buyerLogonID = "buy***@example.com"
	buyerUserID  = "2088102117900002"
)

// What becomes of the notification of a payment.
const (
	notifyNormal = "normal"
	notifyLost   = "lost"
	notifyTwice  = "twice"
	notifyLate   = "late"
)

const appearing = 5 * time.Second // that a trade to be paid is waited for

// money that a buyer sends.
type sent struct {
	amount     money.Fen // 0: what the trade asks for
	sources    []source
	receipt    *money.Fen // told as received; nil: what the sources come to
	additional string     // status, beside that of the trade
	silent     bool       // the sources are told to nobody
	buyer      string     // user id; empty: the one buyer of the sandbox
	identity   string     // hash of the payer's identity; empty: whose the order asks for, if it does
	finished   bool       // the trade can be refunded no more
	// strict has the order's disabled channels refused. They are by the cashier. The operator's
	// control pays over them all the same, as money may come that Alipay should not have let
	// through: rule T6 is there for that.
	strict bool
	notify string
}

// errAlreadyPaid means that the trade has its money.
var errAlreadyPaid = errors.New("alipaygateway: the trade is already paid")

// payPush pays the trade of a push. If it is paid, the buyer pays a second trade.
func (g *Gateway) payPush(ctx context.Context, pushID string, money sent) (trade, error) {
	c, err := g.awaitTrade(ctx, pushID)
	if err != nil {
		return trade{}, err
	}
	paid, err := g.payTrade(ctx, c, money)
	if errors.Is(err, errAlreadyPaid) {
		return g.payAgain(ctx, c.read(), money)
	}
	return paid, err
}

// awaitTrade returns the trade of a push to be paid next.
func (g *Gateway) awaitTrade(ctx context.Context, pushID string) (*cell[trade], error) {
	ctx, cancel := context.WithTimeout(ctx, appearing)
	defer cancel()
	for {
		known, added := g.books.ofPush(pushID)
		for _, status := range []string{waitBuyerPay, ordered, tradeSuccess, tradeFinished, tradeClosed} {
			if at := slices.IndexFunc(known, func(c *cell[trade]) bool { return c.read().Status == status }); at >= 0 {
				return known[at], nil
			}
		}
		select {
		case <-added:
		case <-ctx.Done():
			return nil, refuse("trade_not_found", "no trade of push %.80q has come up", pushID)
		}
	}
}

// payTrade takes the money for a trade that waits for it.
func (g *Gateway) payTrade(ctx context.Context, c *cell[trade], money sent) (trade, error) {
	if err := g.signIn(ctx, c); err != nil {
		return trade{}, err
	}
	c, err := g.lock(ctx, c)
	if err != nil {
		return trade{}, err
	}
	defer c.mu.Unlock()
	switch c.kept.Status {
	case waitBuyerPay:
		return g.receive(ctx, c, c.kept, money)
	case tradeSuccess:
		return trade{}, errAlreadyPaid
	default:
		return trade{}, refuse("trade_closed", "trade %s is closed", c.kept.OutTradeNo)
	}
}

// payAgain makes and pays another trade like the first.
func (g *Gateway) payAgain(ctx context.Context, first trade, money sent) (trade, error) {
	second := first
	second.OutTradeNo, second.TradeNo = "X"+rand.Text(), g.newNumber()
	second.CreatedAt = g.now().UTC()
	second.Refunds, second.Notices, second.Settlement, second.Royalties = nil, nil, nil, nil
	c := g.books.trade(second.OutTradeNo)
	c.mu.Lock()
	defer c.mu.Unlock()
	return g.receive(ctx, c, second, money)
}

// receive records the money and has the merchant notified. The caller holds the lock.
func (g *Gateway) receive(ctx context.Context, c *cell[trade], next trade, money sent) (trade, error) {
	for _, from := range money.sources {
		if money.strict && next.forbids(from) {
			return trade{}, refuse("channel_disabled", "the order does not let %s pay", from.Channel)
		}
	}
	if money.strict && next.isSomebodyElse(money.identity) {
		return trade{}, refuse("identity_mismatch", "the order asks for another payer")
	}
	next.Amount = cmp.Or(money.amount, next.Amount)
	paid, err := split(money.sources, next.Amount)
	if err != nil {
		return trade{}, err
	}
	if money.receipt != nil && *money.receipt > next.Amount {
		return trade{}, refuse("invalid_receipt", "receipt_amount %s of %s", *money.receipt, next.Amount)
	}
	next.Status, next.Channel, next.Sources, next.Silent = tradeSuccess, paid[0].Channel, paid, money.silent
	next.Receipt, next.Additional, next.Buyer = money.receipt, money.additional, money.buyer
	if money.finished {
		next.Status = tradeFinished
	}
	next.PaidAt = g.now().UTC().Truncate(time.Second)
	if next.Merchant == "" { // what it costs a merchant is between that and Alipay
		next.Fee = feeOf(next.received())
	}
	next.Notices = g.noticesOf(next.Status, money.notify)
	if err := g.saveTrade(ctx, c, next); err != nil {
		return trade{}, err
	}
	if next.Merchant == "" {
		g.account.add(next.received() - next.Fee)
	}
	for _, pending := range next.Notices {
		g.start(c, pending.ID)
	}
	return next, nil
}

// isSomebodyElse reports whether an order asks for another payer than the one of a hash.
func (t trade) isSomebodyElse(identity string) bool {
	return t.IdentityHash != "" && identity != "" && identity != t.IdentityHash
}

func (g *Gateway) noticesOf(status, notify string) []notice {
	switch notify {
	case notifyLost:
		return nil
	case notifyTwice:
		first := g.newNotice(status, 0)
		second := first
		second.ID = rand.Text()
		return []notice{first, second}
	case notifyLate:
		return []notice{g.newNotice(status, g.schedule.Late)}
	default:
		return []notice{g.newNotice(status, 0)}
	}
}

func (g *Gateway) newNotice(status string, delay time.Duration) notice {
	return notice{ID: rand.Text(), NotifyID: rand.Text(), Status: status, Due: g.now().UTC().Add(delay)}
}
