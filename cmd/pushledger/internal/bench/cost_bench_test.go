package bench

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

// The benchmarks here tell what one command costs the whole process, clients and partners
// included, in processor time: on a shared machine that says more than the clock does.
// Give -benchtime a number of commands, such as 20000x.

// BenchmarkOffer sends offers of one domain.
func BenchmarkOffer(b *testing.B) {
	for _, inFlight := range []int{64, 512} {
		b.Run(name(inFlight), func(b *testing.B) {
			ours := subjectOf(b, b.N)
			spend(b, inFlight, func(ctx context.Context) error { _, err := ours.offer(ctx); return err })
		})
	}
}

// BenchmarkPurchase carries pushes from offer to Completed.
func BenchmarkPurchase(b *testing.B) {
	ours := subjectOf(b, b.N)
	follow, stop := context.WithCancel(b.Context())
	ends := newCompletions()
	var group errgroup.Group
	group.Go(func() error { return ours.service.Log().Follow(follow, 0, ends.observe, nil) })
	defer func() { stop(); _ = group.Wait() }() // it ends by being told to
	spend(b, purchasesAtOnce, func(ctx context.Context) error { return ours.purchase(ctx, ends) })
}

func name(inFlight int) string {
	if inFlight == 64 {
		return "64 in flight"
	}
	return "512 in flight"
}

func subjectOf(b *testing.B, domains int) *subject {
	b.Helper()
	ours, err := start(b.Context(), Options{Logger: slog.New(slog.DiscardHandler)}, domains)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := ours.close(); err != nil {
			b.Error(err)
		}
	})
	return ours
}

// spend makes b.N calls and reports the processor time of each.
func spend(b *testing.B, inFlight int, call func(context.Context) error) {
	b.Helper()
	b.ReportAllocs()
	var left atomic.Int64
	left.Store(int64(b.N))
	var group sync.WaitGroup
	b.ResetTimer()
	before := processorTime(b)
	for range inFlight {
		group.Go(func() {
			for left.Add(-1) >= 0 {
				if err := call(b.Context()); err != nil && !errors.Is(err, context.Canceled) {
					b.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	used := processorTime(b) - before
	b.ReportMetric(float64(used.Microseconds())/float64(b.N), "cpu-µs/op")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "1/s")
	b.StopTimer()
}

func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
