package alipaygateway_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	sdk "github.com/smartwalle/alipay/v3"
	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/sagas/payment"
	"github.com/pushledger/pushledger/sagas/payment/alipay"
)

// merchant is the bare SDK, for calls that the provider would never make.
func (s sandbox) merchant(t *testing.T, app, key string) *sdk.Client {
	t.Helper()
	client, err := sdk.New(app, key, false, sdk.WithSandboxGateway(s.street.URL+"/gateway.do"),
		sdk.WithTimeLocation(shanghai(t)), sdk.WithHTTPClient(s.street.Client()))
	require.NoError(t, err)
	return client
}

func shanghai(t *testing.T) *time.Location {
	t.Helper()
	location, err := time.LoadLocation("Asia/Shanghai")
	require.NoError(t, err)
	return location
}

func (s sandbox) ownKey(t *testing.T) (app, key string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(s.keys, "merchant.pem"))
	require.NoError(t, err)
	page, err := s.PayURL(order("T0", "push-0"))
	require.NoError(t, err)
	link, err := url.Parse(page)
	require.NoError(t, err)
	return link.Query().Get("app_id"), string(text)
}

// post sends signed fields as they are and returns the whole answer.
func (s sandbox) post(t *testing.T, fields url.Values) string {
	t.Helper()
	answer, err := s.street.Client().PostForm(s.street.URL+"/gateway.do", fields)
	require.NoError(t, err)
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	return string(body)
}

func strangersKey(t *testing.T) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	return base64.StdEncoding.EncodeToString(x509.MarshalPKCS1PrivateKey(key))
}

func TestRequestsThatTheMerchantDidNotMake(t *testing.T) {
	s := start(t)
	app, key := s.ownKey(t)
	s.open(t, order("T1", "push-1"))
	signed := func(app, key string) url.Values {
		fields, err := s.merchant(t, app, key).URLValues(sdk.TradeClose{OutTradeNo: "T1"})
		require.NoError(t, err)
		return fields
	}
	change := func(name, value string) url.Values {
		fields := signed(app, key)
		fields.Set(name, value)
		return fields
	}
	doubled := signed(app, key)
	doubled.Add("biz_content", `{"out_trade_no":"T2"}`)
	for code, fields := range map[string]url.Values{
		"isv.invalid-signature": signed(app, strangersKey(t)),
		"isv.invalid-app-id":    signed("2021", key),
		"isv.invalid-charset":   change("charset", "GBK"),
		"isv.invalid-version":   change("version", "2.0"),
		"isv.invalid-sign-type": change("sign_type", "RSA"),
		"isv.invalid-parameter": doubled,
	} {
		require.Contains(t, s.post(t, fields), `"`+code+`"`)
	}
	for _, name := range []string{"biz_content", "timestamp", "method", "sign"} {
		require.Contains(t, s.post(t, change(name, "x")), "isv.invalid-signature")
	}
	require.Equal(t, payment.TradeWaiting, s.state(t, "T1"))
	require.Contains(t, s.post(t, signed(app, key)), `"10000"`, "the request itself is sound")
}

func TestOldRequests(t *testing.T) {
	s := start(t)
	app, key := s.ownKey(t)
	page, err := s.PayURL(order("T1", "push-1"))
	require.NoError(t, err)
	fields, err := s.merchant(t, app, key).URLValues(sdk.TradeQuery{OutTradeNo: "T1"})
	require.NoError(t, err)
	for _, ahead := range []time.Duration{16 * time.Minute, -16 * time.Minute} {
		s.ahead.Store(int64(ahead))
		require.Contains(t, s.post(t, fields), "isv.invalid-timestamp")
	}
	s.ahead.Store(int64(16 * time.Minute))
	require.NoError(t, s.Open(t.Context(), page), "the buyer may take the time that the order gives")
}

func TestOrdersThatAlipayRefuses(t *testing.T) {
	s := start(t)
	app, key := s.ownKey(t)
	sound := sdk.Trade{
		Subject: "push", OutTradeNo: "T1", TotalAmount: "1.00", ProductCode: "FAST_INSTANT_TRADE_PAY",
		PassbackParams: "push-1", TimeExpire: time.Now().Add(time.Hour).In(shanghai(t)).Format(time.DateTime), NotifyURL: s.street.URL + "/notify",
	}
	for name, spoil := range map[string]func(*sdk.Trade){
		"amount below":    func(o *sdk.Trade) { o.TotalAmount = "0.00" },
		"amount above":    func(o *sdk.Trade) { o.TotalAmount = "100000000.01" },
		"both channels":   func(o *sdk.Trade) { o.DisablePayChannels, o.EnablePayChannels = "pcredit", "balance" },
		"number":          func(o *sdk.Trade) { o.OutTradeNo = "T-1" },
		"product":         func(o *sdk.Trade) { o.ProductCode = "OTHER" },
		"subject":         func(o *sdk.Trade) { o.Subject = "" },
		"end":             func(o *sdk.Trade) { o.TimeExpire = "soon" },
		"end in the past": func(o *sdk.Trade) { o.TimeExpire = "2020-01-01 00:00:00" },
		"end too soon": func(o *sdk.Trade) {
			o.TimeExpire = time.Now().Add(50 * time.Second).In(shanghai(t)).Format(time.DateTime)
		},
		"end far off": func(o *sdk.Trade) {
			o.TimeExpire = time.Now().Add(16 * 24 * time.Hour).In(shanghai(t)).Format(time.DateTime)
		},
		"nobody to notify": func(o *sdk.Trade) { o.NotifyURL = "" },
	} {
		wanted := sound
		spoil(&wanted)
		fields, err := s.merchant(t, app, key).URLValues(sdk.TradePagePay{Trade: wanted})
		require.NoError(t, err)
		said := s.post(t, fields)
		require.Contains(t, said, "ACQ.", name)
		require.Contains(t, said, "<!doctype html>", "it is for a person")
		require.NotContains(t, said, "sign", "and nobody vouches for it")
	}
	_, err := s.Query(t.Context(), "T1")
	require.ErrorIs(t, err, payment.ErrTradeNotFound)
}

