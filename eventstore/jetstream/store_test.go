package jetstream_test

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
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
	store, err := jetstream.Open(t.Context(), conn, storetest.Registry(), jetstream.Options{GroupSize: natsserver.MaxBatch})
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

// Whoever can change the settings of the stream could make it lose history: the ledger
// does not start on it.
func TestAStreamThatCannotHoldTheLedgerIsRefused(t *testing.T) {
	for name, breaks := range map[string]func(*natsjs.StreamConfig){
		"it may delete":                func(is *natsjs.StreamConfig) { is.DenyDelete = false },
		"it forgets by age":            func(is *natsjs.StreamConfig) { is.MaxAge = time.Hour },
		"it lets messages expire":      func(is *natsjs.StreamConfig) { is.AllowMsgTTL = true },
		"it is not kept in files":      func(is *natsjs.StreamConfig) { is.Storage = natsjs.MemoryStorage },
		"it acknowledges before":       func(is *natsjs.StreamConfig) { is.NoAck = true },
		"it lacks atomic batches":      func(is *natsjs.StreamConfig) { is.AllowAtomicPublish = false },
		"it drops or refuses messages": func(is *natsjs.StreamConfig) { is.Discard = natsjs.DiscardOld },
		"it refuses large messages":    func(is *natsjs.StreamConfig) { is.MaxMsgSize = 1000 },
		"its subjects are not":         func(is *natsjs.StreamConfig) { is.Subjects = append(is.Subjects, "push.cmd.>") },
		"it takes messages from":       func(is *natsjs.StreamConfig) { is.Sources = []*natsjs.StreamSource{{Name: "OTHER"}} },
		"it passes events on": func(is *natsjs.StreamConfig) {
			is.RePublish = &natsjs.RePublish{Source: ">", Destination: "copy.>"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			conn, _ := start(t, t.TempDir())
			js, err := natsjs.New(conn)
			require.NoError(t, err)
			config := natsjs.StreamConfig{
				Name: jetstream.StreamName, Subjects: []string{jetstream.SubjectPrefix + ">"}, Discard: natsjs.DiscardNew,
				DenyDelete: true, DenyPurge: true, AllowDirect: true, AllowAtomicPublish: true,
			}
			breaks(&config)
			_, err = js.CreateStream(t.Context(), config)
			require.NoError(t, err)
			_, err = jetstream.Open(t.Context(), conn, storetest.Registry(), jetstream.Options{})
			require.ErrorContains(t, err, "cannot hold the ledger: "+name)
		})
	}
}

func TestAnEventCarriesItsHeaders(t *testing.T) {
	conn, _ := start(t, t.TempDir())
	store := open(t, conn)
	_, err := store.Append(t.Context(), eventstore.Metadata{
		CommandID: "command", CommandHash: "hash", Actor: "alice", Traceparent: "00-trace",
	}, note("a", 0, "one"))
	require.NoError(t, err)
	_, err = store.Append(t.Context(), eventstore.Metadata{}, note("a", 1, "two"))
	require.NoError(t, err)
	js, err := natsjs.New(conn)
	require.NoError(t, err)
	stream, err := js.Stream(t.Context(), jetstream.StreamName)
	require.NoError(t, err)

	first, err := stream.GetMsg(t.Context(), 1)
	require.NoError(t, err)
	require.Equal(t, "push.evt.note.a", first.Subject)
	require.Equal(t, `{"text":"one"}`, string(first.Data))
	for header, value := range map[string]string{
		"Event-Type": "Noted", "Event-Version": "1", "Command-Id": "command", "Command-Hash": "hash",
		"Actor": "alice", "traceparent": "00-trace",
	} {
		require.Equal(t, value, first.Header.Get(header), header)
	}
	id, err := uuid.Parse(first.Header.Get("Nats-Msg-Id"))
	require.NoError(t, err)
	require.Equal(t, uuid.Version(7), id.Version())

	second, err := stream.GetMsg(t.Context(), 2)
	require.NoError(t, err)
	require.NotEqual(t, first.Header.Get("Nats-Msg-Id"), second.Header.Get("Nats-Msg-Id"))
	require.NotContains(t, second.Header, "Command-Id", "what is not known is left out")
}

// A record that the disk has changed must not make a shorter history.
func TestADamagedRecordIsNoShorterHistory(t *testing.T) {
	dir := t.TempDir()
	conn, stop := start(t, dir)
	store := open(t, conn)
	for i, text := range []string{"first", "second", "third"} {
		_, err := store.Append(t.Context(), eventstore.Metadata{}, note("a", uint64(i), text))
		require.NoError(t, err)
	}
	store.Close()
	stop()
	block := filepath.Join(dir, "jetstream", "$G", "streams", jetstream.StreamName, "msgs", "1.blk")
	stored, err := os.ReadFile(block)
	require.NoError(t, err)
	damaged := bytes.Replace(stored, []byte("second"), []byte("Second"), 1)
	require.NotEqual(t, stored, damaged)
	require.NoError(t, os.WriteFile(block, damaged, 0o600))

	conn, _ = start(t, dir)
	store = open(t, conn)
	history, err := store.Load(t.Context(), eventstore.StreamID{Kind: "note", Key: "a"})
	require.Error(t, err, "%v", history)
	require.NotErrorIs(t, err, eventstore.ErrUnavailable, "trying again does not help")
	err = store.Follow(t.Context(), 0, func(recorded eventstore.Recorded) error {
		require.Equal(t, uint64(1), recorded.Sequence)
		return nil
	}, nil)
	require.ErrorContains(t, err, "events are missing")
}

func TestAClosedStoreTakesNothing(t *testing.T) {
	conn, _ := start(t, t.TempDir())
	store := open(t, conn)
	store.Close()
	_, err := store.Append(t.Context(), eventstore.Metadata{}, note("a", 0, "one"))
	require.ErrorIs(t, err, eventstore.ErrUnavailable)
	_, err = store.Load(t.Context(), eventstore.StreamID{Kind: "note", Key: "a"})
	require.ErrorIs(t, err, eventstore.ErrUnavailable)
	store.Close()
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
