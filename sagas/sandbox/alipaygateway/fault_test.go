package alipaygateway_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/sagas/payment"
)

// calls make each API's call on trade T1 of push-1, and tell whether it was done.
var calls = map[string]struct {
	paid bool // before
	make func(sandbox, context.Context) error
	done func(*testing.T, sandbox) bool
}{
	"create": {
		make: func(s sandbox, ctx context.Context) error {
			page, err := s.PayURL(order("T2", "push-2"))
			if err != nil {
				return err
			}
			return s.Open(ctx, page)
		},
		done: func(t *testing.T, s sandbox) bool { return s.signsIn(t, "push-2") },
	},
	"query": {
		make: func(s sandbox, ctx context.Context) error {
			_, err := s.Query(ctx, "T1")
			return err
		},
		done: func(*testing.T, sandbox) bool { return false }, // it changes nothing
	},
	"close": {
		make: func(s sandbox, ctx context.Context) error { return s.Close(ctx, "T1") },
		done: func(t *testing.T, s sandbox) bool { return s.state(t, "T1") == payment.TradeClosed },
	},
	"refund": {
		paid: true,
		make: func(s sandbox, ctx context.Context) error {
			return s.Refund(ctx, payment.Refund{TradeNo: "T1", RequestNo: "R1", Amount: 1999_00, Reason: "test"})
		},
		done: func(t *testing.T, s sandbox) bool { return s.state(t, "T1") == payment.TradeClosed },
	},
	"payout": {
		make: func(s sandbox, ctx context.Context) error {
			_, err := s.Payout(ctx, payment.Payout{PayoutNo: "P1", PushID: "push-1", Account: "ann@example.com", Name: "安", Amount: 1999_00, Title: "push"})
			return err
		},
		done: func(t *testing.T, s sandbox) bool {
			return s.ledger(t, `{}`) != `{"ok":true,"trades":[],"refunds":[],"payouts":[]}`
		},
	},
}

func TestFaults(t *testing.T) {
	finals := map[string]string{
		"refund": "ACQ.TRADE_NOT_ALLOW_REFUND", "payout": "PAYEE_NOT_EXIST",
	}
	for api, call := range calls {
		for _, mode := range []string{"error", "timeout", "done_but_timeout", "business_error"} {
			t.Run(api+" "+mode, func(t *testing.T) {
				t.Parallel()
				s := start(t)
				s.open(t, order("T1", "push-1"))
				if call.paid {
					s.do(t, "pay", `{"push_id":"push-1","notify":"lost"}`)
				}
				s.do(t, "fault", `{"api":%q,"mode":%q,"times":1}`, api, mode)
				err := call.make(s, t.Context())
				require.Error(t, err)
				var refused *payment.Refused
				if mode == "business_error" && api == "refund" { // it may only not be shown yet
					require.NotErrorAs(t, err, &refused)
					err = certain(func() error { return call.make(s, t.Context()) })
				}
				switch {
				case mode == "business_error" && api == "close":
					require.ErrorIs(t, err, payment.ErrTradeNotFound)
				case mode == "business_error" && finals[api] != "":
					require.ErrorAs(t, err, &refused)
					require.Equal(t, finals[api], refused.Code)
				default:
					require.NotErrorAs(t, err, &refused)
				}
				require.Equal(t, mode == "done_but_timeout" && api != "query", call.done(t, s))
				require.NoError(t, certain(func() error { return call.make(s, t.Context()) }), "the fault held for one call")
				require.Equal(t, api != "query", call.done(t, s))
			})
		}
	}
}

// signsIn reports whether a push has an order that its buyer could sign in to pay.
func (s sandbox) signsIn(t *testing.T, push string) bool {
	t.Helper()
	message, err := s.conn.Request("sandbox.alipay.open", []byte(`{"push_id":"`+push+`"}`), patience)
	require.NoError(t, err)
	return strings.Contains(string(message.Data), `"ok":true`)
}

// certain makes a call until a refund that was made must be shown.
func certain(call func() error) error {
	err := call()
	var refused *payment.Refused
	for over := time.Now().Add(10 * visible); err != nil && !errors.As(err, &refused) && time.Now().Before(over); {
		time.Sleep(visible)
		err = call()
	}
	return err
}

