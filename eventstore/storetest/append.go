package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates"
	"github.com/pushledger/pushledger/eventstore"
)

func allOrNothing(t *testing.T, store eventstore.Store) {
	last, err := store.Append(t.Context(), metadata(), change("a", 0, "a1"), change("b", 0, "b1"))
	require.NoError(t, err)
	require.Equal(t, uint64(2), last)

	_, err = store.Append(t.Context(), metadata(), change("c", 0, "c1"), change("b", 1, "never"))
	require.ErrorIs(t, err, eventstore.ErrConflict)
	require.Empty(t, texts(t, store, "c"))
	require.Equal(t, []string{"b1"}, texts(t, store, "b"))
	end, err := store.LastSequence(t.Context())
	require.NoError(t, err)
	require.Equal(t, uint64(2), end)
}

func contiguous(t *testing.T, store eventstore.Store) {
	last, err := store.Append(t.Context(), metadata(), change("x", 0, "x1"), change("y", 0, "y1", "y2"))
	require.NoError(t, err)
	x, err := store.Load(t.Context(), stream("x"))
	require.NoError(t, err)
	y, err := store.Load(t.Context(), stream("y"))
	require.NoError(t, err)
	require.Equal(t, []uint64{last - 2, last - 1, last}, []uint64{x[0].Sequence, y[0].Sequence, y[1].Sequence})

	_, err = store.Append(t.Context(), metadata(), change("x", last-2, "x2"), change("y", last, "y3"))
	require.NoError(t, err)
}

func createdOnce(t *testing.T, store eventstore.Store) {
	_, err := store.Append(t.Context(), metadata(), change("once", 0, "first"))
	require.NoError(t, err)
	_, err = store.Append(t.Context(), metadata(), change("once", 0, "second"))
	require.ErrorIs(t, err, eventstore.ErrConflict)
	_, err = store.Append(t.Context(), metadata(), change("absent", 7, "never"))
	require.ErrorIs(t, err, eventstore.ErrConflict)
}

// racing has many writers add to the same two streams; each retries until it wins, and
// in the end every one of them stands in the log exactly once.
func racing(t *testing.T, store eventstore.Store) {
	const writers, rounds = 16, 8
	var group sync.WaitGroup
	failures := make(chan error, writers*rounds)
	for writer := range writers {
		group.Go(func() {
			for round := range rounds {
				if err := win(t.Context(), store, fmt.Sprintf("%d/%d", writer, round)); err != nil {
					failures <- err
				}
			}
		})
	}
	group.Wait()
	close(failures)
	for err := range failures {
		require.NoError(t, err)
	}
	require.Len(t, unique(texts(t, store, "left")), writers*rounds)
	require.Equal(t, texts(t, store, "left"), texts(t, store, "right"))
}

func win(ctx context.Context, store eventstore.Store, text string) error {
	for {
		newest, err := store.Last(ctx, stream("left"), stream("right"))
		if err != nil {
			return err
		}
		_, err = store.Append(ctx, metadata(),
			change("left", newest[stream("left")].Sequence, text),
			change("right", newest[stream("right")].Sequence, text))
		if !errors.Is(err, eventstore.ErrConflict) {
			return err
		}
	}
}

func unique(list []string) map[string]bool {
	set := make(map[string]bool, len(list))
	for _, text := range list {
		set[text] = true
	}
	return set
}

// oneLoser sends many appends at the same time, every eighth of which must fail.
func oneLoser(t *testing.T, store eventstore.Store) {
	const writers = 64
	_, err := store.Append(t.Context(), metadata(), change("taken", 0, "mine"))
	require.NoError(t, err)
	errs := make([]error, writers)
	sequences := make([]uint64, writers)
	var group sync.WaitGroup
	for i := range writers {
		group.Go(func() {
			changes := []eventstore.Change{change(fmt.Sprintf("own-%d", i), 0, "one", "two")}
			if i%8 == 0 {
				changes = append(changes, change("taken", 0, "never"))
			}
			sequences[i], errs[i] = store.Append(t.Context(), metadata(), changes...)
		})
	}
	group.Wait()
	for i := range writers {
		own, err := store.Load(t.Context(), stream(fmt.Sprintf("own-%d", i)))
		require.NoError(t, err)
		if i%8 == 0 {
			require.ErrorIs(t, errs[i], eventstore.ErrConflict)
			require.Empty(t, own)
			continue
		}
		require.NoError(t, errs[i])
		require.Len(t, own, 2)
		require.Equal(t, own[1].Sequence, sequences[i])
	}
	require.Equal(t, []string{"mine"}, texts(t, store, "taken"))
}

