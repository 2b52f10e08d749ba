package alipay_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/pushledger/pushledger/sagas/payment"
)

// hard has characters whose second byte is a backslash, a brace or a bar in GBK, and one
// that takes four bytes in GB18030.
const hard = "卖家余额不足，誠乗亅億𠀀"

func gb(t testing.TB, text string) string {
	t.Helper()
	encoded, err := simplifiedchinese.GB18030.NewEncoder().String(text)
	require.NoError(t, err)
	return encoded
}

// unpaid is a gateway that knows an order which nobody has paid.
func unpaid(t testing.TB) *gateway {
	g := newGateway(t)
	g.sign(query, yes(`"out_trade_no":"T1","trade_no":"2026112300000001","trade_status":"WAIT_BUYER_PAY","total_amount":"5.00"`))
	g.sign(refundQuery, yes(`"out_trade_no":"T1"`))
	g.sign(transferQuery, no("40004", "ORDER_NOT_EXIST", "转账订单不存在"))
	return g
}

// final makes a call until a refund that was made must be shown.
func final(t testing.TB, g *gateway, method string) error {
	err := calls[method](g, t.Context())
	if method == refunding {
		undecided(t, err)
		time.Sleep(refundVisible)
		err = calls[method](g, t.Context())
	}
	return err
}

// Rule T5: a refusal is shown as Alipay words it, in whatever charset it comes.
func TestARefusalInGBKIsReadAsAlipayWordsIt(t *testing.T) {
	for method := range calls {
		if method == pagePay { // what people see decides nothing
			continue
		}
		g := unpaid(t)
		g.sign(method, gb(t, no("40004", "ACQ.SOME_REASON", hard)))
		err := final(t, g, method)
		var refusal *payment.Refused
		require.ErrorAs(t, err, &refusal, method)
		require.Equal(t, "ACQ.SOME_REASON", refusal.Code, method)
		require.Equal(t, hard, refusal.Message, method)
	}
}

func TestASignatureIsOverTheBytesThatWereSent(t *testing.T) {
	refusal := no("40004", "ACQ.SOME_REASON", hard)
	for method, call := range calls {
		if method == pagePay {
			continue
		}
		g := unpaid(t)
		sent := answerText(t, method, gb(t, refusal), alipayKey(), `"note":"`+gb(t, hard)+`",`)
		g.say(method, raw(sent))
		var refused *payment.Refused
		require.ErrorAs(t, final(t, g, method), &refused, method)
		g = unpaid(t)

		other := answerText(t, method, refusal, alipayKey(), "")
		g.say(method, raw(gb(t, other))) // signed as UTF-8, sent as GBK
		undecided(t, call(g, t.Context()), method)

		g.sign(method, strings.ReplaceAll(refusal, hard, "\xff\xff"))
		undecided(t, call(g, t.Context()), method, "in no charset at all")
	}
}

func TestANotificationInGBKIsReadAsItIs(t *testing.T) {
	g := newGateway(t)
	for name, changes := range map[string]map[string]string{
		"named":         {"charset": "GBK", "subject": gb(t, hard)},
		"named GB2312":  {"charset": "gb2312", "subject": gb(t, "域名")},
		"named GB18030": {"charset": "gb18030", "subject": gb(t, hard)},
		"not named":     {"charset": "", "subject": gb(t, hard)},
	} {
		changes["buyer_id"], changes["buyer_logon_id"] = "2088000000000009", gb(t, "张*@example.com")
		trade, err := g.Notification(notification(t, changes))
		require.NoError(t, err, name)
		require.Equal(t, payment.TradePaid, trade.State, name)
		require.Equal(t, "张*@example.com", trade.Payer.LoginMasked, name)
	}
	for name, changes := range map[string]map[string]string{
		"GBK in a form of UTF-8": {"charset": "utf-8", "subject": gb(t, hard)},
		"no GBK either":          {"charset": "GBK", "subject": "\xff\xff"},
		"nothing at all":         {"charset": "", "subject": "\xff\xff"},
		"a charset of its own":   {"charset": "utf-7", "subject": "x"},
	} {
		_, err := g.Notification(notification(t, changes))
		require.ErrorIs(t, err, payment.ErrForged, name)
	}
	changed := notification(t, map[string]string{"charset": "GBK", "subject": gb(t, hard)})
	reread := url.Values{}
	for field, values := range changed {
		reread[field] = values
	}
	reread.Set("subject", hard) // the same words in other bytes
	_, err := g.Notification(reread)
	require.ErrorIs(t, err, payment.ErrForged)
}
