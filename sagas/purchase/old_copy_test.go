package purchase_test

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/sagas/ledger"
	"github.com/pushledger/pushledger/sagas/purchase"
)

// Fault F41: the newer log brought everything back and refunded the buyer. An old copy of it,
// from before the first move, sees every number used already and pays nobody.
func TestAnOldCopyDoesNotPayForWhatWentBack(t *testing.T) {
	t.Parallel()
	for _, holds := range []bool{true, false} {
		t.Run(fmt.Sprint("holds ", holds), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			d := w.buy(t, 2)
			if !holds {
				w.NeverHold(t, d.domains...)
			}
			d.fault(t, 1, "move", "pending", ever)
			d.pay(t)
			d.await(t, delivered(1))
			d.takeDown(t)
			d.fault(t, 1, "move", "pending", 0)
			d.ends(t, push.StatusRefunded)

			copied := &deal{world: ledgerAt(w.Partners), id: d.id, seller: seller, domains: d.domains, total: d.total}
			copied.copyUntil(t, d, push.DomainsHeld{}.EventType())
			saga := purchase.New(purchase.Config{
				Store: copied.store, Ledger: ledger.New(copied.store), Provider: w.Provider, Registrar: w.Registrar, Directory: w.Registrar,
				Logger: slog.New(slog.DiscardHandler), Now: now, Workers: 4, PollFirst: 100 * time.Millisecond, PollLongest: 500 * time.Millisecond, CloseGrace: time.Second,
			})
			background(t, saga.Run)
			copied.ends(t, push.StatusRefunded)
			moved := d.Moved(t, d.id)
			require.Empty(t, moved.Payouts)
			require.Len(t, moved.Refunds, 1)
			d.places(t, seller, seller)
		})
	}
}

// copyUntil records of a push what another log has of it, up to the first event of a type.
func (d *deal) copyUntil(t *testing.T, from *deal, eventType string) {
	t.Helper()
	history, err := from.store.Load(t.Context(), ledger.PushStream(d.id))
	require.NoError(t, err)
	for _, recorded := range history {
		if recorded.Type == eventType {
			return
		}
		events := []push.Event{recorded.Event.(push.Event)}
		if _, first := recorded.Event.(push.Offered); first {
			_, err = d.ledger.Offer(t.Context(), recorded.Metadata, d.id, d.domains, func(ledger.Push, map[domainname.Name]string) ([]push.Event, error) {
				return events, nil
			})
		} else {
			_, err = d.ledger.Record(t.Context(), d.id, func(push.State) []push.Event { return events })
		}
		require.NoError(t, err)
	}
}
