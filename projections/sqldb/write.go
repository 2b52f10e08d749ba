package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
)

const (
	mostPrepared = 64 // statements for writing that are kept
	rowsAtOnce   = 16 // of one INSERT; the rest of them goes one by one
)

// Tx is one transaction that writes. A statement that is prepared in it is kept for the
// transactions that follow: to parse it anew would cost more than to carry it out.
type Tx struct {
	*sql.Tx
	db  *DB
	own map[string]*sql.Stmt // those of this transaction, which they end with
}

// Write carries out one transaction. Nothing of it stays if change fails.
func (d *DB) Write(ctx context.Context, change func(*Tx) error) error {
	if err := d.prepareWanted(ctx); err != nil {
		return err
	}
	begun, err := d.writer.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("sqldb: begin: %w", err)
	}
	if err := change(&Tx{Tx: begun, db: d, own: make(map[string]*sql.Stmt)}); err != nil {
		// A context that ended has rolled back already.
		if undo := begun.Rollback(); undo != nil && !errors.Is(undo, sql.ErrTxDone) {
			return errors.Join(err, undo)
		}
		return err
	}
	if err := begun.Commit(); err != nil {
		return fmt.Errorf("sqldb: commit: %w", err)
	}
	return nil
}

// prepareWanted prepares what the transactions before have asked for, on the connection
// that they leave free.
func (d *DB) prepareWanted(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for query, statement := range d.changing {
		if statement != nil {
			continue
		}
		prepared, err := d.writer.PrepareContext(ctx, query) //nolint:sqlclosecheck // Close closes it
		if err != nil {
			return fmt.Errorf("sqldb: prepare: %w", err)
		}
		d.changing[query] = prepared
	}
	return nil
}

// kept gives the statement that is kept of a text, and has one kept from now on if not.
func (d *DB) kept(query string) *sql.Stmt {
	d.mu.Lock()
	defer d.mu.Unlock()
	statement, known := d.changing[query]
	if !known && len(d.changing) < mostPrepared {
		d.changing[query] = nil
	}
	return statement
}

// Prepared is a statement of the transaction, and ends with it.
func (t *Tx) Prepared(ctx context.Context, query string) (*sql.Stmt, error) {
	if statement, known := t.own[query]; known {
		return statement, nil
	}
	var statement *sql.Stmt
	if kept := t.db.kept(query); kept != nil {
		statement = t.StmtContext(ctx, kept)
	} else {
		var err error
		if statement, err = t.PrepareContext(ctx, query); err != nil {
			return nil, fmt.Errorf("sqldb: prepare: %w", err)
		}
	}
	t.own[query] = statement
	return statement, nil
}

// Run carries out a prepared statement.
func (t *Tx) Run(ctx context.Context, query string, args ...any) error {
	statement, err := t.Prepared(ctx, query) //nolint:sqlclosecheck // it ends with the transaction
	if err != nil {
		return err
	}
	_, err = statement.ExecContext(ctx, args...)
	return err
}

// Insert adds rows, several with one statement. into is "table (column, …)", and values
// holds one row after the other, each of as many values as there are columns.
func (t *Tx) Insert(ctx context.Context, into string, columns int, values []any) error {
	row := "(" + strings.TrimSuffix(strings.Repeat("?, ", columns), ", ") + ")"
	if block := columns * rowsAtOnce; len(values) >= block {
		several := "INSERT INTO " + into + " VALUES " + strings.TrimSuffix(strings.Repeat(row+", ", rowsAtOnce), ", ")
		for ; len(values) >= block; values = values[block:] {
			if err := t.Run(ctx, several, values[:block]...); err != nil {
				return err
			}
		}
	}
	for one := "INSERT INTO " + into + " VALUES " + row; len(values) > 0; values = values[columns:] {
		if err := t.Run(ctx, one, values[:columns]...); err != nil {
			return err
		}
	}
	return nil
}
