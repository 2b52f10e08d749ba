package alipay

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/money"
	"github.com/pushledger/pushledger/sagas/payment"
)

// FuzzNotification holds that a signed form is a trade within bounds or nothing. That one
// which is not signed is nothing is for TestANotificationForSomebodyElseIsForged.
func FuzzNotification(f *testing.F) {
	const whole = "app_id=app&seller_id=seller&sign_type=RSA2&trade_no=2026112300000001&out_trade_no=T1&trade_status=TRADE_SUCCESS" +
		"&total_amount=1999.00&passback_params=push-1&gmt_payment=2026-11-23+00%3A30%3A00&fund_bill_list=[{\"fundChannel\":\"ALIPAYACCOUNT\"}]"
	f.Add(whole)
	for _, change := range [][2]string{
		{"TRADE_SUCCESS", "WAIT_BUYER_PAY"},
		{"1999.00", "1e999"},
		{"1999.00", strings.Repeat("9", 400)},
		{"2026-11-23", "0001-01-01"},
		{"ALIPAYACCOUNT", "CREDITCARD"},
		{"[{", strings.Repeat("[", 10_000)},
		{"push-1", "%25zz"},
		{"push-1", "a%252Eb"},
		{"=T1", "=T1%0D%0AX"},
		{"=T1", "=%ff"},
		{"&trade_no", "&trade_no=1&trade_no"},
		{"RSA2", "RSA2&alipay_cert_sn=00"},
		{"RSA2", "RSA"},
	} {
		f.Add(strings.Replace(whole, change[0], change[1], 1))
	}
	p := &Provider{config: Config{AppID: "app", SellerID: "seller"}, clock: time.FixedZone("CST", 8*60*60)}
	f.Fuzz(func(t *testing.T, text string) {
		form, err := url.ParseQuery(text)
		if err != nil || signedPlainly(form) != nil {
			return
		}
		for _, values := range form {
			require.Len(t, values, 1)
		}
		told, err := p.told(form)
		if err != nil {
			return
		}
		require.Regexp(t, numbers, told.TradeNo)
		require.Regexp(t, numbers, told.ProviderTradeNo)
		requireTrade(t, told)
	})
}

// FuzzAnswer holds that no signed node makes an outcome that a caller could not rely on.
func FuzzAnswer(f *testing.F) {
	const known = `{"code":"10000","out_trade_no":"T1","trade_no":"20261123","total_amount":"1999.00","trade_status":`
	for _, node := range []string{
		known + `"TRADE_SUCCESS","send_pay_date":"2026-11-23 00:30:00","fund_bill_list":[{"fund_channel":"PCREDIT"}]}`,
		known + `"WAIT_BUYER_PAY"}`, known + `"TRADE_SUCCESS","send_pay_date":"0001-01-01 00:00:00"}`,
		`{"code":"10000","out_biz_no":"P1","status":"FAIL"}`, `{"code":"10000","out_biz_no":"P1","status":"FAIL","error_code":"X"}`,
		`{"code":"10000","out_biz_no":"P1","order_id":"A1","trans_amount":"5.00","status":"SUCCESS"}`,
		`{"code":"10000","out_trade_no":"T1","out_request_no":"R1","refund_status":"REFUND_SUCCESS","refund_amount":"5.00"}`,
		`{"code":"40004","sub_code":"ACQ.TRADE_NOT_EXIST","sub_msg":"交易不存在"}`, `{"code":"40004","sub_code":"ACQ.SYSTEM_ERROR"}`,
		`{"code":"20000","sub_code":"isp.x"}`, `{"code":"10000","code":"40004"}`, `{"code":10000}`, `null`, `[]`,
		`{"x":` + strings.Repeat("[", 10_000), `{"total_amount":1e999}`,
	} {
		f.Add([]byte(node))
	}
	p := &Provider{clock: time.FixedZone("CST", 8*60*60)}
	f.Fuzz(func(t *testing.T, node []byte) {
		var trade tradeAnswer
		if json.Unmarshal(node, &trade) == nil && requireKnown(t, trade.check("query")) {
			read, err := p.trade("T1", trade)
			if requireKnown(t, err) {
				require.Equal(t, "T1", read.TradeNo)
				requireTrade(t, read)
			}
		}
		var payout payoutAnswer
		if json.Unmarshal(node, &payout) == nil && requireKnown(t, payout.check("payout")) {
			number, err := payout.became("payout", payment.Payout{PayoutNo: "P1", Amount: 5_00})
			if requireKnown(t, err) {
				require.Equal(t, "P1", payout.OutBizNo)
				require.LessOrEqual(t, utf8.RuneCountInString(number), maxNumber)
			}
		}
		var refund refundedAnswer
		if json.Unmarshal(node, &refund) == nil && requireKnown(t, refund.check("refund")) {
			done, err := refund.happened("refund", payment.Refund{TradeNo: "T1", RequestNo: "R1", Amount: 5_00})
			if requireKnown(t, err) && done {
				require.Equal(t, "T1", refund.OutTradeNo)
				require.Equal(t, "R1", refund.OutRequestNo)
			}
		}
	})
}

// requireKnown reports that there is no error. A final no has a code and is short.
func requireKnown(t *testing.T, err error) bool {
	t.Helper()
	var refusal *payment.Refused
	if errors.As(err, &refusal) {
		require.NotEmpty(t, refusal.Code)
		require.LessOrEqual(t, utf8.RuneCountInString(refusal.Code), maxRefusalCode)
		require.LessOrEqual(t, utf8.RuneCountInString(refusal.Message), maxRefusalText)
		require.True(t, utf8.ValidString(refusal.Code+refusal.Message))
	}
	return err == nil
}

func requireTrade(t *testing.T, trade payment.Trade) {
	t.Helper()
	require.LessOrEqual(t, len(trade.Channels), 2*maxFunds+2)
	for _, channel := range trade.Channels {
		require.NotEmpty(t, channel)
		require.LessOrEqual(t, utf8.RuneCountInString(channel), maxChannel)
		require.True(t, utf8.ValidString(channel))
	}
	if trade.State != payment.TradePaid {
		require.Zero(t, trade.Amount)
		return
	}
	require.True(t, trade.Amount > 0 && trade.Amount <= money.Max)
	_, err := trade.PaidAt.MarshalJSON()
	require.NoError(t, err, "it can be stored")
	require.GreaterOrEqual(t, trade.PaidAt.Year(), 1)
}
