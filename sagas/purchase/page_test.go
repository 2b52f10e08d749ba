package purchase_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/push"
)

// A page that could be opened is no trade: until the buyer signs in there is none that could be
// closed, and one may come up at any time until the order is over.
func TestAPageThatWasOpenedIsNoTrade(t *testing.T) {
	t.Parallel()
	partners := newPartners(t)
	w := ledgerAt(partners)
	w.takeNotifications(w.run(t, w.store).saga)
	for name, test := range map[string]func(*testing.T){
		"nobody opens it, and the payment is closed once the window is over": func(t *testing.T) {
			d := w.offer(t, 1)
			d.accept(t, window)
			d.await(t, opened)
			state := d.ends(t, push.StatusExpired)
			require.True(t, state.Payment.Closed)
			require.Equal(t, "trade_closed", d.Refused(t, "alipay.pay", `{"push_id":%q}`, d.id))
			require.Equal(t, "trade_closed", d.Refused(t, "alipay.open", `{"push_id":%q}`, d.id))
		},
		"the buyer signs in and goes": func(t *testing.T) {
			d := w.offer(t, 1)
			d.accept(t, window)
			d.signsIn(t)
			d.unpaid(t, push.StatusExpired, string(push.ExpiryPaymentWindow))
		},
		"F8 paid after a takedown, on a page that was opened before it": func(t *testing.T) {
			d := w.buy(t, 1)
			d.await(t, opened)
			d.takeDown(t)
			d.pay(t)
			state := d.refunded(t, push.StatusInvalidated, push.CodeTakenDown)
			require.Equal(t, push.StrayLate, state.Strays[0].Cause)
			require.Zero(t, d.count(t, push.PaymentClosed{}.EventType()))
		},
		"signed in after a takedown, and closed": func(t *testing.T) {
			d := w.buy(t, 1)
			d.await(t, opened)
			d.takeDown(t)
			d.signsIn(t)
			d.unpaid(t, push.StatusInvalidated, push.CodeTakenDown)
		},
		"taken down, and nobody ever signs in": func(t *testing.T) {
			d := w.offer(t, 1)
			d.accept(t, window)
			d.await(t, opened)
			d.takeDown(t)
			d.unpaid(t, push.StatusInvalidated, push.CodeTakenDown)
		},
		"F10 Alipay shows a page of errors for as long as the window lasts": func(t *testing.T) {
			d := w.offer(t, 1)
			w.Do(t, "alipay.fault", `{"api":"create","mode":"business_error","times":%d,"push_id":%q}`, ever, d.id)
			d.accept(t, window)
			d.unpaid(t, push.StatusExpired, string(push.ExpiryPaymentWindow))
			require.Zero(t, d.count(t, push.PaymentOpened{}.EventType()))
		},
		"F11 Alipay knows no trade at the first question": func(t *testing.T) {
			d := w.offer(t, 1)
			d.accept(t, window)
			d.signsIn(t)
			w.Do(t, "alipay.fault", `{"api":"close","mode":"business_error","times":%d,"push_id":%q}`, ever, d.id)
			d.await(t, func(state push.State) bool { return state.Status == push.StatusExpired })
			d.pay(t)
			state := d.refunded(t, push.StatusExpired, string(push.ExpiryPaymentWindow))
			require.Equal(t, push.StrayLate, state.Strays[0].Cause)
			require.Zero(t, d.count(t, push.PaymentClosed{}.EventType()))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t)
		})
	}
}

// F28: our clock alone does not end an order.
func TestAnOrderEndsByAlipaysClock(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.SetAlipaysClock(-10 * time.Minute)
	late, never := w.offer(t, 1), w.offer(t, 1)
	for _, d := range []*deal{late, never} {
		d.accept(t, window)
		d.await(t, opened)
	}
	for _, d := range []*deal{late, never} {
		state := d.await(t, func(state push.State) bool {
			return state.Status == push.StatusExpired && now().After(state.Payment.PayBy.Add(3*time.Second))
		})
		require.False(t, state.Payment.Closed, "by Alipay's clock it can still be paid")
	}
	late.pay(t)
	late.refunded(t, push.StatusExpired, string(push.ExpiryPaymentWindow))
	w.SetAlipaysClock(0)
	never.unpaid(t, push.StatusExpired, string(push.ExpiryPaymentWindow))
}
