package eventstore_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates"
	"github.com/pushledger/pushledger/eventstore"
	"github.com/pushledger/pushledger/eventstore/memory"
)

var counter = eventstore.StreamID{Kind: "count", Key: "one"}

func newLog() *memory.Store { return memory.New(eventstore.NewRegistry(closed{}), time.Now) }

// count loads the stream, decides to add one event, and returns how many there are then.
func count(store eventstore.Store) func(context.Context) (int, error) {
	return func(ctx context.Context) (int, error) {
		history, err := store.Load(ctx, counter)
		if err != nil {
			return 0, err
		}
		return len(history) + 1, add(ctx, store, history)
	}
}

func add(ctx context.Context, store eventstore.Store, seen []eventstore.Recorded) error {
	var expect uint64
	if len(seen) > 0 {
		expect = seen[len(seen)-1].Sequence
	}
	_, err := store.Append(ctx, eventstore.Metadata{}, eventstore.Change{
		Stream: counter, Expect: expect, Events: []aggregates.Event{closed{}},
	})
	return err
}

func TestALostRaceIsDecidedAgainFromFreshState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, attempts := newLog(), 0
		total, err := eventstore.Execute(t.Context(), func(ctx context.Context) (int, error) {
			attempts++
			history, err := store.Load(ctx, counter)
			require.NoError(t, err)
			if attempts <= 3 { // somebody else is faster
				require.NoError(t, add(ctx, store, history))
			}
			return len(history) + 1, add(ctx, store, history)
		})
		require.NoError(t, err)
		require.Equal(t, 4, attempts)
		require.Equal(t, 4, total)
	})
}

func TestRacingDecisionsAllCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newLog()
		totals, errs := make([]int, 8), make([]error, 8)
		var group sync.WaitGroup
		for i := range totals {
			group.Go(func() { totals[i], errs[i] = eventstore.Execute(t.Context(), count(store)) })
		}
		group.Wait()
		require.NoError(t, errors.Join(errs...))
		require.ElementsMatch(t, []int{1, 2, 3, 4, 5, 6, 7, 8}, totals)
	})
}

func TestOnlyALostRaceIsRepeated(t *testing.T) {
	refused := errors.New("refused by a rule")
	for name, want := range map[string]error{
		"success":            nil,
		"a refusal":          refused,
		"an unknown outcome": eventstore.ErrUnavailable,
	} {
		t.Run(name, func(t *testing.T) {
			attempts := 0
			outcome, err := eventstore.Execute(t.Context(), func(context.Context) (string, error) {
				attempts++
				return "as it is", want
			})
			require.Equal(t, want, err)
			require.Equal(t, "as it is", outcome)
			require.Equal(t, 1, attempts)
		})
	}
}

func TestEndlessRacesEndAsUnavailable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		attempts := 0
		_, err := eventstore.Execute(t.Context(), func(context.Context) (int, error) {
			attempts++
			return 0, eventstore.ErrConflict
		})
		require.ErrorIs(t, err, eventstore.ErrUnavailable)
		require.NotErrorIs(t, err, eventstore.ErrConflict, "or an outer loop would start again")
		require.Equal(t, eventstore.MaxAttempts, attempts)
	})
}

func TestALoserWhoseCallerHasGoneGivesUp(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	attempts := 0
	_, err := eventstore.Execute(ctx, func(context.Context) (int, error) {
		attempts++
		cancel()
		return 0, eventstore.ErrConflict
	})
	require.ErrorIs(t, err, eventstore.ErrUnavailable)
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, 1, attempts)
}
