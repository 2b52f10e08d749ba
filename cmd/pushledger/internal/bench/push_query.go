package bench

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"
)

const (
	readers       = 16    // questions in flight
	readersBeside = 1     // of them while others write
	shownFew      = 2_000 // pushes there are to ask for
	shownMany     = 10_000
	readShare     = 0.5 // of a constant answer's rate (Q1)
	readTarget    = 5   // ms, p99 beside writers
	writersAtOnce = 64
	besideASecond = 7_000 // offers of a core at most, for the number of domains needed
)

// onePush measures Q1: a push asked for over HTTP against a handler that says as many
// constant bytes, and how long it takes while others write.
func onePush(ctx context.Context, r *run) (err error) {
	var ends closers
	defer ends.close(&err)
	r.Progress("Q1: start")
	shown := shownMany
	if r.Quick {
		shown = shownFew
	}
	ours, err := r.start(ctx, r.program, shown+r.domainsFor(besideASecond), &ends)
	if err != nil {
		return err
	}
	asker, err := ours.offerMany(ctx, shown, &ends)
	if err != nil {
		return err
	}
	body, err := asker.get(ctx, asker.ids(0))
	if err != nil {
		return err
	}
	peer, err := r.startPeer(ctx, "constant answer", setup{Kind: kindConstant, Size: len(body)})
	if err != nil {
		return err
	}
	ends.add(peer.close)
	constantOne := func(ctx context.Context, _ int) error { _, err := asker.ask(ctx, peer.url); return err }
	if err := warmUp(ctx, asker.one, constantOne); err != nil {
		return err
	}
	beside := ours.side("push beside writers", 0, nil)
	beside.load = func(ctx context.Context, span time.Duration) (sample, error) {
		return besideWriters(ctx, span, ours, asker)
	}
	all, err := r.turns(ctx, "Q1", []side{ours.side("push", readers, asker.one), {
		name: peer.name, processes: func() []*process { return []*process{peer.process} },
		load: func(ctx context.Context, span time.Duration) (sample, error) {
			return load(ctx, readers, span, constantOne)
		},
	}, beside})
	if err != nil {
		return err
	}
	slow := all[2].percentiles(0.99)
	slow.time = nil // it is of the writers, too
	r.add(
		compared("Q1 push", "1/s", "constant answer of the same size", all[0].rates(), all[1].rates(), atLeast(readShare)),
		compared("Q1 p99 beside writers", "ms", targetItself, slow, constant(readTarget, r.rounds()), atMost(1)),
	)
	return nil
}

// besideWriters asks now and then while offers come in at half of the rate that they can
// come in at.
func besideWriters(ctx context.Context, span time.Duration, ours *market, asker *asker) (sample, error) {
	full, err := load(ctx, writersAtOnce, span/2, ours.offerOne)
	if err != nil {
		return sample{}, err
	}
	pace := rate.NewLimiter(rate.Limit(full.rate()/2), 1)
	var seen sample
	group, inner := errgroup.WithContext(ctx)
	group.Go(func() error {
		_, err := load(inner, writersAtOnce, span, func(ctx context.Context, number int) error {
			if err := pace.Wait(ctx); err != nil {
				return err
			}
			return ours.offerOne(ctx, number)
		})
		return err
	})
	group.Go(func() (err error) {
		seen, err = load(inner, readersBeside, span, asker.one)
		return err
	})
	err = group.Wait()
	return seen, err
}

// offerMany makes pushes, and somebody who asks for them.
func (m *market) offerMany(ctx context.Context, count int, ends *closers) (*asker, error) {
	ids := make([]string, count)
	var mu sync.Mutex
	last := uint64(0)
	group, inner := errgroup.WithContext(ctx)
	group.SetLimit(writersAtOnce)
	for i := range ids {
		group.Go(func() error {
			reply, err := m.offer(inner)
			mu.Lock()
			defer mu.Unlock()
			ids[i], last = reply.PushID, max(last, reply.Seq)
			return err
		})
	}
	err := group.Wait()
	a := m.asker(func(number int) string { return ids[number%len(ids)] }, ends)
	a.min = last
	return a, err
}
