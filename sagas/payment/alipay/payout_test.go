package alipay_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/sagas/payment"
)

// A number is used up only if no repetition of the same call can get past the reason.
func TestWhenAPayoutsNumberIsUsedUp(t *testing.T) {
	g := newGateway(t)
	const sent = `"out_biz_no":"P1","order_id":"A1","trans_amount":"5.00","status":`
	taken := no("40004", "PAYMENT_INFO_INCONSISTENCY", "两次请求商户单号一样，但是参数不一致")
	for name, given := range map[string]struct {
		said, asked, code string
		failed, otherwise bool
	}{
		"the payee":                  {yes(sent + `"DEALING"`), yes(sent + `"FAIL","error_code":"PAYEE_NOT_EXIST","fail_reason":"x"`), "PAYEE_NOT_EXIST", true, false},
		"no reason":                  {yes(sent + `"DEALING"`), yes(sent + `"FAIL"`), "FAIL", true, false},
		"the balance":                {yes(sent + `"DEALING"`), yes(sent + `"FAIL","error_code":"PAYER_BALANCE_NOT_ENOUGH","fail_reason":"x"`), "PAYER_BALANCE_NOT_ENOUGH", false, false},
		"the contract":               {yes(sent + `"DEALING"`), yes(sent + `"FAIL","error_code":"PRODUCT_NOT_SIGN","fail_reason":"x"`), "PRODUCT_NOT_SIGN", false, false},
		"of an account of before":    {taken, yes(sent + `"FAIL","error_code":"PAYEE_NOT_EXIST","fail_reason":"x"`), "PAYEE_NOT_EXIST", true, true},
		"it came back":               {yes(sent + `"DEALING"`), yes(sent + `"REFUND","error_code":"X","fail_reason":"退票"`), "REFUND", false, false},
		"refused, and left no trace": {no("40004", "PAYEE_NOT_EXIST", "收款账号不存在"), no("40004", "ORDER_NOT_EXIST", "转账订单不存在"), "PAYEE_NOT_EXIST", false, false},
	} {
		g.sign(transfer, given.said)
		g.sign(transferQuery, given.asked)
		_, err := g.Payout(t.Context(), aPayout)
		var refused *payment.Refused
		require.ErrorAs(t, err, &refused, name)
		require.Equal(t, given.code, refused.Code, name)
		require.Equal(t, given.failed, refused.Failed, name)
		require.Equal(t, given.otherwise, refused.Otherwise, name)
	}
	g.sign(transfer, taken)
	g.sign(transferQuery, no("40004", "ORDER_NOT_EXIST", "转账订单不存在"))
	_, err := g.Payout(t.Context(), aPayout)
	undecided(t, err, "it is known, and then it is not")
	g.sign(transferQuery, yes(sent+`"DEALING"`))
	_, err = g.Payout(t.Context(), aPayout)
	var later *payment.Postponed
	require.ErrorAs(t, err, &later)
	require.Equal(t, "DEALING", later.Code)
}

func TestTheBalanceIsRead(t *testing.T) {
	g := newGateway(t)
	const method = "alipay.data.bill.balance.query"
	for text, want := range map[string]int64{"0.00": 0, "12.34": 1234, "5": 500, "0.5": 50, "250000000.01": 25_000_000_001} {
		g.sign(method, yes(`"available_amount":"`+text+`"`))
		balance, err := g.Balance(t.Context())
		require.NoError(t, err, text)
		require.Equal(t, want, int64(balance), text)
	}
	for _, text := range []string{"", "-1.00", "1.234", "x", "1e9", "99999999999999999999"} {
		g.sign(method, yes(`"available_amount":"`+text+`"`))
		_, err := g.Balance(t.Context())
		undecided(t, err, text)
	}
}
