package audit_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/audit"
	eventlog "github.com/pushledger/pushledger/eventstore/jetstream"
	"github.com/pushledger/pushledger/eventstore/natsserver"
	"github.com/pushledger/pushledger/eventstore/transparency"
)

const benchPushes = 8000 // of 14 events each

// BenchmarkVerify holds a verification of a whole ledger, hashes and rules, against a
// bare ordered consumer that only counts (performance target R2).
func BenchmarkVerify(b *testing.B) {
	dir := b.TempDir()
	server, err := natsserver.Start(natsserver.Options{StoreDir: audit.NATSDir(dir), Logger: slog.New(slog.DiscardHandler)})
	require.NoError(b, err)
	defer func() { require.NoError(b, server.Close()) }()
	conn, err := server.Connect("bench", natsserver.Grant{Publish: []string{">"}, Subscribe: []string{">"}})
	require.NoError(b, err)
	defer conn.Close()
	store, err := eventlog.Open(b.Context(), conn, audit.Registry(), eventlog.Options{GroupSize: natsserver.MaxBatch})
	require.NoError(b, err)
	defer store.Close()
	log := fill(b, store, dir)

	b.Run("counting", func(b *testing.B) {
		events := 0
		for b.Loop() {
			events += count(b, conn, log.last)
		}
		b.ReportMetric(float64(events)/b.Elapsed().Seconds(), "events/s")
	})
	b.Run("verify", func(b *testing.B) {
		events := 0
		for b.Loop() {
			report, err := audit.Verify(b.Context(), log, log.signed, audit.VerifyOptions{Progress: func(uint64, uint64) {}})
			require.NoError(b, err)
			events += int(report.Events) // #nosec G115 -- a benchmark's own number
		}
		b.ReportMetric(float64(events)/b.Elapsed().Seconds(), "events/s")
	})
}

// signedLog is a log and what is signed of it.
type signedLog struct {
	*audit.Stopped
	store  *eventlog.Store
	signed *audit.Signed
	last   uint64
}

func (s signedLog) LastSequence(ctx context.Context) (uint64, error) {
	return s.store.LastSequence(ctx)
}

func (s signedLog) Entries(ctx context.Context, after, upTo uint64, handle func(transparency.Entry) error) error {
	return s.store.Entries(ctx, after, upTo, handle)
}

func fill(b *testing.B, store *eventlog.Store, dir string) signedLog {
	b.Helper()
	m := newMarketOn(b, store)
	var next atomic.Int64
	done := make(chan struct{})
	const writers = 64
	for range writers {
		go func() {
			defer func() { done <- struct{}{} }()
			for id := next.Add(1); id <= benchPushes; id = next.Add(1) {
				m.complete(fmt.Sprint("p", id), domainname.Name(fmt.Sprintf("a%d.com", id)), domainname.Name(fmt.Sprintf("b%d.com", id)))
			}
		}()
	}
	for range writers {
		<-done
	}
	last, err := store.LastSequence(b.Context())
	require.NoError(b, err)
	tree, err := transparency.Open(transparency.Options{
		Dir: filepath.Join(dir, "transparency"), KeyFile: filepath.Join(dir, "key"), Interval: 50 * time.Millisecond,
		Logger:  slog.New(slog.DiscardHandler),
		Publish: func(context.Context, transparency.Checkpoint, string) error { return nil },
	})
	require.NoError(b, err)
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- tree.Run(ctx, store.FollowEntries) }()
	require.Eventually(b, func() bool { return tree.Checkpoint().Size == last }, time.Minute, 10*time.Millisecond)
	cancel()
	require.NoError(b, <-ended)
	key, err := transparency.ParseKey(tree.Key())
	require.NoError(b, err)
	return signedLog{store: store, last: last, signed: &audit.Signed{Key: key, Checkpoints: []transparency.Checkpoint{tree.Checkpoint()}}}
}

func count(b *testing.B, conn *nats.Conn, last uint64) (events int) {
	b.Helper()
	js, err := jetstream.New(conn)
	require.NoError(b, err)
	consumer, err := js.OrderedConsumer(b.Context(), eventlog.StreamName, jetstream.OrderedConsumerConfig{})
	require.NoError(b, err)
	messages, err := consumer.Messages(jetstream.PullMaxMessages(5000))
	require.NoError(b, err)
	defer messages.Stop()
	for uint64(events) < last { // #nosec G115 -- it only rises
		_, err := messages.Next()
		if errors.Is(err, jetstream.ErrNoHeartbeat) {
			continue
		}
		require.NoError(b, err)
		events++
	}
	return events
}
