package alipay_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/sagas/payment"
	"github.com/pushledger/pushledger/sagas/payment/alipay"
)

const (
	confirming = "alipay.trade.settle.confirm"
	taking     = "alipay.trade.order.settle"
)

var aConfirmation = payment.Payout{
	PayoutNo: "P1", PushID: "push-1", Merchant: "2088000000000107", TradeNo: "T1", ProviderTradeNo: "A1",
	Amount: 4_75, Fee: 25, FeeNo: "F1",
}

func TestAnOrderForAMerchantIsKeptForIt(t *testing.T) {
	g := newGateway(t)
	page, err := g.PayURL(payment.Order{TradeNo: "T1", PushID: "push-1", Amount: 5_00, Subject: "push", Merchant: "2088000000000107"})
	require.NoError(t, err)
	address, err := url.Parse(page)
	require.NoError(t, err)
	content := address.Query().Get("biz_content")
	require.Contains(t, content, `"sub_merchant":{"merchant_id":"2088000000000107"}`)
	require.Contains(t, content, `"settle_info":{"settle_detail_infos":[{"trans_in_type":"defaultSettle","amount":"5.00"}],"settle_period_time":"365d"}`)
	require.Contains(t, content, `"seller_id":"`+sellerID+`"`)
	page, err = g.PayURL(payment.Order{TradeNo: "T1", PushID: "push-1", Amount: 5_00, Subject: "push"})
	require.NoError(t, err)
	require.NotContains(t, page, "settle_info")
	require.NotContains(t, page, "sub_merchant")
}

// asks has every call of a method answered, and keeps what was asked.
func (g *gateway) asks(method, node string, asked *string) {
	said := answer(g.t, method, node, alipayKey())
	g.say(method, func(w http.ResponseWriter, r *http.Request) {
		*asked = r.FormValue("biz_content")
		said(w, r)
	})
}

func TestAConfirmationIsOfTheWholeTradeAndTheFeeComesAfter(t *testing.T) {
	g := newGateway(t)
	var confirmed, taken string
	g.asks(confirming, yes(`"trade_no":"A1","out_request_no":"P1"`), &confirmed)
	g.asks(taking, yes(`"trade_no":"A1"`), &taken)
	number, err := g.Payout(t.Context(), aConfirmation)
	require.NoError(t, err)
	require.Equal(t, "A1", number)
	require.JSONEq(t, `{"out_request_no":"P1","trade_no":"A1","extend_params":{"royalty_freeze":"true"},
		"settle_info":{"settle_detail_infos":[{"trans_in_type":"defaultSettle","amount":"5.00"}]}}`, confirmed)
	require.JSONEq(t, `{"out_request_no":"F1","trade_no":"A1","royalty_mode":"sync","extend_params":{"royalty_finish":"true"},
		"royalty_parameters":[{"royalty_type":"transfer","trans_in_type":"userId","trans_in":"`+sellerID+`","amount":"0.25",
		"desc":"平台服务费","royalty_scene":"平台服务费"}]}`, taken)
	require.Equal(t, []string{confirming, taking}, g.calls())

	free := aConfirmation
	free.Amount, free.Fee = 5_00, 0
	_, err = g.Payout(t.Context(), free)
	require.NoError(t, err)
	require.Equal(t, []string{confirming, taking, confirming}, g.calls(), "there is no fee to take")
	require.NotContains(t, confirmed, "royalty_freeze")
}

