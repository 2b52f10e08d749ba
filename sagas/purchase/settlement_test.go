package purchase_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/push"
)

// failing is a paid push whose only domain is refused, so that its money goes back.
func failing(t *testing.T, w *world) *deal {
	d := w.buy(t, 1)
	d.fault(t, 0, "move", "refuse", 1)
	d.pay(t)
	return d
}

// F21: the same request number, exactly one refund.
func TestRefundsFail(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, w *world) {
		for _, mode := range []string{"error", "timeout", "done_but_timeout"} {
			w.Do(t, "alipay.fault", `{"api":"refund","mode":%q,"times":2}`, mode)
			d := failing(t, w)
			d.refunded(t, push.StatusRefunded, push.CodeMoveRefused)
			d.places(t, seller)
		}
	})
}

// F22: what the provider will not refund stays owed to the buyer.
func TestARefundIsRefused(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, w *world) {
		w.Do(t, "alipay.fault", `{"api":"refund","mode":"business_error","times":%d}`, ever)
		d := failing(t, w)
		state := d.ends(t, push.StatusInvalidated)
		require.Equal(t, push.Refused, state.Refund.Progress)
		require.Equal(t, "ACQ.TRADE_NOT_ALLOW_REFUND", state.Refund.Code)
		require.NotEmpty(t, state.Refund.Message)
		d.owes(t, push.RefundDueAccount(buyer), d.total)
		d.places(t, seller)

		credit := w.buy(t, 1)
		credit.pay(t, `"channel":"CREDITCARD"`)
		credit.ends(t, push.StatusInvalidated)
		credit.owes(t, push.SuspenseAccount(push.TradeNo(credit.id)), credit.total)
		credit.places(t, seller)
	})
}

// F23: the same number, exactly one payout.
func TestPayoutsFail(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, w *world) {
		for _, mode := range []string{"error", "timeout", "done_but_timeout"} {
			w.Do(t, "alipay.fault", `{"api":"payout","mode":%q,"times":2}`, mode)
			d := w.buy(t, 2)
			d.pay(t)
			d.settled(t)
		}
	})
}

// F24: the domains stay with the buyer, and the money stays owed to the seller.
func TestAPayoutIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Do(t, "alipay.fault", `{"api":"payout","mode":"business_error","times":%d}`, ever)
	refused := w.buy(t, 2)
	refused.pay(t)
	refused.owed(t, "PAYEE_NOT_EXIST")

	unbound := w.offerOf(t, "sue", 1, 0)
	w.Do(t, "accounts.set", `{"account":"sue","alipay_account":""}`)
	unbound.accept(t, window)
	unbound.pay(t)
	unbound.owed(t, push.CodeSellerNoAlipay)
}

// owed demands that the seller could not be paid.
func (d *deal) owed(t *testing.T, code string) {
	t.Helper()
	state := d.await(t, func(state push.State) bool { return state.Payout != nil && state.Payout.Progress == push.Refused })
	require.Equal(t, push.StatusPaid, state.Status)
	require.Empty(t, push.Next(state))
	require.Equal(t, code, state.Payout.Code)
	require.NotEmpty(t, state.Payout.Message)
	require.Empty(t, d.owes(t, push.PayableAccount(d.seller), d.total).Payouts)
	for _, facts := range d.Facts(t, d.domains...) {
		require.Equal(t, buyer, facts.Account)
	}
}

// F9 and F21 together: what was paid twice goes back even if the push is completed long
// before, and also if the process was restarted since.
func TestMoneyPaidTwiceGoesBackAfterTheEnd(t *testing.T) {
	t.Parallel()
	w := ledgerAt(newPartners(t))
	first := w.run(t, w.store)
	w.takeNotifications(first.saga)
	w.Do(t, "alipay.fault", `{"api":"refund","mode":"error","times":%d}`, ever)
	d := halfDelivered(t, w)
	d.pay(t)
	d.await(t, func(state push.State) bool { return len(state.Strays) == 1 })
	d.fault(t, 1, "move", "pending", 0)
	d.await(t, func(state push.State) bool { return state.Status == push.StatusCompleted })
	first.stop()
	w.Do(t, "alipay.fault", `{"api":"refund","mode":"error","times":0}`)
	w.run(t, w.store)
	d.settled(t)
}
