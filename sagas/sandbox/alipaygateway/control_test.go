package alipaygateway_test

import (
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/sagas/payment"
)

func TestNotificationIsRepeatedUntilItIsTaken(t *testing.T) {
	s := start(t)
	s.open(t, order("T1", "push-1"))
	s.street.refusals.Store(3)
	s.do(t, "pay", `{"push_id":"push-1"}`)
	id := next(t, s.street.refused).Get("notify_id")
	for range 2 {
		require.Equal(t, id, next(t, s.street.refused).Get("notify_id"))
	}
	require.Equal(t, id, next(t, s.street.taken).Get("notify_id"))
	none(t, s.street.taken)
}

func TestNotificationIsGivenUpAfterEightTimes(t *testing.T) {
	s := start(t)
	s.open(t, order("T1", "push-1"))
	s.street.refusals.Store(1000)
	s.do(t, "pay", `{"push_id":"push-1"}`)
	for range 8 {
		next(t, s.street.refused)
	}
	none(t, s.street.refused)
}

func TestNotificationModes(t *testing.T) {
	for mode, count := range map[string]int{"normal": 1, "late": 1, "twice": 2, "lost": 0} {
		t.Run(mode, func(t *testing.T) {
			s := start(t)
			s.open(t, order("T1", "push-1"))
			s.do(t, "pay", `{"push_id":"push-1","notify":%q}`, mode)
			ids := map[string]bool{}
			for range count {
				form := next(t, s.street.taken)
				ids[form.Get("notify_id")] = true
				trade, err := s.Notification(form)
				require.NoError(t, err)
				require.Equal(t, payment.TradePaid, trade.State)
			}
			require.Len(t, ids, min(count, 1), "twice is the same notification twice")
			none(t, s.street.taken)
			require.Equal(t, payment.TradePaid, s.state(t, "T1"))
		})
	}
}

func TestRefundInFullIsNotified(t *testing.T) {
	s := start(t)
	s.open(t, order("T1", "push-1"))
	s.do(t, "pay", `{"push_id":"push-1","notify":"lost"}`)
	require.NoError(t, s.Refund(t.Context(), payment.Refund{TradeNo: "T1", RequestNo: "R1", Amount: 1999_00, Reason: "test"}))
	trade, err := s.Notification(next(t, s.street.taken))
	require.NoError(t, err)
	require.Equal(t, payment.TradeClosed, trade.State)
}

func TestPayChannelsAndAmounts(t *testing.T) {
	s := start(t)
	s.open(t, order("T1", "push-1"))
	said := s.do(t, "pay", `{"push_id":"push-1","channel":"CREDITCARD","notify":"normal","amount":"1998.99"}`)
	require.EqualValues(t, 1998_99, said.Amount)
	told, err := s.Notification(next(t, s.street.taken))
	require.NoError(t, err)
	asked, err := s.Query(t.Context(), "T1")
	require.NoError(t, err)
	for _, trade := range []payment.Trade{told, asked} {
		require.Equal(t, []string{"CREDITCARD"}, trade.Channels)
		require.EqualValues(t, 1998_99, trade.Amount)
	}
}

func TestBuyerPaysTwice(t *testing.T) {
	s := start(t)
	s.open(t, order("T1", "push-1"))
	s.do(t, "pay", `{"push_id":"push-1"}`)
	second := s.do(t, "pay", `{"push_id":"push-1"}`)
	require.NotEqual(t, "T1", second.OutTradeNo)
	require.Regexp(t, `^[A-Za-z0-9]+$`, second.OutTradeNo)
	numbers := map[string]bool{}
	for range 2 {
		trade, err := s.Notification(next(t, s.street.taken))
		require.NoError(t, err)
		require.Equal(t, "push-1", trade.PushID)
		numbers[trade.TradeNo] = true
	}
	require.Equal(t, map[string]bool{"T1": true, second.OutTradeNo: true}, numbers)
	require.Equal(t, payment.TradePaid, s.state(t, second.OutTradeNo))
	require.NoError(t, s.Refund(t.Context(), payment.Refund{TradeNo: second.OutTradeNo, RequestNo: "R1", Amount: 1999_00, Reason: "duplicate"}))
	require.Equal(t, payment.TradePaid, s.state(t, "T1"))
}

func TestPayWaitsForTheTrade(t *testing.T) {
	s := start(t)
	inbox := s.conn.NewRespInbox()
	answers, err := s.conn.SubscribeSync(inbox)
	require.NoError(t, err)
	require.NoError(t, s.conn.PublishRequest("sandbox.alipay.pay", inbox, []byte(`{"push_id":"push-1"}`)))
	_, err = answers.NextMsg(silence)
	require.ErrorIs(t, err, nats.ErrTimeout)
	s.visit(t, order("T1", "push-1"))
	message, err := answers.NextMsg(patience)
	require.NoError(t, err)
	require.Contains(t, string(message.Data), `"ok":true`)
}

