// Package storetest is the conformance suite that every eventstore.Store must pass.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates"
	"github.com/pushledger/pushledger/eventstore"
)

// Noted is the event that the suite writes.
type Noted struct {
	Text string `json:"text"`
}

// EventType implements aggregates.Event.
func (Noted) EventType() string { return "Noted" }

// Registry knows the suite's event.
func Registry() *eventstore.Registry { return eventstore.NewRegistry(Noted{}) }

// Run holds a store to the contract of the port. open returns an empty store that is
// closed by the test's own cleanup.
func Run(t *testing.T, open func(*testing.T) eventstore.Store) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, eventstore.Store){
		"an append over several streams is all or nothing":     allOrNothing,
		"the events of one append stand next to each other":    contiguous,
		"a stream that must not exist yet is created once":     createdOnce,
		"of many racing appends on one stream each counts":     racing,
		"an append that lost a race does not hurt the others":  oneLoser,
		"wrong calls are refused and write nothing":            wrongCalls,
		"the largest append fits":                              largest,
		"what was written is read back as it was":              readBack,
		"the newest event of many streams is found":            lastOfMany,
		"following delivers everything in order and goes on":   following,
		"following ends with its context":                      followingEnds,
		"a handler that fails ends the following":              handlerFails,
		"an append whose caller has gone writes nothing twice": callerGone,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

func stream(key string) eventstore.StreamID { return eventstore.StreamID{Kind: "note", Key: key} }

func change(key string, expect uint64, texts ...string) eventstore.Change {
	events := make([]aggregates.Event, len(texts))
	for i, text := range texts {
		events[i] = Noted{Text: text}
	}
	return eventstore.Change{Stream: stream(key), Expect: expect, Events: events}
}

func metadata() eventstore.Metadata {
	return eventstore.Metadata{CommandID: "command-1", CommandHash: "hash-1", Actor: "alice", Traceparent: "00-trace"}
}

func texts(t *testing.T, store eventstore.Store, key string) []string {
	t.Helper()
	history, err := store.Load(t.Context(), stream(key))
	require.NoError(t, err)
	var list []string
	for _, recorded := range history {
		list = append(list, recorded.Event.(Noted).Text)
	}
	return list
}

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

func readBack(t *testing.T, store eventstore.Store) {
	_, err := store.Append(t.Context(), metadata(), change("a", 0, "域名 \" \n", "two"))
	require.NoError(t, err)
	history, err := store.Load(t.Context(), stream("a"))
	require.NoError(t, err)
	require.Len(t, history, 2)
	require.Equal(t, Noted{Text: "域名 \" \n"}, history[0].Event)
	require.Equal(t, metadata(), history[0].Metadata)
	require.Equal(t, "Noted", history[0].Type)
	require.Equal(t, eventstore.SchemaVersion, history[0].Version)
	require.NotEmpty(t, history[0].ID)
	require.NotEqual(t, history[0].ID, history[1].ID)
	require.False(t, history[0].Last)
	require.True(t, history[1].Last)
	require.WithinDuration(t, time.Now(), history[0].Time, time.Hour)
	require.Empty(t, texts(t, store, "unknown"))
}

func lastOfMany(t *testing.T, store eventstore.Store) {
	const streams = 600
	wanted := []eventstore.StreamID{stream("absent")}
	changes := make([]eventstore.Change, streams)
	for i := range changes {
		changes[i] = change(fmt.Sprintf("d%d", i), 0, fmt.Sprint(i))
		wanted = append(wanted, changes[i].Stream)
	}
	_, err := store.Append(t.Context(), metadata(), changes...)
	require.NoError(t, err)
	_, err = store.Append(t.Context(), metadata(), change("d7", 8, "newer"))
	require.NoError(t, err)

	newest, err := store.Last(t.Context(), wanted...)
	require.NoError(t, err)
	require.Len(t, newest, streams)
	require.Equal(t, Noted{Text: "newer"}, newest[stream("d7")].Event)
	require.Equal(t, Noted{Text: "599"}, newest[stream("d599")].Event)
}

func following(t *testing.T, store eventstore.Store) {
	const before, during = 20, 200
	for i := range before {
		_, err := store.Append(t.Context(), metadata(), change(fmt.Sprintf("f%d", i), 0, "x"))
		require.NoError(t, err)
	}
	var written sync.WaitGroup
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	written.Go(func() {
		for i := range during {
			if _, err := store.Append(ctx, metadata(), change(fmt.Sprintf("g%d", i), 0, "x")); err != nil {
				cancel(err) // what was not written is never followed
				return
			}
		}
	})
	done := errors.New("seen all")
	var seen []uint64
	caughtUpAt := -1
	err := store.Follow(ctx, 5, func(recorded eventstore.Recorded) error {
		seen = append(seen, recorded.Sequence)
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
