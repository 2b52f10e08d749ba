package transparency_test

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/eventstore/transparency"
)

func benchEntry() transparency.Entry {
	return transparency.Entry{
		Stream: "PUSH_EVENTS", Subject: "push.evt.push.0192f7c4-9a5e-7c3b-8f21-5d6e7f809a1b", Sequence: 1, Time: noon,
		Headers: []transparency.Header{
			{Name: "Nats-Msg-Id", Value: "0192f7c4-9a60-7000-8000-000000000001"},
			{Name: "Event-Type", Value: "Offered"},
			{Name: "Event-Version", Value: "1"},
			{Name: "Actor", Value: "seller-anna"},
			{Name: "Command-Id", Value: "0192f7c4-9a5e-7c3b-8f21-5d6e7f809a1b"},
			{Name: "Command-Hash", Value: strings.Repeat("9f", 32)},
		},
		Body: []byte(strings.Repeat("0123456789", 30)),
	}
}

func BenchmarkLeafHash(b *testing.B) {
	entry := benchEntry()
	b.ReportAllocs()
	for b.Loop() {
		leaf, err := entry.Leaf()
		require.NoError(b, err)
		_ = leaf.Hash()
	}
}

// BenchmarkScan is what a verification costs beside the reading.
func BenchmarkScan(b *testing.B) {
	log := &logOf{}
	for i := range 100_000 {
		entry := benchEntry()
		entry.Sequence = uint64(i + 1)
		log.entries = append(log.entries, entry)
	}
	events := 0
	for b.Loop() {
		check := transparency.NewCheck(nil, nil)
		require.NoError(b, transparency.Scan(b.Context(), log, 0, 100_000, none, func(entry transparency.Scanned[struct{}]) error {
			return check.Add(entry.Hash)
		}))
		events += 100_000
	}
	b.ReportMetric(float64(events)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkSign is what it costs to bring so many new entries to disk and sign them.
func BenchmarkSign(b *testing.B) {
	for _, count := range []int{1, 1000, 30_000} {
		b.Run(fmt.Sprint(count), func(b *testing.B) {
			for b.Loop() {
				dir := b.TempDir()
				keeping := &keeper{dir: dir}
				options := keeping.options()
				options.Interval = time.Millisecond
				options.Logger = slog.New(slog.DiscardHandler)
				var err error
				keeping.Log, err = transparency.Open(options)
				require.NoError(b, err)
				keeping.run(b, newLog(count))
				b.StopTimer()
				require.NoError(b, os.RemoveAll(filepath.Join(dir, "transparency")))
				b.StartTimer()
			}
		})
	}
}
