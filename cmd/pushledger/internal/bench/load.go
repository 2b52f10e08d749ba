package bench

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// sample is what one measurement saw.
type sample struct {
	calls     int
	seconds   float64
	latencies []time.Duration // sorted; of all calls or evenly many of them
	time      map[string]processorTime
}

// rate is calls a second.
func (s sample) rate() float64 { return float64(s.calls) / s.seconds }

// load keeps a number of calls in flight for a span, and returns when the last has
// been answered. call gets numbers that no other call of this measurement gets.
func load(ctx context.Context, inFlight int, span time.Duration, call func(ctx context.Context, number int) error) (sample, error) {
	group, ctx := errgroup.WithContext(ctx)
	var next atomic.Int64
	var mu sync.Mutex
	var all []time.Duration
	began := time.Now()
	for range inFlight {
		group.Go(func() error {
			var seen []time.Duration
			for time.Since(began) < span {
				start := time.Now()
				if err := call(ctx, int(next.Add(1))); err != nil {
					return err
				}
				seen = append(seen, time.Since(start))
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, seen...)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return sample{}, err
	}
	slices.Sort(all)
	return sample{calls: len(all), seconds: time.Since(began).Seconds(), latencies: all}, nil
}

// percentile is the latency that a share of all calls did not exceed, in milliseconds.
func (s sample) percentile(share float64) float64 {
	if len(s.latencies) == 0 {
		return 0
	}
	at := min(int(share*float64(len(s.latencies))), len(s.latencies)-1)
	return float64(s.latencies[at]) / float64(time.Millisecond)
}

// hundredths are a hundred latencies that stand for all of them, in seconds.
func (s sample) hundredths() []float64 {
	few := make([]float64, min(len(s.latencies), 100))
	for i := range few {
		few[i] = s.latencies[i*len(s.latencies)/len(few)].Seconds()
	}
	return few
}
