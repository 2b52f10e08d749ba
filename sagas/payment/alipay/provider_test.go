package alipay_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/sagas/payment"
)

func TestTheOrderForbidsCreditAndEndsInTime(t *testing.T) {
	g := newGateway(t)
	page, err := g.PayURL(payment.Order{
		TradeNo: "T1", PushID: "push-1", Amount: 1999_00, Subject: "a/b=c&d\n域名",
		PayBy: time.Date(2026, 11, 22, 16, 30, 0, 999, time.UTC),
	})
	require.NoError(t, err)
	address, err := url.Parse(page)
	require.NoError(t, err)
	form := address.Query()
	require.Equal(t, pagePay, form.Get("method"))
	require.Equal(t, "https://ledger.example/alipay/notify", form.Get("notify_url"))
	content := form.Get("biz_content")
	for _, part := range []string{
		`"out_trade_no":"T1"`, `"total_amount":"1999.00"`, `"product_code":"FAST_INSTANT_TRADE_PAY"`, `"subject":"a b c d 域名"`,
		`"time_expire":"2026-11-23 00:30:00"`, `"passback_params":"push-1"`, `"seller_id":"` + sellerID + `"`,
		`"disable_pay_channels":"credit_group,pcredit,pcreditpayInstallment,creditCard,creditCardExpress,honeyPay,mcard,mdiscount,promotion,voucher"`,
		`"goods_type":"0"`,
	} {
		require.Contains(t, content, part)
	}
	require.NotContains(t, content, `"enable_pay_channels"`, "it excludes disable_pay_channels")
	require.NotContains(t, content, `"ext_user_info"`, "anybody may pay")
	require.Empty(t, g.calls())
}

// A name or a document beside the hash, even an empty one, would have Alipay leave it unread.
func TestTheOrderAsksForItsBuyerByTheHashAlone(t *testing.T) {
	g := newGateway(t)
	hash := strings.Repeat("0f", 32)
	page, err := g.PayURL(payment.Order{TradeNo: "T1", PushID: "push-1", Amount: 1, Subject: "s", PayBy: time.Now(), IdentityHash: hash})
	require.NoError(t, err)
	address, err := url.Parse(page)
	require.NoError(t, err)
	require.Equal(t, pagePay, address.Query().Get("method"))
	require.Contains(t, address.Query().Get("biz_content"), `"ext_user_info":{"need_check_info":"T","identity_hash":"`+hash+`"}`)
}

func TestOpenCallsNobodyButTheGateway(t *testing.T) {
	g := newGateway(t)
	g.say(pagePay, sentOn)
	require.NoError(t, g.Open(t.Context(), "http://127.0.0.1:1/gateway.do?method="+pagePay), "the order goes to the gateway of today")
	require.Equal(t, []string{pagePay}, g.calls())
	undecided(t, g.Open(t.Context(), g.server.URL+"/gateway.do"), "there is no order in it")
	require.Equal(t, []string{pagePay}, g.calls())
}

// sentOn is the answer to a page that is opened: a person is sent on to the cashier.
func sentOn(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, "https://excashier.example/standard/auth.htm", http.StatusFound)
}

// What is wrong with an order is a page for people. Nothing follows from it, whoever signed it.
func TestOpenTakesNothingButTheWayToTheCashier(t *testing.T) {
	g := newGateway(t)
	g.say(pagePay, sentOn)
	require.NoError(t, calls[pagePay](g, t.Context()))
	for name, says := range map[string]http.HandlerFunc{
		"a page":            raw("<html>订单信息无法识别</html>"),
		"a signed no":       answer(t, pagePay, no("40004", "ACQ.TRADE_HAS_CLOSE", "交易已经关闭"), alipayKey()),
		"that it was paid":  answer(t, pagePay, no("40004", "ACQ.TRADE_HAS_SUCCESS", "交易已被支付"), alipayKey()),
		"a signed yes":      answer(t, pagePay, yes(`"trade_no":"1"`), alipayKey()),
		"another redirect":  status(http.StatusSeeOther),
		"nothing to see":    status(http.StatusNoContent),
		"a permanent error": status(http.StatusForbidden),
	} {
		g.say(pagePay, says)
		undecided(t, calls[pagePay](g, t.Context()), name)
	}
}

