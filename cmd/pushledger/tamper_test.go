package main

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/cmd/pushledger/internal/app"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/audit"
	eventlog "github.com/pushledger/pushledger/eventstore/jetstream"
	"github.com/pushledger/pushledger/eventstore/natsserver"
	"github.com/pushledger/pushledger/eventstore/transparency"
)

// command runs one command line as a user would and returns its exit code and texts.
func command(args ...string) (code int, stdout, stderr string) {
	var out, err bytes.Buffer
	code = run(args, &out, &err)
	return code, out.String(), err.String()
}

// superuser may do everything with the server of a stopped service.
func superuser(t *testing.T, data string, work func(*nats.Conn, jetstream.JetStream)) {
	t.Helper()
	server, err := natsserver.Start(natsserver.Options{
		StoreDir: audit.NATSDir(data), SyncAlways: true, Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	conn, err := server.Connect("superuser", natsserver.Grant{Publish: []string{">"}, Subscribe: []string{">"}})
	require.NoError(t, err)
	js, err := jetstream.New(conn)
	require.NoError(t, err)
	work(conn, js)
	conn.Close()
	require.NoError(t, server.Close())
}

// entries is a log in memory.
type entries []transparency.Entry

func (e entries) LastSequence(context.Context) (uint64, error) { return uint64(len(e)), nil }

func (e entries) Entries(_ context.Context, _, _ uint64, handle func(transparency.Entry) error) error {
	for _, entry := range e {
		if err := handle(entry); err != nil {
			return err
		}
	}
	return nil
}

// rewrite replaces the log by another one as well as anybody could: same times, same
// ids, checksums right.
func rewrite(t *testing.T, data string, change func(entries) entries) {
	t.Helper()
	superuser(t, data, func(conn *nats.Conn, js jetstream.JetStream) {
		store, err := eventlog.Open(t.Context(), conn, audit.Registry(), eventlog.Options{})
		require.NoError(t, err)
		last, err := store.LastSequence(t.Context())
		require.NoError(t, err)
		var log entries
		require.NoError(t, store.Entries(t.Context(), 0, last, func(entry transparency.Entry) error {
			log = append(log, entry)
			return nil
		}))
		store.Close()
		log = change(log)
		for i := range log {
			log[i].Sequence = uint64(i + 1)
		}
		require.NoError(t, js.DeleteStream(t.Context(), eventlog.StreamName))
		require.NoError(t, eventlog.Restore(t.Context(), conn, log, func(uint64) {}))
	})
}

func block(data string) string { return blockOf(data, eventlog.StreamName) }

func blockOf(data, stream string) string {
	return filepath.Join(natsserver.StreamDir(audit.NATSDir(data), stream), "msgs", "1.blk")
}

// flip changes one byte of an event where it lies on the disk.
func flip(t *testing.T, data string, keepIndex bool) {
	t.Helper()
	stored, err := os.ReadFile(block(data))
	require.NoError(t, err)
	damaged := bytes.Replace(stored, []byte(`"push_id":"d1","seller"`), []byte(`"push_id":"d7","seller"`), 1)
	require.NotEqual(t, stored, damaged)
	require.NoError(t, os.WriteFile(block(data), damaged, 0o600))
	if !keepIndex {
		require.NoError(t, os.Remove(filepath.Join(filepath.Dir(block(data)), "index.db")))
	}
}

// cut takes the end of the block file away, and the index that would tell of it.
func cut(t *testing.T, data string) {
	t.Helper()
	stored, err := os.Stat(block(data))
	require.NoError(t, err)
	require.NoError(t, os.Truncate(block(data), stored.Size()-100))
	require.NoError(t, os.Remove(filepath.Join(filepath.Dir(block(data)), "index.db")))
}

// signedLedger is the data directory of a stopped service with a few finished pushes, and
// the ids and subjects of all its events.
func signedLedger(t *testing.T) (data string, log entries) {
	t.Helper()
	data = t.TempDir()
	service := startProcess(t, data, writeInventory(t, 6))
	known := &acknowledged{offered: map[string]outsideReply{}, accepted: map[string]outsideReply{}, paid: map[string]bool{}}
	purchase(t, service, known, 0, 3)
	require.Len(t, known.paid, 3)
	for id := range known.paid {
		service.eventually(t, "bo", id, "Completed")
	}
	seller, operator := service.connect(t, "anna"), service.connect(t, "operator")
	for _, id := range []string{"d3", "d4", "d5"} {
		require.True(t, ask(t, seller, "push.cmd.anna.offer", offerOf(id)).OK)
	}
	require.True(t, ask(t, seller, "push.cmd.anna.withdraw", `{"push_id":"d3"}`).OK)
	require.True(t, ask(t, operator, "push.cmd.operator.takedown", `{"push_id":"d4","reason":"court order"}`).OK)
	service.stop(t)
	stopped, err := audit.OpenStopped(t.Context(), data, app.TransparencyDir(data))
	require.NoError(t, err)
	last, err := stopped.LastSequence(t.Context())
	require.NoError(t, err)
	require.NoError(t, stopped.Entries(t.Context(), 0, last, func(entry transparency.Entry) error {
		log = append(log, entry)
		return nil
	}))
	require.NoError(t, stopped.Close())
	return data, log
}

func (e entries) find(t *testing.T, subject, eventType string) int {
	t.Helper()
	at := slices.IndexFunc(e, func(entry transparency.Entry) bool {
		return entry.Subject == subject && entry.Header("Event-Type") == eventType
	})
	require.GreaterOrEqual(t, at, 0)
	return at
}

// Whatever is done to the files, or by a superuser of the server, is found and named, and
// a service does not start on it.
func TestTamperingIsFoundAndTheServiceRefusesToStart(t *testing.T) {
	whole, log := signedLedger(t)
	key := filepath.Join(app.TransparencyDir(whole), "key")
	code, out, said := command("audit", "verify", "--data", whole, "--key", key)
	require.Equal(t, exitDone, code, said)
	require.Contains(t, out, "whole: nothing was changed")

	first, second := log.find(t, "push.evt.push.d1", "Offered"), log.find(t, "push.evt.push.d2", "Offered")
	for name, tampered := range map[string]struct {
		tamper func(t *testing.T, data string)
		bad    int // first bad sequence
		starts bool
	}{
		"one byte flipped in a block file":          {func(t *testing.T, data string) { flip(t, data, true) }, first + 1, false},
		"one byte flipped and the index taken away": {func(t *testing.T, data string) { flip(t, data, false) }, first + 1, false},
		"the tail of a block file cut":              {cut, len(log), false},
		"one event dropped":                         {edit(func(l entries) entries { return slices.Delete(l, first, first+1) }), first + 1, false},
		"one event changed, checksums made to fit": {edit(func(l entries) entries {
			l[first].Body = bytes.Replace(l[first].Body, []byte("12.34"), []byte("12.35"), 2)
			return l
		}), first + 1, false},
		"two events swapped":                   {edit(func(l entries) entries { l[first], l[second] = l[second], l[first]; return l }), first + 1, false},
		"an event put in":                      {edit(func(l entries) entries { return slices.Insert(l, second, renamed(l[first])) }), second + 1, false},
		"the tail cut by a superuser":          {edit(func(l entries) entries { return l[:len(l)-2] }), len(log) - 1, false},
		"a forged event appended":              {appendForged(log[log.find(t, "push.evt.push.d1", "Completed")]), len(log) + 1, false},
		"a published checkpoint damaged":       {flipCheckpoint, 1, true},
		"a checkpoint of another key put in":   {publishStranger, len(log) + 1, false},
		"the checkpoint of the tiles replaced": {replaceCheckpoint, len(log) + 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			data := t.TempDir()
			copyDir(t, whole, data)
			tampered.tamper(t, data)
			code, _, said := command("audit", "verify", "--data", data, "--key", key)
			require.Equal(t, exitVerify, code, said)
			require.Contains(t, said, fmt.Sprintf("first bad sequence %d:", tampered.bad))
			if tampered.starts {
				return
			}
			_, err := launch(data, writeInventory(t, 6))
			require.ErrorContains(t, err, "not served")
			if !strings.Contains(name, "checkpoint") {
				require.ErrorContains(t, err, fmt.Sprintf("first bad sequence %d:", tampered.bad))
			}
		})
	}
}

// copyDir copies files that only their owner may read.
func copyDir(t *testing.T, from, to string) {
	require.NoError(t, os.CopyFS(to, os.DirFS(from)))
	require.NoError(t, filepath.WalkDir(to, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		return os.Chmod(path, 0o600)
	}))
}

