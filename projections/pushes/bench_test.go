package pushes_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/eventstore"
	"github.com/pushledger/pushledger/projections"
	"github.com/pushledger/pushledger/projections/accounts"
	"github.com/pushledger/pushledger/projections/pushes"
	"github.com/pushledger/pushledger/projections/pushes/pushestest"
)

// BenchmarkRebuild fills each read model from a log of complete purchases, of which ten
// are under way at any time (target R3: at least 50,000 events/s).
func BenchmarkRebuild(b *testing.B) {
	const purchases, together = 2000, 10
	ledger := pushestest.New(b)
	for start := 0; start < purchases; start += together {
		var histories [][]push.Event
		for i := range together {
			id := fmt.Sprintf("p-%d", start+i)
			offered := pushestest.Offered(id, "anna", "bo", domainname.Name(id+".com"))
			histories = append(histories, append([]push.Event{offered}, pushestest.Purchase(offered)...))
		}
		for step := range histories[0] {
			for i, history := range histories {
				ledger.Record(b, fmt.Sprintf("p-%d", start+i), history[step])
			}
		}
	}
	last, err := ledger.Log.LastSequence(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	for _, model := range []projections.Model{pushes.Model(), accounts.Model()} {
		b.Run(model.Name, func(b *testing.B) {
			for b.Loop() {
				rebuild(b, model, ledger.Log)
			}
			b.ReportMetric(float64(last)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// rebuild makes a read model in a new file and throws it away.
func rebuild(b *testing.B, model projections.Model, log eventstore.Store) {
	b.Helper()
	db, err := projections.Open(b.Context(), filepath.Join(b.TempDir(), "read.db"), slog.New(slog.DiscardHandler), model)
	if err != nil {
		b.Fatal(err)
	}
	runner := projections.NewRunner(model, db, log, slog.New(slog.DiscardHandler))
	ctx, stop := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- runner.Run(ctx) }()
	err = runner.WaitReady(ctx)
	stop()
	if err := errors.Join(err, <-ended, db.Close()); err != nil {
		b.Fatal(err)
	}
}
