package purchase_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/push"
)

// F25: the process dies right before or right after each record that it makes.
func TestTheProcessDies(t *testing.T) {
	t.Parallel()
	partners := newPartners(t)
	good := func(t *testing.T, d *deal) {
		d.accept(t, time.Hour)
		d.pay(t, `"notify":"lost"`)
	}
	bad := func(t *testing.T, d *deal) {
		d.fault(t, 1, "move", "refuse", 1)
		good(t, d)
	}
	never := func(t *testing.T, d *deal) { d.accept(t, window) }
	settled := func(t *testing.T, d *deal) { d.settled(t) }
	refunded := func(t *testing.T, d *deal) {
		d.refunded(t, push.StatusRefunded, push.CodeMoveRefused)
		d.places(t, seller)
	}
	expired := func(t *testing.T, d *deal) { d.unpaid(t, push.StatusExpired, string(push.ExpiryPaymentWindow)) }
	// Of some the seller is paid by confirming the trade.
	kept := map[string]string{
		push.Paid{}.EventType(): "2088000000000107", push.Completed{}.EventType(): "2088000000000107", push.Refunded{}.EventType(): "2088000000000107",
	}
	for event, test := range map[string]struct{ act, end func(*testing.T, *deal) }{
		push.PaymentOpened{}.EventType():     {good, settled},
		push.Paid{}.EventType():              {good, settled},
		push.DomainsHeld{}.EventType():       {good, settled},
		push.DomainMoved{}.EventType():       {good, settled},
		push.HoldsReleased{}.EventType():     {good, settled},
		push.PayoutRequested{}.EventType():   {good, settled},
		push.Completed{}.EventType():         {good, settled},
		push.DomainMoveRefused{}.EventType(): {bad, refunded},
		push.DomainReturned{}.EventType():    {bad, refunded},
		push.RefundRequested{}.EventType():   {bad, refunded},
		push.Refunded{}.EventType():          {bad, refunded},
		push.Expired{}.EventType():           {never, expired},
		push.PaymentClosed{}.EventType():     {never, expired},
	} {
		for when, written := range map[string]bool{"before": false, "after": true} {
			t.Run(when+" "+event, func(t *testing.T) {
				t.Parallel()
				w := ledgerAt(partners)
				w.merchant = kept[event]
				mortal := &crashing{Store: w.store, at: event, written: written, died: make(chan struct{})}
				first := w.run(t, mortal)
				d := w.offer(t, 2)
				test.act(t, d)
				select {
				case <-mortal.died:
				case <-time.After(patience):
					require.Fail(t, "it does not come to this record")
				}
				first.stop()
				w.run(t, w.store)
				test.end(t, d)
			})
		}
	}
}

// F26: two processes work on the same purchases; each number reaches the provider's
// books once.
func TestTwoProcessesWorkOnTheSamePurchases(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run(t, w.store)
	var good, bad []*deal
	for range 8 {
		good, bad = append(good, w.buy(t, 3)), append(bad, w.buy(t, 3))
	}
	for i := range good {
		bad[i].fault(t, 2, "move", "refuse", 1)
		good[i].pay(t, `"notify":"lost"`)
		bad[i].pay(t)
	}
	for i := range good {
		good[i].settled(t)
		bad[i].refunded(t, push.StatusRefunded, push.CodeMoveRefused)
		bad[i].places(t, seller)
	}
}
