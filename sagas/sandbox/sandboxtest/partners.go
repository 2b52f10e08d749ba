// Package sandboxtest runs both partners of the ledger for a test, the registrar with
// its account directory and Alipay, and reaches them through the adapters that are used
// in production. Everything ends with the test.
package sandboxtest

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/money"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/eventstore/natsserver"
	"github.com/pushledger/pushledger/sagas/payment"
	"github.com/pushledger/pushledger/sagas/payment/alipay"
	"github.com/pushledger/pushledger/sagas/registrar/natsregistrar"
	"github.com/pushledger/pushledger/sagas/sandbox/alipaygateway"
	"github.com/pushledger/pushledger/sagas/sandbox/platform"
)

const (
	patience      = 30 * time.Second // for the answer to a control
	firstRenotify = 50 * time.Millisecond
)

// Config of the partners.
type Config struct {
	// Inventory is what platform.ParseInventory reads: the accounts and domains at first.
	Inventory string
	// Timeout is how long the adapters wait for an answer.
	Timeout time.Duration
	// LateNotify is by how much a late notification is late.
	LateNotify time.Duration
}

// RefundVisible is how long Alipay does not show a refund here: a fraction of the real time.
const RefundVisible = 300 * time.Millisecond

// Partners are running, and what reaches them.
type Partners struct {
	Registrar *natsregistrar.Client // also the directory
	Feed      *natsregistrar.Feed
	Provider  *alipay.Provider
	NotifyURL string // where Alipay's notifications go

	conn     *nats.Conn
	ahead    atomic.Int64 // nanoseconds by which Alipay's clock is ahead
	gateway  atomic.Pointer[alipaygateway.Gateway]
	receiver atomic.Pointer[func(context.Context, payment.Trade) error]
}

// Start runs the partners until the test ends.
func Start(t testing.TB, config Config) *Partners {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	dir := t.TempDir()
	server, err := natsserver.Start(natsserver.Options{StoreDir: filepath.Join(dir, "nats"), Listen: "127.0.0.1:0", Logger: quiet})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	p := new(Partners)
	p.conn, err = server.Connect("partners", natsserver.Grant{Name: "partners", Publish: []string{">"}, Subscribe: []string{">"}})
	require.NoError(t, err)
	t.Cleanup(p.conn.Close)
	js, err := jetstream.New(p.conn)
	require.NoError(t, err)
	kept, err := js.CreateOrUpdateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: "SANDBOX", Storage: jetstream.MemoryStorage})
	require.NoError(t, err)
	require.NoError(t, natsregistrar.EnsureStream(t.Context(), js))
	taken, err := natsregistrar.OpenIntake(p.conn, quiet)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, taken.Close()) })
	inventory, err := platform.ParseInventory([]byte(config.Inventory), time.Now())
	require.NoError(t, err)
	domains, err := platform.Start(t.Context(), platform.Config{Conn: p.conn, KV: kept, Inventory: inventory, Logger: quiet, Now: time.Now})
	require.NoError(t, err)
	t.Cleanup(domains.Close)
	p.Registrar = natsregistrar.New(p.conn, config.Timeout)
	p.Feed = natsregistrar.NewFeed(js, "sandboxtest", nil, quiet)
	p.openAlipay(t, config, kept, filepath.Join(dir, "keys"), domains)
	return p
}

func (p *Partners) openAlipay(t testing.TB, config Config, kept jetstream.KeyValue, keys string, directory *platform.Platform) {
	street := httptest.NewServer(p)
	t.Cleanup(street.Close)
	gateway, err := alipaygateway.Open(t.Context(), alipaygateway.Config{
		KV: kept, KeyDir: keys, Logger: slog.New(slog.DiscardHandler),
		Now:    func() time.Time { return time.Now().Add(time.Duration(p.ahead.Load())) },
		Notify: alipaygateway.Schedule{FirstRetry: firstRenotify, Late: config.LateNotify}, RefundVisible: RefundVisible,
		ShortestOrder: time.Millisecond, // tests wait for the end of orders
		Payees: func(login string) (alipaygateway.Payee, bool) {
			name, company, known := directory.AlipayAccount(login)
			return alipaygateway.Payee{Name: name, Company: company}, known
		},
	})
	require.NoError(t, err)
	t.Cleanup(gateway.Close)
	p.gateway.Store(gateway)
	require.NoError(t, gateway.Serve(p.conn))
	merchant, err := gateway.MerchantConfig()
	require.NoError(t, err)
	p.NotifyURL = street.URL + "/notify"
	p.Provider, err = alipay.New(alipay.Config{
		AppID: merchant.AppID, SellerID: merchant.SellerID,
		Certificates: alipay.CertificateFiles{
			App: merchant.AppCertFile, Alipay: []string{merchant.AlipayCertFile}, Root: merchant.RootCertFile, Key: merchant.KeyFile,
		},
		Gateway: street.URL + "/gateway.do", NotifyURL: p.NotifyURL, Timeout: config.Timeout, RefundVisible: RefundVisible,
		Transfers: alipay.TransferScene{Name: merchant.TransferScene},
	})
	require.NoError(t, err)
	t.Cleanup(p.Provider.Disconnect)
}

