package bench

import "context"

const (
	mostLatency = 1.3   // times a bare batch's (W2)
	loneOffers  = 2_000 // a second of a core at most, for the number of domains needed
)

// latency measures one offer at a time, W2.
func latency(ctx context.Context, r *run) (err error) {
	var ends closers
	defer ends.close(&err)
	r.Progress("W2: start")
	ours, err := r.start(ctx, r.program, r.domainsFor(loneOffers), &ends)
	if err != nil {
		return err
	}
	dir, err := tempDir("plain", &ends)
	if err != nil {
		return err
	}
	plain, err := r.startPlain(ctx, dir, &ends)
	if err != nil {
		return err
	}
	if err := warmUp(ctx, ours.offerOne, plain.batch); err != nil {
		return err
	}
	all, err := r.turns(ctx, "W2", []side{ours.side(sideOurs, 1, ours.offerOne), plain.side("bare batches", 1, plain.batch)})
	if err != nil {
		return err
	}
	r.add(compared("W2@1 p50", "ms", "bare batch of two messages", all[0].percentiles(0.5), all[1].percentiles(0.5), atMost(mostLatency)))
	return nil
}
