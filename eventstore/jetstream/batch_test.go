package jetstream

import (
	"errors"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates"
	"github.com/pushledger/pushledger/eventstore"
	"github.com/pushledger/pushledger/eventstore/natsserver"
	"github.com/pushledger/pushledger/eventstore/storetest"
)

var errEnough = errors.New("enough")

// writing opens a store on a server of its own.
func writing(t *testing.T) *Store {
	t.Helper()
	server, err := natsserver.Start(natsserver.Options{StoreDir: t.TempDir(), SyncAlways: true, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	conn, err := server.Connect("test", natsserver.Grant{Name: "test", Publish: []string{">"}, Subscribe: []string{">"}})
	require.NoError(t, err)
	t.Cleanup(conn.Close)
	store, err := Open(t.Context(), conn, storetest.Registry(), Options{})
	require.NoError(t, err)
	t.Cleanup(store.Close)
	return store
}

func (s *Store) noted(t *testing.T, key string, expect uint64, texts ...string) *waiting {
	t.Helper()
	change := eventstore.Change{Stream: eventstore.StreamID{Kind: "note", Key: key}, Expect: expect}
	for _, text := range texts {
		change.Events = append(change.Events, aggregates.Event(storetest.Noted{Text: text}))
	}
	prepared, err := s.prepare(t.Context(), eventstore.Metadata{}, []eventstore.Change{change})
	require.NoError(t, err)
	return prepared
}

func TestABatchIsOpenedForWhoeverComesMeanwhile(t *testing.T) {
	store := writing(t)
	for _, together := range []struct {
		name  string
		texts [][]string // of each append
	}{
		{"nobody comes", [][]string{{"one"}}},
		{"nobody comes to a longer one", [][]string{{"one", "two"}}},
		{"others come", [][]string{{"one"}, {"two"}, {"three", "four"}}},
	} {
		t.Run(together.name, func(t *testing.T) {
			before, err := store.LastSequence(t.Context())
			require.NoError(t, err)
			var group []*waiting
			events := uint64(0)
			for i, texts := range together.texts {
				group = append(group, store.noted(t, fmt.Sprintf("%d-%d", before, i), 0, texts...))
				events += uint64(len(texts))
			}
			opened, err := store.open(group[0])
			require.NoError(t, err)
			standing, err := store.LastSequence(t.Context())
			require.NoError(t, err)
			require.Equal(t, before, standing, "nothing is written before the end of the batch")

			store.commit(opened, group)

			told := before
			for i, appended := range group {
				told += uint64(len(together.texts[i]))
				require.Equal(t, result{sequence: told}, <-appended.done)
			}
			history := make([]eventstore.Recorded, 0, events)
			require.ErrorIs(t, store.Follow(t.Context(), before, func(recorded eventstore.Recorded) error {
				if history = append(history, recorded); recorded.Sequence == before+events {
					return errEnough
				}
				return nil
			}, nil), errEnough)
			require.True(t, history[len(history)-1].Last)
			after, err := store.LastSequence(t.Context())
			require.NoError(t, err)
			require.Equal(t, before+events, after)
		})
	}
}

func TestALostRaceInAnOpenedBatchFailsAlone(t *testing.T) {
	store := writing(t)
	loser, winner := store.noted(t, "lost", 7, "no"), store.noted(t, "won", 0, "yes")
	opened, err := store.open(loser)
	require.NoError(t, err)
	store.commit(opened, []*waiting{loser, winner})
	require.ErrorIs(t, (<-loser.done).err, eventstore.ErrConflict)
	require.Equal(t, result{sequence: 1}, <-winner.done)
	alone := store.noted(t, "lost", 7, "no")
	opened, err = store.open(alone)
	require.NoError(t, err)
	store.commit(opened, []*waiting{alone})
	require.ErrorIs(t, (<-alone.done).err, eventstore.ErrConflict)
}
