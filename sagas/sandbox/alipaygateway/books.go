package alipaygateway

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/pushledger/pushledger/aggregates/money"
)

// Keys of the bucket.
const (
	tradeKeys  = "alipay.trade."
	payoutKeys = "alipay.payout."
)

// The states of a trade, in Alipay's words.
const (
	// ordered is no state of Alipay's: a page was opened, and nobody has signed in there. Such
	// an order is no trade yet, and nobody who asks for one is told of it.
	ordered       = "ORDERED"
	waitBuyerPay  = "WAIT_BUYER_PAY"
	tradeSuccess  = "TRADE_SUCCESS"
	tradeFinished = "TRADE_FINISHED" // paid, and not to be refunded any more
	tradeClosed   = "TRADE_CLOSED"   // unpaid and over, or refunded in full
)

// trade is a trade as it is kept.
type trade struct {
	OutTradeNo string    `json:"out_trade_no"`
	TradeNo    string    `json:"trade_no"`
	PushID     string    `json:"push_id"` // the passback_params
	Subject    string    `json:"subject"`
	NotifyURL  string    `json:"notify_url"`
	Amount     money.Fen `json:"amount"` // ordered, and once it is paid what was paid
	Status     string    `json:"status"`
	// Disabled and GoodsType are of the order: what may not pay for it.
	Disabled  string `json:"disabled,omitzero"`
	GoodsType string `json:"goods_type,omitzero"`
	// IdentityHash is of the only one who may pay; empty: anybody may.
	IdentityHash string `json:"identity_hash,omitzero"`
	frozen
	// Of a trade that is paid: the sources of the money, of which Channel is the first.
	Channel string   `json:"channel,omitzero"`
	Sources []source `json:"sources,omitzero"`
	Silent  bool     `json:"silent,omitzero"` // the sources are not told to anybody
	// Receipt is what is told as received: other than what the sources come to, or 0 where the
	// contract does not tell it.
	Receipt    *money.Fen `json:"receipt,omitzero"`
	Additional string     `json:"additional_status,omitzero"`
	Buyer      string     `json:"buyer_user_id,omitzero"` // empty: the one buyer of the sandbox
	CreatedAt  time.Time  `json:"created_at"`
	ExpiresAt  time.Time  `json:"expires_at,omitzero"` // zero: never
	// KeptOpen: a fault kept it from being closed, so it outlives ExpiresAt until a call
	// does close it.
	KeptOpen bool      `json:"kept_open,omitzero"`
	PaidAt   time.Time `json:"paid_at,omitzero"`
	Fee      money.Fen `json:"fee,omitzero"` // that Alipay has kept
	Refunds  []refund  `json:"refunds,omitzero"`
	Notices  []notice  `json:"notices,omitzero"`
}

// refund is money that went back.
type refund struct {
	RequestNo string    `json:"out_request_no"`
	Amount    money.Fen `json:"amount"`
	At        time.Time `json:"at"`
	Royalty   money.Fen `json:"royalty,omitzero"` // of it that the platform gave back of its fee
}

// notice is a notification that is still to be sent.
type notice struct {
	ID       string    `json:"id"`
	NotifyID string    `json:"notify_id"` // the same for one that is sent twice
	Status   string    `json:"status"`    // of the trade when it came up
	Due      time.Time `json:"due"`
	Sent     int       `json:"sent"`
}

// payout is money that went out.
type payout struct {
	OutBizNo string    `json:"out_biz_no"`
	OrderID  string    `json:"order_id"`
	PushID   string    `json:"push_id"` // the remark
	Payee    string    `json:"payee"`
	Name     string    `json:"name"`
	Title    string    `json:"title"`
	Amount   money.Fen `json:"amount"`
	At       time.Time `json:"at"`
	// Status is how it stands; empty: SUCCESS. Of one that has failed or come back, why, and of
	// one whose money came back, when.
	Status     string    `json:"status,omitzero"`
	ErrorCode  string    `json:"error_code,omitzero"`
	FailReason string    `json:"fail_reason,omitzero"`
	BackAt     time.Time `json:"back_at,omitzero"`
}

func (p payout) status() string { return cmp.Or(p.Status, payoutSuccess) }

// keeps reports whether the money is with the payee, or on its way.
func (p payout) keeps() bool { return p.status() == payoutSuccess || p.status() == payoutDealing }

// order is what the merchant has asked for.
func (p payout) order() payout {
	return payout{OutBizNo: p.OutBizNo, PushID: p.PushID, Payee: p.Payee, Name: p.Name, Title: p.Title, Amount: p.Amount}
}

func (t trade) refunded() money.Fen {
	total := money.Fen(0)
	for _, r := range t.Refunds {
		total += r.Amount // together never above the amount paid
	}
	return total
}

// cell holds one record. Whoever changes it holds mu until the change is written, so
// that nobody reads what is not on disk.
type cell[T any] struct {
	mu   sync.Mutex
	kept T // the zero value: nothing is known under this number
	// refunded is when a refund of a trade was last asked for; it is not kept.
	refunded time.Time
}

func (c *cell[T]) read() T {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.kept
}

