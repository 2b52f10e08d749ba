package projections_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/pushledger/pushledger/aggregates"
	"github.com/pushledger/pushledger/eventstore"
	"github.com/pushledger/pushledger/eventstore/memory"
	"github.com/pushledger/pushledger/projections"
	"github.com/pushledger/pushledger/projections/sqldb"
)

// TestMain is also the process that a test kills while it catches up.
func TestMain(m *testing.M) {
	if path := os.Getenv(catchUpFile); path != "" {
		os.Exit(catchUp(path))
	}
	goleak.VerifyTestMain(m)
}

// noted is the only event of these tests.
type noted struct {
	Text string `json:"text"`
}

func (noted) EventType() string { return "noted" }

var stream = eventstore.StreamID{Kind: "note", Key: "n"}

func newLog() *memory.Store { return memory.New(eventstore.NewRegistry(noted{}), time.Now) }

// note appends one change of several events and gives its last sequence.
func note(t *testing.T, log eventstore.Store, texts ...string) uint64 {
	t.Helper()
	last, err := log.Last(t.Context(), stream)
	require.NoError(t, err)
	var events []aggregates.Event
	for _, text := range texts {
		events = append(events, noted{text})
	}
	sequence, err := log.Append(t.Context(), eventstore.Metadata{}, eventstore.Change{
		Stream: stream, Expect: last[stream].Sequence, Events: events,
	})
	require.NoError(t, err)
	return sequence
}

var errPoison = errors.New("poison")

