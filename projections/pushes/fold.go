// Package pushes is the read model of pushes and of the journal of their money, and the
// questions that can be asked of it. Nobody but its seller and its buyer, and those who
// see everything, learns anything of a push (rule T1): to all others it does not exist.
package pushes

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/go-json-experiment/json"

	"github.com/pushledger/pushledger/aggregates/money"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/eventstore"
	"github.com/pushledger/pushledger/projections"
)

// version of the fold. It has to rise whenever fold, push.Evolve, push.State,
// push.Postings or push.WorkList change in what they give for events of the past.
const version = 4

//go:embed *.sql
var schema embed.FS

// Model is the read model, for projections.Open and projections.NewRunner.
func Model() projections.Model {
	return projections.Model{
		Name: "pushes", Version: version, Schema: schema,
		Tables: []string{"pushes", "push_domains", "journal", "balances"},
		Fold:   fold,
	}
}

// row is a push as it stands in the table.
type row struct {
	state    push.State
	sequence uint64
}

// folding is one transaction of the fold. It keeps the pushes and balances that it meets
// in memory and writes each once at the end.
type folding struct {
	tx       *sql.Tx
	prepared map[string]*sql.Stmt // by their text; they end with the transaction
	rows     map[string]row
	balances map[string]money.Fen // what is to be added to each account
}

func fold(ctx context.Context, tx *sql.Tx, events []eventstore.Recorded) error {
	f := folding{tx: tx, prepared: make(map[string]*sql.Stmt), rows: make(map[string]row), balances: make(map[string]money.Fen)}
	for _, recorded := range events {
		event, ours := recorded.Event.(push.Event)
		if !ours {
			continue // of a domain: every question about domains starts from a push
		}
		if err := f.add(ctx, recorded, event); err != nil {
			return fmt.Errorf("pushes: sequence %d: %w", recorded.Sequence, err)
		}
	}
	return f.finish(ctx)
}

func (f *folding) finish(ctx context.Context) error {
	for _, id := range slices.Sorted(maps.Keys(f.rows)) {
		if err := f.save(ctx, id, f.rows[id]); err != nil {
			return fmt.Errorf("pushes: sequence %d: write push %s: %w", f.rows[id].sequence, id, err)
		}
	}
	for _, account := range slices.Sorted(maps.Keys(f.balances)) {
		err := f.exec(ctx, `INSERT INTO balances (account, amount) VALUES ($1, $2)
			ON CONFLICT (account) DO UPDATE SET amount = amount + excluded.amount`, account, int64(f.balances[account]))
		if err != nil {
			return fmt.Errorf("pushes: write balance of %s: %w", account, err)
		}
	}
	return nil
}

func (f *folding) add(ctx context.Context, recorded eventstore.Recorded, event push.Event) error {
	id := recorded.Stream.Key
	current, met := f.rows[id]
	if !met {
		var err error
		if current, err = f.load(ctx, id); err != nil {
			return err
		}
	}
	offered, first := event.(push.Offered)
	if first == (current.state.Status != push.StatusNone) {
		return fmt.Errorf("%s cannot happen to push %s, which is %q", recorded.Type, id, current.state.Status)
	}
	f.rows[id] = row{state: push.Evolve(current.state, event), sequence: recorded.Sequence}
	if first {
		if err := f.insertDomains(ctx, id, offered.Items); err != nil {
			return err
		}
	}
	return f.post(ctx, recorded, push.Postings(id, event))
}

func (f *folding) load(ctx context.Context, id string) (row, error) {
	statement, err := f.statement(ctx, selectRow) //nolint:sqlclosecheck // it ends with the transaction
	if err != nil {
		return row{}, err
	}
	return readRow(statement.QueryRowContext(ctx, id))
}

const selectRow = "SELECT seq, state FROM pushes WHERE push_id = $1"

// readRow reads a push; its zero row means that there is none.
func readRow(result *sql.Row) (row, error) {
	var found row
	var state []byte
	err := result.Scan(&found.sequence, &state)
	if errors.Is(err, sql.ErrNoRows) {
		return row{}, nil
	}
	if err != nil {
		return row{}, fmt.Errorf("pushes: read push: %w", err)
	}
	found.state, err = decodeState(state)
	return found, err
}

func (f *folding) save(ctx context.Context, id string, row row) error {
	text, err := encodeState(row.state)
	if err != nil {
		return err
	}
	return f.exec(ctx, `
		INSERT INTO pushes (push_id, seller, buyer, offered_at, status, seq, state, work) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (push_id) DO UPDATE SET status = excluded.status, seq = excluded.seq, state = excluded.state, work = excluded.work`,
		id, row.state.Seller, row.state.Buyer, row.state.OfferedAt.UnixMicro(), string(row.state.Status), row.sequence, text, string(work(row.state)))
}

func (f *folding) insertDomains(ctx context.Context, id string, items []push.Item) error {
	for _, item := range items {
		if err := f.exec(ctx, "INSERT INTO push_domains (domain, push_id) VALUES ($1, $2)", string(item.Domain), id); err != nil {
			return fmt.Errorf("write domain %s: %w", item.Domain, err)
		}
	}
	return nil
}

// post writes the journal lines of an event and carries them into the balances.
func (f *folding) post(ctx context.Context, recorded eventstore.Recorded, postings []push.Posting) error {
	for line, posting := range postings {
		err := f.exec(ctx, `
			INSERT INTO journal (seq, line, push_id, event, at, from_account, to_account, amount, trade_no, request_no, payout_no)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
			recorded.Sequence, line, recorded.Stream.Key, recorded.Type, recorded.Time.UnixMicro(), posting.From, posting.To, int64(posting.Amount),
			posting.TradeNo, posting.RequestNo, posting.PayoutNo)
		if err != nil {
			return fmt.Errorf("write journal: %w", err)
		}
		f.balances[posting.From] -= posting.Amount
		f.balances[posting.To] += posting.Amount
	}
	return nil
}

func (f *folding) exec(ctx context.Context, query string, args ...any) error {
	statement, err := f.statement(ctx, query) //nolint:sqlclosecheck // it ends with the transaction
	if err != nil {
		return err
	}
	_, err = statement.ExecContext(ctx, args...)
	return err
}

// statement prepares each text once.
func (f *folding) statement(ctx context.Context, query string) (*sql.Stmt, error) {
	statement, known := f.prepared[query]
	if known {
		return statement, nil
	}
	statement, err := f.tx.PrepareContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("prepare: %w", err)
	}
	f.prepared[query] = statement
	return statement, nil
}

// A zero member is left out, so that an empty domain is not read back as a wrong one.
func encodeState(state push.State) (string, error) {
	text, err := json.Marshal(state, json.OmitZeroStructFields(true), json.Deterministic(true))
	if err != nil {
		return "", fmt.Errorf("encode state: %w", err)
	}
	return string(text), nil
}

func decodeState(text []byte) (push.State, error) {
	var state push.State
	if err := json.Unmarshal(text, &state, json.RejectUnknownMembers(true)); err != nil {
		return push.State{}, fmt.Errorf("decode state: %w", err)
	}
	return state, nil
}
