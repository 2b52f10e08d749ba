package alipaygateway_test

import (
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/sagas/payment"
	"github.com/pushledger/pushledger/sagas/payment/bill"
)

// What is no answer leaves the outcome open.
func TestSpoiledAnswers(t *testing.T) {
	for _, mode := range []string{"rubbish", "half", "redirect", "huge"} {
		for api, call := range calls {
			if api == "create" && mode == "redirect" {
				continue // that is how a payment page answers
			}
			t.Run(api+" "+mode, func(t *testing.T) {
				t.Parallel()
				s := start(t)
				s.open(t, order("T1", "push-1"))
				if call.paid {
					s.do(t, "pay", `{"push_id":"push-1","notify":"lost"}`)
				}
				s.do(t, "fault", `{"api":%q,"mode":%q,"times":1}`, api, mode)
				err := call.make(s, t.Context())
				var refused *payment.Refused
				require.Error(t, err)
				require.NotErrorAs(t, err, &refused)
				require.False(t, call.done(t, s), "nothing was done")
				require.NoError(t, certain(func() error { return call.make(s, t.Context()) }), "the fault held for one call")
			})
		}
	}
}

func TestAFaultOfOnePushSparesTheOthers(t *testing.T) {
	s := start(t)
	s.open(t, order("T1", "push-1"))
	s.open(t, order("T2", "push-2"))
	s.do(t, "fault", `{"api":"query","mode":"error","times":1,"push_id":"push-2"}`)
	require.Equal(t, payment.TradeWaiting, s.state(t, "T1"))
	_, err := s.Query(t.Context(), "T2")
	require.Error(t, err)
	require.Equal(t, payment.TradeWaiting, s.state(t, "T2"))
	s.do(t, "fault", `{"api":"payout","mode":"error","times":1,"push_id":"push-2"}`)
	pay := func(id, number string) error {
		_, err := s.Payout(t.Context(), payment.Payout{
			PayoutNo: number, PushID: id, Account: "ann@example.com", Name: "安", Amount: 10, Title: "push",
		})
		return err
	}
	require.NoError(t, pay("push-1", "P1"))
	require.Error(t, pay("push-2", "P2"))
	require.NoError(t, pay("push-2", "P2"))
}

func TestNotificationsOnDemand(t *testing.T) {
	s := start(t)
	s.open(t, order("T1", "push-1"))
	s.notify(t, `{"push_id":"push-1","fields":{"trade_status":"TRADE_CLOSED"}}`)
	trade, err := s.Notification(next(t, s.street.taken))
	require.NoError(t, err)
	require.Equal(t, payment.TradeClosed, trade.State)
	s.notify(t, `{"push_id":"push-1","fields":{"app_id":"2021000118600002"}}`)
	_, err = s.Notification(next(t, s.street.taken))
	require.ErrorIs(t, err, payment.ErrForged)
	s.notify(t, `{"push_id":"push-1","fields":{"subject":"another"},"forged":true}`)
	_, err = s.Notification(next(t, s.street.taken))
	require.ErrorIs(t, err, payment.ErrForged)
}

func (s sandbox) notify(t *testing.T, body string) {
	t.Helper()
	message, err := s.conn.Request("sandbox.alipay.notify", []byte(body), patience)
	require.NoError(t, err)
	require.JSONEq(t, `{"ok":true,"status":200,"answer":"success"}`, string(message.Data), "the street takes everything")
}

func TestBillsListWhatMoved(t *testing.T) {
	s := start(t)
	s.open(t, order("T1", "push-1"))
	s.open(t, order("T2", "push-2"))
	s.do(t, "pay", `{"push_id":"push-1","notify":"lost"}`)
	require.NoError(t, s.Refund(t.Context(), payment.Refund{TradeNo: "T1", RequestNo: "R1", Amount: 1999_00, Reason: "test"}))
	_, err := s.Payout(t.Context(), payment.Payout{
		PayoutNo: "P1", PushID: "push-1", Account: "ann@example.com", Name: "安", Amount: 50, Title: "push",
	})
	require.NoError(t, err)
	for kind, want := range map[string][]string{
		"trade":        {"payment T1  1999.00", "refund T1 R1 1999.00"},
		"signcustomer": {"income T1  1999.00", "expense T1  1999.00", "expense P1  0.50"},
	} {
		var said struct {
			Bill string `json:"bill"`
		}
		message, err := s.conn.Request("sandbox.alipay.bill", []byte(`{"type":"`+kind+`"}`), patience)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(message.Data, &said))
		read, err := bill.Read(strings.NewReader(said.Bill))
		require.NoError(t, err)
		require.Len(t, read, 1)
		parsed := read[0]
		var rows []string
		for _, moved := range parsed.Movements {
			rows = append(rows, strings.Join([]string{string(moved.Kind), moved.Number, moved.RequestNo, moved.Amount.String()}, " "))
		}
		require.ElementsMatch(t, want, rows, kind)
		require.Equal(t, kind == "signcustomer", parsed.Payouts)
	}
}
