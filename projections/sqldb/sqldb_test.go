package sqldb_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/pushledger/pushledger/projections/sqldb"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const first = "-- +goose Up\nCREATE TABLE things (name TEXT PRIMARY KEY) STRICT;"

var (
	things = sqldb.Schema{Name: "things", Files: fstest.MapFS{"00001_things.sql": {Data: []byte(first)}}}
	newer  = sqldb.Schema{Name: "things", Files: fstest.MapFS{
		"00001_things.sql": {Data: []byte(first)},
		"00002_colour.sql": {Data: []byte("-- +goose Up\nALTER TABLE things ADD COLUMN colour TEXT;")},
	}}
)

// open gives a store and what it logged meanwhile.
func open(t *testing.T, path string, schema sqldb.Schema) (*sqldb.DB, string) {
	t.Helper()
	var log bytes.Buffer
	db, err := sqldb.Open(t.Context(), path, slog.New(slog.NewTextHandler(&log, nil)), schema)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db, log.String()
}

func insert(t *testing.T, db *sqldb.DB, name string) {
	t.Helper()
	require.NoError(t, db.Write(t.Context(), func(tx *sqldb.Tx) error {
		_, err := tx.ExecContext(t.Context(), "INSERT INTO things (name) VALUES ($1)", name)
		return err
	}))
}

func count(t *testing.T, db *sqldb.DB) int {
	t.Helper()
	var number int
	require.NoError(t, db.Reader().QueryRowContext(t.Context(), "SELECT count(*) FROM things").Scan(&number))
	return number
}

// filled is a closed store with enough rows that its file has many pages.
func filled(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "odd name #1 %41?.db")
	db, _ := open(t, path, things)
	for i := range 200 {
		insert(t, db, string(rune('a'+i%26))+string(bytes.Repeat([]byte{'x'}, 100+i)))
	}
	require.NoError(t, db.Close())
	return path
}

func TestRowsOutliveTheProcess(t *testing.T) {
	db, log := open(t, filled(t), things)
	require.Equal(t, 200, count(t, db))
	require.Empty(t, log)
}

func TestAnUnusableFileIsDeletedAndMadeAnew(t *testing.T) {
	for name, damage := range map[string]func(file []byte) []byte{
		"no database": func([]byte) []byte { return []byte("once upon a time, long enough to be read as a header") },
		"flipped bits": func(file []byte) []byte {
			for i := 4096; i < len(file); i++ {
				file[i] ^= 0xff
			}
			return file
		},
		"cut off": func(file []byte) []byte { return file[:len(file)/2] },
	} {
		t.Run(name, func(t *testing.T) {
			path := filled(t)
			file, err := os.ReadFile(path)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(path, damage(file), 0o600))

			db, log := open(t, path, things)

			require.Zero(t, count(t, db))
			require.Contains(t, log, "read store deleted")
			insert(t, db, "a")
		})
	}
}

func TestAFileOfAnotherSchemaVersionIsDeletedAndMadeAnew(t *testing.T) {
	path := filled(t)
	db, log := open(t, path, newer)
	require.Zero(t, count(t, db))
	require.Contains(t, log, "version 1, this program needs 2")
	insert(t, db, "a")
	require.NoError(t, db.Close())

	db, log = open(t, path, things)
	require.Zero(t, count(t, db), "an older program cannot read newer tables")
	require.Contains(t, log, "version 2, this program needs 1")
}

func TestAFileThatCannotBeOpenedIsNotDeleted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "missing", "read.db")
	_, err := sqldb.Open(t.Context(), path, slog.New(slog.DiscardHandler), things)
	require.Error(t, err)
	require.NoDirExists(t, filepath.Dir(path))
}

func TestAFailedWriteLeavesNothingBehind(t *testing.T) {
	db, _ := open(t, filepath.Join(t.TempDir(), "read.db"), things)
	failure := errors.New("no")
	require.ErrorIs(t, db.Write(t.Context(), func(tx *sqldb.Tx) error {
		_, err := tx.ExecContext(t.Context(), "INSERT INTO things (name) VALUES ('a')")
		require.NoError(t, err)
		return failure
	}), failure)

	ctx, cancel := context.WithCancel(t.Context())
	require.ErrorIs(t, db.Write(ctx, func(tx *sqldb.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO things (name) VALUES ('b')")
		require.NoError(t, err)
		cancel()
		return ctx.Err()
	}), context.Canceled)

	require.Zero(t, count(t, db))
	insert(t, db, "c")
}

func TestAReaderCannotWriteAndSeesWholeTransactions(t *testing.T) {
	db, _ := open(t, filepath.Join(t.TempDir(), "read.db"), things)
	_, err := db.Reader().ExecContext(t.Context(), "INSERT INTO things (name) VALUES ('a')")
	require.ErrorContains(t, err, "readonly")

	require.NoError(t, db.Write(t.Context(), func(tx *sqldb.Tx) error {
		_, err := tx.ExecContext(t.Context(), "INSERT INTO things (name) VALUES ('a')")
		require.Zero(t, count(t, db), "not committed yet, and nobody waits")
		return err
	}))
	require.Equal(t, 1, count(t, db))
}

func TestAFileThatSomebodyElseHoldsIsBusyAndNotDamaged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "read.db")
	db, _ := open(t, path, things)
	other, err := sql.Open("sqlite", "file:"+path+"?_txlock=immediate&_pragma=busy_timeout(0)")
	require.NoError(t, err)
	defer func() { require.NoError(t, other.Close()) }()
	require.NoError(t, db.Write(t.Context(), func(*sqldb.Tx) error {
		_, err := other.BeginTx(t.Context(), nil)
		require.True(t, sqldb.Transient(err), err)
		return nil
	}))
	require.False(t, sqldb.Transient(errors.New("other")))
}