// The clock is that of the newest answer that Alipay has signed.
func TestTheClockIsAlipays(t *testing.T) {
	g := newGateway(t)
	theirs := time.Date(2031, 5, 1, 8, 0, 0, 0, time.UTC)
	tells := func(date string, says http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Date", date)
			says(w, r)
		}
	}
	ask := func(date string, says http.HandlerFunc) {
		g.say(query, tells(date, says))
		_, err := g.Query(t.Context(), "T1")
		require.Error(t, err)
	}
	missing := answer(t, query, no("40004", "ACQ.TRADE_NOT_EXIST", "交易不存在"), alipayKey())
	ours := func(what string) { require.WithinDuration(t, time.Now(), g.Clock(), time.Minute, what) }
	ours("nobody has answered")
	ask(theirs.Format(http.TimeFormat), answer(t, query, no("40004", "ACQ.TRADE_NOT_EXIST", "x"), merchantKey()))
	ours("a stranger's answer")
	g.say(pagePay, tells(theirs.Format(http.TimeFormat), sentOn))
	require.NoError(t, calls[pagePay](g, t.Context()))
	ours("nobody signs where the cashier is")
	ask("yesterday", missing)
	ours("no date")
	ask(theirs.Format(http.TimeFormat), missing)
	require.WithinDuration(t, theirs, g.Clock(), time.Minute)
	require.False(t, g.Clock().Before(theirs))
	ask(theirs.Add(-time.Hour).Format(http.TimeFormat), missing)
	require.WithinDuration(t, theirs.Add(-time.Hour), g.Clock(), time.Minute, "set back")
	ask("", missing)
	require.WithinDuration(t, theirs.Add(-time.Hour), g.Clock(), time.Minute, "no answer takes away what is known")
}

func TestQueryTellsTheTrade(t *testing.T) {
	g := newGateway(t)
	paid := payment.Trade{
		TradeNo: "T1", ProviderTradeNo: "20261123", State: payment.TradePaid, Amount: 1999_00,
		Channels: []string{"ALIPAYACCOUNT"}, PaidAt: time.Date(2026, 11, 22, 16, 30, 0, 0, time.UTC),
		Received: 1994_00, BuyerPaid: 1994_00, Payer: push.Payer{UserID: "2088", OpenID: "open-1", LoginMasked: "buy***@example.com"},
	}
	silent := paid
	silent.Channels, silent.Received, silent.BuyerPaid, silent.Payer = nil, 0, 0, push.Payer{}
	const known = `"out_trade_no":"T1","trade_no":"20261123","total_amount":"1999.00","trade_status":`
	const funds = `,"send_pay_date":"2026-11-23 00:30:00","fund_bill_list":[{"fund_channel":"ALIPAYACCOUNT","amount":"1999.00"}]` +
		`,"receipt_amount":"1994.00","buyer_pay_amount":"1994.00","buyer_user_id":"2088","buyer_open_id":"open-1","buyer_logon_id":"buy***@example.com"`
	for _, given := range []struct {
		members string
		want    payment.Trade
	}{
		{`"WAIT_BUYER_PAY"`, payment.Trade{TradeNo: "T1", ProviderTradeNo: "20261123", State: payment.TradeWaiting}},
		{`"TRADE_SUCCESS"` + funds, paid},
		{`"TRADE_FINISHED"` + funds, paid},
		{`"TRADE_SUCCESS","send_pay_date":"2026-11-23 00:30:00","receipt_amount":"0.00","buyer_pay_amount":"0.00"`, silent},
		{`"TRADE_SUCCESS","additional_status":"SELLER_NOT_RECEIVED"`, payment.Trade{TradeNo: "T1", ProviderTradeNo: "20261123", State: payment.TradeWaiting}},
		{`"TRADE_SUCCESS","additional_status":"of tomorrow"`, payment.Trade{TradeNo: "T1", ProviderTradeNo: "20261123", State: payment.TradeWaiting}},
		{`"TRADE_CLOSED"`, payment.Trade{TradeNo: "T1", ProviderTradeNo: "20261123", State: payment.TradeClosed}},
	} {
		g.sign(query, yes(known+given.members))
		trade, err := g.Query(t.Context(), "T1")
		require.NoError(t, err, given.members)
		require.Equal(t, given.want, trade)
	}
	g.sign(query, no("40004", "ACQ.TRADE_NOT_EXIST", "交易不存在"))
	_, err := g.Query(t.Context(), "T1")
	require.ErrorIs(t, err, payment.ErrTradeNotFound)
}