func wrongCalls(t *testing.T, store eventstore.Store) {
	many := make([]string, eventstore.MaxEventsPerAppend+1)
	for name, changes := range map[string][]eventstore.Change{
		"nothing":         {},
		"no events":       {change("a", 0)},
		"a stream twice":  {change("a", 0, "1"), change("a", 0, "2")},
		"too many events": {change("a", 0, many...)},
		"a wild subject":  {{Stream: eventstore.StreamID{Kind: "note", Key: "a.>"}, Events: []aggregates.Event{Noted{}}}},
	} {
		_, err := store.Append(t.Context(), metadata(), changes...)
		require.Error(t, err, name)
		require.NotErrorIs(t, err, eventstore.ErrConflict, name)
	}
	end, err := store.LastSequence(t.Context())
	require.NoError(t, err)
	require.Zero(t, end)
}

func largest(t *testing.T, store eventstore.Store) {
	changes := make([]eventstore.Change, eventstore.MaxEventsPerAppend)
	for i := range changes {
		changes[i] = change(fmt.Sprintf("s%d", i), 0, "x")
	}
	last, err := store.Append(t.Context(), metadata(), changes...)
	require.NoError(t, err)
	require.Equal(t, uint64(eventstore.MaxEventsPerAppend), last)
}

func callerGone(t *testing.T, store eventstore.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := store.Append(ctx, metadata(), change("gone", 0, "x"))
	if err != nil {
		require.ErrorIs(t, err, eventstore.ErrUnavailable)
	}
	newest, err := store.Last(t.Context(), stream("gone"))
	require.NoError(t, err)
	_, err = store.Append(t.Context(), metadata(), change("gone", newest[stream("gone")].Sequence, "y"))
	require.NoError(t, err)
	require.Equal(t, "y", texts(t, store, "gone")[len(texts(t, store, "gone"))-1])
}

// disjoint has many writers add to streams of their own; each learns its own place.
func disjoint(t *testing.T, store eventstore.Store) {
	const writers = 64
	sequences, errs := make([]uint64, writers), make([]error, writers)
	var group sync.WaitGroup
	for i := range writers {
		group.Go(func() {
			a, b := fmt.Sprintf("a%d", i), fmt.Sprintf("b%d", i)
			sequences[i], errs[i] = store.Append(t.Context(), metadata(), change(a, 0, "1", "2"), change(b, 0, "3"))
		})
	}
	group.Wait()
	require.NoError(t, errors.Join(errs...))
	for i, sequence := range sequences {
		newest, err := store.Last(t.Context(), stream(fmt.Sprintf("a%d", i)), stream(fmt.Sprintf("b%d", i)))
		require.NoError(t, err)
		require.Equal(t, sequence-1, newest[stream(fmt.Sprintf("a%d", i))].Sequence)
		require.Equal(t, sequence, newest[stream(fmt.Sprintf("b%d", i))].Sequence)
	}
	end, err := store.LastSequence(t.Context())
	require.NoError(t, err)
	require.Equal(t, uint64(3*writers), end)
}

// singles races appends of one event, most of them in pairs for the same new stream.
func singles(t *testing.T, store eventstore.Store) {
	const rounds, pairs = 20, 4
	for round := range rounds {
		errs := make([]error, 2*pairs+1)
		var group sync.WaitGroup
		for i := range errs {
			group.Go(func() {
				_, errs[i] = store.Append(t.Context(), metadata(), change(fmt.Sprintf("s%d-%d", round, i/2), 0, "x"))
			})
		}
		group.Wait()
		for pair := range pairs {
			first, second := errs[2*pair], errs[2*pair+1]
			if first != nil {
				first, second = second, first
			}
			require.NoError(t, first, "one of two wins")
			require.ErrorIs(t, second, eventstore.ErrConflict)
		}
		require.NoError(t, errs[2*pairs], "who races nobody wins")
	}
	end, err := store.LastSequence(t.Context())
	require.NoError(t, err)
	require.Equal(t, uint64(rounds*(pairs+1)), end)
}
