// Package paymenttest is the conformance suite that every payment.Provider must pass.
package paymenttest

import (
	"context"
	"errors"
	"maps"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/money"
	"github.com/pushledger/pushledger/sagas/payment"
)

// API names the calls that can be made to go wrong.
type API string

// The calls of a provider that move or close something.
const (
	Create API = "create"
	Close  API = "close"
	Refund API = "refund"
	Payout API = "payout"
)

// World is a provider under test, and the hands that act behind it.
type World struct {
	Provider payment.Provider
	// Pay has the buyer pay the trade of a push from a balance.
	Pay func(t *testing.T, pushID string)
	// Notified returns the next notification, which was acknowledged.
	Notified func(t *testing.T) url.Values
	// LoseAnswer has the next call done and never answered.
	LoseAnswer func(t *testing.T, api API)
	// Break has the next call fail without being done.
	Break func(t *testing.T, api API)
	// RefundVisible is how long a refund that was made may not be shown.
	RefundVisible time.Duration
}

// refund asks for a refund until its fate is certain, which it is once it must be shown.
func (w World) refund(t *testing.T, asked payment.Refund) error {
	t.Helper()
	var no *payment.Refused
	err := w.Provider.Refund(t.Context(), asked)
	for over := time.Now().Add(2*w.RefundVisible + time.Second); err != nil && !errors.As(err, &no) && time.Now().Before(over); {
		time.Sleep(w.RefundVisible / 4)
		err = w.Provider.Refund(t.Context(), asked)
	}
	return err
}

const (
	pushID  = "push-1"
	tradeNo = "Ttrade1"
	price   = money.Fen(100_00)
)

// Run holds a provider to its contract. open returns a world of its own, closed by the
// test's cleanup.
func Run(t *testing.T, open func(*testing.T) World) {
	t.Helper()
	RunReceiving(t, open)
	run(t, open, map[string]func(*testing.T, World){
		"a refund happens once":                          refundedOnce,
		"refunds add up to no more than was paid":        refundedInParts,
		"money that never came is not refunded":          refundRefused,
		"a payout happens once":                          paidOutOnce,
		"a payout is made over one amount":               paidOutOtherwise,
		"a payout can be asked about":                    payoutAsked,
		"a payout that may not be is refused for good":   payoutRefused,
		"a call that fails decides nothing":              broken,
		"what was done without an answer is found again": lostAnswers,
	})
}

// RunReceiving holds a provider by which money comes in and none goes out to that part of
// the contract.
func RunReceiving(t *testing.T, open func(*testing.T) World) {
	t.Helper()
	run(t, open, map[string]func(*testing.T, World){
		"an order that cannot be paid gets no page":     badOrders,
		"an opened order waits for its money":           opened,
		"an order opened twice is one trade":            openedTwice,
		"a number belongs to one order":                 openedOtherwise,
		"a trade never opened is not found":             notFound,
		"a paid trade tells its money and cannot close": paid,
		"a closed trade stays closed":                   closed,
		"a caller that gives up has no outcome":         callerGone,
		"a notification tells of the payment":           notified,
		"a changed notification is forged":              forged,
	})
}

