package purchase

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates"
	"github.com/pushledger/pushledger/aggregates/catalog"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/eventstore"
	"github.com/pushledger/pushledger/eventstore/memory"
	"github.com/pushledger/pushledger/sagas/ledger"
)

// drawer keeps a bookmark.
type drawer struct{ data []byte }

func (d *drawer) Load() ([]byte, error) { return d.data, nil }

func (d *drawer) Save(data []byte) error {
	d.data = data
	return nil
}

// watched is a log that notes from where it was followed, and how far.
type watched struct {
	eventstore.Store
	from []uint64
	seen chan uint64
}

func (w *watched) Follow(ctx context.Context, after uint64, handle func(eventstore.Recorded) error, caughtUp func()) error {
	w.from = append(w.from, after)
	return w.Store.Follow(ctx, after, func(recorded eventstore.Recorded) error {
		err := handle(recorded)
		w.seen <- recorded.Sequence
		return err
	}, caughtUp)
}

func offersUntil(t *testing.T, log *memory.Store, ids ...string) {
	t.Helper()
	for _, id := range ids {
		_, err := log.Append(t.Context(), eventstore.Metadata{}, eventstore.Change{
			Stream: ledger.PushStream(id),
			Events: []aggregates.Event{push.Offered{PushID: id, ExpiresAt: time.Now().Add(time.Hour).UTC()}},
		})
		require.NoError(t, err)
	}
}

// readUntil runs a saga on a log until it has observed a sequence, and returns what it
// has on its agenda and from where it has read.
func readUntil(t *testing.T, log eventstore.Store, keeper Keeper, sequence uint64) (open map[string]time.Time, from []uint64) {
	t.Helper()
	over := &watched{Store: log, seen: make(chan uint64, 1000)}
	saga := New(Config{
		Store: over, Ledger: ledger.New(log), Keeper: keeper, Logger: slog.New(slog.DiscardHandler),
		Now: func() time.Time { return time.Now().UTC() }, Workers: 2,
	})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- saga.Run(ctx) }()
	for seen := uint64(0); seen < sequence; {
		seen = <-over.seen
	}
	stop()
	require.NoError(t, <-ended)
	return saga.agenda.list(), over.from
}

func emptyLog() *memory.Store {
	return memory.New(eventstore.NewRegistry(catalog.Events()...), time.Now)
}

func TestARestartGoesOnFromTheBookmark(t *testing.T) {
	log, kept := emptyLog(), &drawer{}
	offersUntil(t, log, "a", "b", "c")
	_, err := log.Append(t.Context(), eventstore.Metadata{}, eventstore.Change{
		Stream: ledger.PushStream("b"), Expect: 2, Events: []aggregates.Event{push.Withdrawn{At: time.Now().UTC()}},
	})
	require.NoError(t, err)
	before, from := readUntil(t, log, kept, 4)
	require.Equal(t, []uint64{0}, from)
	require.Len(t, before, 2)

	offersUntil(t, log, "d")
	after, from := readUntil(t, log, kept, 5)
	require.Equal(t, []uint64{3}, from, "only the event of the bookmark is read again")
	require.Len(t, after, 3)
	for id, due := range before {
		require.WithinDuration(t, due, after[id], 0, id)
	}
}

func TestABookmarkThatDoesNotFitIsIgnored(t *testing.T) {
	long := emptyLog()
	kept := &drawer{}
	offersUntil(t, long, "a", "b", "c")
	readUntil(t, long, kept, 3)
	for name, keeper := range map[string]*drawer{
		"none":            {},
		"of a longer log": kept,
		"of another log":  {data: []byte(`{"sequence":1,"event_id":"another","pushes":[{"push_id":"ghost","due":"2026-01-01T00:00:00Z"}]}`)},
		"damaged":         {data: []byte(`{"sequence":1`)},
	} {
		t.Run(name, func(t *testing.T) {
			log := emptyLog()
			offersUntil(t, log, "x", "y")
			open, from := readUntil(t, log, keeper, 2)
			require.Equal(t, uint64(0), from[len(from)-1], fmt.Sprint(from))
			require.Len(t, open, 2)
			require.Contains(t, open, "x")
		})
	}
}

// Nothing is due for a push that waits for a person, and its domains are held all the same.
func TestTheBookmarkKeepsHoldsOfAPushThatWaitsForAPerson(t *testing.T) {
	log, kept := emptyLog(), &drawer{}
	offersUntil(t, log, "a")
	_, err := log.Append(t.Context(), eventstore.Metadata{}, eventstore.Change{
		Stream: ledger.PushStream("a"), Expect: 1, Events: []aggregates.Event{push.HoldStarted{At: time.Now().UTC()}},
	})
	require.NoError(t, err)
	saga := New(Config{Store: log, Ledger: ledger.New(log), Keeper: kept, Logger: slog.New(slog.DiscardHandler), Now: time.Now})
	history, err := log.Load(t.Context(), ledger.PushStream("a"))
	require.NoError(t, err)
	for _, recorded := range history {
		require.NoError(t, saga.observeAndMark(recorded))
	}
	saga.agenda.forget("a") // as after a look at it that found nothing to do
	saga.saveBookmark()
	mark, err := saga.loadBookmark()
	require.NoError(t, err)
	require.Len(t, mark.Pushes, 1)
	require.True(t, mark.Pushes[0].Held)
}
