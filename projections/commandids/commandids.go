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
)

const version = 1

//go:embed *.sql
var schema embed.FS

// Model is the read model, for projections.OpenServed.
func Model() projections.Model {
	return projections.Model{Name: "command_ids", Version: version, Schema: schema, Tables: []string{"command_ids"}, Fold: fold}
}

// key is what a command is found by: ids are the accounts' own, so one account's say
// nothing about another's.
func key(account, commandID string) []byte {
	sum := sha256.Sum256([]byte(account + "\n" + commandID))
	return sum[:16]
}

func fold(ctx context.Context, tx *sql.Tx, events []eventstore.Recorded) error {
	insert, err := tx.PrepareContext(ctx, "INSERT INTO command_ids (id, push_id) VALUES ($1, $2) ON CONFLICT DO NOTHING")
	if err != nil {
		return fmt.Errorf("commandids: %w", err)
	}
	defer func() { _ = insert.Close() }() // it ends with the transaction
	for _, recorded := range events {
		_, ofPush := recorded.Event.(push.Event)
		if !ofPush || recorded.Metadata.CommandHash == "" { // the service's own steps have none
			continue
		}
		if _, err := insert.ExecContext(ctx, key(recorded.Metadata.Actor, recorded.Metadata.CommandID), recorded.Stream.Key); err != nil {
			return fmt.Errorf("commandids: sequence %d: %w", recorded.Sequence, err)
		}
	}
	return nil
}

// Index answers from the read model as it is served.
type Index struct{ *projections.Served }

// NewIndex answers from the read model of Model.
func NewIndex(served *projections.Served) *Index { return &Index{served} }

// PushOf returns the push that an account's command has changed, as far as the read
// model has come.
func (i *Index) PushOf(ctx context.Context, account, commandID string) (pushID string, found bool, err error) {
	err = i.ReadRow(ctx, "SELECT push_id FROM command_ids WHERE id = $1",
		func(result *sql.Row) error { return result.Scan(&pushID) }, key(account, commandID))
	if errors.Is(err, sql.ErrNoRows) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("commandids: %w", err)
	}
	return pushID, true, nil
}
