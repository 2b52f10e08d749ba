package storetest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/eventstore"
)

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

func longHistory(t *testing.T, store eventstore.Store) {
	const events = 700
	wanted := make([]string, events)
	for i := range wanted {
		wanted[i] = fmt.Sprint(i)
	}
	last, err := store.Append(t.Context(), metadata(), change("other", 0, "x"), change("long", 0, wanted...))
	require.NoError(t, err)
	_, err = store.Append(t.Context(), metadata(), change("other", 1, "y"), change("long", last, "newest"))
	require.NoError(t, err)
	require.Equal(t, append(wanted, "newest"), texts(t, store, "long"))
}

func largeEvents(t *testing.T, store eventstore.Store) {
	const streams = 40
	large := strings.Repeat("x", 400<<10)
	wanted := make([]eventstore.StreamID, streams)
	for i := range wanted {
		key := fmt.Sprintf("large-%d", i)
		wanted[i] = stream(key)
		_, err := store.Append(t.Context(), metadata(), change(key, 0, "small", large))
		require.NoError(t, err)
	}
	newest, err := store.Last(t.Context(), wanted...)
	require.NoError(t, err)
	require.Len(t, newest, streams)
	for _, id := range wanted {
		require.Equal(t, Noted{Text: large}, newest[id].Event)
	}
}

func wildReads(t *testing.T, store eventstore.Store) {
	_, err := store.Append(t.Context(), metadata(), change("a", 0, "x"))
	require.NoError(t, err)
	for _, key := range []string{"*", ">", "", "a.b", "a b"} {
		_, err := store.Load(t.Context(), stream(key))
		require.Error(t, err, key)
		_, err = store.Last(t.Context(), stream("a"), stream(key))
		require.Error(t, err, key)
	}
}
