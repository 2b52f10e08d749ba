package projections_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/eventstore"
	"github.com/pushledger/pushledger/projections"
	"github.com/pushledger/pushledger/projections/sqldb"
)

// serve keeps a model served until the test ends, or until the function is called.
func serve(t *testing.T, path string, model projections.Model, log eventstore.Store) (*projections.Served, func()) {
	t.Helper()
	served, err := projections.OpenServed(t.Context(), path, model, log, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- served.Run(ctx) }()
	stop := sync.OnceFunc(func() {
		cancel()
		require.NoError(t, <-ended)
		require.NoError(t, served.Close())
	})
	t.Cleanup(stop)
	return served, stop
}

func servedRows(t testing.TB, served *projections.Served) []string {
	t.Helper()
	var all []string
	require.NoError(t, served.Read(func(db *sql.DB) error {
		result, err := db.QueryContext(t.Context(), "SELECT seq || ' ' || text || ' v' || version FROM notes ORDER BY seq")
		if err != nil {
			return err
		}
		defer func() { _ = result.Close() }() // Err tells
		for result.Next() {
			var row string
			if err := result.Scan(&row); err != nil {
				return err
			}
			all = append(all, row)
		}
		return result.Err()
	}))
	return all
}

// becomes waits until a model's status is as wanted.
func becomes(t *testing.T, served *projections.Served, wanted func(projections.Status) bool) projections.Status {
	t.Helper()
	var status projections.Status
	require.Eventually(t, func() bool {
		var err error
		status, err = served.Status(t.Context())
		return err == nil && wanted(status)
	}, time.Minute, time.Millisecond, "%+v", &status)
	return status
}

func TestAReaderNeverSeesAGapWhileTheModelIsRebuiltOverAndOver(t *testing.T) {
	log := newLog()
	for i := range 500 {
		note(t, log, fmt.Sprint(i))
	}
	path := filepath.Join(t.TempDir(), "notes.db")
	served, _ := serve(t, path, notes(1), log)
	require.NoError(t, served.WaitReady(t.Context()))
	var reads atomic.Int64
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for most := 0; ; reads.Add(1) {
				select {
				case <-stop:
					return
				default:
				}
				var count, last int
				err := served.Read(func(db *sql.DB) error {
					return db.QueryRowContext(context.Background(), "SELECT COUNT(*), MAX(seq) FROM notes").Scan(&count, &last)
				})
				if err != nil || count != last || count < most {
					t.Errorf("%d rows up to %d after %d: %v", count, last, most, err)
					return
				}
				most = count
			}
		})
	}
	for i := range 6 {
		before, err := os.Stat(path)
		require.NoError(t, err)
		served.Rebuild()
		last := note(t, log, fmt.Sprint("during ", i))
		require.NoError(t, served.WaitFor(t.Context(), last))
		require.Eventually(t, func() bool {
			after, err := os.Stat(path)
			return err == nil && !os.SameFile(before, after)
		}, time.Minute, time.Millisecond)
	}
	close(stop)
	readers.Wait()
	require.Positive(t, reads.Load())
	require.Len(t, servedRows(t, served), 506)
	require.NoFileExists(t, path+".next")
}

func TestAnotherVersionIsBuiltWhileTheOldRowsAreServed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notes.db")
	log := &odd{Store: newLog()}
	log.follow = func(real func(func(eventstore.Recorded) error) error, handle func(eventstore.Recorded) error) error {
		return real(handle)
	}
	served, stop := serve(t, path, notes(1), log)
	require.NoError(t, served.WaitFor(t.Context(), note(t, log, "a", "b")))
	stop()
	last := note(t, log, "c")
	hold := make(chan struct{})
	log.follow = func(real func(func(eventstore.Recorded) error) error, handle func(eventstore.Recorded) error) error {
		return real(func(event eventstore.Recorded) error {
			if event.Sequence == 1 {
				<-hold
			}
			return handle(event)
		})
	}

	served, _ = serve(t, path, notes(2), log)
	require.NoError(t, served.WaitReady(t.Context()))
	require.Equal(t, []string{"1 a v1", "2 b v1"}, servedRows(t, served))
	status := becomes(t, served, func(s projections.Status) bool { return s.State == projections.StateRebuilding })
	require.EqualValues(t, 1, status.Lag)
	require.ErrorIs(t, served.Await(t.Context(), "3", "1ms"), projections.ErrBehind)

	close(hold)
	require.NoError(t, served.WaitFor(t.Context(), last))
	becomes(t, served, func(s projections.Status) bool { return s.State == projections.StateLive })
	require.Equal(t, []string{"1 a v2", "2 b v2", "3 c v2"}, servedRows(t, served))
}

