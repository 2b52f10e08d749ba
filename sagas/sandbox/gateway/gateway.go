// Package gateway is a sandbox of Alipay's open gateway: it speaks the signed HTTP
// protocol of the real one, keeps trades, refunds and payouts, and reports payments to
// the merchant. Controls over NATS let a buyer pay and make calls go wrong.
//
// What it guarantees: whatever an answer, a notification or the ledger says has been
// written to the key-value bucket before, so it is still so after a crash; the same
// number is paid, refunded or paid out once. Notifications that were not acknowledged
// go on after a restart. Calls about different trades do not wait for each other, and a
// call that is made to hang holds up nobody else.
package gateway

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"
	_ "time/tzdata" // Alipay's clock is that of Shanghai, also on machines that know no zones

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/pushledger/pushledger/sagas/sandbox/requests"
)

const (
	writePatience  = 5 * time.Second
	notifyPatience = 10 * time.Second
	notifyAtOnce   = 64
	hangAtOnce     = 512
	hangPatience   = 30 * time.Second
	clockFormat    = time.DateTime
)

// Schedule is after what pauses Alipay repeats a notification that was not
// acknowledged, 240 times as fast as the real one (4 m, 10 m, 10 m, 1 h, 2 h, 6 h, 15 h).
func Schedule() []time.Duration {
	return []time.Duration{
		time.Second, 2500 * time.Millisecond, 2500 * time.Millisecond, 15 * time.Second,
		30 * time.Second, 90 * time.Second, 225 * time.Second,
	}
}

// Config of a gateway. Every field is needed.
type Config struct {
	Conn     *nats.Conn         // for the controls; stays the caller's, and open until Close has returned
	KV       jetstream.KeyValue // where the state is kept
	AppID    string
	SellerID string
	Keys     Keys
	// Payee tells the legal name on an Alipay account; false if nobody has it.
	Payee     func(alipayAccount string) (name string, exists bool)
	Schedule  []time.Duration // pauses between notifications
	LateAfter time.Duration   // when a late notification is sent
	Logger    *slog.Logger
	Now       func() time.Time
}

// Gateway is a running sandbox.
type Gateway struct {
	config Config
	clock  *time.Location
	poster *http.Client

	trades  *shelf[trade]
	payouts *shelf[payout]
	faults  *shelf[fault]
	pushes  keyLocks // of which somebody is paying
	index   tradeIndex

	controls *requests.Server
	running  context.Context // ends with Close
	stop     context.CancelFunc
	errands  sync.WaitGroup // notifications under way
	posting  chan struct{}
	hanging  chan struct{}
}

// Start loads the state, takes up the notifications that are due, and answers the
// controls until Close. ctx bounds the start alone.
func Start(ctx context.Context, config Config) (*Gateway, error) {
	clock, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		return nil, fmt.Errorf("gateway: clock: %w", err)
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	g := &Gateway{
		config: config, clock: clock, poster: newPoster(),
		payouts: newShelf[payout](config.KV, "payout.", nil),
		faults:  newShelf[fault](config.KV, "fault.", nil),
		index:   newTradeIndex(), running: running, stop: stop,
		posting: make(chan struct{}, notifyAtOnce), hanging: make(chan struct{}, hangAtOnce),
	}
	g.trades = newShelf(config.KV, "trade.", g.index.add)
	if err := load(ctx, config.KV, g.trades, g.payouts, g.faults); err != nil {
		stop()
		return nil, err
	}
	g.controls, err = requests.Serve(config.Conn, map[string]requests.Handler{
		"sandbox.alipay.pay":    g.payControl,
		"sandbox.alipay.fault":  g.faultControl,
		"sandbox.alipay.ledger": g.ledgerControl,
	}, config.Logger)
	if err != nil {
		stop()
		return nil, fmt.Errorf("gateway: %w", err)
	}
	for _, known := range g.trades.all() {
		for _, due := range known.Notices {
			g.carry(known.TradeNo, due.ID)
		}
	}
	return g, nil
}

// Close answers no more and waits for what has begun. Notifications that were not
// acknowledged go on after the next Start.
func (g *Gateway) Close() {
	g.controls.Close()
	g.stop()
	g.errands.Wait()
	g.poster.CloseIdleConnections()
}

func (g *Gateway) now() time.Time { return g.config.Now().UTC() }

// shown is a time as Alipay writes it.
func (g *Gateway) shown(at time.Time) string { return at.In(g.clock).Format(clockFormat) }