// SetAlipaysClock has Alipay's clock be ahead of ours, or behind.
func (p *Partners) SetAlipaysClock(ahead time.Duration) { p.ahead.Store(int64(ahead)) }

// OnNotification has a function take the notifications that Alipay has signed. While it
// fails, or there is none, Alipay sends them again.
func (p *Partners) OnNotification(receive func(context.Context, payment.Trade) error) {
	p.receiver.Store(&receive)
}

// ServeHTTP is Alipay's gateway, and beside it the receiver of its notifications.
func (p *Partners) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/notify" {
		p.gateway.Load().ServeHTTP(w, r)
		return
	}
	if err := p.notified(r); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	_, _ = w.Write([]byte("success")) // a lost answer shows as another notification
}

func (p *Partners) notified(r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return err
	}
	trade, err := p.Provider.Notification(r.PostForm)
	if err != nil {
		return err
	}
	receive := p.receiver.Load()
	if receive == nil {
		return fmt.Errorf("sandboxtest: nobody takes notifications yet")
	}
	return (*receive)(r.Context(), trade)
}

// Notify posts a form as if it were a notification and returns the HTTP status.
func (p *Partners) Notify(t testing.TB, form url.Values) int {
	t.Helper()
	answer, err := http.PostForm(p.NotifyURL, form) // #nosec G107 -- the test's own server
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	http.DefaultClient.CloseIdleConnections()
	return answer.StatusCode
}

// Paid is what the answer to alipay.pay says.
type Paid struct {
	OutTradeNo string    `json:"out_trade_no"`
	Amount     money.Fen `json:"amount"`
}

// Pay has the buyer of a push pay. members are further members of the control, such as
// "notify":"lost".
func (p *Partners) Pay(t testing.TB, pushID string, members ...string) Paid {
	t.Helper()
	body := fmt.Sprintf(`{"push_id":%q`, pushID)
	for _, member := range members {
		body += "," + member
	}
	var paid Paid
	require.NoError(t, json.Unmarshal(p.control(t, "alipay.pay", body+"}"), &paid))
	return paid
}

// Do gives a control that must be obeyed, such as "registrar.fault".
func (p *Partners) Do(t testing.TB, control, format string, values ...any) {
	t.Helper()
	p.control(t, control, fmt.Sprintf(format, values...))
}

// Refused gives a control that must not be obeyed, and returns the code of why.
func (p *Partners) Refused(t testing.TB, control, format string, values ...any) string {
	t.Helper()
	_, code := p.ask(t, control, fmt.Sprintf(format, values...))
	require.NotEmpty(t, code)
	return code
}

func (p *Partners) control(t testing.TB, name, body string) []byte {
	t.Helper()
	answer, code := p.ask(t, name, body)
	require.Empty(t, code, "%s %s: %s", name, body, answer)
	return answer
}

func (p *Partners) ask(t testing.TB, name, body string) (answer []byte, code string) {
	t.Helper()
	message, err := p.conn.Request("sandbox."+name, []byte(body), patience)
	require.NoError(t, err)
	var said struct {
		OK    bool `json:"ok"`
		Error struct {
			Code string `json:"code"`
		} `json:"error"`
	}
	require.NoError(t, json.Unmarshal(message.Data, &said))
	require.Equal(t, said.OK, said.Error.Code == "")
	return message.Data, said.Error.Code
}

// Moved is the money of one push that Alipay has really moved.
type Moved struct {
	Trades []struct {
		OutTradeNo string    `json:"out_trade_no"`
		Amount     money.Fen `json:"amount"`
		State      string    `json:"state"`
	} `json:"trades"`
	Refunds []struct {
		OutTradeNo string    `json:"out_trade_no"`
		RequestNo  string    `json:"out_request_no"`
		Amount     money.Fen `json:"amount"`
	} `json:"refunds"`
	Payouts []struct {
		OutBizNo string    `json:"out_biz_no"`
		Payee    string    `json:"payee"`
		Amount   money.Fen `json:"amount"`
	} `json:"payouts"`
}

// Held is what Alipay still holds for us of the push's money.
func (m Moved) Held() money.Fen {
	var held money.Fen
	for _, trade := range m.Trades {
		held += trade.Amount
	}
	for _, refund := range m.Refunds {
		held -= refund.Amount
	}
	for _, payout := range m.Payouts {
		held -= payout.Amount
	}
	return held
}

// Moved reads Alipay's own books of a push.
func (p *Partners) Moved(t testing.TB, pushID string) Moved {
	t.Helper()
	var moved Moved
	require.NoError(t, json.Unmarshal(p.control(t, "alipay.ledger", fmt.Sprintf(`{"push_id":%q}`, pushID)), &moved))
	return moved
}

// Facts asks the registrar about domains, as often as a fault has it not answer.
func (p *Partners) Facts(t testing.TB, names ...domainname.Name) []push.DomainFacts {
	t.Helper()
	var facts []push.DomainFacts
	require.Eventually(t, func() bool {
		var err error
		facts, err = p.Registrar.Facts(t.Context(), names)
		return err == nil
	}, patience, time.Millisecond)
	return facts
}
