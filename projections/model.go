// Package projections keeps read models in step with the log. A read model is a fold
// over the log into tables; its position stands in the same transaction as its rows, so
// every event counts exactly once, whatever crashes. Folding has no side effect outside
// the tables, and only whole changes are folded: a reader never sees half of one.
package projections

import (
	"context"
	"embed"
	"io/fs"
	"log/slog"

	"github.com/pushledger/pushledger/eventstore"
	"github.com/pushledger/pushledger/projections/sqldb"
)

//go:embed *.sql
var positions embed.FS

// Model is one read model.
type Model struct {
	Name string // unique in the store, [a-z_]
	// Version of the fold. Another one than the stored rows were made with has the
	// tables emptied and filled again.
	Version int
	Schema  fs.FS    // migrations that make the tables; see sqldb.Schema
	Tables  []string // every table of the model
	// Fold writes what events, in the order of the log, mean for the tables. It
	// depends on nothing but the events and the tables. Its error names the sequence
	// of the event that it could not fold.
	Fold func(ctx context.Context, tx *sqldb.Tx, events []eventstore.Recorded) error
}

// Open opens the read store of the models in a file; see sqldb.Open.
func Open(ctx context.Context, path string, logger *slog.Logger, models ...Model) (*sqldb.DB, error) {
	schemas := []sqldb.Schema{{Name: "positions", Files: positions}}
	for _, model := range models {
		schemas = append(schemas, sqldb.Schema{Name: model.Name, Files: model.Schema})
	}
	return sqldb.Open(ctx, path, logger, schemas...)
}
