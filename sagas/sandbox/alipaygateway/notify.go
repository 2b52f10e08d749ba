package alipaygateway

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/pushledger/pushledger/aggregates/money"
)

const (
	sendingAtOnce = 64
	sendTimeout   = 10 * time.Second
	acknowledged  = "success" // the whole body of an answer that ends the repetitions
)

// pauses are Alipay's, between the eight times that it sends a notification.
var pauses = []time.Duration{
	4 * time.Minute, 10 * time.Minute, 10 * time.Minute, time.Hour, 2 * time.Hour, 6 * time.Hour, 15 * time.Hour,
}

func (s Schedule) orDefault() Schedule {
	if s.FirstRetry <= 0 {
		s.FirstRetry = time.Second
	}
	if s.Late <= 0 {
		s.Late = 5 * time.Second
	}
	return s
}

// pause is what follows the given number of attempts; false if nothing does.
func (s Schedule) pause(attempts int) (time.Duration, bool) {
	if attempts > len(pauses) {
		return 0, false
	}
	return time.Duration(float64(s.FirstRetry) * float64(pauses[attempts-1]) / float64(pauses[0])), true
}

func notifier() *http.Client {
	return &http.Client{
		Timeout:       sendTimeout,
		Transport:     &http.Transport{MaxIdleConnsPerHost: sendingAtOnce, IdleConnTimeout: time.Minute},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// resume goes on with everything that a trade's merchant has not been told.
func (g *Gateway) resume(c *cell[trade]) {
	for _, pending := range c.read().Notices {
		g.start(c, pending.ID)
	}
}

func (g *Gateway) start(c *cell[trade], id string) {
	g.spawn(func(ctx context.Context) { g.tell(ctx, c, id) })
}

// tell sends a notification until it is acknowledged, given up or the gateway closes.
func (g *Gateway) tell(ctx context.Context, c *cell[trade], id string) {
	for {
		known := c.read()
		at := slices.IndexFunc(known.Notices, func(pending notice) bool { return pending.ID == id })
		if at < 0 || !wait(ctx, known.Notices[at].Due.Sub(g.now())) {
			return
		}
		taken, err := g.send(ctx, known, known.Notices[at])
		if ctx.Err() != nil {
			return // it stays on the list
		}
		if err != nil {
			g.logger.Info("sandbox alipay: a notification was not taken", "trade", known.OutTradeNo, "error", err)
		}
		if err := g.told(ctx, c, id, taken); err != nil {
			g.logger.Error("sandbox alipay: a notification was sent but not noted", "trade", known.OutTradeNo, "error", err)
			if !wait(ctx, g.schedule.FirstRetry) {
				return
			}
		}
	}
}

// wait reports whether the time has passed before ctx ended.
func wait(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return ctx.Err() == nil
	}
}

// told takes a notification off the list, or puts it on for later.
func (g *Gateway) told(ctx context.Context, c *cell[trade], id string, taken bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	next := c.kept
	next.Notices = nil
	for _, pending := range c.kept.Notices {
		if pending.ID == id {
			pending.Sent++
			pause, more := g.schedule.pause(pending.Sent)
			if taken || !more {
				continue
			}
			pending.Due = g.now().UTC().Add(pause)
		}
		next.Notices = append(next.Notices, pending)
	}
	return g.saveTrade(ctx, c, next)
}

// send posts a notification and reports whether the merchant has taken it.
func (g *Gateway) send(ctx context.Context, known trade, pending notice) (bool, error) {
	fields, err := g.notification(known, pending)
	if err != nil {
		return false, err
	}
	status, said, err := g.post(ctx, known.NotifyURL, fields)
	if err == nil && said != acknowledged {
		err = fmt.Errorf("alipaygateway: notify: status %d, answer %q", status, said)
	}
	return err == nil, err
}

// post sends a notification and returns the status and the beginning of the answer.
func (g *Gateway) post(ctx context.Context, address string, fields url.Values) (status int, said string, err error) {
	select {
	case g.sending <- struct{}{}:
		defer func() { <-g.sending }()
	case <-ctx.Done():
		return 0, "", ctx.Err()
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(fields.Encode()))
	if err != nil {
		return 0, "", fmt.Errorf("alipaygateway: notify: %w", err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	answer, err := g.http.Do(request)
	if err != nil {
		return 0, "", fmt.Errorf("alipaygateway: notify: %w", err)
	}
	defer answer.Body.Close() //nolint:errcheck // nothing is lost with it
	body, err := io.ReadAll(io.LimitReader(answer.Body, int64(len(acknowledged))+1))
	if err != nil {
		return 0, "", fmt.Errorf("alipaygateway: notify: %w", err)
	}
	return answer.StatusCode, string(body), nil
}

// notification is a signed notification with the fields that Alipay sends.
func (g *Gateway) notification(known trade, pending notice) (url.Values, error) {
	bills, err := json.Marshal(known.notifiedBills())
	if err != nil {
		return nil, fmt.Errorf("alipaygateway: encode notification: %w", err)
	}
	fields := url.Values{}
	for name, value := range map[string]string{
		"app_id": appID, "auth_app_id": appID, "charset": "utf-8", "version": "1.0", "sign_type": "RSA2",
		"notify_type": "trade_status_sync", "notify_id": pending.NotifyID, "notify_time": g.format(g.now()),
		"trade_no": known.TradeNo, "out_trade_no": known.OutTradeNo, "trade_status": pending.Status,
		"subject": known.Subject, "passback_params": url.QueryEscape(known.PushID),
		"seller_id": sellerID, "buyer_id": known.buyer(), "buyer_logon_id": buyerLogonID,
		"total_amount": known.Amount.String(), "receipt_amount": known.receiptTold().String(), "buyer_pay_amount": known.received().String(),
		"invoice_amount": known.received().String(), "point_amount": "0.00",
		"gmt_create": g.format(known.CreatedAt), "gmt_payment": g.format(known.PaidAt),
	} {
		fields.Set(name, value)
	}
	if !known.Silent && !known.PaidAt.IsZero() {
		fields.Set("fund_bill_list", string(bills))
	}
	if known.Additional != "" {
		fields.Set("additional_status", known.Additional)
	}
	if last := len(known.Refunds) - 1; pending.Status == tradeClosed && last >= 0 {
		fields.Set("refund_fee", known.refunded().String())
		fields.Set("out_biz_no", known.Refunds[last].RequestNo)
		fields.Set("gmt_refund", known.Refunds[last].At.In(g.zone).Format(timeLayout+".000"))
	}
	signature, err := sign(g.teller().key, signedText(fields, "sign_type"))
	if err != nil {
		return nil, err
	}
	fields.Set("sign", signature)
	return fields, nil
}

// notifiedBill is spelled otherwise than in the answer to a query.
type notifiedBill struct {
	Amount  money.Fen `json:"amount"`
	Channel string    `json:"fundChannel"`
	Type    string    `json:"fundType,omitzero"`
}
