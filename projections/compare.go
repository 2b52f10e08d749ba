package projections

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/pushledger/pushledger/eventstore"
	"github.com/pushledger/pushledger/projections/sqldb"
)

// maxDifferences is how many are told of one table; there may be millions.
const maxDifferences = 20

// Comparison holds the served rows of a model against those that a fold over the log
// makes of it, aside in a store of its own.
type Comparison struct {
	model    Model
	served   *sql.Tx // one moment of the served store
	closers  []func() error
	rebuilt  *sqldb.DB
	position uint64
	batch    []eventstore.Recorded
	whole    int // events of the batch that are complete changes
}

// Compare opens a served read store without changing it, and an empty one at aside. A
// service may go on using the served one: what is compared is its state at this moment.
func Compare(ctx context.Context, model Model, served, aside string) (*Comparison, error) {
	reader, err := sqldb.OpenReader(served)
	if err != nil {
		return nil, err
	}
	c := &Comparison{model: model, closers: []func() error{reader.Close}}
	if c.served, err = reader.BeginTx(ctx, &sql.TxOptions{ReadOnly: true}); err != nil {
		return nil, errors.Join(fmt.Errorf("projections: read %s: %w", served, err), c.Close())
	}
	c.closers = append(c.closers, c.served.Rollback)
	var version int
	err = c.served.QueryRowContext(ctx, "SELECT version, seq FROM positions WHERE model = $1", model.Name).Scan(&version, &c.position)
	if err == nil && version != model.Version {
		err = fmt.Errorf("it was made by version %d of the fold, this program has %d", version, model.Version)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("projections: %s in %s: %w", model.Name, served, err), c.Close())
	}
	if c.rebuilt, err = Open(ctx, aside, slog.New(slog.DiscardHandler), model); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	c.closers = append(c.closers, c.rebuilt.Close)
	return c, nil
}

// Close closes both stores.
func (c *Comparison) Close() error {
	var errs []error
	for _, closer := range slices.Backward(c.closers) {
		errs = append(errs, closer())
	}
	return errors.Join(errs...)
}

// Position is the sequence up to which the served rows were made, and up to which Add
// needs the events.
func (c *Comparison) Position() uint64 { return c.position }

// Add folds the next event aside.
func (c *Comparison) Add(ctx context.Context, event eventstore.Recorded) error {
	c.batch = append(c.batch, event)
	if event.Last {
		c.whole = len(c.batch)
	}
	if c.whole < maxBatch && event.Sequence < c.position || c.whole == 0 {
		return nil
	}
	err := c.rebuilt.Write(ctx, func(tx *sqldb.Tx) error { return c.model.Fold(ctx, tx, c.batch[:c.whole]) })
	c.batch, c.whole = slices.Clone(c.batch[c.whole:]), 0
	return err
}

// Differences compares every row, once all events have been added. It tells how many
// rows were compared, and each that differs by its table and both contents.
func (c *Comparison) Differences(ctx context.Context) (different []string, rows int, err error) {
	for _, table := range c.model.Tables {
		told, count, err := c.compareTable(ctx, table)
		if err != nil {
			return nil, 0, fmt.Errorf("projections: compare %s: %w", table, err)
		}
		different, rows = append(different, told...), rows+count
	}
	return different, rows, nil
}

func (c *Comparison) compareTable(ctx context.Context, table string) (different []string, count int, err error) {
	served, err := readSorted(ctx, c.served, table)
	if err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, served.rows.Close()) }()
	rebuilt, err := readSorted(ctx, c.rebuilt.Reader(), table)
	if err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, rebuilt.rows.Close()) }()
	is, want := served.next(), rebuilt.next()
	for (is != "" || want != "") && len(different) < maxDifferences {
		count++
		switch {
		case is == want:
			is, want = served.next(), rebuilt.next()
		case want == "" || is != "" && is < want:
			different = append(different, fmt.Sprintf("%s: served, but not in the log: %s", table, is))
			is = served.next()
		default:
			different = append(different, fmt.Sprintf("%s: in the log, but not served: %s", table, want))
			want = rebuilt.next()
		}
	}
	return different, count, errors.Join(served.err, rebuilt.err)
}

// sorted reads the rows of a table as texts, in the order of these texts.
type sorted struct {
	rows *sql.Rows
	err  error
}

type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func readSorted(ctx context.Context, from querier, table string) (*sorted, error) {
	columns, err := columnsOf(ctx, from, table)
	if err != nil {
		return nil, err
	}
	quoted := make([]string, len(columns))
	for i, column := range columns {
		quoted[i] = "quote(" + column + ")"
	}
	text := strings.Join(quoted, " || ', ' || ")
	rows, err := from.QueryContext(ctx, "SELECT "+text+" AS line FROM "+table+" ORDER BY line COLLATE BINARY")
	if err != nil {
		return nil, err
	}
	return &sorted{rows: rows}, nil
}

func columnsOf(ctx context.Context, from querier, table string) (columns []string, err error) {
	rows, err := from.QueryContext(ctx, "SELECT * FROM "+table+" LIMIT 0")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	return rows.Columns()
}

// next is the next row, empty at the end and after an error.
func (s *sorted) next() string {
	if s.err != nil || !s.rows.Next() {
		s.err = errors.Join(s.err, s.rows.Err())
		return ""
	}
	var line string
	s.err = s.rows.Scan(&line)
	return line
}
