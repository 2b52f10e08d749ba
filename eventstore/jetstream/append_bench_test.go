package jetstream_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"github.com/pushledger/pushledger/aggregates"
	"github.com/pushledger/pushledger/eventstore"
	"github.com/pushledger/pushledger/eventstore/storetest"
)

// BenchmarkAppend writes appends of three events over three new streams, synced to
// disk, beside plain publishing of one message of the same size.
func BenchmarkAppend(b *testing.B) {
	event := storetest.Noted{Text: fmt.Sprintf("%0200d", 0)}
	for _, inFlight := range []int{1, 64, 512} {
		b.Run(fmt.Sprintf("three events/%d in flight", inFlight), func(b *testing.B) {
			conn, _ := start(b, b.TempDir())
			store := open(b, conn)
			spread(b, inFlight, func(i int) error {
				changes := make([]eventstore.Change, 3)
				for part := range changes {
					stream := eventstore.StreamID{Kind: "note", Key: fmt.Sprintf("%d-%d", i, part)}
					changes[part] = eventstore.Change{Stream: stream, Events: []aggregates.Event{event}}
				}
				_, err := store.Append(b.Context(), eventstore.Metadata{CommandID: "command", Actor: "alice"}, changes...)
				return err
			})
		})
		b.Run(fmt.Sprintf("plain publish/%d in flight", inFlight), func(b *testing.B) {
			conn, _ := start(b, b.TempDir())
			js, err := natsjs.New(conn)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := js.CreateStream(b.Context(), natsjs.StreamConfig{Name: "PLAIN", Subjects: []string{"plain.>"}}); err != nil {
				b.Fatal(err)
			}
			body := []byte(event.Text)
			spread(b, inFlight, func(i int) error {
				_, err := js.Publish(b.Context(), fmt.Sprintf("plain.%d", i), body)
				return err
			})
		})
	}
}

// BenchmarkLoad reads streams of five events that lie near each other.
func BenchmarkLoad(b *testing.B) {
	const streams = 1000
	conn, _ := start(b, b.TempDir())
	store := open(b, conn)
	id := func(i int) eventstore.StreamID {
		return eventstore.StreamID{Kind: "note", Key: fmt.Sprint(i % streams)}
	}
	five := []aggregates.Event{storetest.Noted{}, storetest.Noted{}, storetest.Noted{}, storetest.Noted{}, storetest.Noted{}}
	for i := range streams {
		if _, err := store.Append(b.Context(), eventstore.Metadata{}, eventstore.Change{Stream: id(i), Events: five}); err != nil {
			b.Fatal(err)
		}
	}
	for _, inFlight := range []int{1, 64} {
		b.Run(fmt.Sprintf("five events/%d in flight", inFlight), func(b *testing.B) {
			spread(b, inFlight, func(i int) error {
				history, err := store.Load(b.Context(), id(i))
				if err == nil && len(history) != len(five) {
					return fmt.Errorf("%d events", len(history))
				}
				return err
			})
		})
	}
}

// spread calls work b.N times from a number of goroutines.
func spread(b *testing.B, goroutines int, work func(i int) error) {
	b.Helper()
	var next atomic.Int64
	var group sync.WaitGroup
	b.ResetTimer()
	for range goroutines {
		group.Go(func() {
			for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
				if err := work(int(i)); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
}
