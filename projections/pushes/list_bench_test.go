package pushes_test

import (
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/projections/pushes"
	"github.com/pushledger/pushledger/projections/pushes/pushestest"
)

var listPushes = flag.Int("pushes", 20_000, "pushes in the read model of BenchmarkList; the target is for 1000000")

// BenchmarkList measures Q2: a list of 50 by seller and status, against the bare SQL query
// that reads the same rows.
func BenchmarkList(b *testing.B) {
	ledger := pushestest.New(b)
	for i := range *listPushes {
		id := fmt.Sprintf("p-%d", i)
		ledger.Record(b, id, pushestest.At(pushestest.Offered(id, fmt.Sprintf("seller-%d", i%100), "bo"), time.Duration(i)*time.Second))
	}
	ledger.Run(b)
	b.Run("ours", func(b *testing.B) {
		viewer := pushes.Viewer{Account: "seller-7"}
		for b.Loop() {
			page, err := ledger.Queries.Pushes(b.Context(), viewer, pushes.ListRequest{Role: "seller", Status: "Offered", Limit: 50})
			if err != nil || len(page.Pushes) != 50 {
				b.Fatal(err, len(page.Pushes))
			}
		}
	})
	b.Run("bare SQL", func(b *testing.B) {
		for b.Loop() {
			count, err := ledger.Queries.Bare(b.Context(), "seller-7", push.StatusOffered, 50)
			if err != nil || count != 50 {
				b.Fatal(err, count)
			}
		}
	})
}
