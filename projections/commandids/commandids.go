// Package commandids is the read model of which push each command has changed. A push
// itself tells whether a command was carried out on it before; this tells that the same
// Command-Id was used for another push, for as long as the log exists.
package commandids

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"errors"
	"fmt"

	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/eventstore"
	"github.com/pushledger/pushledger/projections"
	"github.com/pushledger/pushledger/projections/sqldb"
)

const version = 1

//go:embed *.sql
var schema embed.FS

// Model is the read model for those who ask nothing of it; an Index has its own.
func Model() projections.Model { return model(newSeen()) }

func model(seen *seen) projections.Model {
	return projections.Model{
		Name: "command_ids", Version: version, Schema: schema, Tables: []string{"command_ids"},
		Fold: func(ctx context.Context, tx *sqldb.Tx, events []eventstore.Recorded) error {
			return fold(ctx, tx, events, seen)
		},
	}
}

// key is what a command is found by: ids are the accounts' own, so one account's say
// nothing about another's.
func key(account, commandID string) []byte {
	sum := sha256.Sum256([]byte(account + "\n" + commandID))
	return sum[:16]
}

const insert = "INSERT INTO command_ids (id, push_id) VALUES ($1, $2) ON CONFLICT DO NOTHING"

func fold(ctx context.Context, tx *sqldb.Tx, events []eventstore.Recorded, seen *seen) error {
	for _, recorded := range events {
		_, ofPush := recorded.Event.(push.Event)
		if !ofPush || recorded.Metadata.CommandHash == "" { // the service's own steps have none
			continue
		}
		id := key(recorded.Metadata.Actor, recorded.Metadata.CommandID)
		seen.add(id)
		if err := tx.Run(ctx, insert, id, recorded.Stream.Key); err != nil {
			return fmt.Errorf("commandids: sequence %d: %w", recorded.Sequence, err)
		}
	}
	return nil
}

// Index answers from the read model as it is served.
type Index struct {
	*projections.Served
	seen *seen
}

// OpenIndex has its model opened and answers from what serves it. Start Learn for answers
// that cost less.
func OpenIndex(open func(projections.Model) (*projections.Served, error)) (*Index, error) {
	seen := newSeen()
	served, err := open(model(seen))
	if err != nil {
		return nil, err
	}
	return &Index{Served: served, seen: seen}, nil
}

// PushOf returns the push that an account's command has changed, as far as the read
// model has come.
func (i *Index) PushOf(ctx context.Context, account, commandID string) (pushID string, found bool, err error) {
	id := key(account, commandID)
	if i.seen.lacks(id) {
		return "", false, nil
	}
	err = i.ReadRow(ctx, "SELECT push_id FROM command_ids WHERE id = $1",
		func(result *sql.Row) error { return result.Scan(&pushID) }, id)
	if errors.Is(err, sql.ErrNoRows) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("commandids: %w", err)
	}
	return pushID, true, nil
}
