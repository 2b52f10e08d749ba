package bench

import (
	"context"
)

const (
	listedFew   = 3_000 // pushes in the read model of a quick run
	listLength  = 50
	mostOfQuery = 3 // times the bare query's latency (Q2)
)

// lists measures Q2: a list of 50 pushes by seller and status, as it leaves the program,
// against the bare SQL query of the same rows. Each list is of another seller. Both sides
// have the same file and a process each.
func lists(ctx context.Context, r *run) (err error) {
	count := max(r.Large, listedFew)
	if r.Quick {
		count = listedFew
	}
	if count != largeLedger {
		r.note("Q2: its target is for %d pushes; this run has %d", largeLedger, count)
	}
	var ends closers
	defer ends.close(&err)
	dir, err := tempDir("list", &ends)
	if err != nil {
		return err
	}
	r.Progress("Q2: make the read model")
	given := setup{Kind: kindListing, Dir: dir, History: count}
	maker, err := r.startPeer(ctx, "read model", given)
	if err != nil {
		return err
	}
	if err := maker.close(); err != nil {
		return err
	}
	all, err := r.turns(ctx, "Q2", []side{
		r.fresh("list", given, order{What: listWhole}), r.fresh("bare query", given, order{What: listBare}),
	})
	if err != nil {
		return err
	}
	r.add(compared("Q2 list of 50", "ms", "bare SQL query of the same rows", all[0].percentiles(0.5), all[1].percentiles(0.5), atMost(mostOfQuery)))
	return nil
}
