package pushes

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/pushledger/pushledger/aggregates/daybill"
	"github.com/pushledger/pushledger/eventstore"
)

const billColumns = "bills (day, seq, at, fees, fees_back, payments, refunds, expenses, differences, digest)"

// addBill folds what became of the bill of a day.
func (f *folding) addBill(recorded eventstore.Recorded, event daybill.Event) {
	f.post(recorded, "", recorded.Stream.Key, daybill.Postings(event))
	switch e := event.(type) {
	case daybill.Reconciled:
		f.bills = append(f.bills, recorded.Stream.Key, recorded.Sequence, recorded.Time.UnixMicro(), int64(e.Fees), int64(e.FeesBack),
			e.Payments, e.Refunds, e.Expenses, e.Differences, e.Digest)
	}
}

// BillsRequest asks for the days that were reconciled. Every member may be empty.
type BillsRequest struct {
	Limit  int    `json:"limit,omitzero"`  // 1 to MaxLimit; 0: DefaultLimit
	Before string `json:"before,omitzero"` // only days before this one, "2006-01-02"
}

// BillsPage is a part of the days that were reconciled, the newest first.
type BillsPage struct {
	Bills []DayBill `json:"bills" nullable:"false"`
}

// DayBill is the payment provider's bill of one day, as it was when the journal was held
// against it for the first time.
type DayBill struct {
	daybill.Found
	Seq uint64    `json:"seq" doc:"sequence of the event that booked the fees"`
	At  time.Time `json:"at"`
}

// Bills lists the days that were reconciled to those who see everything.
func (q *Queries) Bills(ctx context.Context, viewer Viewer, request BillsRequest) (BillsPage, error) {
	if err := viewer.mustSeeAll(); err != nil {
		return BillsPage{}, err
	}
	limit, err := pageLimit(request.Limit)
	if err != nil {
		return BillsPage{}, err
	}
	if _, err := time.Parse(time.DateOnly, request.Before); err != nil && request.Before != "" {
		return BillsPage{}, RefuseQuery("before")
	}
	var page BillsPage
	err = q.Read(func(db *sql.DB) (err error) {
		page, err = billsPage(ctx, db, request.Before, limit)
		return err
	})
	return page, err
}

func billsPage(ctx context.Context, db *sql.DB, before string, limit int) (BillsPage, error) {
	rows, err := db.QueryContext(ctx, `SELECT day, seq, at, fees, fees_back, payments, refunds, expenses, differences, digest FROM bills
		WHERE $1 = '' OR day < $1 ORDER BY day DESC LIMIT $2`, before, limit)
	if err != nil {
		return BillsPage{}, fmt.Errorf("pushes: bills: %w", err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err says all there is
	page := BillsPage{Bills: []DayBill{}}
	for rows.Next() {
		var day DayBill
		var at int64
		if err := rows.Scan(&day.Day, &day.Seq, &at, &day.Fees, &day.FeesBack, &day.Payments, &day.Refunds, &day.Expenses, &day.Differences, &day.Digest); err != nil {
			return BillsPage{}, fmt.Errorf("pushes: bills: %w", err)
		}
		day.At = time.UnixMicro(at).UTC()
		page.Bills = append(page.Bills, day)
	}
	if err := rows.Err(); err != nil {
		return BillsPage{}, fmt.Errorf("pushes: bills: %w", err)
	}
	return page, nil
}
