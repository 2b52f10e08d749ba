package alipaygateway_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	sdk "github.com/smartwalle/alipay/v3"
	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/sagas/payment"
)

// told is what the merchant reads, from the notification and from the answer to a question.
func (s sandbox) told(t *testing.T, number string) []payment.Trade {
	t.Helper()
	notified, err := s.Notification(next(t, s.street.taken))
	require.NoError(t, err)
	asked, err := s.Query(t.Context(), number)
	require.NoError(t, err)
	asked.PushID = notified.PushID
	return []payment.Trade{notified, asked}
}

func TestSourcesOfAPayment(t *testing.T) {
	for name, test := range map[string]struct {
		pay            string
		channels       []string
		received, paid string
	}{
		"a balance":             {``, []string{"ALIPAYACCOUNT"}, "1999.00", "1999.00"},
		"a card":                {`,"channel":"BANKCARD"`, []string{"BANKCARD", "DEBIT_CARD"}, "1999.00", "1999.00"},
		"a card that lends":     {`,"sources":[{"channel":"BANKCARD","fund_type":"CREDIT_CARD"}]`, []string{"BANKCARD", "CREDIT_CARD"}, "1999.00", "1999.00"},
		"a card without a type": {`,"sources":[{"channel":"BANKCARD","fund_type":""}]`, []string{"BANKCARD"}, "1999.00", "1999.00"},
		"a merchant's coupon": {
			`,"sources":[{"channel":"ALIPAYACCOUNT","amount":"1994.00"},{"channel":"MCOUPON","amount":"5.00"}]`,
			[]string{"ALIPAYACCOUNT", "MCOUPON"},
			"1994.00", "1994.00",
		},
		"less received":   {`,"receipt_amount":"1900.00"`, []string{"ALIPAYACCOUNT"}, "1900.00", "1900.00"},
		"it is not told":  {`,"receipt_amount":"0.00"`, []string{"ALIPAYACCOUNT"}, "0.00", "1999.00"},
		"no source told":  {`,"silent_sources":true`, nil, "1999.00", "1999.00"},
		"a disabled one":  {`,"channel":"PCREDIT"`, []string{"PCREDIT"}, "1999.00", "1999.00"},
		"of an odd kind":  {`,"channel":"TMARKETING"`, []string{"TMARKETING"}, "1999.00", "1999.00"},
		"over for good":   {`,"finished":true`, []string{"ALIPAYACCOUNT"}, "1999.00", "1999.00"},
		"strict, allowed": {`,"strict":true`, []string{"ALIPAYACCOUNT"}, "1999.00", "1999.00"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			s.open(t, order("T1", "push-1"))
			s.do(t, "pay", `{"push_id":"push-1"%s}`, test.pay)
			for _, trade := range s.told(t, "T1") {
				require.Equal(t, payment.TradePaid, trade.State)
				require.Equal(t, test.channels, trade.Channels)
				require.EqualValues(t, 1999_00, trade.Amount)
				require.Equal(t, test.received, trade.Received.String())
				require.Equal(t, test.paid, trade.BuyerPaid.String())
				require.Equal(t, push.Payer{UserID: "2088102117900002", LoginMasked: "buy***@example.com"}, trade.Payer)
			}
		})
	}
}

// Sources are told to who asks for them.
func TestSourcesAreAnOptionOfTheQuestion(t *testing.T) {
	s := start(t)
	s.open(t, order("T1", "push-1"))
	s.do(t, "pay", `{"push_id":"push-1"}`)
	app, key := s.ownKey(t)
	for options, told := range map[string]bool{"": false, "buyer_user_type": false, "fund_bill_list": true} {
		question := sdk.TradeQuery{OutTradeNo: "T1"}
		if options != "" {
			question.QueryOptions = []string{options}
		}
		fields, err := s.merchant(t, app, key).URLValues(question)
		require.NoError(t, err)
		said := s.post(t, fields)
		require.Contains(t, said, "TRADE_SUCCESS")
		require.Equal(t, told, strings.Contains(said, "fund_bill_list"), said)
	}
}

func TestMoneyThatHasNotReachedTheMerchant(t *testing.T) {
	s := start(t)
	s.control(t, "arrive", `{"push_id":"push-1"}`, "trade_not_found")
	s.open(t, order("T1", "push-1"))
	s.control(t, "arrive", `{"push_id":"push-1"}`, "trade_not_paid")
	s.do(t, "pay", `{"push_id":"push-1","additional_status":"SELLER_NOT_RECEIVED","silent_sources":true}`)
	for _, trade := range s.told(t, "T1") {
		require.Equal(t, payment.TradeWaiting, trade.State)
	}
	s.do(t, "arrive", `{"push_id":"push-1"}`)
	for _, trade := range s.told(t, "T1") {
		require.Equal(t, payment.TradePaid, trade.State)
		require.Equal(t, []string{"ALIPAYACCOUNT"}, trade.Channels)
	}
}

func TestSomebodyElsePays(t *testing.T) {
	s := start(t)
	s.open(t, order("T1", "push-1"))
	s.do(t, "pay", `{"push_id":"push-1","buyer_user_id":"2088other"}`)
	for _, trade := range s.told(t, "T1") {
		require.Equal(t, "2088other", trade.Payer.UserID)
	}
}

