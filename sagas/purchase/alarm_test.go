package purchase_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/sagas/ledger"
)

var payout = push.Step{Kind: push.StepPayout}

// alarming is a world in which what is put off is tried again soon.
func alarming(t *testing.T, probe time.Duration) (*world, running) {
	t.Helper()
	w := ledgerAt(newPartners(t))
	w.probe, w.later = probe, 50*time.Millisecond
	w.invalidate(t)
	at := w.run(t, w.store)
	w.takeNotifications(at.saga)
	return w, at
}

func (d *deal) retries(t *testing.T, at running, step push.Step) {
	t.Helper()
	_, err := d.ledger.Decide(t.Context(), command("operator"), d.id, func(known ledger.Push) ([]push.Event, error) {
		return push.DecideRetry(known.State, push.Retry{
			Task: push.Task{Step: step.Kind}, Actor: "operator", Reason: "seen to", Alarmed: at.saga.IsAlarmed(d.id, step),
		}, now())
	})
	require.NoError(t, err)
}

// awaitAlarm waits until a step is said to wait for somebody, with a code.
func (d *deal) awaitAlarm(t *testing.T, at running, step push.Step, code string) {
	t.Helper()
	require.Eventually(t, func() bool {
		_, next, reason, since := at.saga.Attempts(d.id, step)
		return !since.IsZero() && !next.IsZero() && strings.Contains(reason, code)
	}, patience, 5*time.Millisecond)
	require.Contains(t, at.saga.Alarmed(), d.id)
}

// A configuration that is wrong raises an alarm, and nothing is called in vain: whoever has
// seen to it has one push try, and all go on.
func TestAWrongConfigurationIsAnAlarm(t *testing.T) {
	t.Parallel()
	w, at := alarming(t, time.Hour)
	w.Do(t, "alipay.fault", `{"api":"payout","mode":"business_error","code":"40006","sub_code":"isv.insufficient-isv-permissions","times":%d}`, ever)
	first := w.buy(t, 1)
	first.pay(t)
	first.awaitAlarm(t, at, payout, "isv.insufficient-isv-permissions")
	before, _, _, _ := at.saga.Attempts(first.id, payout) // more than one if an answer took too long
	require.NotZero(t, before)
	require.Equal(t, "alipay.fund.trans.uni.transfer", at.saga.Misconfigured()[0].API)
	second := w.buy(t, 1)
	second.pay(t)
	second.await(t, func(state push.State) bool { return state.Payout != nil })
	require.Eventually(t, func() bool { return at.saga.IsAlarmed(second.id, payout) }, patience, 5*time.Millisecond)
	attempts, _, reason, _ := at.saga.Attempts(second.id, payout)
	require.Zero(t, attempts, "the second does not even try")
	require.Contains(t, reason, "isv.insufficient-isv-permissions")

	first.retries(t, at, payout)
	require.Eventually(t, func() bool { again, _, _, _ := at.saga.Attempts(first.id, payout); return again > before }, patience, 5*time.Millisecond, "a retry tries at once")
	w.Do(t, "alipay.fault", `{"api":"payout","mode":"business_error","times":0}`)
	second.retries(t, at, payout)
	second.settled(t)
	first.settled(t)
	require.Empty(t, at.saga.Alarmed())
	require.Empty(t, at.saga.Misconfigured())
}

// While nobody retries, one push tries once in a while, and then all go on by themselves.
func TestAWrongConfigurationIsTriedOnceInAWhile(t *testing.T) {
	t.Parallel()
	w, at := alarming(t, 100*time.Millisecond)
	w.Do(t, "alipay.fault", `{"api":"refund","mode":"business_error","code":"40002","sub_code":"isv.invalid-signature","times":%d}`, ever)
	var deals []*deal
	for range 3 {
		d := failing(t, w)
		d.await(t, func(state push.State) bool { return state.Refund != nil })
		deals = append(deals, d)
	}
	require.Eventually(t, func() bool { return len(at.saga.Alarmed()) == len(deals) }, patience, 5*time.Millisecond)
	w.Do(t, "alipay.fault", `{"api":"refund","mode":"business_error","times":0}`)
	for _, d := range deals {
		d.refunded(t, push.StatusRefunded, push.CodeMoveRefused)
	}
}

// What Alipay will do later is no refusal: it is tried again by itself, visibly.
func TestWhatAlipayPutsOffIsTriedAgain(t *testing.T) {
	t.Parallel()
	w, at := alarming(t, time.Hour)
	w.Do(t, "alipay.fault", `{"api":"payout","mode":"business_error","code":"40004","sub_code":"EXCEED_LIMIT_DM_MAX_AMOUNT","times":%d}`, ever)
	w.Do(t, "alipay.fault", `{"api":"refund","mode":"business_error","code":"40004","sub_code":"ACQ.REFUND_CHARGE_ERROR","times":%d}`, ever)
	paid, back := w.buy(t, 1), failing(t, w)
	paid.pay(t)
	paid.awaitAlarm(t, at, payout, "EXCEED_LIMIT_DM_MAX_AMOUNT")
	state := back.await(t, func(state push.State) bool { return state.Refund != nil })
	back.awaitAlarm(t, at, push.Step{Kind: push.StepRefund, RequestNo: state.Refund.RequestNo}, "ACQ.REFUND_CHARGE_ERROR")
	require.Empty(t, push.WorkList(paid.state(t)), "the log knows of no refusal")
	require.Empty(t, push.WorkList(back.state(t)))
	require.NotZero(t, w.postponed.Load())
	w.Do(t, "alipay.fault", `{"api":"payout","mode":"business_error","times":0}`)
	w.Do(t, "alipay.fault", `{"api":"refund","mode":"business_error","times":0}`)
	paid.settled(t)
	back.refunded(t, push.StatusRefunded, push.CodeMoveRefused)
}

// A payout that was done and not answered stays unknown, whatever is said afterwards of the
// configuration: nobody can settle it by hand.
func TestAnUnknownPayoutStaysUnknownUnderAnAlarm(t *testing.T) {
	t.Parallel()
	w, at := alarming(t, time.Hour)
	d := w.buy(t, 1)
	w.Do(t, "alipay.fault", `{"api":"payout","mode":"done_but_timeout","times":1,"push_id":%q}`, d.id)
	d.pay(t)
	require.Eventually(t, func() bool {
		tried, _, _, _ := at.saga.Attempts(d.id, payout)
		return tried == 1 || d.state(t).Status == push.StatusCompleted
	}, patience, 5*time.Millisecond)
	w.Do(t, "alipay.fault", `{"api":"payout","mode":"business_error","code":"40002","sub_code":"isv.missing-app-cert-sn","times":%d}`, ever)
	state := d.await(t, func(push.State) bool {
		return at.saga.IsAlarmed(d.id, payout) || d.state(t).Status == push.StatusCompleted
	})
	if state.Status != push.StatusCompleted { // the answer was lost, and then the call
		_, err := push.DecideSettle(state, push.Settle{Task: push.Task{Step: push.StepPayout}, Actor: "operator", Reason: "x", Reference: "y"}, push.DomainFacts{}, now())
		require.ErrorContains(t, err, push.CodeNotWaiting)
	}
	w.Do(t, "alipay.fault", `{"api":"payout","mode":"business_error","times":0}`)
	if state.Status != push.StatusCompleted {
		d.retries(t, at, payout)
	}
	d.settled(t)
}
