package alipaygateway

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/nats-io/nats.go"

	"github.com/pushledger/pushledger/aggregates/money"
)

const (
	controlsAtOnce = 256
	controlsAhead  = 4096 // waiting; more are dropped, and their senders time out
	maxControl     = 64 << 10
	maxPushID      = 128
)

// control answers one request. It returns a refusal for what the sender did wrong.
type control func(ctx context.Context, body []byte) (any, error)

// Serve takes the controls sandbox.alipay.* in over a connection,
// which stays open until Close has returned.
func (g *Gateway) Serve(conn *nats.Conn) error {
	controls := map[string]control{
		"sandbox.alipay.open":   g.openControl,
		"sandbox.alipay.pay":    g.payControl,
		"sandbox.alipay.arrive": g.arriveControl,
		"sandbox.alipay.fault":  g.setFault,
		"sandbox.alipay.ledger": g.ledger,
		"sandbox.alipay.notify": g.notifyControl,
		"sandbox.alipay.bill":   g.billControl,
		"sandbox.alipay.rotate": g.rotateControl,

		"sandbox.alipay.payee":   g.payeeControl,
		"sandbox.alipay.payout":  g.payoutControl,
		"sandbox.alipay.limits":  g.limitsControl,
		"sandbox.alipay.balance": g.balanceControl,
	}
	incoming := make(chan *nats.Msg, controlsAhead)
	for subject := range controls {
		subscription, err := conn.ChanSubscribe(subject, incoming)
		if err != nil {
			return fmt.Errorf("alipaygateway: subscribe to %s: %w", subject, err)
		}
		g.mu.Lock()
		g.subscriptions = append(g.subscriptions, subscription)
		g.mu.Unlock()
	}
	g.spawn(func(ctx context.Context) { g.serveControls(ctx, conn, controls, incoming) })
	if err := conn.FlushTimeout(patience); err != nil { // a request sent from now on is heard
		return fmt.Errorf("alipaygateway: subscribe: %w", err)
	}
	return nil
}

// serveControls takes requests in until ctx ends, then waits for those that are running.
func (g *Gateway) serveControls(ctx context.Context, conn *nats.Conn, controls map[string]control, incoming <-chan *nats.Msg) {
	var running sync.WaitGroup
	defer running.Wait()
	slots := make(chan struct{}, controlsAtOnce)
	for {
		select {
		case <-ctx.Done():
			return
		case request := <-incoming:
			slots <- struct{}{}
			running.Go(func() {
				defer func() { <-slots }()
				if err := g.obey(ctx, conn, controls[request.Subject], request); err != nil {
					g.logger.Error("sandbox alipay: an answer could not be sent", "subject", request.Subject, "error", err)
				}
			})
		}
	}
}

func (g *Gateway) obey(ctx context.Context, conn *nats.Conn, do control, request *nats.Msg) error {
	if !strings.HasPrefix(request.Reply, "_INBOX.") {
		// The sandbox may publish anywhere; a sender must not choose where.
		g.logger.Warn("sandbox alipay: ignored a request without an inbox", "subject", request.Subject)
		return nil
	}
	said, err := do(ctx, request.Data)
	if err != nil {
		said = g.failure(request.Subject, err)
	}
	body, err := json.Marshal(said)
	if err == nil && int64(len(body)) > conn.MaxPayload() {
		body, err = json.Marshal(g.failure(request.Subject, refuse("too_large", "ask for one push")))
	}
	if err != nil {
		return fmt.Errorf("alipaygateway: encode answer: %w", err)
	}
	return conn.Publish(request.Reply, body)
}

// done answers a control that did what it was asked to.
type done struct {
	OK         bool      `json:"ok"` // true
	PushID     string    `json:"push_id,omitzero"`
	OutTradeNo string    `json:"out_trade_no,omitzero"`
	TradeNo    string    `json:"trade_no,omitzero"`
	Amount     money.Fen `json:"amount,omitzero"` // paid
}

// failure is the answer to a control that was not obeyed.
type failure struct {
	OK    bool    `json:"ok"` // false
	Error refusal `json:"error"`
}

// refusal is what the sender of a control did wrong.
type refusal struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

func (r *refusal) Error() string { return r.Code + ": " + r.Message }

func refuse(code, format string, values ...any) error {
	return &refusal{Code: code, Message: fmt.Sprintf(format, values...)}
}

func (g *Gateway) failure(subject string, err error) failure {
	var refused *refusal
	if errors.As(err, &refused) {
		return failure{Error: *refused}
	}
	g.logger.Error("sandbox alipay: a control failed", "subject", subject, "error", err)
	return failure{Error: refusal{Code: "unavailable", Message: "the sandbox could not do it; try again"}}
}