func TestAFinishedTradeIsNotRefunded(t *testing.T) {
	s := start(t)
	s.open(t, order("T1", "push-1"))
	s.do(t, "pay", `{"push_id":"push-1","finished":true}`)
	require.Equal(t, payment.TradePaid, s.state(t, "T1"))
	refund := payment.Refund{TradeNo: "T1", RequestNo: "R1", Amount: 1, Reason: "test"}
	var refused *payment.Refused
	require.ErrorAs(t, certain(func() error { return s.Refund(t.Context(), refund) }), &refused)
	require.Equal(t, "ACQ.TRADE_HAS_FINISHED", refused.Code)
}

// An order that names its payer by a hash is not paid by another one.
func TestThePayerThatAnOrderDemands(t *testing.T) {
	s := start(t)
	own, other := strings.Repeat("a", 64), strings.Repeat("b", 64)
	demanding := order("T1", "push-1")
	demanding.IdentityHash = own
	s.open(t, demanding)
	s.control(t, "pay", `{"push_id":"push-1","strict":true,"identity_hash":"`+other+`"}`, "identity_mismatch")
	s.control(t, "pay", `{"push_id":"push-1","identity_hash":"?"}`, "invalid_identity")
	require.Equal(t, payment.TradeWaiting, s.state(t, "T1"))
	s.control(t, "pay", `{"push_id":"push-1","strict":true,"identity_hash":"`+own+`"}`, "")
	require.Equal(t, payment.TradePaid, s.state(t, "T1"))
	s.open(t, order("T2", "push-2"))
	s.control(t, "pay", `{"push_id":"push-2","strict":true,"identity_hash":"`+other+`"}`, "")
}

// What an order forbids, nobody can pay by but the operator, as Alipay's own gap.
func TestDisabledChannels(t *testing.T) {
	s := start(t)
	s.open(t, order("T1", "push-1"))
	for _, pay := range []string{
		`"channel":"PCREDIT"`, `"channel":"PCREDITPAYINSTALLMENT"`, `"channel":"CREDITCARD"`, `"channel":"HONEYPAY"`,
		`"channel":"MCARD"`, `"channel":"MDISCOUNT"`, `"channel":"MCOUPON"`, `"channel":"DISCOUNT"`,
		`"sources":[{"channel":"BANKCARD","fund_type":"CREDIT_CARD"}]`,
		`"sources":[{"channel":"ALIPAYACCOUNT","amount":"1998.00"},{"channel":"PCREDIT","amount":"1.00"}]`,
	} {
		s.control(t, "pay", `{"push_id":"push-1","strict":true,`+pay+`}`, "channel_disabled")
	}
	require.Equal(t, payment.TradeWaiting, s.state(t, "T1"))
	page, err := s.PayURL(order("T1", "push-1"))
	require.NoError(t, err)
	browser := s.street.Client()
	shown, err := browser.Get(page)
	require.NoError(t, err)
	html, err := io.ReadAll(shown.Body)
	require.NoError(t, err)
	require.NoError(t, shown.Body.Close())
	require.Contains(t, string(html), "<option>ALIPAYACCOUNT</option>")
	require.NotContains(t, string(html), "CREDIT")
	cashier := strings.SplitN(shown.Request.URL.String(), "?", 2)[0]
	pressed, err := browser.PostForm(cashier, url.Values{"trade_no": {shown.Request.URL.Query().Get("trade_no")}, "channel": {"CREDITCARD"}})
	require.NoError(t, err)
	require.NoError(t, pressed.Body.Close())
	require.Equal(t, http.StatusConflict, pressed.StatusCode)
	require.Equal(t, payment.TradeWaiting, s.state(t, "T1"))
	s.do(t, "pay", `{"push_id":"push-1","channel":"CREDITCARD"}`)
	require.Equal(t, payment.TradePaid, s.state(t, "T1"))
}

func TestSourcesThatMakeNoSense(t *testing.T) {
	s := start(t)
	s.open(t, order("T1", "push-1"))
	for _, test := range []struct{ body, code string }{
		{`"sources":[{"channel":"a b"}]`, "invalid_channel"},
		{`"sources":[{"channel":"BANKCARD","fund_type":"a b"}]`, "invalid_channel"},
		{`"sources":[{"channel":"POINT","amount":"0.00"}]`, "invalid_sources"},
		{`"sources":[{"channel":"POINT","amount":"1.00"}]`, "invalid_sources"},
		{`"sources":[{"channel":"POINT","amount":"1.00"},{"channel":"ALIPAYACCOUNT"}]`, "invalid_sources"},
		{`"channel":"POINT","sources":[{"channel":"POINT"}]`, "invalid_sources"},
		{`"receipt_amount":"x"`, "invalid_receipt"},
		{`"receipt_amount":"2000.00"`, "invalid_receipt"},
		{`"additional_status":"a b"`, "invalid_status"},
		{`"buyer_user_id":"a b"`, "invalid_buyer"},
		{`"notify":""`, "invalid_notify"},
	} {
		s.control(t, "pay", `{"push_id":"push-1",`+test.body+`}`, test.code)
	}
	require.Equal(t, payment.TradeWaiting, s.state(t, "T1"))
}
