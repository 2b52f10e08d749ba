package pushes_test

import (
	"fmt"
	"testing"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/projections/pushes/pushestest"
)

// BenchmarkRebuild fills the model from a log of complete purchases, of which ten are
// under way at any time.
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
	events := 0
	for b.Loop() {
		b.StopTimer()
		fresh := pushestest.Over(b, ledger.Log)
		b.StartTimer()
		fresh.Run(b)
		events += int(last)
	}
	b.ReportMetric(float64(events)/b.Elapsed().Seconds(), "events/s")
}