// read decodes a control strictly.
func read(body []byte, into any) error {
	if len(body) > maxControl {
		return refuse("too_large", "a control holds at most %d bytes", maxControl)
	}
	err := json.Unmarshal(body, into, json.RejectUnknownMembers(true))
	switch {
	case errors.Is(err, json.ErrUnknownName):
		return refuse("unknown_field", "%v", err)
	case err != nil:
		return refuse("invalid_json", "%v", err)
	case jsontext.Value(body).Kind() != jsontext.KindBeginObject:
		return refuse("invalid_json", "send an object")
	default:
		return nil
	}
}

type ledgerTrade struct {
	PushID     string    `json:"push_id"`
	OutTradeNo string    `json:"out_trade_no"`
	Amount     money.Fen `json:"amount"`
	State      string    `json:"state"`
	Channel    string    `json:"channel"`
}

type ledgerRefund struct {
	PushID     string    `json:"push_id"`
	OutTradeNo string    `json:"out_trade_no"`
	RequestNo  string    `json:"out_request_no"`
	Amount     money.Fen `json:"amount"`
}

type ledgerPayout struct {
	PushID   string    `json:"push_id"`
	OutBizNo string    `json:"out_biz_no"`
	Payee    string    `json:"payee"`
	Amount   money.Fen `json:"amount"`
}

type ledgerAnswer struct {
	OK      bool           `json:"ok"` // true
	Trades  []ledgerTrade  `json:"trades"`
	Refunds []ledgerRefund `json:"refunds"`
	Payouts []ledgerPayout `json:"payouts"` // of a confirmed trade to its merchant, less Fees
	Fees    []ledgerFee    `json:"fees,omitzero"`
}

// ledger answers sandbox.alipay.ledger: the money that really moved, oldest first. What the
// merchant itself has given to a trade did not.
func (g *Gateway) ledger(_ context.Context, body []byte) (any, error) {
	var wanted struct {
		PushID string `json:"push_id"`
	}
	if err := read(body, &wanted); err != nil {
		return nil, err
	}
	answer := ledgerAnswer{OK: true}
	for _, t := range g.paidTrades(wanted.PushID) {
		answer.Trades = append(answer.Trades, ledgerTrade{t.PushID, t.OutTradeNo, t.received(), t.Status, t.Channel})
		for _, r := range t.Refunds {
			answer.Refunds = append(answer.Refunds, ledgerRefund{t.PushID, t.OutTradeNo, r.RequestNo, r.Amount})
		}
	}
	answer.Payouts, answer.Fees = g.settlements(wanted.PushID)
	for _, p := range g.madePayouts(wanted.PushID) {
		if p.status() != payoutSuccess { // on its way, or back
			continue
		}
		answer.Payouts = append(answer.Payouts, ledgerPayout{p.PushID, p.OutBizNo, p.Payee, p.Amount})
	}
	return answer, nil
}

func (g *Gateway) paidTrades(pushID string) []trade {
	cells := g.books.allTrades()
	if pushID != "" {
		cells, _ = g.books.ofPush(pushID)
	}
	var paid []trade
	for _, c := range cells {
		if known := c.read(); !known.PaidAt.IsZero() {
			paid = append(paid, known)
		}
	}
	slices.SortFunc(paid, func(a, b trade) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.OutTradeNo, b.OutTradeNo))
	})
	return paid
}

// madePayouts are those of which money has left the account, oldest first, whether or not it
// has come back.
func (g *Gateway) madePayouts(pushID string) []payout {
	var made []payout
	for _, c := range g.books.allPayouts() {
		if known := c.read(); known.OutBizNo != "" && (known.status() != payoutFailed || !known.BackAt.IsZero()) && (pushID == "" || known.PushID == pushID) {
			made = append(made, known)
		}
	}
	slices.SortFunc(made, func(a, b payout) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.OutBizNo, b.OutBizNo))
	})
	return made
}

// openControl answers sandbox.alipay.open: the buyer signs in at the cashier and does not pay.
func (g *Gateway) openControl(ctx context.Context, body []byte) (any, error) {
	var wanted struct {
		PushID string `json:"push_id"`
	}
	if err := read(body, &wanted); err != nil {
		return nil, err
	}
	if wanted.PushID == "" || len(wanted.PushID) > maxPushID {
		return nil, refuse("invalid_push_id", "a push id has 1 to %d bytes", maxPushID)
	}
	c, err := g.awaitTrade(ctx, wanted.PushID)
	if err != nil {
		return nil, err
	}
	if err := g.signIn(ctx, c); err != nil {
		return nil, err
	}
	known := c.read()
	return done{OK: true, PushID: wanted.PushID, OutTradeNo: known.OutTradeNo, TradeNo: known.TradeNo}, nil
}
