package alipay_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/pushledger/pushledger/sagas/payment"
	"github.com/pushledger/pushledger/sagas/payment/alipay"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	appID    = "2021000000000001"
	sellerID = "2088000000000001"
)

// keys are made once: making them is slow.
var (
	merchantKey = sync.OnceValue(newKey)
	alipayKey   = sync.OnceValue(newKey)
)

func newKey() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
}

func privateText() string {
	return base64.StdEncoding.EncodeToString(x509.MarshalPKCS1PrivateKey(merchantKey()))
}

func publicText(t testing.TB) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(&alipayKey().PublicKey)
	require.NoError(t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

func signature(t testing.TB, key *rsa.PrivateKey, text string) string {
	t.Helper()
	digest := sha256.Sum256([]byte(text))
	signed, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:])
	require.NoError(t, err)
	return base64.StdEncoding.EncodeToString(signed)
}

// refundVisible is how long a refund may not be shown, in tests.
const refundVisible = 50 * time.Millisecond

// refundsApart is how long after a refund another one of the same trade is asked for.
const refundsApart = refundVisible * 3 / 10

// gateway is Alipay as a test tells it to be.
type gateway struct {
	*alipay.Provider
	t      testing.TB
	server *httptest.Server

	mu    sync.Mutex
	says  map[string]http.HandlerFunc // by method
	asked []string                    // methods in the order of the calls
}

func newGateway(t testing.TB) *gateway {
	g := &gateway{t: t, says: make(map[string]http.HandlerFunc)}
	g.server = httptest.NewServer(g)
	t.Cleanup(g.server.Close)
	provider, err := alipay.New(config(t, g.server.URL))
	require.NoError(t, err)
	t.Cleanup(provider.Disconnect)
	g.Provider = provider
	return g
}

func config(t testing.TB, address string) alipay.Config {
	return alipay.Config{
		AppID: appID, PrivateKey: privateText(), AlipayPublicKey: publicText(t), SellerID: sellerID,
		Gateway: address + "/gateway.do", NotifyURL: "https://ledger.example/alipay/notify", Timeout: 30 * time.Second,
		RefundVisible: refundVisible,
	}
}

func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	method := r.FormValue("method")
	g.mu.Lock()
	g.asked = append(g.asked, method)
	says := g.says[method]
	g.mu.Unlock()
	if says == nil {
		http.Error(w, "not expected", http.StatusTeapot)
		return
	}
	says(w, r)
}

// say has every call of a method answered.
func (g *gateway) say(method string, with http.HandlerFunc) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.says[method] = with
}

// sign has every call of a method answered with a node and Alipay's signature on it.
func (g *gateway) sign(method, node string) { g.say(method, answer(g.t, method, node, alipayKey())) }

func (g *gateway) calls() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.asked)
}

func answer(t testing.TB, method, node string, key *rsa.PrivateKey) http.HandlerFunc {
	t.Helper()
	return raw(answerText(t, method, node, key, ""))
}

// answerText is an answer with further members.
func answerText(t testing.TB, method, node string, key *rsa.PrivateKey, more string) string {
	t.Helper()
	return fmt.Sprintf(`{"%s_response":%s,%s"sign":%q}`, strings.ReplaceAll(method, ".", "_"), node, more, signature(t, key, node))
}

func raw(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if _, err := w.Write([]byte(text)); err != nil {
			panic(http.ErrAbortHandler) // the caller has gone
		}
	}
}

// no is the node of a refusal.
func no(code, subCode, text string) string {
	return fmt.Sprintf(`{"code":%q,"msg":"m","sub_code":%q,"sub_msg":%q}`, code, subCode, text)
}

// yes is the node of a success with further members.
func yes(members string) string { return `{"code":"10000","msg":"Success",` + members + `}` }

const (
	pagePay       = "alipay.trade.page.pay"
	query         = "alipay.trade.query"
	closing       = "alipay.trade.close"
	refunding     = "alipay.trade.refund"
	refundQuery   = "alipay.trade.fastpay.refund.query"
	transfer      = "alipay.fund.trans.uni.transfer"
	transferQuery = "alipay.fund.trans.common.query"
)

// calls are the calls of a provider that ask Alipay something, by method.
var calls = map[string]func(*gateway, context.Context) error{
	pagePay: func(g *gateway, ctx context.Context) error {
		return g.Open(ctx, g.server.URL+"/gateway.do?method="+pagePay)
	},
	query: func(g *gateway, ctx context.Context) error {
		_, err := g.Query(ctx, "T1")
		return err
	},
	closing: func(g *gateway, ctx context.Context) error { return g.Close(ctx, "T1") },
	refunding: func(g *gateway, ctx context.Context) error {
		time.Sleep(refundsApart)
		return g.Refund(ctx, aRefund)
	},
	transfer: func(g *gateway, ctx context.Context) error {
		_, err := g.Payout(ctx, aPayout)
		return err
	},
	confirming: func(g *gateway, ctx context.Context) error {
		_, err := g.Payout(ctx, aConfirmation)
		return err
	},
}

var (
	aRefund = payment.Refund{TradeNo: "T1", RequestNo: "R1", Amount: 5_00, Reason: "domain_gone"}
	aPayout = payment.Payout{PayoutNo: "P1", PushID: "push-1", Account: "ann@example.com", Name: "安", Amount: 5_00, Title: "push"}
)

// undecided requires an error that leaves the outcome open.
func undecided(t testing.TB, err error, about ...any) {
	t.Helper()
	require.Error(t, err, about...)
	var refusal *payment.Refused
	require.NotErrorAs(t, err, &refusal, about...)
	require.NotErrorIs(t, err, payment.ErrTradeNotFound, about...)
	require.NotErrorIs(t, err, payment.ErrTradePaid, about...)
}

// notification is a form with Alipay's signature on it.
func notification(t testing.TB, changes map[string]string) url.Values {
	t.Helper()
	fields := map[string]string{
		"app_id": appID, "seller_id": sellerID, "charset": "utf-8", "version": "1.0", "notify_id": "n1",
		"trade_no": "2026112300000001", "out_trade_no": "T1", "trade_status": "TRADE_SUCCESS", "total_amount": "1999.00",
		"passback_params": "push-1", "gmt_payment": "2026-11-23 00:30:00",
		"fund_bill_list": `[{"amount":"1999.00","fundChannel":"ALIPAYACCOUNT"}]`,
	}
	maps.Copy(fields, changes)
	form := url.Values{}
	for name, value := range fields {
		if value != "" {
			form.Set(name, value)
		}
	}
	return signed(t, form)
}

// signed puts Alipay's signature on a form, whatever it holds.
func signed(t testing.TB, form url.Values) url.Values {
	t.Helper()
	form.Del("sign")
	form.Del("sign_type")
	var pairs []string
	for name, values := range form {
		for _, value := range values {
			pairs = append(pairs, name+"="+value)
		}
	}
	slices.Sort(pairs)
	form.Set("sign", signature(t, alipayKey(), strings.Join(pairs, "&")))
	form.Set("sign_type", "RSA2")
	return form
}
