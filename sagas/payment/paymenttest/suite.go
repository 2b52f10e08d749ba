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
	Fee    API = "fee" // of an order with a merchant
)

// World is a provider under test, and the hands that act behind it.
type World struct {
	Provider payment.Provider
	// SignIn has the buyer sign in on the page of a push's order, which makes the trade.
	SignIn func(t *testing.T, pushID string)
	// Merchant has every order made for that merchant, and sellers paid by confirming trades.
	// Empty: they are paid by transfers.
	Merchant string
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
		"a refund leaves less to pay out":                paidOutLess,
		"a fee that fails or is not answered is one fee": feeOnce,
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
		"an opened page is no trade":                    visited,
		"an opened order waits for its money":           opened,
		"an order opened and not closed can be paid":    closedTooEarly,
		"the provider's clock goes":                     clock,
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

func (w World) order() payment.Order {
	return payment.Order{
		TradeNo: tradeNo, PushID: pushID, Amount: price, Subject: "域名带价 push 1", PayBy: time.Now().Add(time.Hour), Merchant: w.Merchant,
	}
}

// open has the buyer open the page and sign in.
func (w World) open(t *testing.T) {
	t.Helper()
	w.visit(t)
	w.SignIn(t, pushID)
}

// visit has the page opened, which makes no trade.
func (w World) visit(t *testing.T) {
	t.Helper()
	page, err := w.Provider.PayURL(w.order())
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

const fee = money.Fen(5_00)

// out pays out what is left after refunds. A fee is the provider's business only where there
// is a merchant.
func (w World) out(t *testing.T, number string, refunded money.Fen) payment.Payout {
	t.Helper()
	asked := payment.Payout{
		PayoutNo: number, PushID: pushID, Account: "ann@example.com", Name: "安", Amount: price - refunded, Title: "域名带价 push 1",
	}
	if w.Merchant != "" {
		asked.Merchant, asked.TradeNo, asked.ProviderTradeNo = w.Merchant, tradeNo, w.query(t).ProviderTradeNo
		asked.Amount, asked.Fee, asked.FeeNo = asked.Amount-fee, fee, "F"+number
	}
	return asked
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
		bad := w.order()
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

func visited(t *testing.T, w World) {
	w.visit(t)
	notFound(t, w)
	w.SignIn(t, pushID)
	require.Equal(t, payment.TradeWaiting, w.query(t).State)
}

// closedTooEarly: that there was no trade to close says nothing of later.
func closedTooEarly(t *testing.T, w World) {
	w.visit(t)
	notFound(t, w)
	w.Pay(t, pushID)
	require.Equal(t, payment.TradePaid, w.query(t).State)
	require.ErrorIs(t, w.Provider.Close(t.Context(), tradeNo), payment.ErrTradePaid)
}

func clock(t *testing.T, w World) {
	first := w.Provider.Clock()
	require.WithinDuration(t, time.Now(), first, time.Minute, "by our own clock, while nobody has answered")
	notFound(t, w)
	told := w.Provider.Clock()
	require.WithinDuration(t, time.Now(), told, time.Minute, "the machine is the same")
	require.Eventually(t, func() bool { return w.Provider.Clock().After(told) }, time.Minute, time.Millisecond, "also without an answer")
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
	other := w.order()
	other.Amount++
	page, err := w.Provider.PayURL(other)
	require.NoError(t, err)
	undecided(t, w.Provider.Open(t.Context(), page))
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
	w.paid(t)
	asked := w.out(t, "P1", 0)
	first, err := w.Provider.Payout(t.Context(), asked)
	require.NoError(t, err)
	require.NotEmpty(t, first)
	again, err := w.Provider.Payout(t.Context(), asked)
	require.NoError(t, err)
	require.Equal(t, first, again)
	moved := asked
	moved.Account = "other@example.com"
	again, err = w.Provider.Payout(t.Context(), moved)
	require.NoError(t, err, "the number is paid, wherever the seller's account is by now")
	require.Equal(t, first, again)
}

func payoutAsked(t *testing.T, w World) {
	if w.Merchant != "" {
		t.Skip("a confirmation goes to the merchant of its trade, so that nothing has to be asked first")
	}
	asked := w.out(t, "P1", 0)
	_, err := w.Provider.FindPayout(t.Context(), asked)
	require.ErrorIs(t, err, payment.ErrPayoutNotFound)
	w.LoseAnswer(t, Payout)
	_, err = w.Provider.Payout(t.Context(), asked)
	undecided(t, err)
	moved := asked
	moved.Account = ""
	found, err := w.Provider.FindPayout(t.Context(), moved)
	require.NoError(t, err, "wherever the seller's account is by now")
	again, err := w.Provider.Payout(t.Context(), asked)
	require.NoError(t, err)
	require.Equal(t, again, found)
}

func paidOutOtherwise(t *testing.T, w World) {
	w.paid(t)
	asked := w.out(t, "P1", 0)
	_, err := w.Provider.Payout(t.Context(), asked)
	require.NoError(t, err)
	asked.Amount++
	_, err = w.Provider.Payout(t.Context(), asked)
	undecided(t, err)
}

func payoutRefused(t *testing.T, w World) {
	if w.Merchant != "" {
		confirmationRefused(t, w)
		return
	}
	little := w.out(t, "P1", 0)
	little.Amount = 9
	_, err := w.Provider.Payout(t.Context(), little)
	refused(t, err)
	nobody := w.out(t, "P2", 0)
	nobody.Account = ""
	_, err = w.Provider.Payout(t.Context(), nobody)
	refused(t, err)
}

// confirmationRefused: a seller is not paid with money that has not come, or that has gone back.
func confirmationRefused(t *testing.T, w World) {
	w.open(t)
	_, err := w.Provider.Payout(t.Context(), w.out(t, "P1", 0))
	refused(t, err)
	w.Pay(t, pushID)
	_, err = w.Provider.Payout(t.Context(), w.out(t, "P1", 1))
	refused(t, err)
	require.NoError(t, w.refund(t, back("R1", price)))
	_, err = w.Provider.Payout(t.Context(), w.out(t, "P1", 0))
	refused(t, err)
}

func paidOutLess(t *testing.T, w World) {
	w.paid(t)
	require.NoError(t, w.refund(t, back("R1", 60_00)))
	_, err := w.Provider.Payout(t.Context(), w.out(t, "P1", 60_00))
	require.NoError(t, err)
}

func feeOnce(t *testing.T, w World) {
	if w.Merchant == "" {
		return // the platform has it already
	}
	w.paid(t)
	asked := w.out(t, "P1", 0)
	w.Break(t, Fee)
	_, err := w.Provider.Payout(t.Context(), asked)
	undecided(t, err)
	w.LoseAnswer(t, Fee)
	_, err = w.Provider.Payout(t.Context(), asked)
	undecided(t, err)
	number, err := w.Provider.Payout(t.Context(), asked)
	require.NoError(t, err)
	require.NotEmpty(t, number)
	asked.Fee, asked.Amount = asked.Fee+1, asked.Amount-1
	_, err = w.Provider.Payout(t.Context(), asked)
	undecided(t, err)
}

func broken(t *testing.T, w World) {
	page, err := w.Provider.PayURL(w.order())
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
	_, err = w.Provider.Payout(t.Context(), w.out(t, "P1", 0))
	undecided(t, err)
}

func lostAnswers(t *testing.T, w World) {
	page, err := w.Provider.PayURL(w.order())
	require.NoError(t, err)
	w.LoseAnswer(t, Create)
	undecided(t, w.Provider.Open(t.Context(), page))
	w.paid(t)
	w.LoseAnswer(t, Refund)
	undecided(t, w.Provider.Refund(t.Context(), back("R1", 60_00)))
	require.NoError(t, w.refund(t, back("R1", 60_00)))
	require.NoError(t, w.refund(t, back("R2", 20_00)), "the first was made once")
	w.LoseAnswer(t, Payout)
	_, err = w.Provider.Payout(t.Context(), w.out(t, "P1", 80_00))
	undecided(t, err)
	first, err := w.Provider.Payout(t.Context(), w.out(t, "P1", 80_00))
	require.NoError(t, err)
	require.NotEmpty(t, first)
}

func callerGone(t *testing.T, w World) {
	w.paid(t)
	asked := w.out(t, "P1", 0)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := w.Provider.Query(gone, tradeNo)
	undecided(t, err)
	undecided(t, w.Provider.Close(gone, tradeNo))
	undecided(t, w.Provider.Refund(gone, back("R1", price)))
	_, err = w.Provider.Payout(gone, asked)
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
