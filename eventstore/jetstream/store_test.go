package jetstream_test

import (
	"log/slog"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/pushledger/pushledger/aggregates"
	"github.com/pushledger/pushledger/eventstore"
	"github.com/pushledger/pushledger/eventstore/jetstream"
	"github.com/pushledger/pushledger/eventstore/natsserver"
	"github.com/pushledger/pushledger/eventstore/storetest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

func everything() natsserver.Grant {
	return natsserver.Grant{Name: "test", Publish: []string{">"}, Subscribe: []string{">"}}
}

// start runs a server on a directory and returns a connection to it and how to stop it.
func start(t testing.TB, dir string) (*nats.Conn, func()) {
	t.Helper()
	running, err := natsserver.Start(natsserver.Options{
		StoreDir: dir, Listen: "127.0.0.1:0", SyncAlways: true, Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	conn, err := running.Connect("test", everything())
	require.NoError(t, err)
	stop := sync.OnceFunc(func() {
		conn.Close()
		require.NoError(t, running.Close())
	})
	t.Cleanup(stop)
	return conn, stop
}

func open(t testing.TB, conn *nats.Conn) *jetstream.Store {
	t.Helper()
	store, err := jetstream.Open(t.Context(), conn, storetest.Registry(), jetstream.Options{})
	require.NoError(t, err)
	t.Cleanup(store.Close)
	return store
}

func TestConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T) eventstore.Store {
		conn, _ := start(t, t.TempDir())
		return open(t, conn)
	})
}

func note(key string, expect uint64, text string) eventstore.Change {
	return eventstore.Change{
		Stream: eventstore.StreamID{Kind: "note", Key: key}, Expect: expect,
		Events: []aggregates.Event{storetest.Noted{Text: text}},
	}
}

func TestARestartKeepsTheLog(t *testing.T) {
	dir := t.TempDir()
	conn, stop := start(t, dir)
	store := open(t, conn)
	last, err := store.Append(t.Context(), eventstore.Metadata{}, note("a", 0, "one"), note("b", 0, "two"))
	require.NoError(t, err)
	store.Close()
	stop()

	conn, _ = start(t, dir)
	store = open(t, conn)
	end, err := store.LastSequence(t.Context())
	require.NoError(t, err)
	require.Equal(t, last, end)
	history, err := store.Load(t.Context(), eventstore.StreamID{Kind: "note", Key: "a"})
	require.NoError(t, err)
	require.Len(t, history, 1)
	_, err = store.Append(t.Context(), eventstore.Metadata{}, note("a", history[0].Sequence, "three"))
	require.NoError(t, err)
}

func TestTheLogCannotBeCut(t *testing.T) {
	conn, _ := start(t, t.TempDir())
	store := open(t, conn)
	_, err := store.Append(t.Context(), eventstore.Metadata{}, note("a", 0, "one"))
	require.NoError(t, err)
	js, err := natsjs.New(conn)
	require.NoError(t, err)
	stream, err := js.Stream(t.Context(), jetstream.StreamName)
	require.NoError(t, err)
	require.Error(t, stream.DeleteMsg(t.Context(), 1))
	require.Error(t, stream.Purge(t.Context()))
	end, err := store.LastSequence(t.Context())
	require.NoError(t, err)
	require.Equal(t, uint64(1), end)
}

func TestAStreamThatMayForgetIsRefused(t *testing.T) {
	conn, _ := start(t, t.TempDir())
	js, err := natsjs.New(conn)
	require.NoError(t, err)
	_, err = js.CreateStream(t.Context(), natsjs.StreamConfig{
		Name: jetstream.StreamName, Subjects: []string{jetstream.SubjectPrefix + ">"}, MaxAge: 1e12,
	})
	require.NoError(t, err)
	_, err = jetstream.Open(t.Context(), conn, storetest.Registry(), jetstream.Options{})
	require.ErrorContains(t, err, "cannot hold the ledger")
}

func TestAClosedStoreTakesNothing(t *testing.T) {
	conn, _ := start(t, t.TempDir())
	store := open(t, conn)
	store.Close()
	_, err := store.Append(t.Context(), eventstore.Metadata{}, note("a", 0, "one"))
	require.ErrorIs(t, err, eventstore.ErrUnavailable)
}

func TestAnUnknownEventStopsTheReader(t *testing.T) {
	conn, _ := start(t, t.TempDir())
	store := open(t, conn)
	message := nats.NewMsg(jetstream.SubjectPrefix + "note.a")
	message.Header.Set("Event-Type", "FromTheFuture")
	message.Header.Set("Event-Version", "9")
	message.Data = []byte(`{}`)
	_, err := conn.RequestMsg(message, 5e9)
	require.NoError(t, err)
	err = store.Follow(t.Context(), 0, func(eventstore.Recorded) error { return nil }, nil)
	require.ErrorIs(t, err, eventstore.ErrUnknownEvent)
	require.ErrorContains(t, err, "sequence 1")
}
