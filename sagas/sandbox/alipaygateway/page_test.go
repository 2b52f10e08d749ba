package alipaygateway_test

import (
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/sagas/payment"
)

// shown is what a person sees who opens a page, and the status before any redirect.
func (s sandbox) shown(t *testing.T, page string) (status int, text string) {
	t.Helper()
	browser := *s.street.Client()
	browser.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	answer, err := browser.Get(page)
	require.NoError(t, err)
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	return answer.StatusCode, string(body)
}

func (s sandbox) noTrade(t *testing.T, number string) {
	t.Helper()
	_, err := s.Query(t.Context(), number)
	require.ErrorIs(t, err, payment.ErrTradeNotFound)
	require.ErrorIs(t, s.Close(t.Context(), number), payment.ErrTradeNotFound)
	require.Error(t, s.Refund(t.Context(), payment.Refund{TradeNo: number, RequestNo: "R1", Amount: 1, Reason: "test"}))
}

func TestAPageOpenedTwiceIsNoTrade(t *testing.T) {
	s := start(t)
	s.control(t, "open", `{"push_id":"push-1"}`, "trade_not_found")
	s.control(t, "open", `{}`, "invalid_push_id")
	s.visit(t, order("T1", "push-1"))
	s.visit(t, order("T1", "push-1"))
	s.noTrade(t, "T1")
	signedIn := s.do(t, "open", `{"push_id":"push-1"}`)
	require.Equal(t, "T1", signedIn.OutTradeNo)
	require.Equal(t, payment.TradeWaiting, s.state(t, "T1"))
	require.Equal(t, signedIn, s.do(t, "open", `{"push_id":"push-1"}`), "and the second time is no other trade")
	require.NoError(t, s.Close(t.Context(), "T1"))
	require.Equal(t, payment.TradeClosed, s.state(t, "T1"))
	none(t, s.street.taken)
}

// What the ledger has been told is no trade can still be paid by whoever has the page open.
func TestAnOrderThatCannotBeClosedCanBePaid(t *testing.T) {
	s := start(t)
	s.visit(t, order("T1", "push-1"))
	s.noTrade(t, "T1")
	s.do(t, "pay", `{"push_id":"push-1","notify":"lost"}`)
	require.Equal(t, payment.TradePaid, s.state(t, "T1"))
}

func TestAnOrderEndsInItsTime(t *testing.T) {
	s := start(t)
	ordered := order("T1", "push-1")
	ordered.PayBy = time.Now().Add(2 * time.Minute)
	never := order("T2", "push-2")
	never.PayBy = ordered.PayBy
	page, err := s.PayURL(ordered)
	require.NoError(t, err)
	neverOpened, err := s.PayURL(never)
	require.NoError(t, err)
	s.visit(t, ordered)

	s.ahead.Store(int64(90 * time.Second))
	status, _ := s.shown(t, page)
	require.Equal(t, http.StatusFound, status, "it was ordered in time")
	status, text := s.shown(t, neverOpened)
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, text, "1m～15d", "less than a minute is left")

	s.ahead.Store(int64(2 * time.Minute))
	for _, late := range []string{page, neverOpened} {
		status, text = s.shown(t, late)
		require.Equal(t, http.StatusOK, status)
		require.Contains(t, text, "重新下单")
	}
	s.control(t, "open", `{"push_id":"push-1"}`, "trade_closed")
	s.control(t, "pay", `{"push_id":"push-1"}`, "trade_closed")
	s.noTrade(t, "T1")
	s.noTrade(t, "T2")
}

// An answer tells the time of who gives it.
func TestTheGatewaysClockIsSeenInItsAnswers(t *testing.T) {
	s := start(t)
	require.WithinDuration(t, time.Now(), s.Clock(), time.Minute, "our own, as nobody has answered")
	s.ahead.Store(int64(10 * time.Minute))
	s.noTrade(t, "T1")
	require.WithinDuration(t, time.Now().Add(10*time.Minute), s.Clock(), time.Minute)
	s.ahead.Store(int64(-10 * time.Minute))
	s.noTrade(t, "T1")
	require.WithinDuration(t, time.Now().Add(-10*time.Minute), s.Clock(), time.Minute)
}

func TestTheCashierMakesTheTrade(t *testing.T) {
	s := start(t)
	ordered := order("T1", "push-1")
	ordered.PayBy = time.Now().Add(2 * time.Minute)
	page, err := s.PayURL(ordered)
	require.NoError(t, err)
	var cashier string
	look := func(address string) string {
		answer, err := s.street.Client().Get(address)
		require.NoError(t, err)
		body, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		cashier = answer.Request.URL.String()
		return string(body)
	}
	require.Contains(t, look(page), "<button>")
	s.ahead.Store(int64(2 * time.Minute))
	require.NotContains(t, look(cashier), "<button>", "it is too late to sign in")
	s.noTrade(t, "T1")
}
