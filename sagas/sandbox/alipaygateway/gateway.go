// Package alipaygateway is a sandbox of Alipay's gateway. It speaks the real protocol
// over HTTP: signed requests, answers and notifications, a payment page; and it is told
// over NATS when a buyer pays and what is to go wrong.
//
// What it guarantees: what an answer says has been written to the key-value bucket
// before, with the notifications that are still to be sent, and is there again after a
// crash; a refund or payout number moves money once; it refuses what Alipay refuses.
// Faults live in memory alone and end with the process.
package alipaygateway

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
	_ "time/tzdata" // Alipay's clock must be known on machines without a time zone database

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// The one merchant of the sandbox.
const (
	appID    = "2021000118600001"
	sellerID = "2088621993700001"
)

const (
	patience      = 5 * time.Second // for one write
	refundVisible = 10 * time.Second
	timeLayout    = "2006-01-02 15:04:05"
	zone          = "Asia/Shanghai" // of every time in the protocol
)

// Config of a gateway. KV, KeyDir, Logger and Now are needed.
type Config struct {
	KV     jetstream.KeyValue // where the state is kept
	KeyDir string             // where keys and certificates are kept, made if not there
	Notify Schedule
	// RefundVisible is how long a refund that was made is not shown to those who ask for it,
	// 0 means 10 s. Refunds of one trade must be 3/10 of it apart.
	RefundVisible time.Duration
	// ShortestOrder is how long an order must last at least when its page is first opened, 0
	// means a minute, as with Alipay. Less is for those who wait for its end.
	ShortestOrder time.Duration
	// AllocAfter is how long after a confirmation the platform may not take its fee yet. Alipay
	// asks for 30 s by what somebody wrote; 0 means none.
	AllocAfter time.Duration
	// Payees finds an account at Alipay by its login; nil: every login is one, of whatever
	// name.
	Payees func(login string) (Payee, bool)
	Logger *slog.Logger
	Now    func() time.Time
}

// Schedule says when notifications are sent.
type Schedule struct {
	// FirstRetry is the pause before the first repetition, 0 means 1 s. The further ones
	// keep the proportions of Alipay's, whose first is 4 min.
	FirstRetry time.Duration
	// Late is by how much a late notification is late, 0 means 5 s.
	Late time.Duration
}

// Gateway is a running sandbox. It is an http.Handler for three pages wherever it is
// mounted: gateway.do and, beside it, cashier and downloadBillFile.resource.
type Gateway struct {
	kv       jetstream.KeyValue
	logger   *slog.Logger
	now      func() time.Time
	zone     *time.Location
	schedule Schedule
	visible  time.Duration // of refunds
	payees   func(login string) (Payee, bool)
	shortest time.Duration // of orders
	// allocAfter passes between a confirmation and a fee.
	allocAfter time.Duration
	merchant   *rsa.PrivateKey
	alipay     *rsa.PrivateKey // for those who sign without certificates
	methods    map[string]method

	certificates *certificates
	plainly      atomic.Bool // whether the merchant last signed without certificates

	books   books
	faults  faults
	handed  handed // what is handed out as bills
	account account

	http    *http.Client  // for notifications
	sending chan struct{} // a slot for each notification under way

	mu            sync.Mutex
	subscriptions []*nats.Subscription
	closed        bool
	running       context.Context //nolint:containedctx // ends with Close, for what no request waits for
	stop          context.CancelFunc
	work          sync.WaitGroup
}

// Open loads keys and state and goes on sending notifications. ctx bounds the start
// alone.
func Open(ctx context.Context, config Config) (*Gateway, error) {
	location, err := time.LoadLocation(zone)
	if err != nil {
		return nil, fmt.Errorf("alipaygateway: %w", err)
	}
	g := &Gateway{
		kv: config.KV, logger: config.Logger, now: config.Now, zone: location, schedule: config.Notify.orDefault(),
		visible: cmp.Or(config.RefundVisible, refundVisible), shortest: cmp.Or(config.ShortestOrder, shortestOrder),
		allocAfter: config.AllocAfter, payees: config.Payees, books: newBooks(), http: notifier(), sending: make(chan struct{}, sendingAtOnce),
	}
	if g.merchant, g.alipay, err = openKeys(config.KeyDir); err != nil {
		return nil, err
	}
	if g.certificates, err = openCertificates(config.KeyDir, g.merchant, g.alipay, config.Now); err != nil {
		return nil, err
	}
	g.handed.token = rand.Text() // so that no address is good for another process
	g.methods = g.routes()
	if err := errors.Join(g.load(ctx), g.openAccount(ctx)); err != nil {
		return nil, err
	}
	g.running, g.stop = context.WithCancel(context.WithoutCancel(ctx))
	for _, c := range g.books.allTrades() {
		g.resume(c)
	}
	return g, nil
}

// spawn runs work that no request waits for, unless the gateway is closed.
func (g *Gateway) spawn(work func(context.Context)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closed {
		g.work.Go(func() { work(g.running) })
	}
}

// Close stops taking controls and sending notifications, and waits for those under
// way. Requests over HTTP are refused from then on; a call held back by a fault ends.
func (g *Gateway) Close() {
	g.mu.Lock()
	subscriptions := g.subscriptions
	g.subscriptions, g.closed = nil, true
	g.mu.Unlock()
	for _, subscription := range subscriptions {
		if err := subscription.Unsubscribe(); err != nil {
			g.logger.Warn("sandbox alipay: unsubscribe", "subject", subscription.Subject, "error", err)
		}
	}
	g.stop()
	g.work.Wait()
	g.http.CloseIdleConnections()
}
