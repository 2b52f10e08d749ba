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

	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/eventstore"
	"github.com/pushledger/pushledger/projections"
)

// version of the fold. It has to rise whenever fold, push.Evolve, push.State or
// push.Postings change in what they give for events of the past.
const version = 1

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

// fold keeps the pushes that it meets in memory and writes each once at the end.
func fold(ctx context.Context, tx *sql.Tx, events []eventstore.Recorded) error {
	rows := make(map[string]row)
	for _, recorded := range events {
		event, ours := recorded.Event.(push.Event)
		if !ours {
			continue // of a domain: every question about domains starts from a push
		}
		if err := foldEvent(ctx, tx, rows, recorded, event); err != nil {
			return fmt.Errorf("pushes: sequence %d: %w", recorded.Sequence, err)
		}
	}
	return saveRows(ctx, tx, rows)
}

func foldEvent(ctx context.Context, tx *sql.Tx, rows map[string]row, recorded eventstore.Recorded, event push.Event) error {
	id := recorded.Stream.Key
	current, met := rows[id]
	if !met {
		var err error
		if current, err = loadRow(ctx, tx, id); err != nil {
			return err
		}
	}
	offered, first := event.(push.Offered)
	if first == (current.state.Status != push.StatusNone) {
		return fmt.Errorf("%s cannot happen to push %s, which is %q", recorded.Type, id, current.state.Status)
	}
	rows[id] = row{state: push.Evolve(current.state, event), sequence: recorded.Sequence}
	if first {
		if err := insertDomains(ctx, tx, id, offered.Items); err != nil {
			return err
		}
	}
	return post(ctx, tx, recorded, push.Postings(id, event))
}

// querier is a transaction or a pool of connections.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// loadRow reads a push; its zero row means that there is none.
func loadRow(ctx context.Context, from querier, id string) (row, error) {
	var found row
	var state []byte
	err := from.QueryRowContext(ctx, "SELECT seq, state FROM pushes WHERE push_id = $1", id).Scan(&found.sequence, &state)
	if errors.Is(err, sql.ErrNoRows) {
		return row{}, nil
	}
	if err != nil {
		return row{}, fmt.Errorf("read push %s: %w", id, err)
	}
	found.state, err = decodeState(state)
	return found, err
}

func saveRows(ctx context.Context, tx *sql.Tx, rows map[string]row) error {
	save, err := tx.PrepareContext(ctx, `
		INSERT INTO pushes (push_id, seller, buyer, offered_at, status, seq, state) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (push_id) DO UPDATE SET status = excluded.status, seq = excluded.seq, state = excluded.state`)
	if err != nil {
		return fmt.Errorf("pushes: %w", err)
	}
	for _, id := range slices.Sorted(maps.Keys(rows)) {
		state := rows[id].state
		text, err := encodeState(state)
		if err == nil {
			_, err = save.ExecContext(ctx, id, state.Seller, state.Buyer, state.OfferedAt.UnixMicro(), string(state.Status), rows[id].sequence, text)
		}
		if err != nil {
			return errors.Join(fmt.Errorf("pushes: sequence %d: write push %s: %w", rows[id].sequence, id, err), save.Close())
		}
	}
	return save.Close()
}

func insertDomains(ctx context.Context, tx *sql.Tx, id string, items []push.Item) error {
	for _, item := range items {
		_, err := tx.ExecContext(ctx, "INSERT INTO push_domains (domain, push_id) VALUES ($1, $2)", string(item.Domain), id)
		if err != nil {
			return fmt.Errorf("write domain %s: %w", item.Domain, err)
		}
	}
	return nil
}

// post writes the journal lines of an event and carries them into the balances.
func post(ctx context.Context, tx *sql.Tx, recorded eventstore.Recorded, postings []push.Posting) error {
	for line, posting := range postings {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO journal (seq, line, push_id, event, at, from_account, to_account, amount) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
			recorded.Sequence, line, recorded.Stream.Key, recorded.Type, recorded.Time.UnixMicro(), posting.From, posting.To, int64(posting.Amount))
		if err == nil {
			_, err = tx.ExecContext(ctx, `
				INSERT INTO balances (account, amount) VALUES ($1, -$3), ($2, $3)
				ON CONFLICT (account) DO UPDATE SET amount = amount + excluded.amount`,
				posting.From, posting.To, int64(posting.Amount))
		}
		if err != nil {
			return fmt.Errorf("write journal: %w", err)
		}
	}
	return nil
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
