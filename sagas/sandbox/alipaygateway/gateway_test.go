package alipaygateway_test

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/pushledger/pushledger/aggregates/money"
	"github.com/pushledger/pushledger/eventstore/natsserver"
	"github.com/pushledger/pushledger/sagas/payment"
	"github.com/pushledger/pushledger/sagas/payment/alipay"
	"github.com/pushledger/pushledger/sagas/payment/paymenttest"
	"github.com/pushledger/pushledger/sagas/sandbox/alipaygateway"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	patience = 30 * time.Second       // for what must come
	silence  = 150 * time.Millisecond // after which nothing comes any more
	giveUp   = 2 * time.Second        // of the provider, on a call that is not answered
)

// street is where the gateway and the merchant's receiver of notifications are; it
// stays when the gateway is restarted.
type street struct {
	*httptest.Server
	gateway  atomic.Pointer[alipaygateway.Gateway]
	refusals atomic.Int32    // notifications that are still to be refused
	refused  chan url.Values // those that were
	taken    chan url.Values // the others
	// allocAfter is that of the gateway's configuration.
	allocAfter time.Duration
}

func newStreet(t testing.TB) *street {
	s := &street{refused: make(chan url.Values, 100), taken: make(chan url.Values, 100)}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *street) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/notify" {
		s.gateway.Load().ServeHTTP(w, r)
		return
	}
	if err := r.ParseForm(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if s.refusals.Add(-1) >= 0 {
		s.refused <- r.PostForm
		_, _ = w.Write([]byte("success\n")) // not exactly the word; a lost answer is as good as a wrong one
		return
	}
	s.taken <- r.PostForm
	_, _ = w.Write([]byte("success")) // a lost answer shows as another notification
}

// sandbox is a running gateway, its merchant's provider and an operator.
type sandbox struct {
	*alipay.Provider
	street *street
	conn   *nats.Conn
	ahead  *atomic.Int64 // by which the gateway's clock is ahead, in nanoseconds
	keys   string
	stop   func()

	alipaygateway.Merchant
}

// certified is the configuration of a merchant that signs with certificates.
func (s sandbox) certified() alipay.Config {
	config := s.plain()
	config.PrivateKey, config.AlipayPublicKey = "", ""
	config.Certificates = alipay.CertificateFiles{
		App: s.AppCertFile, Alipay: []string{s.AlipayCertFile}, Root: s.RootCertFile, Key: s.KeyFile,
	}
	return config
}

// plain is that of one that signs without.
func (s sandbox) plain() alipay.Config {
	return alipay.Config{
		AppID: s.AppID, PrivateKey: s.PrivateKey, AlipayPublicKey: s.AlipayPublicKey, SellerID: s.SellerID,
		Gateway: s.street.URL + "/gateway.do", NotifyURL: s.street.URL + "/notify", Timeout: giveUp, RefundVisible: visible,
		Transfers: alipay.TransferScene{Name: s.TransferScene},
	}
}

// run starts a NATS server and the gateway on a directory, with its clock ahead.
func run(t testing.TB, dir string, on *street, schedule alipaygateway.Schedule, ahead time.Duration) sandbox {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	server, err := natsserver.Start(natsserver.Options{StoreDir: filepath.Join(dir, "nats"), Listen: "127.0.0.1:0", Logger: quiet})
	require.NoError(t, err)
	conn, err := server.Connect("test", natsserver.Grant{Name: "test", Publish: []string{">"}, Subscribe: []string{">"}})
	require.NoError(t, err)
	js, err := jetstream.New(conn)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	kv, err := js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: "SANDBOX"})
	require.NoError(t, err)
	s := sandbox{street: on, conn: conn, ahead: new(atomic.Int64), keys: filepath.Join(dir, "keys")}
	s.ahead.Store(int64(ahead))
	gateway, err := alipaygateway.Open(ctx, alipaygateway.Config{
		KV: kv, KeyDir: s.keys, Notify: schedule, RefundVisible: visible, AllocAfter: on.allocAfter, Logger: quiet,
		Now: func() time.Time { return time.Now().Add(time.Duration(s.ahead.Load())) },
	})
	require.NoError(t, err)
	on.gateway.Store(gateway)
	require.NoError(t, gateway.Serve(conn))
	s.Merchant, err = gateway.MerchantConfig()
	require.NoError(t, err)
	s.Provider, err = alipay.New(s.certified())
	require.NoError(t, err)
	s.stop = sync.OnceFunc(func() {
		gateway.Close()
		s.Disconnect()
		conn.Close()
		require.NoError(t, server.Close())
	})
	t.Cleanup(s.stop)
	return s
}