func TestAConfirmationIsDoneOnlyOnceItIsSeen(t *testing.T) {
	g := newGateway(t)
	const of = `"out_trade_no":"T1","trade_settle_info":{"trade_settle_detail_list":[`
	confirmed, taken := yes(`"trade_no":"A1","out_request_no":"P1"`), yes(`"trade_no":"A1"`)
	waiting := yes(of + `{"operation_type":"on_settle","amount":"5.00"}]}`)
	seen := of + `{"operation_type":"settle","operation_serial_no":"P1","amount":"5.00"}`
	with := yes(seen + `,{"operation_type":"transfer","operation_serial_no":"F1","amount":"0.25"}]}`)
	refused := no("40004", "ACQ.SETTLE_ACCOUNT_NOT_EXIST", "结算账户不存在")
	for name, given := range map[string]struct {
		confirm, fee, asked, want string
		feeOnly                   bool
	}{
		"confirmed":                        {confirmed, taken, waiting, "done", false},
		"refused":                          {refused, taken, waiting, "refused", false},
		"refused, nothing told":            {refused, taken, yes(`"out_trade_no":"T1"`), "refused", false},
		"refused, but confirmed before":    {refused, taken, yes(seen + `]}`), "done", false},
		"confirmed by Alipay itself":       {no("40004", "ACQ.ALREADY_CONFIRM_SETTLE", "x"), taken, yes(of + `{"operation_type":"settle","operation_serial_no":"A9","amount":"5.00"}]}`), "done", false},
		"confirmed before, and not shown":  {no("40004", "ACQ.ALREADY_CONFIRM_SETTLE", "x"), taken, waiting, "unknown", false},
		"confirmed over another amount":    {refused, taken, yes(of + `{"operation_type":"settle","operation_serial_no":"P1","amount":"4.00"}]}`), "unknown", false},
		"refused and not to be asked":      {refused, taken, no("20000", "", ""), "unknown", false},
		"refused, another trade told":      {refused, taken, yes(`"out_trade_no":"T2"`), "unknown", false},
		"too many calls":                   {no("40004", "ACQ.FREQUENCY_LIMITED", "x"), taken, waiting, "unknown", false},
		"another confirmation":             {yes(`"trade_no":"A1","out_request_no":"P2"`), taken, waiting, "unknown", false},
		"another trade":                    {yes(`"trade_no":"A2","out_request_no":"P1"`), taken, waiting, "unknown", false},
		"confirmed, too early for the fee": {confirmed, no("40004", "ACQ.ALLOC_REFUSE_BEFORE_SETTLE", "x"), yes(seen + `]}`), "unknown", false},
		"the fee refused":                  {confirmed, no("40004", "ACQ.TXN_RESULT_ACCOUNT_BALANCE_NOT_ENOUGH", "x"), yes(seen + `]}`), "refused", true},
		"the fee refused, but taken":       {confirmed, no("40004", "ACQ.ALREADY_FINISH_ALLOC", "x"), with, "done", false},
		"the fee is somebody else's":       {confirmed, no("40004", "ACQ.ALREADY_FINISH_ALLOC", "x"), yes(seen + `,{"operation_type":"transfer","operation_serial_no":"F2","amount":"0.25"}]}`), "unknown", false},
		"the fee was another":              {confirmed, no("40004", "ACQ.DISCORDANT_REPEAT_REQUEST", "x"), yes(seen + `,{"operation_type":"transfer","operation_serial_no":"F1","amount":"0.24"}]}`), "unknown", false},
	} {
		g.sign(confirming, given.confirm)
		g.sign(taking, given.fee)
		g.sign(query, given.asked)
		_, err := g.Payout(t.Context(), aConfirmation)
		requireOutcome(t, given.want, err, name)
		if given.want == "refused" {
			var refusal *payment.Refused
			require.ErrorAs(t, err, &refusal)
			require.Equal(t, given.feeOnly, refusal.FeeOnly, name)
		}
	}
}

func TestWithoutAlipaysNumberNothingIsConfirmed(t *testing.T) {
	g := newGateway(t)
	nameless := aConfirmation
	nameless.ProviderTradeNo = ""
	_, err := g.Payout(t.Context(), nameless)
	undecided(t, err)
	require.Empty(t, g.calls())
}

func TestATransferSaysWhatItIsFor(t *testing.T) {
	g := newGateway(t)
	with := config(t, g.server.URL)
	with.Transfers = alipay.TransferScene{Name: "业务结算", Reports: []alipay.SceneReport{{Type: "结算款项名称", Content: "域名交易款"}}}
	provider, err := alipay.New(with)
	require.NoError(t, err)
	t.Cleanup(provider.Disconnect)
	var asked string
	g.asks(transfer, yes(`"out_biz_no":"P1","order_id":"A1","status":"SUCCESS"`), &asked)
	_, err = provider.Payout(t.Context(), aPayout)
	require.NoError(t, err)
	require.Contains(t, asked, `"transfer_scene_name":"业务结算"`)
	require.Contains(t, asked, `"transfer_scene_report_infos":[{"info_type":"结算款项名称","info_content":"域名交易款"}]`)
}