func TestQueryDoesNotGuess(t *testing.T) {
	g := newGateway(t)
	for name, members := range map[string]string{
		"another trade":      `"out_trade_no":"T2","trade_status":"WAIT_BUYER_PAY"`,
		"a state unheard of": `"out_trade_no":"T1","trade_status":"TRADE_FROZEN"`,
		"no amount":          `"out_trade_no":"T1","trade_status":"TRADE_SUCCESS","send_pay_date":"2026-11-23 00:30:00"`,
		"an odd amount":      `"out_trade_no":"T1","trade_status":"TRADE_SUCCESS","total_amount":"1e3","send_pay_date":"2026-11-23 00:30:00"`,
		"no time":            `"out_trade_no":"T1","trade_status":"TRADE_SUCCESS","total_amount":"1.00"`,
		"a time before ours": `"out_trade_no":"T1","trade_status":"TRADE_SUCCESS","total_amount":"1.00","send_pay_date":"0001-01-01 00:00:00"`,
		"an odd receipt":     `"out_trade_no":"T1","trade_status":"TRADE_SUCCESS","total_amount":"1.00","receipt_amount":"-1","send_pay_date":"2026-11-23 00:30:00"`,
		"an odd time":        `"out_trade_no":"T1","trade_status":"TRADE_SUCCESS","total_amount":"1.00","send_pay_date":"yesterday"`,
		"too many sources":   `"out_trade_no":"T1","trade_status":"WAIT_BUYER_PAY","fund_bill_list":[` + strings.Repeat(`{},`, 32) + `{}]`,
	} {
		g.sign(query, yes(members))
		_, err := g.Query(t.Context(), "T1")
		undecided(t, err, name)
	}
}

// Rule T6: however Alipay names borrowed money, it is seen.
func TestEveryTraceOfCreditIsAChannel(t *testing.T) {
	g := newGateway(t)
	const paid = `"out_trade_no":"T1","trade_status":"TRADE_SUCCESS","total_amount":"1.00","send_pay_date":"2026-11-23 00:30:00",`
	for _, given := range []struct{ asked, notified, mode string }{
		{asked: `[{"fund_channel":"CREDITCARD"}]`, notified: `[{"fundChannel":"CREDITCARD"}]`},
		{asked: `[{"fund_channel":"ALIPAYACCOUNT"},{"fund_channel":"PCREDIT"}]`, notified: `[{"fundChannel":"ALIPAYACCOUNT"},{"fundChannel":"PCREDIT"}]`},
		{asked: `[{"fund_channel":"BANKCARD","fund_type":"CREDIT_CARD"}]`, notified: `[{"fundChannel":"BANKCARD","fundType":"CREDIT_CARD"}]`},
		{asked: `[{"fund_channel":"BANKCARD","fund_type":"MIXED_CARD"}]`, notified: `[{"fundChannel":"BANKCARD","fundType":"MIXED_CARD"}]`},
		{asked: `[]`, mode: "creditAdvanceV2"},
		{asked: `[]`, mode: "a mode of tomorrow"},
	} {
		g.sign(query, yes(paid+`"fund_bill_list":`+given.asked+`,"credit_pay_mode":"`+given.mode+`"`))
		asked, err := g.Query(t.Context(), "T1")
		require.NoError(t, err)
		require.Equal(t, push.FundingCredit, push.FundingOf(asked.Channels), asked.Channels)
		told, err := g.Notification(notification(t, map[string]string{"fund_bill_list": given.notified, "credit_pay_mode": given.mode}))
		require.NoError(t, err)
		require.Equal(t, asked.Channels, told.Channels)
	}
}