func TestFaultHoldsForSoManyCalls(t *testing.T) {
	s := start(t)
	s.open(t, order("T1", "push-1"))
	s.do(t, "fault", `{"api":"query","mode":"business_error","times":2}`)
	for range 2 {
		_, err := s.Query(t.Context(), "T1")
		require.Error(t, err)
		require.NotErrorIs(t, err, payment.ErrTradeNotFound)
	}
	require.Equal(t, payment.TradeWaiting, s.state(t, "T1"))
	s.do(t, "fault", `{"api":"query","mode":"error","times":5}`)
	s.do(t, "fault", `{"api":"query","mode":"error","times":0}`)
	require.Equal(t, payment.TradeWaiting, s.state(t, "T1"))
}

func TestQueriesOfRefundsAndPayoutsHaveNoFault(t *testing.T) {
	s := start(t)
	s.open(t, order("T1", "push-1"))
	s.do(t, "pay", `{"push_id":"push-1","notify":"lost"}`)
	for _, api := range []string{"refund", "payout"} {
		require.NoError(t, calls[api].make(s, t.Context()))
	}
	s.do(t, "fault", `{"api":"query","mode":"error","times":1}`)
	for _, api := range []string{"refund", "payout"} { // again, so that they have to ask
		require.NoError(t, certain(func() error { return calls[api].make(s, t.Context()) }))
	}
	_, err := s.Query(t.Context(), "T1")
	require.Error(t, err, "the fault is still there")
}

// Faults F7 and F11: while closing fails, money may come after the trade's time.
func TestATradeThatCannotBeClosedTakesMoneyLate(t *testing.T) {
	for _, mode := range []string{"error", "timeout", "business_error"} {
		s := start(t)
		late, closed := order("T1", "push-1"), order("T2", "push-2")
		late.PayBy, closed.PayBy = time.Now().Add(90*time.Second), time.Now().Add(90*time.Second)
		s.open(t, late)
		s.open(t, closed)
		s.do(t, "fault", `{"api":"close","mode":%q,"times":1}`, mode)
		s.ahead.Store(int64(2 * time.Minute))
		require.Equal(t, payment.TradeWaiting, s.state(t, "T1"), "closing still goes wrong")
		require.Error(t, s.Close(t.Context(), "T1"))
		require.Equal(t, payment.TradeClosed, s.state(t, "T2"), "the fault held for one call")
		require.Equal(t, payment.TradeWaiting, s.state(t, "T1"))
		s.do(t, "pay", `{"push_id":"push-1","notify":"lost"}`)
		trade, err := s.Query(t.Context(), "T1")
		require.NoError(t, err)
		require.Equal(t, payment.TradePaid, trade.State)
		require.True(t, trade.PaidAt.After(late.PayBy))
		require.ErrorIs(t, s.Close(t.Context(), "T1"), payment.ErrTradePaid)
	}
}

func TestATradeKeptOpenIsClosedByTheNextCall(t *testing.T) {
	s := start(t)
	ends := order("T1", "push-1")
	ends.PayBy = time.Now().Add(90 * time.Second)
	s.open(t, ends)
	s.do(t, "fault", `{"api":"close","mode":"error"}`)
	require.Error(t, s.Close(t.Context(), "T1"))
	s.ahead.Store(int64(2 * time.Minute))
	require.NoError(t, s.Close(t.Context(), "T1"))
	require.Equal(t, payment.TradeClosed, s.state(t, "T1"))
	s.control(t, "pay", `{"push_id":"push-1"}`, "trade_closed")
}

func TestClosingEndsCallsThatAreHeldBack(t *testing.T) {
	s := start(t)
	s.open(t, order("T1", "push-1"))
	s.do(t, "fault", `{"api":"query","mode":"timeout"}`)
	ended := make(chan error, 1)
	go func() {
		_, err := s.Query(context.Background(), "T1")
		ended <- err
	}()
	s.stop()
	require.Error(t, <-ended)
}

// The gateway says no in GBK, as parts of Alipay do: the words arrive as they are.
func TestARefusalInGBKArrives(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.do(t, "fault", `{"api":"payout","mode":"gbk_error","times":1}`)
	err := calls["payout"].make(s, t.Context())
	var refused *payment.Refused
	require.ErrorAs(t, err, &refused)
	require.Equal(t, "收款账号不存在", refused.Message)
}
