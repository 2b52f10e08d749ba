package audit_test

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/audit"
	"github.com/pushledger/pushledger/eventstore"
	eventlog "github.com/pushledger/pushledger/eventstore/jetstream"
	"github.com/pushledger/pushledger/eventstore/natsserver"
	"github.com/pushledger/pushledger/eventstore/transparency"
	"github.com/pushledger/pushledger/sagas/ledger"
)

// fixture is a log with a door for the auditor "ann", and what is signed of it.
type fixture struct {
	store  *eventlog.Store
	tree   *transparency.Log
	remote *audit.Remote
	inside *nats.Conn
}

func startDoor(t *testing.T) *fixture {
	t.Helper()
	dir := t.TempDir()
	server, err := natsserver.Start(natsserver.Options{
		StoreDir: filepath.Join(dir, "nats"), SyncAlways: true, Logger: slog.New(slog.DiscardHandler),
		Listen: "127.0.0.1:0", Authorize: func(string) (natsserver.Grant, error) {
			return natsserver.Grant{Name: "ann", Publish: []string{"push.audit.ann.>"}, Subscribe: []string{"_INBOX.ann.>"}}, nil
		},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	connect := func(publish, subscribe string) *nats.Conn {
		conn, err := server.Connect("test", natsserver.Grant{Publish: []string{publish}, Subscribe: []string{subscribe}})
		require.NoError(t, err)
		t.Cleanup(conn.Close)
		return conn
	}
	all := connect(">", ">")
	store, err := eventlog.Open(t.Context(), all, audit.Registry(), eventlog.Options{})
	require.NoError(t, err)
	t.Cleanup(store.Close)
	checkpoints, err := eventlog.OpenCheckpoints(t.Context(), all)
	require.NoError(t, err)
	tiles := filepath.Join(dir, "transparency")
	tree, err := transparency.Open(transparency.Options{
		Dir: tiles, KeyFile: filepath.Join(dir, "key"), Interval: 10 * time.Millisecond, Logger: slog.New(slog.DiscardHandler),
		Publish: func(ctx context.Context, checkpoint transparency.Checkpoint, key string) error {
			return checkpoints.Publish(ctx, eventlog.SignedCheckpoint{Note: checkpoint.Note, Key: key})
		},
	})
	require.NoError(t, err)
	door := &audit.Door{
		Conn: connect("_INBOX.>", "push.audit.>"), Store: store, Checkpoints: checkpoints,
		Files: os.DirFS(tiles), Logger: slog.New(slog.DiscardHandler),
	}
	run(t, door.Serve)
	run(t, func(ctx context.Context) error { return tree.Run(ctx, store.FollowEntries) })
	require.NoError(t, door.Conn.Flush())
	client := connect(">", ">")
	return &fixture{store: store, tree: tree, inside: client, remote: audit.NewRemote(clientOf(t, server), "ann")}
}

// clientOf connects with the inbox of an auditor.
func clientOf(t *testing.T, server *natsserver.Server) *nats.Conn {
	t.Helper()
	conn, err := nats.Connect(server.URL(), nats.Token("ann"), nats.CustomInboxPrefix("_INBOX.ann"))
	require.NoError(t, err)
	t.Cleanup(conn.Close)
	return conn
}

func run(t *testing.T, work func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- work(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
}

// write adds the same history as a market has written.
func (f *fixture) write(t *testing.T, events []eventstore.Recorded) {
	t.Helper()
	var changes []eventstore.Change
	last := make(map[eventstore.StreamID]uint64)
	sequence := uint64(0)
	for _, recorded := range events {
		sequence++
		if n := len(changes); n > 0 && changes[n-1].Stream == recorded.Stream {
			changes[n-1].Events = append(changes[n-1].Events, recorded.Event)
		} else {
			changes = append(changes, eventstore.Change{
				Stream: recorded.Stream, Expect: last[recorded.Stream], Events: []aggregates.Event{recorded.Event},
			})
		}
		last[recorded.Stream] = sequence
		if !recorded.Last {
			continue
		}
		_, err := f.store.Append(t.Context(), recorded.Metadata, changes...)
		require.NoError(t, err)
		changes = nil
	}
	require.Eventually(t, func() bool { return f.tree.Checkpoint().Size == sequence }, 10*time.Second, time.Millisecond)
}

func TestAnAuditorVerifiesFromOutside(t *testing.T) {
	f := startDoor(t)
	m := newMarket(t)
	for i := range 60 {
		m.complete(fmt.Sprint("p", i), "a.com", "b.com")
	}
	f.write(t, m.events())
	signed, err := audit.ReadSigned(t.Context(), f.remote, f.tree.Key())
	require.NoError(t, err)
	report, err := audit.Verify(t.Context(), f.remote, signed, audit.VerifyOptions{Progress: func(uint64, uint64) {}})
	require.NoError(t, err)
	require.Equal(t, uint64(60*17), report.Proved)
	require.Zero(t, report.Unsigned)
	require.Equal(t, 60, report.Summary.Statuses["Completed"])

	proofs, err := audit.Prove(t.Context(), f.remote, signed, "p7")
	require.NoError(t, err)
	require.Len(t, proofs, 13)
	for _, proof := range proofs {
		_, checkpoint, err := transparency.CheckProof(proof.Text, signed.Key)
		require.NoError(t, err)
		require.Equal(t, uint64(60*17), checkpoint.Size)
	}
	_, err = audit.Prove(t.Context(), f.remote, signed, "nobody")
	require.ErrorIs(t, err, audit.ErrNoPush)

	// What is trusted already is not read again.
	trusted := signed.Checkpoints[len(signed.Checkpoints)-1]
	m.offer("late", "c.com")
	f.append(t, m, "late")
	signed, err = audit.ReadSigned(t.Context(), f.remote, f.tree.Key())
	require.NoError(t, err)
	report, err = audit.Verify(t.Context(), f.remote, signed, audit.VerifyOptions{From: &trusted, Progress: func(uint64, uint64) {}})
	require.NoError(t, err)
	require.Equal(t, uint64(2), report.Events)
	require.Equal(t, map[string]int{"Offered": 1}, report.Summary.Statuses)
}

// append writes a push that the market has offered since.
func (f *fixture) append(t *testing.T, m *market, id string) {
	t.Helper()
	events := m.events()
	own := events[len(events)-2:]
	require.Equal(t, ledger.PushStream(id), own[1].Stream)
	_, err := f.store.Append(t.Context(), own[1].Metadata,
		eventstore.Change{Stream: own[0].Stream, Events: []aggregates.Event{own[0].Event}},
		eventstore.Change{Stream: own[1].Stream, Events: []aggregates.Event{own[1].Event}})
	require.NoError(t, err)
	require.Eventually(t, func() bool { return f.tree.Checkpoint().Size == uint64(len(events)) }, 10*time.Second, time.Millisecond)
}

func TestAReplayStopsInTime(t *testing.T) {
	f := startDoor(t)
	m := newMarket(t)
	m.complete("p", "a.com")
	f.write(t, m.events())
	for until, want := range map[uint64]push.Status{2: push.StatusOffered, 3: push.StatusAccepted, 5: push.StatusPaid, 0: push.StatusCompleted} {
		state, err := audit.ReplayPush(t.Context(), f.remote, "p", audit.Until{Sequence: until})
		require.NoError(t, err)
		require.Equal(t, want, state.Status)
	}
	_, err := audit.ReplayPush(t.Context(), f.remote, "p", audit.Until{Sequence: 1})
	require.ErrorIs(t, err, audit.ErrNoPush)
	_, err = audit.ReplayPush(t.Context(), f.remote, "p", audit.Until{Time: noon})
	require.ErrorIs(t, err, audit.ErrNoPush, "it was stored just now")
	replayed, err := audit.Replay(t.Context(), f.remote, audit.Until{Sequence: 3}, func(uint64, uint64) {})
	require.NoError(t, err)
	require.Equal(t, uint64(3), replayed.Events)
	require.Equal(t, map[string]int{"Accepted": 1}, replayed.Statuses)
}

// The service has more rights than an auditor. It answers into the auditor's own inbox
// only, or it could be made to write into the log.
func TestNoAnswerGoesElsewhere(t *testing.T) {
	f := startDoor(t)
	heard, err := f.inside.SubscribeSync("push.evt.>")
	require.NoError(t, err)
	require.NoError(t, f.inside.Flush())
	for _, elsewhere := range []string{"push.evt.push.p", "_INBOX.bob.x", "_INBOX.annx.y"} {
		require.NoError(t, f.inside.PublishRequest("push.audit.ann.end", elsewhere, []byte(`{}`)))
	}
	last, err := f.remote.LastSequence(t.Context())
	require.NoError(t, err, "the door has answered what came after")
	require.Zero(t, last)
	pending, _, err := heard.Pending()
	require.NoError(t, err)
	require.Zero(t, pending)
}

func TestTheDoorShowsNoFilesButTiles(t *testing.T) {
	f := startDoor(t)
	m := newMarket(t)
	m.complete("p", "a.com")
	f.write(t, m.events())
	files := f.remote.Tiles()
	key, err := fs.ReadFile(files, "key")
	require.NoError(t, err)
	require.Equal(t, f.tree.Key()+"\n", string(key))
	for _, name := range []string{"../key", "/etc/passwd", "tile/../../key", "tile/entries/000.p/9", "apart/00/00", "tile", "tile/0", ""} {
		_, err := fs.ReadFile(files, name)
		require.Error(t, err, name)
	}
	_, err = fs.ReadFile(files, "tile/0/999")
	require.ErrorIs(t, err, fs.ErrNotExist)
}