func TestCloseLooksIntoARefusal(t *testing.T) {
	g := newGateway(t)
	g.sign(closing, yes(`"out_trade_no":"T1"`))
	require.NoError(t, g.Close(t.Context(), "T1"))
	g.sign(closing, yes(`"out_trade_no":"T2"`))
	undecided(t, g.Close(t.Context(), "T1"))
	g.sign(closing, no("40004", "ACQ.TRADE_NOT_EXIST", "交易不存在"))
	require.ErrorIs(t, g.Close(t.Context(), "T1"), payment.ErrTradeNotFound)

	g.sign(closing, no("40004", "ACQ.TRADE_STATUS_ERROR", "交易状态不合法"))
	g.sign(query, yes(`"out_trade_no":"T1","trade_status":"TRADE_CLOSED"`))
	require.NoError(t, g.Close(t.Context(), "T1"), "it was closed before")
	g.sign(query, yes(`"out_trade_no":"T1","trade_status":"TRADE_SUCCESS","total_amount":"1.00","send_pay_date":"2026-11-23 00:30:00"`))
	require.ErrorIs(t, g.Close(t.Context(), "T1"), payment.ErrTradePaid)
	g.sign(query, no("40004", "ACQ.SYSTEM_ERROR", "系统错误"))
	undecided(t, g.Close(t.Context(), "T1"))
}

func TestRefundIsDoneOnlyOnceItIsSeen(t *testing.T) {
	g := newGateway(t)
	const happened = `"out_trade_no":"T1","out_request_no":"R1","refund_status":"REFUND_SUCCESS","refund_amount":`
	moved, still := yes(`"out_trade_no":"T1","fund_change":"Y"`), yes(`"out_trade_no":"T1","fund_change":"N"`)
	refused := no("40004", "ACQ.TRADE_HAS_FINISHED", "交易已完结")
	for name, given := range map[string]struct{ said, asked, want string }{
		"moved by this call":            {moved, refused, "done"},
		"moved by an earlier call":      {still, yes(happened + `"5.00"`), "done"},
		"not moved":                     {still, yes(`"out_trade_no":"T1"`), "unknown"},
		"moved in another amount":       {still, yes(happened + `"4.00"`), "unknown"},
		"not moved and not to be asked": {still, no("20000", "", ""), "unknown"},
		"refused":                       {refused, yes(`"out_trade_no":"T1"`), "refused"},
		"refused, but moved before":     {refused, yes(happened + `"5.00"`), "done"},
		"refused and not to be asked":   {refused, no("20000", "", ""), "unknown"},
		"of another trade":              {yes(`"out_trade_no":"T2","fund_change":"Y"`), yes(`"out_trade_no":"T1"`), "unknown"},
	} {
		g.sign(refunding, given.said)
		g.sign(refundQuery, given.asked)
		refund := aRefund
		time.Sleep(refundsApart)
		if given.want == "refused" { // an empty answer may only be too early
			undecided(t, g.Refund(t.Context(), refund), name)
			time.Sleep(refundVisible)
		}
		requireOutcome(t, given.want, g.Refund(t.Context(), refund), name)
	}
}