// notes keeps every note with its sequence; the note "poison" cannot be folded. A row
// that is written twice breaks the primary key.
func notes(version int) projections.Model {
	return projections.Model{
		Name: "notes", Version: version, Tables: []string{"notes"},
		Schema: fstest.MapFS{"00001_notes.sql": {Data: []byte(
			"-- +goose Up\nCREATE TABLE notes (seq INTEGER PRIMARY KEY, text TEXT NOT NULL, version INTEGER NOT NULL) STRICT;")}},
		Fold: func(ctx context.Context, tx *sqldb.Tx, events []eventstore.Recorded) error {
			for _, event := range events {
				text := event.Event.(noted).Text
				if text == "poison" {
					return fmt.Errorf("sequence %d: %w", event.Sequence, errPoison)
				}
				if _, err := tx.ExecContext(ctx, "INSERT INTO notes VALUES ($1, $2, $3)", event.Sequence, text, version); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

func openStore(t *testing.T) *sqldb.DB {
	t.Helper()
	db, err := projections.Open(t.Context(), filepath.Join(t.TempDir(), "read.db"), slog.New(slog.DiscardHandler), notes(1))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

// running starts a runner and gives a function that ends it and returns what Run did.
func running(t *testing.T, model projections.Model, db *sqldb.DB, log eventstore.Store) (*projections.Runner, func() error) {
	t.Helper()
	runner := projections.NewRunner(model, db, log, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- runner.Run(ctx) }()
	stop := func() error {
		cancel()
		err := <-ended
		ended <- err // whoever stops it again is told the same
		return err
	}
	t.Cleanup(func() { _ = stop() })
	return runner, stop
}

func rows(t *testing.T, db *sqldb.DB) []string {
	t.Helper()
	result, err := db.Reader().QueryContext(t.Context(), "SELECT seq || ' ' || text || ' v' || version FROM notes ORDER BY seq")
	require.NoError(t, err)
	defer func() { require.NoError(t, result.Close()) }()
	var all []string
	for result.Next() {
		var row string
		require.NoError(t, result.Scan(&row))
		all = append(all, row)
	}
	require.NoError(t, result.Err())
	return all
}

func TestAModelShowsTheWholeLogAndWhatComesLater(t *testing.T) {
	log, db := newLog(), openStore(t)
	note(t, log, "a", "b")

	runner, stop := running(t, notes(1), db, log)
	require.NoError(t, runner.WaitReady(t.Context()))
	require.NoError(t, runner.Ready())
	require.Equal(t, []string{"1 a v1", "2 b v1"}, rows(t, db))

	require.NoError(t, runner.WaitFor(t.Context(), note(t, log, "c")))
	require.EqualValues(t, 3, runner.Position())
	require.Equal(t, []string{"1 a v1", "2 b v1", "3 c v1"}, rows(t, db))
	require.NoError(t, stop())
}

func TestAnEmptyLogIsReadAtOnce(t *testing.T) {
	runner, _ := running(t, notes(1), openStore(t), newLog())
	require.NoError(t, runner.WaitReady(t.Context()))
	require.Zero(t, runner.Position())
}

func TestManyEventsAreFoldedOnceEach(t *testing.T) {
	log, db := newLog(), openStore(t)
	for i := range 700 {
		note(t, log, fmt.Sprintf("%d-a", i), fmt.Sprintf("%d-b", i), fmt.Sprintf("%d-c", i))
	}
	runner, _ := running(t, notes(1), db, log)
	require.NoError(t, runner.WaitFor(t.Context(), 2100))
	require.Len(t, rows(t, db), 2100)
}

func TestARestartGoesOnWhereTheModelStood(t *testing.T) {
	log, db := newLog(), openStore(t)
	runner, stop := running(t, notes(1), db, log)
	require.NoError(t, runner.WaitFor(t.Context(), note(t, log, "a", "b")))
	require.NoError(t, stop())
	note(t, log, "c")

	runner, _ = running(t, notes(1), db, log)

	require.NoError(t, runner.WaitReady(t.Context()))
	require.Equal(t, []string{"1 a v1", "2 b v1", "3 c v1"}, rows(t, db))
}

func TestAnotherVersionOfTheFoldStartsFromNothing(t *testing.T) {
	log, db := newLog(), openStore(t)
	runner, stop := running(t, notes(1), db, log)
	require.NoError(t, runner.WaitFor(t.Context(), note(t, log, "a", "b")))
	require.NoError(t, stop())

	runner, _ = running(t, notes(2), db, log)

	require.NoError(t, runner.WaitReady(t.Context()))
	require.Equal(t, []string{"1 a v2", "2 b v2"}, rows(t, db))
}

func TestRowsOfAnotherLogAreThrownAway(t *testing.T) {
	for name, texts := range map[string][]string{"as long": {"x", "y"}, "shorter": {"x"}, "empty": {}} {
		t.Run(name, func(t *testing.T) {
			db := openStore(t)
			first := newLog()
			runner, stop := running(t, notes(1), db, first)
			require.NoError(t, runner.WaitFor(t.Context(), note(t, first, "a", "b")))
			require.NoError(t, stop())

			other := newLog()
			var want []string
			for i, text := range texts {
				note(t, other, text)
				want = append(want, fmt.Sprintf("%d %s v1", i+1, text))
			}
			runner, _ = running(t, notes(1), db, other)

			require.NoError(t, runner.WaitReady(t.Context()))
			require.Equal(t, want, rows(t, db))
		})
	}
}

func TestAnEventThatCannotBeFoldedStopsTheModelAndIsNamed(t *testing.T) {
	log, db := newLog(), openStore(t)
	runner := projections.NewRunner(notes(1), db, log, slog.New(slog.DiscardHandler))
	note(t, log, "a", "poison") // one change, and so one transaction

	err := runner.Run(t.Context())

	require.ErrorIs(t, err, errPoison)
	require.ErrorContains(t, err, "sequence 2")
	require.Equal(t, err, runner.Ready())
	require.ErrorIs(t, runner.WaitFor(t.Context(), 2), projections.ErrBehind)
	require.ErrorIs(t, runner.WaitReady(t.Context()), projections.ErrBehind)
	require.Zero(t, runner.Position(), "nothing of the transaction stays")
	require.Empty(t, rows(t, db))
}

// odd is a log that behaves oddly when it is followed.
type odd struct {
	*memory.Store
	follow func(real func(handle func(eventstore.Recorded) error) error, handle func(eventstore.Recorded) error) error
}

func (o *odd) Follow(ctx context.Context, after uint64, handle func(eventstore.Recorded) error, caughtUp func()) error {
	real := func(handle func(eventstore.Recorded) error) error {
		return o.Store.Follow(ctx, after, handle, caughtUp)
	}
	return o.follow(real, handle)
}

func TestAnEventThatCannotBeDecodedStopsTheModelBehindAllBeforeIt(t *testing.T) {
	db := openStore(t)
	log := &odd{Store: newLog()}
	note(t, log, "a", "b")
	note(t, log, "c")
	log.follow = func(real func(func(eventstore.Recorded) error) error, handle func(eventstore.Recorded) error) error {
		return real(func(event eventstore.Recorded) error {
			if event.Sequence == 3 {
				return fmt.Errorf("sequence 3: %w", eventstore.ErrUnknownEvent)
			}
			return handle(event)
		})
	}
	runner := projections.NewRunner(notes(1), db, log, slog.New(slog.DiscardHandler))

	err := runner.Run(t.Context())

	require.ErrorIs(t, err, eventstore.ErrUnknownEvent)
	require.ErrorContains(t, err, "sequence 3")
	require.Equal(t, []string{"1 a v1", "2 b v1"}, rows(t, db))
	require.EqualValues(t, 2, runner.Position())
	require.Error(t, runner.Ready())
}

func TestHalfAChangeIsNeverShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := openStore(t)
		log := &odd{Store: newLog()}
		rest := make(chan struct{})
		log.follow = func(real func(func(eventstore.Recorded) error) error, handle func(eventstore.Recorded) error) error {
			return real(func(event eventstore.Recorded) error {
				if event.Sequence == 3 {
					<-rest
				}
				return handle(event)
			})
		}
		note(t, log, "a")
		note(t, log, "b", "c")
		runner, _ := running(t, notes(1), db, log)

		synctest.Wait()
		require.Equal(t, []string{"1 a v1"}, rows(t, db), "2 waits for 3")
		require.EqualValues(t, 1, runner.Position())

		close(rest)
		require.NoError(t, runner.WaitFor(t.Context(), 3))
		require.Equal(t, []string{"1 a v1", "2 b v1", "3 c v1"}, rows(t, db))
	})
}

func TestAModelWaitsForALogThatCannotBeReached(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := openStore(t)
		log := &odd{Store: newLog()}
		failures := 3
		log.follow = func(real func(func(eventstore.Recorded) error) error, handle func(eventstore.Recorded) error) error {
			if failures--; failures >= 0 {
				return fmt.Errorf("%w: out for lunch", eventstore.ErrUnavailable)
			}
			return real(handle)
		}
		note(t, log, "a")

		runner, stop := running(t, notes(1), db, log)

		require.NoError(t, runner.WaitReady(t.Context()))
		require.Equal(t, []string{"1 a v1"}, rows(t, db))
		require.NoError(t, stop())
	})
}

