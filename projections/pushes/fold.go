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

	"github.com/pushledger/pushledger/aggregates/daybill"
	"github.com/pushledger/pushledger/aggregates/money"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/eventstore"
	"github.com/pushledger/pushledger/projections"
	"github.com/pushledger/pushledger/projections/sqldb"
)

// version of the fold. It has to rise whenever fold, push.Evolve, push.State,
// push.Postings, daybill.Postings or push.WorkList change in what they give for events of the past.
const version = 7

//go:embed *.sql
var schema embed.FS

// Model is the read model for those who ask nothing of it; Queries have their own.
func Model() projections.Model { return model(newChanges()) }

func model(noted *changes) projections.Model {
	return projections.Model{
		Name: "pushes", Version: version, Schema: schema,
		Tables: []string{"pushes", "push_domains", "journal", "balances", "bills"},
		Fold: func(ctx context.Context, tx *sqldb.Tx, events []eventstore.Recorded) error {
			return fold(ctx, tx, events, noted)
		},
	}
}

// row is a push as it stands in the table.
type row struct {
	state    push.State
	sequence uint64
	isNew    bool // not in the table yet
}

// folding is one transaction of the fold. It keeps what it meets in memory and writes
// each push and each balance once at the end, and all lines together.
type folding struct {
	tx       *sqldb.Tx
	rows     map[string]row
	balances map[string]money.Fen // what is to be added to each account
	domains  []any                // values of the rows of push_domains
	journal  []any                // values of the rows of journal
	bills    []any                // values of the rows of bills
}

func fold(ctx context.Context, tx *sqldb.Tx, events []eventstore.Recorded, noted *changes) error {
	f := folding{tx: tx, rows: make(map[string]row), balances: make(map[string]money.Fen)}
	for _, recorded := range events {
		if event, is := recorded.Event.(daybill.Event); is {
			f.addBill(recorded, event)
			continue
		}
		event, ours := recorded.Event.(push.Event)
		if !ours {
			continue // of a domain: every question about domains starts from a push
		}
		if err := f.add(ctx, recorded, event); err != nil {
			return fmt.Errorf("pushes: sequence %d: %w", recorded.Sequence, err)
		}
		noted.note(recorded.Stream.Key, recorded.Sequence)
	}
	return f.finish(ctx)
}

func (f *folding) finish(ctx context.Context) error {
	for _, id := range slices.Sorted(maps.Keys(f.rows)) {
		if err := f.save(ctx, id, f.rows[id]); err != nil {
			return fmt.Errorf("pushes: sequence %d: write push %s: %w", f.rows[id].sequence, id, err)
		}
	}
	if err := f.tx.Insert(ctx, "push_domains (domain, push_id)", 2, f.domains); err != nil {
		return fmt.Errorf("pushes: write domains: %w", err)
	}
	const line = "journal (seq, line, push_id, bill_day, event, at, from_account, to_account, amount, trade_no, request_no, payout_no)"
	if err := f.tx.Insert(ctx, line, 12, f.journal); err != nil {
		return fmt.Errorf("pushes: write journal: %w", err)
	}
	if err := f.tx.Insert(ctx, billColumns, 10, f.bills); err != nil {
		return fmt.Errorf("pushes: write bills: %w", err)
	}
	for _, account := range slices.Sorted(maps.Keys(f.balances)) {
		err := f.tx.Run(ctx, `INSERT INTO balances (account, amount) VALUES ($1, $2)
			ON CONFLICT (account) DO UPDATE SET amount = amount + excluded.amount`, account, int64(f.balances[account]))
		if err != nil {
			return fmt.Errorf("pushes: write balance of %s: %w", account, err)
		}
	}
	return nil
}

// add folds an event. That a push is offered for the first time need not be looked up:
// its row could not be written otherwise.
func (f *folding) add(ctx context.Context, recorded eventstore.Recorded, event push.Event) error {
	id := recorded.Stream.Key
	offered, first := event.(push.Offered)
	current, met := f.rows[id]
	if !met && !first {
		var err error
		if current, err = f.load(ctx, id); err != nil {
			return err
		}
	}
	if first == (current.state.Status != push.StatusNone) {
		return fmt.Errorf("%s cannot happen to push %s, which is %q", recorded.Type, id, current.state.Status)
	}
	f.rows[id] = row{state: push.Evolve(current.state, event), sequence: recorded.Sequence, isNew: current.isNew || first}
	if first {
		for _, item := range offered.Items {
			f.domains = append(f.domains, string(item.Domain), id)
			if item.Canonical != "" { // it is found, and reserved, by this name as well
				f.domains = append(f.domains, string(item.Canonical), id)
			}
		}
	}
	f.post(recorded, id, "", push.Postings(id, event))
	return nil
}

func (f *folding) load(ctx context.Context, id string) (row, error) {
	statement, err := f.tx.Prepared(ctx, selectRow) //nolint:sqlclosecheck // it ends with the transaction
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
	status, work := string(row.state.Status), string(work(row.state))
	if !row.isNew {
		return f.tx.Run(ctx, "UPDATE pushes SET status = $2, seq = $3, state = $4, work = $5 WHERE push_id = $1", id, status, row.sequence, text, work)
	}
	return f.tx.Run(ctx, `
		INSERT INTO pushes (push_id, seller, buyer, offered_at, status, seq, state, work) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		id, row.state.Seller, row.state.Buyer, row.state.OfferedAt.UnixMicro(), status, row.sequence, text, work)
}

// post makes the journal lines of an event, of a push or of the bill of a day, and carries
// them into the balances.
func (f *folding) post(recorded eventstore.Recorded, pushID, billDay string, postings []push.Posting) {
	for line, posting := range postings {
		f.journal = append(f.journal,
			recorded.Sequence, line, pushID, billDay, recorded.Type, recorded.Time.UnixMicro(), posting.From, posting.To, int64(posting.Amount),
			posting.TradeNo, posting.RequestNo, posting.PayoutNo)
		f.balances[posting.From] -= posting.Amount
		f.balances[posting.To] += posting.Amount
	}
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