func TestPayOfNothing(t *testing.T) {
	s := start(t)
	s.control(t, "pay", `{"push_id":"nobody"}`, "trade_not_found")
	s.open(t, order("T1", "push-1"))
	require.NoError(t, s.Close(t.Context(), "T1"))
	s.control(t, "pay", `{"push_id":"push-1"}`, "trade_closed")
	require.JSONEq(t, `{"ok":true,"trades":[],"refunds":[],"payouts":[]}`, s.ledger(t, `{}`))
}

func TestLedgerShowsWhatMoved(t *testing.T) {
	s := start(t)
	for _, number := range []string{"1", "2", "3"} {
		s.open(t, order("T"+number, "push-"+number))
	}
	s.do(t, "pay", `{"push_id":"push-1"}`)
	s.do(t, "pay", `{"push_id":"push-2","channel":"PCREDIT"}`)
	require.NoError(t, s.Refund(t.Context(), payment.Refund{TradeNo: "T2", RequestNo: "R2", Amount: 1999_00, Reason: "credit"}))
	_, err := s.Payout(t.Context(), payment.Payout{
		PayoutNo: "P1", PushID: "push-1", Account: "ann@example.com", Name: "安", Amount: 1999_00, Title: "push",
	})
	require.NoError(t, err)
	const (
		trade1 = `{"push_id":"push-1","out_trade_no":"T1","amount":"1999.00","state":"TRADE_SUCCESS","channel":"ALIPAYACCOUNT"}`
		trade2 = `{"push_id":"push-2","out_trade_no":"T2","amount":"1999.00","state":"TRADE_CLOSED","channel":"PCREDIT"}`
		refund = `{"push_id":"push-2","out_trade_no":"T2","out_request_no":"R2","amount":"1999.00"}`
		payout = `{"push_id":"push-1","out_biz_no":"P1","payee":"ann@example.com","amount":"1999.00"}`
	)
	require.JSONEq(t, `{"ok":true,"trades":[`+trade1+`,`+trade2+`],"refunds":[`+refund+`],"payouts":[`+payout+`]}`, s.ledger(t, `{}`))
	require.JSONEq(t, `{"ok":true,"trades":[`+trade1+`],"refunds":[],"payouts":[`+payout+`]}`, s.ledger(t, `{"push_id":"push-1"}`))
	require.JSONEq(t, `{"ok":true,"trades":[`+trade2+`],"refunds":[`+refund+`],"payouts":[]}`, s.ledger(t, `{"push_id":"push-2"}`))
}

func TestControlsThatMakeNoSense(t *testing.T) {
	s := start(t)
	for _, test := range []struct{ control, body, code string }{
		{"pay", `{`, "invalid_json"},
		{"pay", `[]`, "invalid_json"},
		{"pay", `{"push_id":"a","colour":"red"}`, "unknown_field"},
		{"pay", `{}`, "invalid_push_id"},
		{"pay", `{"push_id":"a","channel":"a b"}`, "invalid_channel"},
		{"pay", `{"push_id":"a","notify":"never"}`, "invalid_notify"},
		{"pay", `{"push_id":"a","amount":"0.00"}`, "invalid_amount"},
		{"pay", `{"push_id":"a","amount":"1.001"}`, "invalid_amount"},
		{"fault", `{"api":"sleep","mode":"error"}`, "invalid_fault"},
		{"fault", `{"api":"query","mode":"sleep"}`, "invalid_fault"},
		{"fault", `{"api":"query","mode":"error","times":-1}`, "invalid_fault"},
		{"ledger", `{"push":"a"}`, "unknown_field"},
	} {
		s.control(t, test.control, test.body, test.code)
	}
}

func TestAnswersGoToInboxesOnly(t *testing.T) {
	s := start(t)
	s.open(t, order("T1", "push-1"))
	heard, err := s.conn.SubscribeSync("elsewhere.>")
	require.NoError(t, err)
	require.NoError(t, s.conn.PublishRequest("sandbox.alipay.pay", "elsewhere.1", []byte(`{"push_id":"push-1"}`)))
	_, err = heard.NextMsg(silence)
	require.ErrorIs(t, err, nats.ErrTimeout)
	require.Equal(t, payment.TradeWaiting, s.state(t, "T1"), "nor is such a request executed")
}