// transfer is one with a scene, which the SDK does not know.
type transfer struct {
	sdk.FundTransUniTransfer
	Scene string `json:"transfer_scene_name"`
}

func TestRepeatedNumbersWithOtherContent(t *testing.T) {
	s := start(t)
	app, key := s.ownKey(t)
	client := s.merchant(t, app, key)
	require.NoError(t, client.LoadAppCertPublicKeyFromFile(s.AppCertFile))
	require.NoError(t, client.LoadAliPayRootCertFromFile(s.RootCertFile))
	s.open(t, order("T1", "push-1"))
	s.do(t, "pay", `{"push_id":"push-1","notify":"lost"}`)
	said := func(param sdk.Param) string {
		fields, err := client.URLValues(param)
		require.NoError(t, err)
		return s.post(t, fields)
	}
	refund := sdk.TradeRefund{OutTradeNo: "T1", OutRequestNo: "R1", RefundAmount: "1.00"}
	require.Contains(t, said(refund), `"fund_change":"Y"`)
	require.Contains(t, said(refund), "ACQ.SYSTEM_ERROR", "refunds of one trade are three seconds apart")
	s.ahead.Add(int64(visible))
	require.Contains(t, said(refund), `"fund_change":"N"`)
	s.ahead.Add(int64(visible))
	refund.RefundAmount = "2.00"
	require.Contains(t, said(refund), "ACQ.DISCORDANT_REPEAT_REQUEST")
	payout := transfer{Scene: s.TransferScene, FundTransUniTransfer: sdk.FundTransUniTransfer{
		OutBizNo: "P1", TransAmount: "0.10", ProductCode: "TRANS_ACCOUNT_NO_PWD", BizScene: "DIRECT_TRANSFER",
		PayeeInfo: &sdk.PayeeInfo{Identity: "ann@example.com", IdentityType: "ALIPAY_LOGON_ID", Name: "安"},
	}}
	require.Contains(t, said(payout), `"SUCCESS"`)
	payout.TransAmount = "0.11"
	require.Contains(t, said(payout), "PAYMENT_INFO_INCONSISTENCY")
	payout.OutBizNo, payout.TransAmount = "P2", "0.09"
	require.Contains(t, said(payout), `"40004"`)
	require.Contains(t, said(sdk.TradeClose{OutTradeNo: "T1"}), "ACQ.TRADE_STATUS_ERROR")
}

func TestAnswersOfAStrangerAreNotBelieved(t *testing.T) {
	s, stranger := start(t), start(t)
	s.open(t, order("T1", "push-1"))
	s.do(t, "pay", `{"push_id":"push-1"}`)
	form := next(t, s.street.taken)
	_, err := stranger.Notification(form)
	require.ErrorIs(t, err, payment.ErrForged)

	settings := s.plain()
	settings.AlipayPublicKey = stranger.AlipayPublicKey
	mistaken, err := alipay.New(settings)
	require.NoError(t, err)
	defer mistaken.Disconnect()
	_, err = mistaken.Query(t.Context(), "T1")
	require.Error(t, err)
	err = mistaken.Refund(t.Context(), payment.Refund{TradeNo: "T9", RequestNo: "R1", Amount: 1, Reason: "test"})
	var refused *payment.Refused
	require.Error(t, err)
	require.NotErrorAs(t, err, &refused, "not even a no")
}

func TestCashierTakesAPersonsMoney(t *testing.T) {
	s := start(t)
	page, err := s.PayURL(order("T1", "push-1"))
	require.NoError(t, err)
	browser := s.street.Client()
	shown, err := browser.Get(page) // redirected to the cashier
	require.NoError(t, err)
	body, err := io.ReadAll(shown.Body)
	require.NoError(t, err)
	require.NoError(t, shown.Body.Close())
	require.Contains(t, string(body), "1999.00")
	number := shown.Request.URL.Query().Get("trade_no")
	cashier := strings.SplitN(shown.Request.URL.String(), "?", 2)[0]

	crossSite, err := http.NewRequest(http.MethodPost, cashier, strings.NewReader(url.Values{"trade_no": {number}}.Encode()))
	require.NoError(t, err)
	crossSite.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	crossSite.Header.Set("Sec-Fetch-Site", "cross-site")
	denied, err := browser.Do(crossSite)
	require.NoError(t, err)
	require.NoError(t, denied.Body.Close())
	require.Equal(t, http.StatusForbidden, denied.StatusCode)
	_, err = s.Query(t.Context(), "T1")
	require.ErrorIs(t, err, payment.ErrTradeNotFound, "looking at the cashier makes no trade")

	for range 2 { // pressed twice, paid once
		pressed, err := browser.PostForm(cashier, url.Values{"trade_no": {number}})
		require.NoError(t, err)
		require.NoError(t, pressed.Body.Close())
		require.Equal(t, http.StatusOK, pressed.StatusCode)
	}
	require.Equal(t, "T1", next(t, s.street.taken).Get("out_trade_no"))
	none(t, s.street.taken)
	require.Equal(t, payment.TradePaid, s.state(t, "T1"))
}
