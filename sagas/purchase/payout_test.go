package purchase_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/push"
)

// refusedPayout is a delivered push whose seller's account does not exist at Alipay.
func (w *world) refusedPayout(t *testing.T, of string) *deal {
	t.Helper()
	d := w.offerOf(t, of, 1, 0)
	w.Do(t, "alipay.payee", `{"account":"%s@example.com","exists":false}`, of)
	d.accept(t, time.Hour)
	d.pay(t)
	state := d.await(t, func(state push.State) bool { return state.Payout != nil && state.Payout.Progress == push.Refused })
	require.Equal(t, "PAYEE_NOT_EXIST", state.Payout.Code)
	require.Empty(t, d.owes(t, push.PayableAccount(d.seller), d.total).Payouts)
	return d
}

func (d *deal) isPaidTo(t *testing.T, account, payoutNo string) {
	t.Helper()
	d.await(t, func(state push.State) bool { return state.Status == push.StatusCompleted })
	payouts := d.Moved(t, d.id).Payouts
	require.Len(t, payouts, 1)
	require.Equal(t, account, payouts[0].Payee)
	require.Equal(t, payoutNo, payouts[0].OutBizNo)
}

// A corrected account gets a new number, since Alipay says that the old one has failed.
func TestAPayoutAfterTheSellerHasChangedItsAccount(t *testing.T) {
	t.Parallel()
	w, at := alarming(t, time.Hour)
	d := w.refusedPayout(t, "anna")
	require.True(t, d.state(t).Payout.Failed)
	w.Do(t, "accounts.set", `{"account":"anna","alipay_account":"right@example.com"}`)
	d.retries(t, at, payout)
	d.isPaidTo(t, "right@example.com", push.PayoutNo(d.id)+"_2")
}

// The same account keeps its number, and Alipay the refusal that it has given to it.
func TestAPayoutToTheSameAccountKeepsItsNumber(t *testing.T) {
	t.Parallel()
	w, at := alarming(t, time.Hour)
	d := w.refusedPayout(t, "anna")
	w.Do(t, "alipay.payee", `{"account":"anna@example.com","exists":true}`)
	d.retries(t, at, payout)
	state := d.await(t, func(state push.State) bool { return state.Payout.Refusals == 2 })
	require.Equal(t, push.PayoutNo(d.id), state.Payout.PayoutNo)
}

// Without Alipay's word that the old payout has failed, none is made to the new account.
func TestAChangedAccountWithoutAFailureStands(t *testing.T) {
	t.Parallel()
	w, at := alarming(t, time.Hour)
	w.Do(t, "alipay.fault", `{"api":"payout","mode":"business_error","times":%d}`, ever) // of which Alipay remembers nothing
	d := w.buy(t, 1)
	d.pay(t)
	state := d.await(t, func(state push.State) bool { return state.Payout != nil && state.Payout.Progress == push.Refused })
	require.False(t, state.Payout.Failed)
	w.Do(t, "accounts.set", `{"account":"anna","alipay_account":"right@example.com"}`)
	d.retries(t, at, payout)
	state = d.await(t, func(state push.State) bool { return state.Payout.Refusals == 2 })
	require.Equal(t, push.CodePayeeChanged, state.Payout.Code)
	require.Empty(t, d.owes(t, push.PayableAccount(d.seller), d.total).Payouts)
	w.Do(t, "accounts.set", `{"account":"anna","alipay_account":"anna@example.com"}`)
	w.Do(t, "alipay.fault", `{"api":"payout","mode":"business_error","times":0}`)
	d.retries(t, at, payout)
	d.isPaidTo(t, "anna@example.com", push.PayoutNo(d.id))
}

// DEALING is waited for, visibly; REFUND stands in the work list.
func TestAPayoutThatAlipayIsAt(t *testing.T) {
	t.Parallel()
	w, at := alarming(t, time.Hour)
	for status, paid := range map[string]bool{"SUCCESS": true, "FAIL": false, "REFUND": false} {
		d := w.buy(t, 1)
		w.Do(t, "alipay.payout", `{"push_id":%q,"status":"DEALING"}`, d.id)
		d.pay(t)
		d.awaitAlarm(t, at, payout, "DEALING")
		require.Empty(t, push.WorkList(d.state(t)))
		w.Do(t, "alipay.payout", `{"push_id":%q,"status":%q}`, d.id, status)
		if paid {
			d.isPaidTo(t, "anna@example.com", push.PayoutNo(d.id))
			continue
		}
		state := d.await(t, func(state push.State) bool { return state.Payout.Progress == push.Refused })
		require.Equal(t, status == "FAIL", state.Payout.Failed)
		require.Empty(t, d.owes(t, push.PayableAccount(d.seller), d.total).Payouts)
	}
}

// Without money the payout waits, and is made by itself once there is some.
func TestAPayoutWaitsForTheBalance(t *testing.T) {
	t.Parallel()
	w, at := alarming(t, time.Hour)
	d := w.buy(t, 1)
	d.fault(t, 0, "move", "pending", ever)
	d.pay(t)
	d.await(t, func(state push.State) bool { return state.Delivery == push.StageDelivering })
	w.Do(t, "alipay.balance", `{"amount":"99.99"}`)
	d.fault(t, 0, "move", "pending", 0)
	d.awaitAlarm(t, at, payout, "PAYER_BALANCE_NOT_ENOUGH")
	w.Do(t, "alipay.balance", `{"amount":"1000.00"}`)
	d.isPaidTo(t, "anna@example.com", push.PayoutNo(d.id))

	back := failing(t, w)
	back.refunded(t, push.StatusRefunded, push.CodeMoveRefused)
}

// A day's limit is waited for as well.
func TestAPayoutWaitsForTheNextDay(t *testing.T) {
	t.Parallel()
	w, at := alarming(t, time.Hour)
	w.Do(t, "alipay.limits", `{"day":"150.00"}`)
	first, second := w.buy(t, 1), w.buy(t, 1)
	first.pay(t)
	first.isPaidTo(t, "anna@example.com", push.PayoutNo(first.id))
	second.pay(t)
	second.awaitAlarm(t, at, payout, "EXCEED_LIMIT_DM_MAX_AMOUNT")
	w.Do(t, "alipay.limits", `{"day":"0.00"}`)
	second.isPaidTo(t, "anna@example.com", push.PayoutNo(second.id))
}
