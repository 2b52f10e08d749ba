package jetstream_test

import (
	"errors"
	"iter"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/eventstore"
	"github.com/pushledger/pushledger/eventstore/jetstream"
	"github.com/pushledger/pushledger/eventstore/natsserver"
	"github.com/pushledger/pushledger/eventstore/storetest"
)

func noteStream(key string) eventstore.StreamID { return eventstore.StreamID{Kind: "note", Key: key} }

// reopened is a log of notes as a new process finds it.
func reopened(t *testing.T, keys ...string) *jetstream.Store {
	t.Helper()
	conn, _ := start(t, t.TempDir())
	before := open(t, conn)
	for _, key := range keys {
		_, err := before.Append(t.Context(), eventstore.Metadata{}, note(key, 0, "before"))
		require.NoError(t, err)
	}
	before.Close()
	store, err := jetstream.Open(t.Context(), conn, storetest.Registry(), jetstream.Options{GroupSize: natsserver.MaxBatch, NewKind: "note"})
	require.NoError(t, err)
	t.Cleanup(store.Close)
	return store
}

func streams(keys ...string) iter.Seq2[eventstore.StreamID, error] {
	return func(yield func(eventstore.StreamID, error) bool) {
		for _, key := range keys {
			if !yield(noteStream(key), nil) {
				return
			}
		}
	}
}

func TestNothingIsUnseenBeforeTheLogIsLearnt(t *testing.T) {
	store := reopened(t, "old")
	require.False(t, store.Unseen(noteStream("old")))
	require.False(t, store.Unseen(noteStream("new")))

	require.NoError(t, store.Learn(streams("old")))

	require.False(t, store.Unseen(noteStream("old")))
	require.True(t, store.Unseen(noteStream("new")))
	require.False(t, store.Unseen(eventstore.StreamID{Kind: "another", Key: "new"}), "only one kind is kept in mind")
}

func TestAStreamThatCameSinceIsSeen(t *testing.T) {
	here, there := twoNodesThatKnow(t)
	require.True(t, here.Unseen(noteStream("new")))

	_, err := there.Append(t.Context(), eventstore.Metadata{}, note("new", 0, "there"))

	require.NoError(t, err)
	require.False(t, there.Unseen(noteStream("new")), "its own write")
	require.Eventually(t, func() bool { return !here.Unseen(noteStream("new")) }, 10*time.Second, time.Millisecond, "the other's")
}

func twoNodesThatKnow(t *testing.T) (here, there *jetstream.Store) {
	t.Helper()
	conn, _ := start(t, t.TempDir())
	nodes := make([]*jetstream.Store, 2)
	for i := range nodes {
		var err error
		nodes[i], err = jetstream.Open(t.Context(), conn, storetest.Registry(), jetstream.Options{NewKind: "note"})
		require.NoError(t, err)
		t.Cleanup(nodes[i].Close)
		require.NoError(t, nodes[i].Learn(streams()))
	}
	return nodes[0], nodes[1]
}

func TestHalfOfTheLogTeachesNothing(t *testing.T) {
	store := reopened(t, "old", "older")
	failure := errors.New("the rows are gone")

	err := store.Learn(func(yield func(eventstore.StreamID, error) bool) {
		_ = yield(noteStream("old"), nil) && yield(eventstore.StreamID{}, failure)
	})

	require.ErrorIs(t, err, failure)
	require.False(t, store.Unseen(noteStream("older")))
}

// Whoever relied on what was learnt wrongly loses once, and reads the stream then.
func TestWhatWasLearntWronglyCostsOneLostAppend(t *testing.T) {
	store := reopened(t, "old")
	require.NoError(t, store.Learn(streams()))
	require.True(t, store.Unseen(noteStream("old")))

	_, err := store.Append(t.Context(), eventstore.Metadata{}, note("old", 0, "after"))

	require.ErrorIs(t, err, eventstore.ErrConflict)
	require.False(t, store.Unseen(noteStream("old")))
}
