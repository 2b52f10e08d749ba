package pushes_test

import (
	"database/sql"
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

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
			require.NoError(b, ledger.Runner.Read(func(db *sql.DB) error { return readBare(b, db) }))
		}
	})
}

func readBare(b *testing.B, db *sql.DB) error {
	b.Helper()
	rows, err := db.QueryContext(b.Context(), `SELECT seq, state FROM pushes
		WHERE seller = $1 AND status = $2 ORDER BY offered_at DESC, push_id DESC LIMIT 50`, "seller-7", "Offered")
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }() // Err tells
	count := 0
	for rows.Next() {
		var sequence uint64
		var state []byte
		if err := rows.Scan(&sequence, &state); err != nil {
			return err
		}
		count++
	}
	if count != 50 {
		return fmt.Errorf("%d rows", count)
	}
	return rows.Err()
}