func run(t *testing.T, open func(*testing.T) World, tests map[string]func(*testing.T, World)) {
	t.Helper()
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

func order() payment.Order {
	return payment.Order{
		TradeNo: tradeNo, PushID: pushID, Amount: price, Subject: "域名带价 push 1", PayBy: time.Now().Add(time.Hour),
	}
}

func (w World) open(t *testing.T) {
	t.Helper()
	page, err := w.Provider.PayURL(order())
	require.NoError(t, err)
	require.NoError(t, w.Provider.Open(t.Context(), page))
}

func (w World) paid(t *testing.T) {
	t.Helper()
	w.open(t)
	w.Pay(t, pushID)
}

func (w World) query(t *testing.T) payment.Trade {
	t.Helper()
	trade, err := w.Provider.Query(t.Context(), tradeNo)
	require.NoError(t, err)
	require.Equal(t, tradeNo, trade.TradeNo)
	return trade
}

func back(number string, amount money.Fen) payment.Refund {
	return payment.Refund{TradeNo: tradeNo, RequestNo: number, Amount: amount, Reason: "domain_gone"}
}

func out(number string) payment.Payout {
	return payment.Payout{PayoutNo: number, PushID: pushID, Account: "ann@example.com", Name: "安", Amount: price, Title: "域名带价 push 1"}
}

// undecided requires an error that leaves the outcome open.
func undecided(t *testing.T, err error) {
	t.Helper()
	require.Error(t, err)
	var refused *payment.Refused
	require.NotErrorAs(t, err, &refused)
	for _, named := range []error{payment.ErrTradeNotFound, payment.ErrTradePaid, payment.ErrForged, payment.ErrPayoutNotFound} {
		require.NotErrorIs(t, err, named)
	}
}

// refused requires a final no with a code and words.
func refused(t *testing.T, err error) {
	t.Helper()
	var no *payment.Refused
	require.ErrorAs(t, err, &no)
	require.NotEmpty(t, no.API)
	require.NotEmpty(t, no.Code)
	require.NotEmpty(t, no.Message)
}

func badOrders(t *testing.T, w World) {
	for name, spoil := range map[string]func(*payment.Order){
		"without money": func(o *payment.Order) { o.Amount = 0 },
		"over the top":  func(o *payment.Order) { o.Amount = money.Max + 1 },
		"already over":  func(o *payment.Order) { o.PayBy = time.Now().Add(-time.Hour) },
	} {
		bad := order()
		spoil(&bad)
		page, err := w.Provider.PayURL(bad)
		if err == nil {
			err = w.Provider.Open(t.Context(), page)
		}
		require.Error(t, err, name)
	}
	_, err := w.Provider.Query(t.Context(), tradeNo)
	require.ErrorIs(t, err, payment.ErrTradeNotFound)
}

func opened(t *testing.T, w World) {
	w.open(t)
	require.Equal(t, payment.TradeWaiting, w.query(t).State)
}

func openedTwice(t *testing.T, w World) {
	w.open(t)
	number := w.query(t).ProviderTradeNo
	w.open(t)
	require.Equal(t, number, w.query(t).ProviderTradeNo)
	require.NotEmpty(t, number)
}

func openedOtherwise(t *testing.T, w World) {
	w.open(t)
	other := order()
	other.Amount++
	page, err := w.Provider.PayURL(other)
	require.NoError(t, err)
	require.Error(t, w.Provider.Open(t.Context(), page))
	w.Pay(t, pushID)
	require.Equal(t, price, w.query(t).Amount)
}

func notFound(t *testing.T, w World) {
	_, err := w.Provider.Query(t.Context(), tradeNo)
	require.ErrorIs(t, err, payment.ErrTradeNotFound)
	require.ErrorIs(t, w.Provider.Close(t.Context(), tradeNo), payment.ErrTradeNotFound)
}

func paid(t *testing.T, w World) {
	before := time.Now().Truncate(time.Second)
	w.paid(t)
	trade := w.query(t)
	require.Equal(t, payment.TradePaid, trade.State)
	require.Equal(t, price, trade.Amount)
	require.Equal(t, []string{"ALIPAYACCOUNT"}, trade.Channels)
	require.False(t, trade.PaidAt.Before(before) || trade.PaidAt.After(time.Now()), "paid at %s", trade.PaidAt)
	require.ErrorIs(t, w.Provider.Close(t.Context(), tradeNo), payment.ErrTradePaid)
	require.Equal(t, payment.TradePaid, w.query(t).State)
}

func closed(t *testing.T, w World) {
	w.open(t)
	require.NoError(t, w.Provider.Close(t.Context(), tradeNo))
	require.NoError(t, w.Provider.Close(t.Context(), tradeNo))
	require.Equal(t, payment.TradeClosed, w.query(t).State)
}

func refundedOnce(t *testing.T, w World) {
	w.paid(t)
	require.NoError(t, w.refund(t, back("R1", price)))
	require.NoError(t, w.refund(t, back("R1", price)))
	require.Equal(t, payment.TradeClosed, w.query(t).State)
	refused(t, w.refund(t, back("R2", 1)))
}

func refundedInParts(t *testing.T, w World) {
	w.paid(t)
	require.NoError(t, w.refund(t, back("R1", price-1)))
	require.Equal(t, payment.TradePaid, w.query(t).State)
	refused(t, w.refund(t, back("R2", 2)))
	require.NoError(t, w.refund(t, back("R3", 1)))
	require.Equal(t, payment.TradeClosed, w.query(t).State)
}

func refundRefused(t *testing.T, w World) {
	refused(t, w.refund(t, back("R1", price)))
	w.open(t)
	refused(t, w.refund(t, back("R2", price)))
}

func paidOutOnce(t *testing.T, w World) {
	first, err := w.Provider.Payout(t.Context(), out("P1"))
	require.NoError(t, err)
	require.NotEmpty(t, first)
	again, err := w.Provider.Payout(t.Context(), out("P1"))
	require.NoError(t, err)
	require.Equal(t, first, again)
	moved := out("P1")
	moved.Account = "other@example.com"
	again, err = w.Provider.Payout(t.Context(), moved)
	require.NoError(t, err, "the number is paid, wherever the seller's account is by now")
	require.Equal(t, first, again)
}

func payoutAsked(t *testing.T, w World) {
	_, err := w.Provider.FindPayout(t.Context(), out("P1"))
	require.ErrorIs(t, err, payment.ErrPayoutNotFound)
	w.LoseAnswer(t, Payout)
	_, err = w.Provider.Payout(t.Context(), out("P1"))
	undecided(t, err)
	moved := out("P1")
	moved.Account = ""
	found, err := w.Provider.FindPayout(t.Context(), moved)
	require.NoError(t, err, "wherever the seller's account is by now")
	again, err := w.Provider.Payout(t.Context(), out("P1"))
	require.NoError(t, err)
	require.Equal(t, again, found)
}

func paidOutOtherwise(t *testing.T, w World) {
	_, err := w.Provider.Payout(t.Context(), out("P1"))
	require.NoError(t, err)
	more := out("P1")
	more.Amount++
	_, err = w.Provider.Payout(t.Context(), more)
	undecided(t, err)
}

func payoutRefused(t *testing.T, w World) {
	little := out("P1")
	little.Amount = 9
	_, err := w.Provider.Payout(t.Context(), little)
	refused(t, err)
	nobody := out("P2")
	nobody.Account = ""
	_, err = w.Provider.Payout(t.Context(), nobody)
	refused(t, err)
}

func broken(t *testing.T, w World) {
	page, err := w.Provider.PayURL(order())
	require.NoError(t, err)
	w.Break(t, Create)
	undecided(t, w.Provider.Open(t.Context(), page))
	_, err = w.Provider.Query(t.Context(), tradeNo)
	require.ErrorIs(t, err, payment.ErrTradeNotFound)
	w.paid(t)
	w.Break(t, Refund)
	undecided(t, w.Provider.Refund(t.Context(), back("R1", price)))
	require.Equal(t, payment.TradePaid, w.query(t).State)
	w.Break(t, Payout)
	_, err = w.Provider.Payout(t.Context(), out("P1"))
	undecided(t, err)
}

func lostAnswers(t *testing.T, w World) {
	page, err := w.Provider.PayURL(order())
	require.NoError(t, err)
	w.LoseAnswer(t, Create)
	undecided(t, w.Provider.Open(t.Context(), page))
	w.paid(t)
	w.LoseAnswer(t, Refund)
	undecided(t, w.Provider.Refund(t.Context(), back("R1", 60_00)))
	require.NoError(t, w.refund(t, back("R1", 60_00)))
	require.NoError(t, w.refund(t, back("R2", 40_00)), "the first was made once")
	w.LoseAnswer(t, Payout)
	_, err = w.Provider.Payout(t.Context(), out("P1"))
	undecided(t, err)
	first, err := w.Provider.Payout(t.Context(), out("P1"))
	require.NoError(t, err)
	require.NotEmpty(t, first)
}

func callerGone(t *testing.T, w World) {
	w.paid(t)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := w.Provider.Query(gone, tradeNo)
	undecided(t, err)
	undecided(t, w.Provider.Close(gone, tradeNo))
	undecided(t, w.Provider.Refund(gone, back("R1", price)))
	_, err = w.Provider.Payout(gone, out("P1"))
	undecided(t, err)
}

func notified(t *testing.T, w World) {
	w.paid(t)
	told, err := w.Provider.Notification(w.Notified(t))
	require.NoError(t, err)
	asked := w.query(t)
	asked.PushID = pushID
	require.Equal(t, asked, told)
}

func forged(t *testing.T, w World) {
	w.paid(t)
	form := w.Notified(t)
	for _, name := range slices.Sorted(maps.Keys(form)) {
		for what, spoil := range map[string]func(url.Values){
			"changed": func(f url.Values) { f.Set(name, f.Get(name)+"1") },
			"removed": func(f url.Values) { f.Del(name) },
			"doubled": func(f url.Values) { f.Add(name, f.Get(name)) },
		} {
			_, err := w.Provider.Notification(spoiled(form, spoil))
			require.ErrorIs(t, err, payment.ErrForged, "%s %s", name, what)
		}
	}
	_, err := w.Provider.Notification(spoiled(form, func(f url.Values) { f.Set("added", "1") }))
	require.ErrorIs(t, err, payment.ErrForged)
	_, err = w.Provider.Notification(nil)
	require.ErrorIs(t, err, payment.ErrForged)
	_, err = w.Provider.Notification(form)
	require.NoError(t, err, "the notification itself is sound")
}

func spoiled(form url.Values, spoil func(url.Values)) url.Values {
	changed := url.Values{}
	for name, values := range form {
		changed[name] = slices.Clone(values)
	}
	spoil(changed)
	return changed
}
