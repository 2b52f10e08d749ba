// Package sqldb opens the embedded read store. Nothing in it is precious: every row is
// computed from the log. So a file that is damaged, or was made for another schema, is
// deleted and filled again instead of being repaired.
//
// One connection writes, a few read; a reader always sees whole transactions and never
// waits for the writer.
package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/pushledger/pushledger/eventstore/durablefile"
)

// Schema is the tables of one part of the read store.
type Schema struct {
	Name  string // unique in the store, [a-z_]
	Files fs.FS  // goose migrations (NNNNN_name.sql), oldest first
}

// DB is an open read store. It is safe for concurrent use.
type DB struct {
	path   string
	writer *sql.DB
	reader *sql.DB

	mu       sync.Mutex
	prepared map[string]*sql.Stmt // for reading, by their text
	changing map[string]*sql.Stmt // for writing; nil: wanted, to be prepared before the next transaction
}

// errStale means that a file cannot be used and is worth nothing.
var errStale = errors.New("sqldb: unusable file")

// Open opens the store in a file, which is made if it is missing. A file that is no
// database, is corrupted, or holds another version of a schema is deleted; a line in
// the log says so and why.
func Open(ctx context.Context, path string, logger *slog.Logger, schemas ...Schema) (*DB, error) {
	prepared := func(db *sql.DB) error {
		if err := check(ctx, path); err != nil {
			return err
		}
		return prepare(ctx, db, schemas)
	}
	db, err := open(path, prepared)
	if !errors.Is(err, errStale) {
		return db, err
	}
	logger.Warn("read store deleted, it will be rebuilt from the log", "path", path, "reason", err)
	if err := Discard(path); err != nil {
		return nil, err
	}
	return open(path, prepared)
}

// Reopen opens a store that this process has closed before, without looking at it.
func Reopen(path string) (*DB, error) {
	return open(path, func(*sql.DB) error { return nil })
}

func open(path string, prepare func(*sql.DB) error) (*DB, error) {
	if err := own(path); err != nil {
		return nil, err
	}
	writer, err := connect(path, url.Values{
		"_txlock": {"immediate"},
		// In WAL mode "normal" never damages the file; what a power cut takes away is
		// folded again.
		"_pragma": {"busy_timeout(5000)", "journal_mode(wal)", "synchronous(normal)", "cache_size(-65536)"},
	})
	if err != nil {
		return nil, err
	}
	writer.SetMaxOpenConns(1)
	if err := prepare(writer); err != nil {
		return nil, errors.Join(stale(err), writer.Close())
	}
	reader, err := connect(path, url.Values{"_query_only": {"1"}, "_pragma": {"busy_timeout(5000)"}})
	if err != nil {
		return nil, errors.Join(err, writer.Close())
	}
	readers := max(4, runtime.NumCPU())
	reader.SetMaxOpenConns(readers)
	reader.SetMaxIdleConns(readers)
	return &DB{path: path, writer: writer, reader: reader, prepared: make(map[string]*sql.Stmt), changing: make(map[string]*sql.Stmt)}, nil
}

// own makes the file if it is missing, and keeps it from everybody else: it holds all that
// the accounts may not know of each other. SQLite makes its other files like this one.
func own(path string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) // #nosec G304 -- the operator's own file
	if err == nil {
		err = errors.Join(file.Chmod(0o600), file.Close())
	}
	if err != nil {
		return fmt.Errorf("sqldb: %w", err)
	}
	return nil
}

func connect(path string, parameters url.Values) (*sql.DB, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("sqldb: %w", err)
	}
	name := url.URL{Scheme: "file", OmitHost: true, Path: absolute, RawQuery: parameters.Encode()}
	db, err := sql.Open("sqlite", name.String())
	if err != nil {
		return nil, fmt.Errorf("sqldb: open %s: %w", path, err)
	}
	return db, nil
}

