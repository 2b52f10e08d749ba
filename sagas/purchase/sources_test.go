package purchase_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/sagas/ledger"
)

// Rule T6, at Alipay's door: what is not known to be the buyer's money does not pay.
func TestSourcesOfThePayment(t *testing.T) {
	t.Parallel()
	w := ledgerAt(newPartners(t))
	w.takeNotifications(w.run(t, w.store).saga)
	const coupon = `"sources":[{"channel":"ALIPAYACCOUNT","amount":"95.00"},{"channel":"MCOUPON","amount":"5.00"}]`
	for name, test := range map[string]func(*testing.T){
		"a debit card pays": func(t *testing.T) {
			d := w.buy(t, 1)
			d.pay(t, `"channel":"BANKCARD"`)
			d.settled(t)
		},
		"Alipay's own red packet pays": func(t *testing.T) {
			d := w.buy(t, 1)
			d.pay(t, `"sources":[{"channel":"ALIPAYACCOUNT","amount":"90.00"},{"channel":"COUPON","amount":"10.00"}]`)
			d.settled(t)
		},
		"a receipt that is not told pays": func(t *testing.T) {
			d := w.buy(t, 1)
			d.pay(t, `"receipt_amount":"0.00"`)
			d.settled(t)
		},
		"a card that is both is credit": func(t *testing.T) {
			d := w.buy(t, 1)
			d.pay(t, `"sources":[{"channel":"BANKCARD","fund_type":"MIXED_CARD"}]`)
			d.refunded(t, push.StatusRefunded, push.CodeCreditFunding)
		},
		"a merchant's coupon, notified": func(t *testing.T) { d := w.offer(t, 1); short(t, d, coupon) },
		"a merchant's coupon, asked":    func(t *testing.T) { d := w.offer(t, 1); short(t, d, coupon, `"notify":"lost"`) },
		"less received":                 func(t *testing.T) { d := w.offer(t, 1); short(t, d, `"receipt_amount":"95.00"`) },
		"less received, and no sources": func(t *testing.T) {
			d := w.offer(t, 1)
			short(t, d, `"receipt_amount":"95.00"`, `"silent_sources":true`)
		},
		"the merchant has not received it yet": func(t *testing.T) {
			d := w.buy(t, 1)
			d.pay(t, `"additional_status":"SELLER_NOT_RECEIVED"`)
			d.signsIn(t)
			time.Sleep(2 * time.Second) // notified and asked for several times
			require.Equal(t, push.StatusAccepted, d.state(t).Status)
			d.Do(t, "alipay.arrive", `{"push_id":%q}`, d.id)
			d.settled(t)
		},
		"sources are told late": func(t *testing.T) {
			d := w.offer(t, 1)
			d.accept(t, window)
			d.pay(t, `"silent_sources":true`)
			d.await(t, func(state push.State) bool { return state.ExpiredBy(now().Add(-time.Second)) })
			require.Equal(t, push.StatusAccepted, d.state(t).Status, "it is paid, from whatever: its window does not end it")
			d.Do(t, "alipay.arrive", `{"push_id":%q}`, d.id)
			d.settled(t)
		},
		"a trade that is finished": func(t *testing.T) {
			d := w.buy(t, 1)
			d.pay(t, `"channel":"PCREDIT"`, `"finished":true`)
			state := d.await(t, func(state push.State) bool { return len(push.WorkList(state)) == 1 })
			work := push.WorkList(state)[0]
			require.Equal(t, "ACQ.TRADE_HAS_FINISHED", work.Code)
			require.Contains(t, work.Message, "can be refunded no more")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t)
		})
	}
}

// short demands one refund of what the buyer paid, and that nobody is paid from it.
func short(t *testing.T, d *deal, pay ...string) {
	t.Helper()
	d.accept(t, window)
	d.pay(t, pay...)
	state := d.refunded(t, push.StatusExpired, string(push.ExpiryPaymentWindow))
	require.Equal(t, push.StrayAmountMismatch, state.Strays[0].Cause)
	require.EqualValues(t, 95_00, d.Moved(t, d.id).Refunds[0].Amount)
	d.places(t, seller)
}

func TestAnUnknownChannelRaisesAnAlarm(t *testing.T) {
	t.Parallel()
	w := ledgerAt(newPartners(t))
	w.takeNotifications(w.run(t, w.store).saga)
	d := w.buy(t, 1)
	d.pay(t, `"channel":"TMARKETING"`, `"notify":"twice"`)
	d.refunded(t, push.StatusRefunded, push.CodeUnknownChannel)
	d.places(t, seller)
	require.EqualValues(t, 1, w.unknown.Load())
}

// Nobody says from what was paid, for good: a person decides.
func TestSilenceAboutSourcesEndsWithAPerson(t *testing.T) {
	t.Parallel()
	w := ledgerAt(newPartners(t))
	w.sources = time.Second
	w.takeNotifications(w.run(t, w.store).saga)
	for _, decision := range []push.Decision{push.DecisionAcceptPayment, push.DecisionRefundBuyer} {
		t.Run(string(decision), func(t *testing.T) {
			t.Parallel()
			d := w.offer(t, 1)
			d.accept(t, window)
			d.pay(t, `"silent_sources":true`)
			d.await(t, func(state push.State) bool { return len(push.WorkList(state)) == 1 })
			d.owes(t, push.SuspenseAccount(push.TradeNo(d.id)), d.total)
			state := d.await(t, func(state push.State) bool { return now().After(state.Payment.PayBy.Add(time.Second)) })
			require.Equal(t, push.StatusAccepted, state.Status, "only a person ends it")
			_, err := d.ledger.Decide(t.Context(), command("operator"), d.id, func(known ledger.Push) ([]push.Event, error) {
				order := push.Settle{Task: push.Task{Step: push.StepCheckFunding}, Decision: decision, Actor: "operator", Reason: "asked", Reference: "t-1"}
				return push.DecideSettle(known.State, order, push.DomainFacts{}, now())
			})
			require.NoError(t, err)
			if decision == push.DecisionAcceptPayment {
				d.settled(t)
				return
			}
			d.refunded(t, push.StatusRefunded, push.CodeSourcesUntold)
			d.places(t, seller)
		})
	}
}