func TestAReaderWaitsForTheSequenceThatItNeeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newLog()
		runner, _ := running(t, notes(1), openStore(t), log)
		require.NoError(t, runner.WaitReady(t.Context()))
		answered := make(chan error, 1)
		go func() { answered <- runner.Await(t.Context(), "1", "10s") }()

		synctest.Wait()
		require.Empty(t, answered, "it waits")

		note(t, log, "a")
		require.NoError(t, <-answered)
	})
}

func TestAReaderDoesNotWaitForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		runner, _ := running(t, notes(1), openStore(t), newLog())
		require.NoError(t, runner.WaitReady(t.Context()))
		for timeout, want := range map[string]time.Duration{"": projections.DefaultPatience, "70ms": 70 * time.Millisecond} {
			start := time.Now()
			require.ErrorIs(t, runner.Await(t.Context(), "18446744073709551615", timeout), projections.ErrBehind)
			require.Equal(t, want, time.Since(start), "by the bubble's own clock")
		}
	})
}

func TestNobodyIsAnsweredFromAModelThatIsStillBeingRebuilt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newLog()
		note(t, log, "a")
		runner := projections.NewRunner(notes(1), openStore(t), log, slog.New(slog.DiscardHandler))
		require.ErrorIs(t, runner.Await(t.Context(), "", ""), projections.ErrBehind)
		require.ErrorIs(t, runner.Ready(), projections.ErrBehind)
	})
}

func TestAWishThatCannotBeReadIsRefused(t *testing.T) {
	runner, _ := running(t, notes(1), openStore(t), newLog())
	for _, wish := range [][2]string{
		{"-1", ""}, {"one", ""}, {"1.5", ""}, {"18446744073709551616", ""}, {"", "2"}, {"", "0s"}, {"", "-1s"}, {"", "31s"}, {"", "soon"},
	} {
		require.ErrorIs(t, runner.Await(t.Context(), wish[0], wish[1]), projections.ErrWish, wish)
	}
}