func start(t testing.TB) sandbox {
	return run(t, t.TempDir(), newStreet(t), alipaygateway.Schedule{FirstRetry: time.Millisecond, Late: time.Millisecond}, 0)
}

// reply is the answer to a control, whichever.
type reply struct {
	OK         bool      `json:"ok"`
	Balance    string    `json:"balance"`
	PushID     string    `json:"push_id"`
	OutTradeNo string    `json:"out_trade_no"`
	TradeNo    string    `json:"trade_no"`
	Amount     money.Fen `json:"amount"`
	Serial     string    `json:"alipay_cert_sn"`
	Bill       string    `json:"bill"`
	Day        string    `json:"day"`
	Error      struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

// control orders what must succeed, or be refused with a code.
func (s sandbox) control(t testing.TB, name, body, code string) reply {
	t.Helper()
	message, err := s.conn.Request("sandbox.alipay."+name, []byte(body), patience)
	require.NoError(t, err)
	var said reply
	require.NoError(t, json.Unmarshal(message.Data, &said, json.RejectUnknownMembers(true)))
	require.Equal(t, code, said.Error.Code, said.Error.Message)
	require.Equal(t, code == "", said.OK)
	return said
}

func (s sandbox) do(t testing.TB, name, format string, values ...any) reply {
	t.Helper()
	return s.control(t, name, fmt.Sprintf(format, values...), "")
}

func (s sandbox) ledger(t testing.TB, body string) string {
	t.Helper()
	message, err := s.conn.Request("sandbox.alipay.ledger", []byte(body), patience)
	require.NoError(t, err)
	return string(message.Data)
}

func order(number, push string) payment.Order {
	return payment.Order{TradeNo: number, PushID: push, Amount: 1999_00, Subject: "域名带价 push", PayBy: time.Now().Add(time.Hour)}
}

// open has the buyer open the page of an order and sign in, which makes the trade.
func (s sandbox) open(t testing.TB, ordered payment.Order) {
	t.Helper()
	s.visit(t, ordered)
	s.do(t, "open", `{"push_id":%q}`, ordered.PushID)
}

// visit opens the page of an order, and nothing else.
func (s sandbox) visit(t testing.TB, ordered payment.Order) {
	t.Helper()
	page, err := s.PayURL(ordered)
	require.NoError(t, err)
	require.NoError(t, s.Open(context.Background(), page))
}

func (s sandbox) state(t testing.TB, number string) payment.TradeState {
	t.Helper()
	trade, err := s.Query(context.Background(), number)
	require.NoError(t, err)
	return trade.State
}

func next(t testing.TB, from <-chan url.Values) url.Values {
	t.Helper()
	select {
	case form := <-from:
		return form
	case <-time.After(patience):
		t.Fatal("no notification came")
		return nil
	}
}

func none(t testing.TB, from <-chan url.Values) {
	t.Helper()
	select {
	case form := <-from:
		t.Fatalf("a notification came: %v", form)
	case <-time.After(silence):
	}
}

// visible is how long a refund is not shown.
const visible = 100 * time.Millisecond

func TestConformance(t *testing.T) {
	paymenttest.Run(t, func(t *testing.T) paymenttest.World { return world(start(t)) })
}

func TestConformanceByConfirmation(t *testing.T) {
	paymenttest.Run(t, func(t *testing.T) paymenttest.World {
		w := world(start(t))
		w.Merchant = seller
		return w
	})
}

func world(s sandbox) paymenttest.World {
	return paymenttest.World{
		Provider:      s,
		SignIn:        func(t *testing.T, push string) { s.do(t, "open", `{"push_id":%q}`, push) },
		Pay:           func(t *testing.T, push string) { s.do(t, "pay", `{"push_id":%q}`, push) },
		Notified:      func(t *testing.T) url.Values { return next(t, s.street.taken) },
		LoseAnswer:    func(t *testing.T, api paymenttest.API) { s.do(t, "fault", `{"api":%q,"mode":"done_but_timeout"}`, api) },
		Break:         func(t *testing.T, api paymenttest.API) { s.do(t, "fault", `{"api":%q,"mode":"error"}`, api) },
		RefundVisible: visible,
	}
}

func TestRestartKeepsEverything(t *testing.T) {
	dir, on := t.TempDir(), newStreet(t)
	schedule := alipaygateway.Schedule{FirstRetry: 10 * time.Minute}
	before := run(t, dir, on, schedule, 0)
	before.open(t, order("T1", "push-1"))
	before.open(t, order("T2", "push-2"))
	on.refusals.Store(1)
	before.do(t, "pay", `{"push_id":"push-1"}`)
	first := next(t, on.refused)
	refund := payment.Refund{TradeNo: "T1", RequestNo: "R1", Amount: 9_00, Reason: "test"}
	require.NoError(t, before.Refund(t.Context(), refund))
	payout := payment.Payout{PayoutNo: "P1", PushID: "push-1", Account: "ann@example.com", Name: "安", Amount: 1990_00, Title: "push"}
	number, err := before.Payout(t.Context(), payout)
	require.NoError(t, err)
	ledger := before.ledger(t, `{}`)
	none(t, on.taken)
	before.stop()

	after := run(t, dir, on, schedule, 14*time.Minute) // the pause is over by now
	again := next(t, on.taken)
	require.Equal(t, first.Get("notify_id"), again.Get("notify_id"))
	trade, err := after.Notification(first)
	require.NoError(t, err, "the keys are the same")
	require.Equal(t, "push-1", trade.PushID)
	require.Equal(t, payment.TradePaid, after.state(t, "T1"))
	require.Equal(t, payment.TradeWaiting, after.state(t, "T2"))
	same, err := after.Payout(t.Context(), payout)
	require.NoError(t, err)
	require.Equal(t, number, same)
	require.NoError(t, after.Refund(t.Context(), refund))
	require.Equal(t, ledger, after.ledger(t, `{}`), "nothing moved a second time")
	after.do(t, "pay", `{"push_id":"push-2"}`)
	require.Equal(t, "T2", next(t, on.taken).Get("out_trade_no"))
}

func TestKeysAreForTheirOwnerOnly(t *testing.T) {
	s := start(t)
	files, err := os.ReadDir(s.keys)
	require.NoError(t, err)
	require.Len(t, files, 6)
	for _, file := range files {
		info, err := file.Info()
		require.NoError(t, err)
		require.Equal(t, fs.FileMode(0o600), info.Mode())
	}
}

// A page opened is no trade: that is made by who signs in there, in time.
func TestAnOpenedPageIsNoTrade(t *testing.T) {
	s := start(t)
	s.visit(t, order("T1", "push-1"))
	short := order("T2", "push-2")
	short.PayBy = time.Now().Add(10 * time.Minute)
	s.visit(t, short)
	for _, number := range []string{"T1", "T2"} {
		_, err := s.Query(t.Context(), number)
		require.ErrorIs(t, err, payment.ErrTradeNotFound)
		require.ErrorIs(t, s.Close(t.Context(), number), payment.ErrTradeNotFound)
	}
	s.do(t, "open", `{"push_id":"push-1"}`)
	s.do(t, "open", `{"push_id":"push-1"}`)
	require.Equal(t, payment.TradeWaiting, s.state(t, "T1"))
	s.do(t, "pay", `{"push_id":"push-1"}`)
	require.Equal(t, payment.TradePaid, s.state(t, "T1"))
	s.ahead.Store(int64(11 * time.Minute))
	s.control(t, "open", `{"push_id":"push-2"}`, "trade_closed")
	s.control(t, "pay", `{"push_id":"push-2"}`, "trade_closed")
	page, err := s.PayURL(short)
	require.NoError(t, err)
	require.Error(t, s.Open(t.Context(), page), "the order is over")
	_, err = s.Query(t.Context(), "T2")
	require.ErrorIs(t, err, payment.ErrTradeNotFound)
}

func TestTradeClosesWhenItsTimeIsOver(t *testing.T) {
	s := start(t)
	s.open(t, order("T1", "push-1"))
	s.ahead.Store(int64(13 * time.Minute))
	require.Equal(t, payment.TradeWaiting, s.state(t, "T1"))
	ends := order("T2", "push-2")
	ends.PayBy = time.Now().Add(14*time.Minute + 30*time.Second)
	s.open(t, ends)
	s.ahead.Store(int64(14*time.Minute + 31*time.Second))
	s.control(t, "pay", `{"push_id":"push-2"}`, "trade_closed")
	require.Equal(t, payment.TradeClosed, s.state(t, "T2"))
	require.NoError(t, s.Close(t.Context(), "T2"))
	s.ahead.Store(0)
	require.Equal(t, payment.TradeClosed, s.state(t, "T2"), "closed for good, whatever the clock says later")
}
