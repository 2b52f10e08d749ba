package accounts

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/pushledger/pushledger/aggregates/money"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/projections/pushes"
)

// figures are what is counted of one day.
type figures struct {
	offered, completed, refunded int
	turnover                     money.Fen
}

// count is what one event adds to its day, but the turnover of a completed push.
func count(event push.Event) figures {
	switch event.(type) {
	case push.Offered:
		return figures{offered: 1}
	case push.Completed:
		return figures{completed: 1}
	case push.Refunded:
		return figures{refunded: 1}
	default:
		return figures{}
	}
}

func (f figures) plus(more figures) figures {
	return figures{f.offered + more.offered, f.completed + more.completed, f.refunded + more.refunded, f.turnover + more.turnover}
}

func (f *folding) finish(ctx context.Context) error {
	if err := f.Insert(ctx, "parties (push_id, seller, buyer, total, domain, domains)", 6, f.offers); err != nil {
		return fmt.Errorf("accounts: write parties: %w", err)
	}
	if err := f.Insert(ctx, "statement_lines (account, at, seq, push_id, event, amount, fee)", 7, f.lines); err != nil {
		return fmt.Errorf("accounts: write lines: %w", err)
	}
	for _, of := range slices.SortedFunc(maps.Keys(f.days), func(a, b dayOf) int {
		return cmp.Or(cmp.Compare(a.account, b.account), cmp.Compare(a.day, b.day))
	}) {
		day := f.days[of]
		err := f.Run(ctx, `
			INSERT INTO days (account, day, offered, completed, refunded, turnover) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (account, day) DO UPDATE SET offered = offered + excluded.offered,
				completed = completed + excluded.completed, refunded = refunded + excluded.refunded,
				turnover = turnover + excluded.turnover`,
			of.account, of.day, day.offered, day.completed, day.refunded, int64(day.turnover))
		if err != nil {
			return fmt.Errorf("accounts: write %s: %w", of.day, err)
		}
	}
	return nil
}

// DailyRequest asks for the figures of each day. Every member may be empty.
type DailyRequest struct {
	Account string `json:"account,omitzero"` // the viewer's own unless it sees all; empty: the own, or all together
	From    string `json:"from,omitzero"`    // first day, 2026-11-02
	To      string `json:"to,omitzero"`      // last day
}

// Daily is the figures of each day on which something happened, oldest first.
type Daily struct {
	Days []Day `json:"days" nullable:"false"`
}

// Day is the figures of one day in UTC.
type Day struct {
	Day       string `json:"day" format:"date"`
	Offered   int    `json:"offered"`
	Completed int    `json:"completed"`
	Refunded  int    `json:"refunded"`
	Turnover  string `json:"turnover" doc:"totals of the pushes completed that day, in yuan"`
}

// maxDays bounds an answer: ten years.
const maxDays = 3660

// Daily shows the figures of each day: of all accounts to those who see everything, of
// the own pushes to everybody else.
func (q *Queries) Daily(ctx context.Context, viewer pushes.Viewer, request DailyRequest) (Daily, error) {
	account := request.Account
	if !viewer.SeesAll {
		if account != "" && account != viewer.Account {
			return Daily{}, pushes.NotTheAccount()
		}
		account = viewer.Account
	}
	for name, day := range map[string]string{"from": request.From, "to": request.To} {
		if _, err := time.Parse(time.DateOnly, day); day != "" && err != nil {
			return Daily{}, pushes.RefuseQuery(name, "a day such as 2026-11-02")
		}
	}
	if request.To != "" && request.From > request.To {
		return Daily{}, pushes.RefuseQuery("from, which is after to,")
	}
	daily := Daily{Days: []Day{}}
	err := q.Read(func(db *sql.DB) error {
		rows, err := db.QueryContext(ctx, `
			SELECT day, offered, completed, refunded, turnover FROM days
			WHERE account = $1 AND day >= $2 AND day <= $3
				AND offered + completed + refunded > 0 ORDER BY day LIMIT $4`,
			account, request.From, cmp.Or(request.To, "9999-12-31"), maxDays)
		if err != nil {
			return err
		}
		defer rows.Close() //nolint:errcheck // rows.Err says all there is
		for rows.Next() {
			var day Day
			var turnover money.Fen
			if err := rows.Scan(&day.Day, &day.Offered, &day.Completed, &day.Refunded, &turnover); err != nil {
				return err
			}
			day.Turnover = turnover.String()
			daily.Days = append(daily.Days, day)
		}
		return rows.Err()
	})
	if err != nil {
		return Daily{}, fmt.Errorf("accounts: days: %w", err)
	}
	return daily, nil
}
