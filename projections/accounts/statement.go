package accounts

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"time"

	"github.com/pushledger/pushledger/aggregates/money"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/aggregates/words"
	"github.com/pushledger/pushledger/projections"
	"github.com/pushledger/pushledger/projections/pushes"
)

// MaxLines bounds a statement; a longer one is asked for in parts.
const MaxLines = 10_000

// Queries answers questions. Its methods return a *push.Refusal when the answer is no.
// It is safe for concurrent use.
type Queries struct {
	*projections.Served // that of Model
}

// NewQueries answers from the read model as it is served.
func NewQueries(served *projections.Served) *Queries { return &Queries{served} }

// StatementRequest asks for the statement of an account. Times may be empty.
type StatementRequest struct {
	Account string `json:"account"`
	From    string `json:"from,omitzero"` // first instant, RFC 3339
	To      string `json:"to,omitzero"`   // first instant after, RFC 3339
}

// Statement is what the ledger held for an account, and how that changed. Opening
// balance and lines add up to the closing balance.
type Statement struct {
	Account        string          `json:"account"`
	Currency       string          `json:"currency" doc:"always CNY"`
	From           time.Time       `json:"from,omitzero" required:"false"`
	To             time.Time       `json:"to,omitzero" required:"false"`
	OpeningBalance string          `json:"opening_balance" doc:"held for the account just before the first line, in yuan"`
	Lines          []StatementLine `json:"lines" nullable:"false" doc:"oldest first"`
	ClosingBalance string          `json:"closing_balance"`
	Notice         string          `json:"notice" doc:"that this is no invoice"`
	NoticeZH       string          `json:"notice_zh"`
}

// StatementLine is money that came to be held for the account, or is not held for it any
// more.
type StatementLine struct {
	Seq     uint64    `json:"seq" doc:"sequence of the event that moved the money"`
	Time    time.Time `json:"time"`
	PushID  string    `json:"push_id"`
	Event   string    `json:"event" doc:"type of that event"`
	EN      string    `json:"en"`
	ZH      string    `json:"zh"`
	Amount  string    `json:"amount" doc:"in yuan, such as -1999.00"`
	Fee     string    `json:"fee,omitzero" required:"false" doc:"the platform's share, which is not in the amount"`
	Balance string    `json:"balance" doc:"after this line"`
}

// Statement shows an account's statement to the account itself and to those who see
// everything; nobody else may see it.
func (q *Queries) Statement(ctx context.Context, viewer pushes.Viewer, request StatementRequest) (Statement, error) {
	if !viewer.SeesAll && viewer.Account != request.Account {
		return Statement{}, pushes.NotTheAccount()
	}
	statement := Statement{Account: request.Account, Currency: "CNY", Lines: []StatementLine{}, Notice: words.NoInvoice.EN, NoticeZH: words.NoInvoice.ZH}
	first, last := int64(math.MinInt64), int64(math.MaxInt64)
	for _, bound := range []struct {
		name, text string
		at         *time.Time
		micros     *int64
	}{{"from", request.From, &statement.From, &first}, {"to", request.To, &statement.To, &last}} {
		if bound.text == "" {
			continue
		}
		at, err := time.Parse(time.RFC3339, bound.text)
		if err != nil {
			return Statement{}, pushes.RefuseQuery(bound.name, "a time such as 2026-11-02T00:00:00+08:00")
		}
		*bound.at, *bound.micros = at.UTC(), at.UnixMicro()
	}
	if request.From != "" && request.To != "" && first > last {
		return Statement{}, pushes.RefuseQuery("from, which is after to,")
	}
	err := q.Read(func(db *sql.DB) error { return statement.fill(ctx, db, first, last) })
	return statement, err
}

// fill reads both the balance and the lines in one transaction, so that they fit.
func (s *Statement) fill(ctx context.Context, db *sql.DB, first, last int64) error {
	tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return fmt.Errorf("accounts: statement: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // nothing was written
	var balance money.Fen
	err = tx.QueryRowContext(ctx, "SELECT COALESCE(SUM(amount), 0) FROM statement_lines WHERE account = $1 AND at < $2",
		s.Account, first).Scan(&balance)
	if err != nil {
		return fmt.Errorf("accounts: opening balance: %w", err)
	}
	s.OpeningBalance = balance.String()
	rows, err := tx.QueryContext(ctx, `
		SELECT at, seq, push_id, event, amount, fee, seller, buyer, domain, domains FROM statement_lines JOIN parties USING (push_id)
		WHERE account = $1 AND at >= $2 AND at < $3 ORDER BY at, seq LIMIT $4`, s.Account, first, last, MaxLines+1)
	if err != nil {
		return fmt.Errorf("accounts: statement: %w", err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err says all there is
	for rows.Next() {
		line, amount, err := s.readLine(rows)
		if err != nil {
			return fmt.Errorf("accounts: statement: %w", err)
		}
		if len(s.Lines) == MaxLines {
			return push.RefuseSaying(push.CodeTooLarge, push.Words{EN: "ask for a shorter time", ZH: "请缩短时间范围"})
		}
		balance += amount
		line.Balance = balance.String()
		s.Lines = append(s.Lines, line)
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("accounts: statement: %w", err)
	}
	s.ClosingBalance = balance.String()
	return nil
}

func (s *Statement) readLine(rows *sql.Rows) (line StatementLine, amount money.Fen, err error) {
	var at int64
	var trading parties
	entry := words.Entry{}
	err = rows.Scan(&at, &line.Seq, &line.PushID, &line.Event, &amount, &entry.Fee, &trading.seller, &trading.buyer, &entry.Domain, &entry.Domains)
	if err != nil {
		return StatementLine{}, 0, err
	}
	line.Time, line.Amount = time.UnixMicro(at).UTC(), amount.String()
	if entry.Fee > 0 {
		line.Fee = entry.Fee.String()
	}
	entry.Event, entry.Selling, entry.Other = line.Event, trading.seller == s.Account, trading.seller
	if entry.Selling {
		entry.Other = trading.buyer
	}
	text := entry.Text()
	line.EN, line.ZH = text.EN, text.ZH
	return line, amount, nil
}