const forgedID = "01a20969-6a1c-7960-b67d-551ddb3c83e5"

// renamed has another message id, or the server would take it for a repetition.
func renamed(entry transparency.Entry) transparency.Entry {
	entry.Headers = slices.Clone(entry.Headers)
	for i := range entry.Headers {
		if entry.Headers[i].Name == "Nats-Msg-Id" {
			entry.Headers[i].Value = forgedID
		}
	}
	return entry
}

func edit(change func(entries) entries) func(*testing.T, string) {
	return func(t *testing.T, data string) { rewrite(t, data, change) }
}

// appendForged adds an event in the way of the service, which no rule leads to. It is not
// signed yet: the rules can tell, and at the start the seal of the service that was stopped.
func appendForged(model transparency.Entry) func(*testing.T, string) {
	return func(t *testing.T, data string) {
		superuser(t, data, func(_ *nats.Conn, js jetstream.JetStream) {
			message := nats.NewMsg("push.evt.push.d5")
			for _, header := range model.Headers {
				message.Header.Set(header.Name, header.Value)
			}
			message.Header.Set("Nats-Msg-Id", forgedID)
			message.Data = model.Body
			_, err := js.PublishMsg(t.Context(), message)
			require.NoError(t, err)
		})
	}
}

// strangersCheckpoint signs something with a key of its own.
func strangersCheckpoint(t *testing.T) transparency.Checkpoint {
	t.Helper()
	dir := t.TempDir()
	log, err := transparency.Open(transparency.Options{
		Dir: dir, KeyFile: filepath.Join(t.TempDir(), "key"), Interval: time.Millisecond, Logger: slog.New(slog.DiscardHandler),
		Publish: func(context.Context, transparency.Checkpoint, string) error { return nil },
	})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	err = log.Run(ctx, func(ctx context.Context, _ uint64, handle func(transparency.Entry) error) error {
		if err := handle(transparency.Entry{Stream: "PUSH_EVENTS", Subject: "push.evt.push.x", Sequence: 1, Time: time.Now()}); err != nil {
			return err
		}
		for log.Checkpoint().Size == 0 && ctx.Err() == nil {
			time.Sleep(time.Millisecond)
		}
		cancel()
		return ctx.Err()
	})
	require.NoError(t, err)
	require.Equal(t, uint64(1), log.Checkpoint().Size)
	return log.Checkpoint()
}