// check reads the whole file once, so that damage shows now and not in an answer. It has a
// connection of its own: the writer's would hold on to as much of it as fits its memory.
func check(ctx context.Context, path string) (err error) {
	db, err := connect(path, url.Values{"_pragma": {"busy_timeout(5000)"}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var verdict string
	if err := db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&verdict); err != nil {
		return fmt.Errorf("sqldb: check: %w", stale(err))
	}
	if verdict != "ok" {
		return fmt.Errorf("%w: %s", errStale, verdict)
	}
	return nil
}

func prepare(ctx context.Context, db *sql.DB, schemas []Schema) error {
	for _, schema := range schemas {
		if err := migrate(ctx, db, schema); err != nil {
			return err
		}
	}
	return nil
}

// stale marks the errors by which SQLite says that a file is damaged.
func stale(err error) error {
	switch code(err) {
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return fmt.Errorf("%w: %w", errStale, err)
	default:
		return err
	}
}

// Transient reports that the file cannot be used now, but perhaps later: somebody else
// holds it, the disk is full or does not answer.
func Transient(err error) bool {
	switch code(err) {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR,
		sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_NOMEM:
		return !Damaged(err)
	default:
		return false
	}
}

// Damaged reports that the file is worth nothing any more: it is corrupted, or was taken
// away from under the program.
func Damaged(err error) bool {
	var failure *sqlite.Error
	return errors.Is(stale(err), errStale) ||
		errors.As(err, &failure) && failure.Code() == sqlite3.SQLITE_READONLY_DBMOVED
}

func code(err error) int {
	var failure *sqlite.Error
	if !errors.As(err, &failure) {
		return sqlite3.SQLITE_OK
	}
	return failure.Code() & 0xff // the rest says more precisely what is wrong
}

// Discard deletes a closed store; one that does not exist is no error.
func Discard(path string) error { return remove(path, "", "-wal", "-shm", "-journal") }

// Replace puts one closed store in the place of another. Whoever opens that place finds
// the one or the other, whole.
func Replace(path, by string) error {
	// What the old one may have left behind would be taken for a part of the new one.
	if err := remove(path, "-wal", "-shm", "-journal"); err != nil {
		return err
	}
	// After a power cut, too.
	if err := durablefile.SyncDir(filepath.Dir(path)); err != nil {
		return fmt.Errorf("sqldb: replace: %w", err)
	}
	if err := durablefile.Move(by, path); err != nil {
		return fmt.Errorf("sqldb: replace: %w", err)
	}
	return nil
}

func remove(path string, suffixes ...string) error {
	for _, suffix := range suffixes {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("sqldb: delete: %w", err)
		}
	}
	return nil
}

// Reader is for queries; it refuses to write.
func (d *DB) Reader() *sql.DB { return d.reader }

// Prepared is a query that is parsed once, for those that are asked over and over. It
// ends with the store.
func (d *DB) Prepared(ctx context.Context, query string) (*sql.Stmt, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if statement, known := d.prepared[query]; known {
		return statement, nil
	}
	statement, err := d.reader.PrepareContext(ctx, query) //nolint:sqlclosecheck // Close closes it
	if err != nil {
		return nil, fmt.Errorf("sqldb: prepare: %w", err)
	}
	d.prepared[query] = statement
	return statement, nil
}

// CopyTo writes the store as it is at this moment into a new file, while it is read and
// written. It has a connection of its own: those for queries refuse to write anywhere.
func (d *DB) CopyTo(ctx context.Context, path string) (err error) {
	source, err := connect(d.path, url.Values{"mode": {"ro"}, "_pragma": {"busy_timeout(5000)"}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	if _, err := source.ExecContext(ctx, "VACUUM INTO $1", path); err != nil {
		return fmt.Errorf("sqldb: copy to %s: %w", path, err)
	}
	return nil
}

// Close waits for queries under way.
func (d *DB) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	var errs []error
	for _, statement := range d.prepared {
		errs = append(errs, statement.Close())
	}
	clear(d.prepared)
	for _, statement := range d.changing {
		if statement != nil {
			errs = append(errs, statement.Close())
		}
	}
	clear(d.changing)
	return errors.Join(append(errs, d.reader.Close(), d.writer.Close())...)
}

// OpenReader opens a store to look at it. It changes nothing, repairs nothing, and does
// not stand in the way of whoever writes there.
func OpenReader(path string) (*sql.DB, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("sqldb: %w", err)
	}
	return connect(path, url.Values{"mode": {"ro"}, "_query_only": {"1"}, "_pragma": {"busy_timeout(5000)"}})
}