// Alipay wants three seconds between refunds of one trade.
func TestRefundsOfOneTradeAreApart(t *testing.T) {
	g := newGateway(t)
	g.sign(refunding, yes(`"out_trade_no":"T1","fund_change":"Y"`))
	require.NoError(t, g.Refund(t.Context(), aRefund))
	second := aRefund
	second.RequestNo = "R2"
	undecided(t, g.Refund(t.Context(), second))
	require.Equal(t, []string{refunding}, g.calls(), "it was not asked for")
	time.Sleep(refundsApart)
	require.NoError(t, g.Refund(t.Context(), second))
}

// Alipay may not show for some seconds what it has done.
func TestARefundThatIsNotShownYetIsNotRefused(t *testing.T) {
	g := newGateway(t)
	g.sign(refunding, no("40004", "ACQ.TRADE_HAS_FINISHED", "交易已完结"))
	g.sign(refundQuery, yes(`"out_trade_no":"T1"`))
	undecided(t, g.Refund(t.Context(), aRefund))
	undecided(t, g.Refund(t.Context(), aRefund), "a second look at once")
	require.Equal(t, []string{refunding, refundQuery, refundQuery}, g.calls(), "it is asked for once")
	g.sign(refundQuery, yes(`"out_trade_no":"T1","out_request_no":"R1","refund_status":"REFUND_SUCCESS","refund_amount":"5.00"`))
	time.Sleep(refundVisible)
	require.NoError(t, g.Refund(t.Context(), aRefund))
}

func TestPayoutIsDoneOnlyOnceItIsSeen(t *testing.T) {
	g := newGateway(t)
	const sent = `"out_biz_no":"P1","order_id":"A1","trans_amount":"5.00","status":`
	missing := no("40004", "ORDER_NOT_EXIST", "转账订单不存在")
	refused := no("40004", "PAYEE_USER_INFO_ERROR", "支付宝账号和姓名不匹配")
	for name, given := range map[string]struct{ said, asked, want string }{
		"sent":                        {yes(sent + `"SUCCESS"`), missing, "done"},
		"taken, and sent since":       {yes(sent + `"DEALING"`), yes(sent + `"SUCCESS"`), "done"},
		"taken":                       {yes(sent + `"DEALING"`), yes(sent + `"DEALING"`), "unknown"},
		"taken, and failed since":     {yes(sent + `"DEALING"`), yes(sent + `"FAIL","error_code":"PAYEE_NOT_EXIST","fail_reason":"收款账号不存在"`), "refused"},
		"failed, nobody says why":     {yes(sent + `"DEALING"`), yes(sent + `"FAIL"`), "refused"},
		"taken, and then forgotten":   {yes(sent + `"DEALING"`), missing, "unknown"},
		"refused":                     {refused, missing, "refused"},
		"refused, but sent before":    {refused, yes(sent + `"SUCCESS"`), "done"},
		"refused and not to be asked": {refused, no("20000", "", ""), "unknown"},
		"another payout":              {yes(`"out_biz_no":"P2","status":"SUCCESS"`), missing, "unknown"},
		"another amount before":       {refused, yes(`"out_biz_no":"P1","order_id":"A1","trans_amount":"4.00","status":"SUCCESS"`), "unknown"},
	} {
		g.sign(transfer, given.said)
		g.sign(transferQuery, given.asked)
		number, err := g.Payout(t.Context(), aPayout)
		requireOutcome(t, given.want, err, name)
		require.Equal(t, given.want == "done", number == "A1", name)
	}
}

func requireOutcome(t *testing.T, want string, err error, about string) {
	t.Helper()
	switch want {
	case "done":
		require.NoError(t, err, about)
	case "refused":
		var refusal *payment.Refused
		require.ErrorAs(t, err, &refusal, about)
		require.NotEmpty(t, refusal.Code, about)
		require.NotEmpty(t, refusal.Message, about)
	default:
		undecided(t, err, about)
	}
}

