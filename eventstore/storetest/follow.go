package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/eventstore"
)

func following(t *testing.T, store eventstore.Store) {
	const before, during = 20, 200
	for i := range before {
		_, err := store.Append(t.Context(), metadata(), change(fmt.Sprintf("f%d", i), 0, "x"))
		require.NoError(t, err)
	}
	var written sync.WaitGroup
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	write := func() {
		for i := range during {
			if _, err := store.Append(ctx, metadata(), change(fmt.Sprintf("g%d", i), 0, "x")); err != nil {
				cancel(err) // what was not written is never followed
				return
			}
		}
	}
	done := errors.New("seen all")
	var seen []uint64
	caughtUpAt := -1
	err := store.Follow(ctx, 5, func(recorded eventstore.Recorded) error {
		if seen = append(seen, recorded.Sequence); len(seen) == 1 {
			written.Go(write) // from here on, where the log ended at first is known
		}
		if recorded.Sequence == before+during {
			return done
		}
		return nil
	}, func() { caughtUpAt = len(seen) })
	written.Wait()
	require.NoError(t, context.Cause(ctx))
	require.ErrorIs(t, err, done)
	require.Len(t, seen, before+during-5)
	for i, sequence := range seen {
		require.Equal(t, uint64(i+6), sequence)
	}
	require.GreaterOrEqual(t, caughtUpAt, before-5)
}

func followingEnds(t *testing.T, store eventstore.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	err := store.Follow(ctx, 0, func(eventstore.Recorded) error { return nil }, cancel)
	require.ErrorIs(t, err, context.Canceled)
}

func handlerFails(t *testing.T, store eventstore.Store) {
	_, err := store.Append(t.Context(), metadata(), change("a", 0, "one", "two"))
	require.NoError(t, err)
	poison := errors.New("poison")
	err = store.Follow(t.Context(), 0, func(recorded eventstore.Recorded) error {
		if recorded.Sequence == 2 {
			return poison
		}
		return nil
	}, nil)
	require.ErrorIs(t, err, poison)
	require.ErrorContains(t, err, "sequence 2")
}

func resuming(t *testing.T, store eventstore.Store) {
	_, err := store.Append(t.Context(), metadata(), change("a", 0, "1", "2", "3"), change("b", 0, "4"))
	require.NoError(t, err)
	var seen []string
	stopped := errors.New("stopped")
	for position := uint64(0); position < 4; {
		err := store.Follow(t.Context(), position, func(recorded eventstore.Recorded) error {
			seen = append(seen, recorded.Event.(Noted).Text)
			position = recorded.Sequence
			require.Equal(t, position == 4, recorded.Last)
			return stopped
		}, nil)
		require.ErrorIs(t, err, stopped)
	}
	require.Equal(t, []string{"1", "2", "3", "4"}, seen)
}

func beyondTheEnd(t *testing.T, store eventstore.Store) {
	_, err := store.Append(t.Context(), metadata(), change("a", 0, "x"))
	require.NoError(t, err)
	err = store.Follow(t.Context(), 2, func(eventstore.Recorded) error { return nil }, nil)
	require.ErrorContains(t, err, "the log ends at 1", "a log shorter than what was read from it has lost events")
}