// books finds records. Its lock is never held while one of a cell is waited for.
type books struct {
	mu      sync.Mutex
	trades  map[string]*cell[trade] // by out_trade_no
	payouts map[string]*cell[payout]
	pages   map[string]*cell[trade]   // by trade_no
	pushes  map[string][]*cell[trade] // by push, oldest first
	settled map[string]string         // trade_no by the number of its confirmation
	added   chan struct{}             // closed and replaced when a trade is added
}

func newBooks() books {
	return books{
		trades: make(map[string]*cell[trade]), payouts: make(map[string]*cell[payout]),
		pages: make(map[string]*cell[trade]), pushes: make(map[string][]*cell[trade]), settled: make(map[string]string), added: make(chan struct{}),
	}
}

// trade returns the cell of a number, empty if nothing is known under it.
func (b *books) trade(number string) *cell[trade] {
	b.mu.Lock()
	defer b.mu.Unlock()
	return open(b.trades, number)
}

func (b *books) payout(number string) *cell[payout] {
	b.mu.Lock()
	defer b.mu.Unlock()
	return open(b.payouts, number)
}

func open[T any](cells map[string]*cell[T], number string) *cell[T] {
	if cells[number] == nil {
		cells[number] = new(cell[T])
	}
	return cells[number]
}

// index makes a new trade known by its push and its page.
func (b *books) index(c *cell[trade], t trade) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pages[t.TradeNo] = c
	if t.Settlement != nil {
		b.settled[t.Settlement.RequestNo] = t.TradeNo
	}
	b.pushes[t.PushID] = append(b.pushes[t.PushID], c)
	close(b.added)
	b.added = make(chan struct{})
}

// page returns the trade that has this page, or nil.
func (b *books) page(tradeNo string) *cell[trade] {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.pages[tradeNo]
}

// ofPush returns the trades of a push, and what is closed when another trade comes.
func (b *books) ofPush(pushID string) ([]*cell[trade], <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.pushes[pushID]), b.added
}

func (b *books) allTrades() []*cell[trade] {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []*cell[trade]
	for _, c := range b.trades {
		all = append(all, c)
	}
	return all
}

func (b *books) allPayouts() []*cell[payout] {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []*cell[payout]
	for _, c := range b.payouts {
		all = append(all, c)
	}
	return all
}

// saveTrade writes the next state of a trade and then shows it. The caller holds its lock.
func (g *Gateway) saveTrade(ctx context.Context, c *cell[trade], next trade) error {
	if err := g.put(ctx, tradeKeys+next.OutTradeNo, next); err != nil {
		return err
	}
	isNew := c.kept.OutTradeNo == ""
	c.kept = next
	if isNew {
		g.books.index(c, next)
	}
	return nil
}

func (g *Gateway) savePayout(ctx context.Context, c *cell[payout], next payout) error {
	if err := g.put(ctx, payoutKeys+next.OutBizNo, next); err != nil {
		return err
	}
	c.kept = next
	return nil
}

// put writes even if the caller does not wait for the answer any more.
func (g *Gateway) put(ctx context.Context, key string, value any) error {
	body, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("alipaygateway: encode %s: %w", key, err)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	if _, err := g.kv.Put(ctx, key, body); err != nil {
		return fmt.Errorf("alipaygateway: write %s: %w", key, err)
	}
	return nil
}

// load reads the whole state. It runs before any request is served.
func (g *Gateway) load(ctx context.Context) error {
	watcher, err := g.kv.WatchFiltered(ctx, []string{tradeKeys + ">", payoutKeys + ">"}, jetstream.IgnoreDeletes())
	if err != nil {
		return fmt.Errorf("alipaygateway: load: %w", err)
	}
	trades, err := g.readAll(ctx, watcher.Updates())
	if stopErr := watcher.Stop(); err == nil && stopErr != nil {
		err = fmt.Errorf("alipaygateway: load: %w", stopErr)
	}
	if err != nil {
		return err
	}
	slices.SortFunc(trades, func(a, b trade) int { return a.CreatedAt.Compare(b.CreatedAt) })
	for _, t := range trades {
		c := g.books.trade(t.OutTradeNo)
		c.kept = t
		g.books.index(c, t)
	}
	return nil
}

func (g *Gateway) readAll(ctx context.Context, entries <-chan jetstream.KeyValueEntry) ([]trade, error) {
	var trades []trade
	for {
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("alipaygateway: load: %w", ctx.Err())
		case entry := <-entries:
			if entry == nil { // everything that was there has come
				return trades, nil
			}
			if strings.HasPrefix(entry.Key(), payoutKeys) {
				var kept payout
				if err := json.Unmarshal(entry.Value(), &kept); err != nil {
					return nil, fmt.Errorf("alipaygateway: load %s: %w", entry.Key(), err)
				}
				g.books.payout(kept.OutBizNo).kept = kept
				continue
			}
			var kept trade
			if err := json.Unmarshal(entry.Value(), &kept); err != nil {
				return nil, fmt.Errorf("alipaygateway: load %s: %w", entry.Key(), err)
			}
			trades = append(trades, kept)
		}
	}
}

// newNumber makes a number in the shape of Alipay's own: the day and 20 digits.
func (g *Gateway) newNumber() string {
	var random [8]byte
	rand.Read(random[:]) // never fails
	return fmt.Sprintf("%s%020d", g.now().In(g.zone).Format("20060102"), binary.BigEndian.Uint64(random[:]))
}
