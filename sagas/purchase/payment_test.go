package purchase_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/money"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/sagas/payment"
	"github.com/pushledger/pushledger/sagas/purchase"
)

// Faults of single payments: F1–F6 and F9, and what needs no fault at all.
func TestPayments(t *testing.T) {
	t.Parallel()
	partners := newPartners(t)
	w := ledgerAt(partners)
	saga := w.run(t, w.store).saga
	w.takeNotifications(saga)
	for name, test := range map[string]func(*testing.T){
		"paid and settled": func(t *testing.T) {
			d := w.buy(t, 3)
			d.pay(t)
			d.settled(t)
		},
		"an offer that nobody accepts expires": func(t *testing.T) {
			w.offerOf(t, seller, 1, time.Second).unpaid(t, push.StatusExpired, string(push.ExpirySellerDeadline))
		},
		"not paid in time (L5)": func(t *testing.T) {
			d := w.offer(t, 2)
			d.accept(t, window)
			d.unpaid(t, push.StatusExpired, string(push.ExpiryPaymentWindow))
		},
		"F1 notification lost": func(t *testing.T) {
			d := w.buy(t, 1)
			d.pay(t, `"notify":"lost"`)
			d.settled(t)
		},
		"F2 notification twice": func(t *testing.T) {
			d := w.buy(t, 1)
			d.pay(t, `"notify":"twice"`)
			d.settled(t)
		},
		"F2 notification after the query found it": func(t *testing.T) {
			d := w.buy(t, 1)
			d.pay(t, `"notify":"late"`)
			d.settled(t)
			before := d.state(t).Version
			require.NoError(t, saga.Notified(t.Context(), d.notification(payment.TradePaid, d.total)))
			require.Equal(t, before, d.state(t).Version)
		},
		"F3 notifications out of order": func(t *testing.T) {
			d := w.buy(t, 1)
			d.signsIn(t)
			require.NoError(t, saga.Notified(t.Context(), d.notification(payment.TradeClosed, 0)))
			require.Equal(t, push.StatusAccepted, d.state(t).Status, "only the provider's answer counts")
			d.pay(t)
			d.settled(t)
			require.NoError(t, saga.Notified(t.Context(), d.notification(payment.TradeWaiting, 0)))
			d.settled(t)
		},
		"F7 nobody signs in to pay": func(t *testing.T) {
			d := w.offer(t, 1)
			d.accept(t, window)
			d.await(t, opened)
			d.unpaid(t, push.StatusExpired, string(push.ExpiryPaymentWindow))
			require.True(t, d.state(t).Payment.Closed, "there never was a trade, and there cannot be one any more")
			require.Equal(t, 1, d.count(t, push.PaymentClosed{}.EventType()))
		},
		"F5 paid too little": func(t *testing.T) { otherAmount(t, w, `"amount":"99.99"`) },
		"F5 paid too much":   func(t *testing.T) { otherAmount(t, w, `"amount":"10000.00"`) },
		"F6 paid on credit, notified": func(t *testing.T) {
			d := w.buy(t, 2)
			d.pay(t, `"channel":"PCREDIT"`)
			d.refunded(t, push.StatusRefunded, push.CodeCreditFunding)
			d.places(t, seller)
			require.Equal(t, 1, d.count(t, push.Invalidated{}.EventType()))
		},
		"F6 paid on credit, found by asking": func(t *testing.T) {
			d := w.buy(t, 1)
			d.pay(t, `"channel":"CREDITCARD"`, `"notify":"lost"`)
			d.refunded(t, push.StatusRefunded, push.CodeCreditFunding)
			d.places(t, seller)
		},
		"F9 paid twice, the second time during delivery": func(t *testing.T) {
			d := w.buy(t, 2)
			d.fault(t, 1, "move", "pending", ever)
			d.pay(t)
			d.await(t, paid)
			d.pay(t)
			d.await(t, func(state push.State) bool { return len(state.Strays) == 1 && state.Strays[0].Progress == push.Done })
			d.fault(t, 1, "move", "pending", 0)
			d.settled(t)
			require.Len(t, d.Moved(t, d.id).Trades, 2)
		},
		"F9 paid twice, the second time after the end": func(t *testing.T) {
			d := w.buy(t, 1)
			d.pay(t)
			d.settled(t)
			d.pay(t)
			d.await(t, func(state push.State) bool { return len(state.Strays) == 1 })
			d.settled(t)
			require.Equal(t, push.StrayDuplicate, d.state(t).Strays[0].Cause)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t)
		})
	}
}

func otherAmount(t *testing.T, w *world, amount string) {
	d := w.offer(t, 1)
	d.accept(t, window)
	d.pay(t, amount)
	state := d.refunded(t, push.StatusExpired, string(push.ExpiryPaymentWindow))
	d.places(t, seller)
	require.Equal(t, push.StrayAmountMismatch, state.Strays[0].Cause)
	require.Zero(t, d.count(t, push.Paid{}.EventType()))
}

// notification is what Alipay would say of the push's own trade.
func (d *deal) notification(state payment.TradeState, amount money.Fen) payment.Trade {
	return payment.Trade{
		TradeNo: push.TradeNo(d.id), PushID: d.id, State: state, Amount: amount,
		Channels: []string{"ALIPAYACCOUNT"}, PaidAt: now().Truncate(time.Second),
	}
}