func TestANotificationTellsTheTrade(t *testing.T) {
	g := newGateway(t)
	told, err := g.Notification(notification(t, map[string]string{
		"receipt_amount": "1994.00", "buyer_pay_amount": "1994.00", "buyer_id": "2088", "buyer_open_id": "open-1", "buyer_logon_id": "buy***@example.com",
	}))
	require.NoError(t, err)
	require.Equal(t, payment.Trade{
		TradeNo: "T1", ProviderTradeNo: "2026112300000001", PushID: "push-1", State: payment.TradePaid, Amount: 1999_00,
		Channels: []string{"ALIPAYACCOUNT"}, PaidAt: time.Date(2026, 11, 22, 16, 30, 0, 0, time.UTC),
		Received: 1994_00, BuyerPaid: 1994_00, Payer: push.Payer{UserID: "2088", OpenID: "open-1", LoginMasked: "buy***@example.com"},
	}, told)
	told, err = g.Notification(notification(t, map[string]string{"additional_status": "SELLER_NOT_RECEIVED"}))
	require.NoError(t, err)
	require.Equal(t, payment.TradeWaiting, told.State, "the merchant has nothing yet")
	told, err = g.Notification(notification(t, map[string]string{"fund_bill_list": `[{"fundChannel":"ALIPAYACCOUNT"},{"amount":"1.00"}]`}))
	require.NoError(t, err)
	require.Equal(t, push.FundingUnknown, push.FundingOf(told.Channels), "a source without a name is not left out")
	for state, want := range map[string]payment.TradeState{
		"TRADE_FINISHED": payment.TradePaid, "TRADE_CLOSED": payment.TradeClosed, "WAIT_BUYER_PAY": payment.TradeWaiting,
	} {
		told, err := g.Notification(notification(t, map[string]string{"trade_status": state}))
		require.NoError(t, err)
		require.Equal(t, want, told.State)
	}
	require.Empty(t, g.calls())
}

// Fault F4: what Alipay did not sign for this merchant is not read.
func TestANotificationForSomebodyElseIsForged(t *testing.T) {
	g := newGateway(t)
	for name, changes := range map[string]map[string]string{
		"another application": {"app_id": "2021000000000002"},
		"another seller":      {"seller_id": "2088000000000002"},
		"no seller":           {"seller_id": ""},
		"no application":      {"app_id": ""},
		"no number of ours":   {"out_trade_no": ""},
		"no number of theirs": {"trade_no": ""},
		"an odd number":       {"out_trade_no": "T1.>"},
		"a broken number":     {"out_trade_no": "T1\r\nX"},
		"a long number":       {"trade_no": strings.Repeat("7", 65)},
		"bad UTF-8":           {"credit_pay_mode": "\xff"},
		"no amount":           {"total_amount": ""},
		"an odd amount":       {"total_amount": "1e3"},
		"no time":             {"gmt_payment": ""},
		"odd funds":           {"fund_bill_list": `[{"fundChannel":"A","fundChannel":"B"}]`},
	} {
		_, err := g.Notification(notification(t, changes))
		require.ErrorIs(t, err, payment.ErrForged, name)
	}
	for name, spoil := range map[string]func(url.Values){
		"another amount":      func(f url.Values) { f.Set("total_amount", "1.00") },
		"another sign type":   func(f url.Values) { f.Set("sign_type", "RSA") },
		"no signature":        func(f url.Values) { f.Del("sign") },
		"our own signature":   func(f url.Values) { f.Set("sign", signature(t, merchantKey(), "x")) },
		"two amounts":         func(f url.Values) { f.Add("total_amount", "1.00"); signed(t, f) },
		"an unknown key":      func(f url.Values) { f.Set("alipay_cert_sn", "0123456789abcdef0123456789abcdef") },
		"the key by its name": func(f url.Values) { f.Set("alipay_cert_sn", "alipay-public-key") },
	} {
		form := notification(t, nil)
		spoil(form)
		_, err := g.Notification(form)
		require.ErrorIs(t, err, payment.ErrForged, name)
	}
	require.Empty(t, g.calls(), "nobody makes us call anybody")
}
