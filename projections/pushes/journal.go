package pushes

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/pushledger/pushledger/aggregates/money"
	"github.com/pushledger/pushledger/aggregates/push"
)

// JournalRequest asks for lines of the journal. Every member may be empty.
type JournalRequest struct {
	PushID string `json:"push_id,omitzero"`
	Limit  int    `json:"limit,omitzero"`  // 1 to MaxLimit; 0: DefaultLimit
	Cursor string `json:"cursor,omitzero"` // of the page before
}

// JournalPage is a part of the journal, oldest line first.
type JournalPage struct {
	Entries    []JournalEntry `json:"entries" nullable:"false"`
	NextCursor string         `json:"next_cursor" doc:"of the next page; empty on the last"`
}

// JournalEntry is one line: an amount that moved from one account to another.
type JournalEntry struct {
	Seq    uint64    `json:"seq" doc:"sequence of the event that moved the money"`
	PushID string    `json:"push_id" doc:"empty for the fees on a bill"`
	Event  string    `json:"event" doc:"type of that event"`
	Time   time.Time `json:"time"`
	From   string    `json:"from"`
	To     string    `json:"to"`
	Amount money.Fen `json:"amount"`

	TradeNo   string `json:"trade_no,omitzero" doc:"of the trade that was paid or refunded, at the payment provider"`
	RequestNo string `json:"request_no,omitzero" doc:"of the refund, at the payment provider"`
	PayoutNo  string `json:"payout_no,omitzero" doc:"of the payout, at the payment provider"`
	BillDay   string `json:"bill_day,omitzero" doc:"day of the bill that fees are on, at the payment provider"`
}

// Journal lists the journal for those who see everything.
func (q *Queries) Journal(ctx context.Context, viewer Viewer, request JournalRequest) (JournalPage, error) {
	if err := viewer.mustSeeAll(); err != nil {
		return JournalPage{}, err
	}
	limit, err := pageLimit(request.Limit)
	if err != nil {
		return JournalPage{}, err
	}
	after, err := journalCursor(request.Cursor)
	if err != nil {
		return JournalPage{}, err
	}
	if last, err := q.log.LastSequence(ctx); err != nil {
		return JournalPage{}, err
	} else if after.first > 0 && uint64(after.first) > last {
		return JournalPage{}, RefuseQuery("cursor")
	}
	condition := ""
	args := []any{after.first, after.second, limit + 1}
	if request.PushID != "" {
		condition, args = "push_id = $4 AND ", append(args, request.PushID)
	}
	var page JournalPage
	err = q.Read(func(db *sql.DB) (err error) {
		page, err = journalPage(ctx, db, limit, `SELECT `+entryColumns+` FROM journal
			WHERE `+condition+`(seq, line) > ($1, CAST($2 AS INTEGER)) ORDER BY seq, line LIMIT $3`, args)
		return err
	})
	return page, err
}

const entryColumns = "seq, line, push_id, bill_day, event, at, from_account, to_account, amount, trade_no, request_no, payout_no"

// JournalSince reads all that was recorded since a moment, oldest line first, for the
// service itself.
func (q *Queries) JournalSince(ctx context.Context, from time.Time) ([]JournalEntry, error) {
	var page JournalPage
	err := q.Read(func(db *sql.DB) (err error) {
		page, err = journalPage(ctx, db, math.MaxInt, "SELECT "+entryColumns+" FROM journal WHERE at >= $1 ORDER BY seq, line", []any{from.UnixMicro()})
		return err
	})
	return page.Entries, err
}

func journalPage(ctx context.Context, db *sql.DB, limit int, query string, args []any) (JournalPage, error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return JournalPage{}, fmt.Errorf("pushes: journal: %w", err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err says all there is
	page := JournalPage{Entries: []JournalEntry{}}
	var last cursor
	for rows.Next() {
		if len(page.Entries) == limit { // the row beyond the page
			page.NextCursor = last.String()
			break
		}
		var entry JournalEntry
		var at int64
		if err := rows.Scan(&last.first, &last.second, &entry.PushID, &entry.BillDay, &entry.Event, &at, &entry.From, &entry.To, &entry.Amount,
			&entry.TradeNo, &entry.RequestNo, &entry.PayoutNo); err != nil {
			return JournalPage{}, fmt.Errorf("pushes: journal: %w", err)
		}
		entry.Seq, entry.Time = uint64(last.first), time.UnixMicro(at).UTC() //nolint:gosec // a sequence was stored
		page.Entries = append(page.Entries, entry)
	}
	if err := rows.Err(); err != nil {
		return JournalPage{}, fmt.Errorf("pushes: journal: %w", err)
	}
	return page, nil
}

func journalCursor(text string) (cursor, error) {
	if text == "" {
		return cursor{first: 0, second: "0"}, nil
	}
	after, err := parseCursor(text)
	if err != nil {
		return cursor{}, err
	}
	if _, err := strconv.ParseUint(after.second, 10, 16); err != nil {
		return cursor{}, RefuseQuery("cursor")
	}
	return after, nil
}

// BalancesRequest asks for all balances.
type BalancesRequest struct{}

// Balances is where all money is now.
type Balances struct {
	Balances []Balance `json:"balances" nullable:"false"`
	Sum      string    `json:"sum" doc:"of all balances; anything but 0.00 is a fault of the ledger"`
}

// Balance is what one account holds. That of the payment provider is negative by what
// it keeps for us.
type Balance struct {
	Account string `json:"account"`
	Balance string `json:"balance" doc:"in yuan, such as -1999.00"`
}

// Balances shows the provider's and the platform's account and every other one that is
// not empty, as far as they were ever used, to those who see everything.
func (q *Queries) Balances(ctx context.Context, viewer Viewer, _ BalancesRequest) (Balances, error) {
	if err := viewer.mustSeeAll(); err != nil {
		return Balances{}, err
	}
	var all Balances
	err := q.Read(func(db *sql.DB) (err error) {
		all, err = balances(ctx, db)
		return err
	})
	return all, err
}

func balances(ctx context.Context, db *sql.DB) (Balances, error) {
	rows, err := db.QueryContext(ctx, `
		SELECT account, amount FROM balances WHERE amount <> 0
		UNION SELECT account, amount FROM balances WHERE account IN ($1, $2)
		ORDER BY account`, push.ClearingAccount, push.FeeAccount)
	if err != nil {
		return Balances{}, fmt.Errorf("pushes: balances: %w", err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err says all there is
	all := Balances{Balances: []Balance{}}
	var sum money.Fen
	for rows.Next() {
		var account string
		var amount money.Fen
		if err := rows.Scan(&account, &amount); err != nil {
			return Balances{}, fmt.Errorf("pushes: balances: %w", err)
		}
		sum += amount
		all.Balances = append(all.Balances, Balance{Account: account, Balance: amount.String()})
	}
	if err := rows.Err(); err != nil {
		return Balances{}, fmt.Errorf("pushes: balances: %w", err)
	}
	all.Sum = sum.String()
	return all, nil
}