func TestF34APoisonEventStopsOneModelAndSaysWhere(t *testing.T) {
	log := newLog()
	dir := t.TempDir()
	poisoned, _ := serve(t, filepath.Join(dir, "poisoned.db"), notes(1), log)
	other := notes(1)
	other.Fold = func(context.Context, *sqldb.Tx, []eventstore.Recorded) error { return nil }
	healthy, _ := serve(t, filepath.Join(dir, "healthy.db"), other, log)
	require.NoError(t, poisoned.WaitFor(t.Context(), note(t, log, "a")))
	note(t, log, "poison")
	last := note(t, log, "b")

	require.NoError(t, healthy.WaitFor(t.Context(), last))
	status := becomes(t, poisoned, func(s projections.Status) bool { return s.State == projections.StateStopped })
	require.Contains(t, status.Error, "sequence 2")
	require.EqualValues(t, 1, status.Position)
	require.Equal(t, []string{"1 a v1"}, servedRows(t, poisoned), "what came before is still shown")
	require.Error(t, poisoned.Ready())
	require.NoError(t, healthy.Ready())

	poisoned.Rebuild()
	status = becomes(t, poisoned, func(s projections.Status) bool { return s.State != projections.StateRebuilding && s.Error != "" })
	require.Contains(t, status.Error, "sequence 2")
	require.Equal(t, []string{"1 a v1"}, servedRows(t, poisoned), "a copy that could not be made replaces nothing")
}

func TestF33ADamagedCopyIsReplaced(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{
		"overwritten": func(path string) error { return overwrite(path) },
		"deleted": func(path string) error {
			return errors.Join(os.Remove(path), os.Remove(path+"-wal"), os.Remove(path+"-shm"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			log := newLog()
			path := filepath.Join(t.TempDir(), "notes.db")
			var want []string
			for i := range 2000 {
				note(t, log, fmt.Sprint(i))
				want = append(want, fmt.Sprintf("%d %d v1", i+1, i))
			}
			served, stop := serve(t, path, notes(1), log)
			require.NoError(t, served.WaitReady(t.Context()))
			stop() // everything is in the main file now
			served, _ = serve(t, path, notes(1), log)
			require.NoError(t, served.WaitReady(t.Context()))
			require.NoError(t, spoil(path))

			last := note(t, log, "after")
			want = append(want, fmt.Sprintf("%d after v1", last))
			require.Eventually(t, func() bool {
				_ = served.Read(func(db *sql.DB) error { // fails while the copy is damaged
					var sum sql.NullInt64
					return db.QueryRowContext(t.Context(), "SELECT SUM(LENGTH(text)) FROM notes").Scan(&sum)
				})
				file, err := os.Stat(path)
				return err == nil && file.Size() > 0 && served.Ready() == nil && served.Position() == last && intact(served)
			}, time.Minute, 5*time.Millisecond)
			require.Equal(t, want, servedRows(t, served))
		})
	}
}

func intact(served *projections.Served) bool {
	var verdict string
	err := served.Read(func(db *sql.DB) error {
		return db.QueryRowContext(context.Background(), "PRAGMA integrity_check").Scan(&verdict)
	})
	return err == nil && verdict == "ok"
}

// overwrite spoils every page of a file but the first.
func overwrite(path string) error {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	size, err := file.Seek(0, io.SeekEnd)
	if err == nil {
		_, err = file.WriteAt(make([]byte, size-4096), 4096)
	}
	return errors.Join(err, file.Close())
}