func publishStranger(t *testing.T, data string) {
	superuser(t, data, func(_ *nats.Conn, js jetstream.JetStream) {
		_, err := js.Publish(t.Context(), eventlog.CheckpointSubject, strangersCheckpoint(t).Note)
		require.NoError(t, err)
	})
}

// flipCheckpoint changes the first published checkpoint where it lies on the disk.
func flipCheckpoint(t *testing.T, data string) {
	path := blockOf(data, eventlog.CheckpointStream)
	stored, err := os.ReadFile(path)
	require.NoError(t, err)
	damaged := bytes.Replace(stored, []byte("pushledger/"), []byte("pushledgeR/"), 2) // in the header and in the text
	require.NotEqual(t, stored, damaged)
	require.NoError(t, os.WriteFile(path, damaged, 0o600))
}

func replaceCheckpoint(t *testing.T, data string) {
	path := filepath.Join(app.TransparencyDir(data), "checkpoint")
	require.NoError(t, os.WriteFile(path, strangersCheckpoint(t).Note, 0o600))
}

// A flipped byte is undone from the second copy: verified, equal to the checkpoint, and
// served again with every command still known.
func TestADamagedLogIsRestored(t *testing.T) {
	data, log := signedLedger(t)
	key := filepath.Join(app.TransparencyDir(data), "key")
	flip(t, data, false)
	code, out, said := command("audit", "restore", "--data", data, "--key", key)
	require.Equal(t, exitDone, code, said)
	require.Contains(t, out, fmt.Sprintf("restored %d events", len(log)))
	for _, verb := range []string{"verify", "diff", "replay"} {
		code, _, said = command("audit", verb, "--data", data)
		require.Equal(t, exitDone, code, said)
	}
	service := startProcess(t, data, writeInventory(t, 6))
	require.True(t, ask(t, service.connect(t, "anna"), "push.cmd.anna.withdraw", `{"push_id":"d5"}`).OK)
	service.eventually(t, "anna", "d5", "Withdrawn")
	service.stop(t)
	code, _, said = command("audit", "verify", "--data", data, "--key", key)
	require.Equal(t, exitDone, code, said)
}