// F4: nothing that Alipay itself does not confirm is believed.
func TestForgedNotificationsChangeNothing(t *testing.T) {
	t.Parallel()
	w := ledgerAt(newPartners(t))
	saga := w.run(t, w.store).saga
	w.takeNotifications(saga)
	d := w.buy(t, 1)
	before := d.signsIn(t).Version

	form := url.Values{"out_trade_no": {push.TradeNo(d.id)}, "trade_status": {"TRADE_SUCCESS"}, "sign": {"c2lnbmVk"}, "sign_type": {"RSA2"}}
	require.Equal(t, http.StatusBadRequest, w.Notify(t, form))
	for name, change := range map[string]func(*payment.Trade){
		"another amount than the provider confirms": func(trade *payment.Trade) { trade.Amount = 1 },
		"a trade that the provider does not know":   func(trade *payment.Trade) { trade.TradeNo = "T404" },
		"no channels, so that it is asked for":      func(trade *payment.Trade) { trade.Channels = nil },
		"a push that does not exist":                func(trade *payment.Trade) { trade.PushID = "nobodys" },
		"no push":                                   func(trade *payment.Trade) { trade.PushID = "" },
		"no name of a push":                         func(trade *payment.Trade) { trade.PushID = "push.>" },
	} {
		forged := d.notification(payment.TradePaid, d.total)
		change(&forged)
		require.ErrorIs(t, saga.Notified(t.Context(), forged), purchase.ErrNotOurs, name)
	}
	require.Equal(t, before, d.state(t).Version)

	d.pay(t, `"notify":"lost"`)
	d.settled(t)
	forged := d.notification(payment.TradePaid, d.total+1)
	require.ErrorIs(t, saga.Notified(t.Context(), forged), purchase.ErrNotOurs, "nor once the trade is paid")
	d.settled(t)
}

// F10: the same trade number again, one trade.
func TestCreatingThePaymentFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, mode := range []string{"error", "timeout", "done_but_timeout", "business_error"} {
		w.Do(t, "alipay.fault", `{"api":"create","mode":%q,"times":2}`, mode)
		d := w.buy(t, 1)
		d.signsIn(t)
		d.pay(t)
		d.settled(t)
		require.Len(t, d.Moved(t, d.id).Trades, 1, mode)
	}
}

// F12: an unpaid trade is not unpaid before the provider says so.
func TestAskingForThePaymentFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, mode := range []string{"error", "business_error"} {
		bought, left := w.offer(t, 1), w.offer(t, 1)
		w.Do(t, "alipay.fault", `{"api":"query","mode":%q,"times":%d}`, mode, ever)
		bought.accept(t, window)
		bought.signsIn(t)
		bought.pay(t, `"notify":"lost"`)
		left.accept(t, window)
		left.signsIn(t)
		over := func(state push.State) bool { return state.ExpiredBy(now().Add(-answers)) }
		require.Equal(t, push.StatusAccepted, bought.await(t, over).Status, mode)
		require.Equal(t, push.StatusAccepted, left.await(t, over).Status, mode)
		w.Do(t, "alipay.fault", `{"api":"query","mode":%q,"times":0}`, mode)
		bought.settled(t)
		left.unpaid(t, push.StatusExpired, string(push.ExpiryPaymentWindow))
	}
}

// F11: closing is asked for again until it is certain.
func TestClosingThePaymentFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, mode := range []string{"error", "timeout", "done_but_timeout", "business_error"} {
		d := w.buy(t, 1)
		d.signsIn(t)
		w.Do(t, "alipay.fault", `{"api":"close","mode":%q,"times":2}`, mode)
		d.takeDown(t)
		d.unpaid(t, push.StatusInvalidated, push.CodeTakenDown)
		require.Equal(t, 1, d.count(t, push.PaymentClosed{}.EventType()), mode)
	}
}

// F7 and F8: money that comes although the push has ended goes back.
func TestMoneyComesTooLate(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		end    func(*testing.T, *deal)
		status push.Status
		reason string
	}{
		"F7 after the payment window": {
			func(*testing.T, *deal) {}, push.StatusExpired, string(push.ExpiryPaymentWindow),
		},
		"F8 after a takedown": {
			func(t *testing.T, d *deal) { d.takeDown(t) }, push.StatusInvalidated, push.CodeTakenDown,
		},
		"F8 after an invalidation": {
			func(t *testing.T, d *deal) { d.happens(t, "registrant_changed", 0) }, push.StatusInvalidated, push.CodeRegistrantChanged,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.Do(t, "alipay.fault", `{"api":"close","mode":"error","times":%d}`, ever)
			told, found := w.offer(t, 1), w.offer(t, 1)
			lasting := 10 * window
			if test.status == push.StatusExpired {
				lasting = window
			}
			for _, d := range []*deal{told, found} {
				d.accept(t, lasting)
				d.signsIn(t)
				test.end(t, d)
				d.await(t, func(state push.State) bool { return state.Status == test.status })
			}
			told.pay(t)
			found.pay(t, `"notify":"lost"`)
			w.Do(t, "alipay.fault", `{"api":"close","mode":"error","times":0}`)
			for _, d := range []*deal{told, found} {
				state := d.refunded(t, test.status, test.reason)
				d.places(t, seller)
				require.Equal(t, push.StrayLate, state.Strays[0].Cause)
			}
		})
	}
}
