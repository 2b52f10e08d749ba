package jetstream_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/eventstore"
	"github.com/pushledger/pushledger/eventstore/jetstream"
	"github.com/pushledger/pushledger/eventstore/storetest"
)

// twoNodes opens one log twice, as two processes would: what the one writes, the other
// only learns from the server.
func twoNodes(t *testing.T) (here, there *jetstream.Store) {
	t.Helper()
	conn, _ := start(t, t.TempDir())
	return open(t, conn), open(t, conn)
}

// Each round all but one or two of the appends that wait together have lost to the
// other node already. Only the server can know, and it refuses the whole batch.
func TestLosersToAnotherNodeFailAlone(t *testing.T) {
	const rounds, appends = 10, 9
	here, there := twoNodes(t)
	for round := range rounds {
		key := func(i int) string { return fmt.Sprintf("%d-%d", round, i) }
		winners := 1 + round%2
		for i := winners; i < appends; i++ {
			_, err := there.Append(t.Context(), eventstore.Metadata{}, note(key(i), 0, "there"))
			require.NoError(t, err)
		}
		errs := make([]error, appends)
		var group sync.WaitGroup
		for i := range errs {
			group.Go(func() { _, errs[i] = here.Append(t.Context(), eventstore.Metadata{}, note(key(i), 0, "here")) })
		}
		group.Wait()
		for i, err := range errs {
			history, readErr := here.Load(t.Context(), eventstore.StreamID{Kind: "note", Key: key(i)})
			require.NoError(t, readErr)
			require.Len(t, history, 1)
			if i < winners {
				require.NoError(t, err)
				require.Equal(t, storetest.Noted{Text: "here"}, history[0].Event)
				continue
			}
			require.ErrorIs(t, err, eventstore.ErrConflict)
			require.Equal(t, storetest.Noted{Text: "there"}, history[0].Event)
		}
	}
}

// A version that the stream never had cannot be waited for either.
func TestAnExpectationAheadOfTheStreamFailsAlone(t *testing.T) {
	const appends = 16
	store, _ := twoNodes(t)
	errs := make([]error, appends)
	var group sync.WaitGroup
	for i := range errs {
		group.Go(func() {
			_, errs[i] = store.Append(t.Context(), eventstore.Metadata{},
				note(fmt.Sprintf("a%d", i), 0, "x"), note(fmt.Sprintf("b%d", i), uint64(i%2)*1000, "x"))
		})
	}
	group.Wait()
	for i, err := range errs {
		if i%2 == 0 {
			require.NoError(t, err)
		} else {
			require.ErrorIs(t, err, eventstore.ErrConflict)
		}
	}
}

func TestTwoNodesLoseNoUpdate(t *testing.T) {
	const writers, rounds = 8, 5
	here, there := twoNodes(t)
	stream := eventstore.StreamID{Kind: "note", Key: "shared"}
	errs := make([]error, writers)
	var group sync.WaitGroup
	for writer := range errs {
		store := []*jetstream.Store{here, there}[writer%2]
		group.Go(func() {
			for range rounds {
				errs[writer] = errors.Join(errs[writer], addOne(t, store, stream))
			}
		})
	}
	group.Wait()
	require.NoError(t, errors.Join(errs...))
	history, err := here.Load(t.Context(), stream)
	require.NoError(t, err)
	require.Len(t, history, writers*rounds)
}

func addOne(t *testing.T, store eventstore.Store, stream eventstore.StreamID) error {
	for {
		newest, err := store.Last(t.Context(), stream)
		if err != nil {
			return err
		}
		_, err = store.Append(t.Context(), eventstore.Metadata{}, note(stream.Key, newest[stream].Sequence, "x"))
		if !errors.Is(err, eventstore.ErrConflict) {
			return err
		}
	}
}
