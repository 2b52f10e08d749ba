package alipaygateway

import (
	"context"
	"regexp"
	"slices"

	"github.com/pushledger/pushledger/aggregates/money"
)

var channelPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// payment is the body of sandbox.alipay.pay. Channel is the only source, or Sources are all.
type payment struct {
	PushID     string  `json:"push_id"`
	Channel    *string `json:"channel"`
	Sources    []given `json:"sources"`
	Silent     bool    `json:"silent_sources"`
	Receipt    *string `json:"receipt_amount"`
	Additional string  `json:"additional_status"`
	Buyer      string  `json:"buyer_user_id"`
	Identity   string  `json:"identity_hash"`
	Finished   bool    `json:"finished"`
	Strict     bool    `json:"strict"`
	Notify     string  `json:"notify"`
	Amount     *string `json:"amount"`
}

// payControl answers sandbox.alipay.pay.
func (g *Gateway) payControl(ctx context.Context, body []byte) (any, error) {
	wanted := payment{Notify: notifyNormal}
	if err := read(body, &wanted); err != nil {
		return nil, err
	}
	paying, err := wanted.sent()
	if err != nil {
		return nil, err
	}
	paid, err := g.payPush(ctx, wanted.PushID, paying)
	if err != nil {
		return nil, err
	}
	return doneWith(paid), nil
}

func doneWith(paid trade) done {
	return done{OK: true, PushID: paid.PushID, OutTradeNo: paid.OutTradeNo, TradeNo: paid.TradeNo, Amount: paid.Amount}
}

// sent checks what a control wants paid.
func (p payment) sent() (sent, error) {
	paying := sent{additional: p.Additional, silent: p.Silent, finished: p.Finished, strict: p.Strict, buyer: p.Buyer, identity: p.Identity, notify: p.Notify}
	switch {
	case p.PushID == "" || len(p.PushID) > maxPushID:
		return paying, refuse("invalid_push_id", "a push id has 1 to %d bytes", maxPushID)
	case !slices.Contains([]string{notifyNormal, notifyLost, notifyTwice, notifyLate}, paying.notify):
		return paying, refuse("invalid_notify", "notify %.40q", p.Notify)
	case p.Additional != "" && !channelPattern.MatchString(p.Additional):
		return paying, refuse("invalid_status", "additional_status %.80q", p.Additional)
	case p.Identity != "" && !channelPattern.MatchString(p.Identity):
		return paying, refuse("invalid_identity", "identity_hash %.80q", p.Identity)
	case p.Buyer != "" && !channelPattern.MatchString(p.Buyer):
		return paying, refuse("invalid_buyer", "buyer_user_id %.80q", p.Buyer)
	case p.Channel != nil && len(p.Sources) > 0, len(p.Sources) > maxSources:
		return paying, refuse("invalid_sources", "give a channel, or 1 to %d sources", maxSources)
	}
	for _, named := range p.named() {
		from, err := named.source()
		if err != nil {
			return paying, err
		}
		paying.sources = append(paying.sources, from)
	}
	if p.Amount != nil {
		amount, err := money.Parse(*p.Amount)
		if err != nil || amount < 1 {
			return paying, refuse("invalid_amount", "amount %.40q", *p.Amount)
		}
		paying.amount = amount
	}
	if p.Receipt != nil {
		amount, err := money.Parse(*p.Receipt)
		if err != nil {
			return paying, refuse("invalid_receipt", "receipt_amount %.40q", *p.Receipt)
		}
		paying.receipt = &amount
	}
	return paying, nil
}

func (p payment) named() []given {
	switch {
	case len(p.Sources) > 0:
		return p.Sources
	case p.Channel != nil:
		return []given{{Channel: *p.Channel}}
	default:
		return []given{{Channel: "ALIPAYACCOUNT"}}
	}
}

// arriveControl answers sandbox.alipay.arrive: the money of the newest trade of a push has
// reached the merchant, and its sources are told from now on. The merchant is notified.
func (g *Gateway) arriveControl(ctx context.Context, body []byte) (any, error) {
	var wanted struct {
		PushID string `json:"push_id"`
	}
	if err := read(body, &wanted); err != nil {
		return nil, err
	}
	known, _ := g.books.ofPush(wanted.PushID)
	if len(known) == 0 {
		return nil, refuse("trade_not_found", "no trade of push %.80q has come up", wanted.PushID)
	}
	c := known[len(known)-1]
	c.mu.Lock()
	defer c.mu.Unlock()
	next := c.kept
	if next.PaidAt.IsZero() {
		return nil, refuse("trade_not_paid", "trade %s is not paid", next.OutTradeNo)
	}
	next.Additional, next.Silent = "", false
	told := g.newNotice(next.Status, 0)
	next.Notices = append(slices.Clip(next.Notices), told)
	if err := g.saveTrade(ctx, c, next); err != nil {
		return nil, err
	}
	g.start(c, told.ID)
	return doneWith(next), nil
}
