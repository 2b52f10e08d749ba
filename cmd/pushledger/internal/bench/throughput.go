package bench

import (
	"context"
	"fmt"
	"runtime"
	"slices"
)

// writePath is how many offers are in flight, and what is to come of it: at least so many
// times a peer's rate, at most so many times the processor time of another build.
type writePath struct {
	inFlight                 int
	postgres, publish, limit float64
	processor                float64
	latencies                bool // W3 is of it
	offersASecond            int  // of a core at most, for the number of domains needed
}

var writePaths = []writePath{
	{inFlight: 64, postgres: 1.5, publish: 1, limit: 0.35, processor: 1, latencies: true, offersASecond: 5_000},
	{inFlight: 512, postgres: 1.5, publish: 1.5, limit: 0.4, processor: 0.5, offersASecond: 7_000},
}

const mostSlow = 5 // p99 by p50 (W3)

// throughput measures offers with many in flight: W1 and W3. Each number of them has a
// service and peers of its own, but for a quick run, which has no time to start so many.
func throughput(ctx context.Context, r *run) error {
	if r.Quick {
		return r.contestOf(ctx, writePaths)
	}
	for _, path := range writePaths {
		if err := r.contestOf(ctx, []writePath{path}); err != nil {
			return err
		}
	}
	return nil
}

// contestOf measures offers in everybody's turns.
func (r *run) contestOf(ctx context.Context, paths []writePath) (err error) {
	paths = slices.DeleteFunc(slices.Clone(paths), func(path writePath) bool { return !r.wanted("W1") && !path.latencies })
	if len(paths) == 0 {
		return nil
	}
	var ends closers
	defer ends.close(&err)
	domains := 0
	for _, path := range paths {
		domains += r.domainsFor(path.offersASecond)
	}
	peers, err := r.writeContest(ctx, domains, &ends)
	if err != nil {
		return err
	}
	for _, path := range paths {
		if err := r.offersInFlight(ctx, path, peers); err != nil {
			return err
		}
	}
	return nil
}

// domainsFor is how many domains a service needs that takes so many offers a second for each
// core of the machine.
func (r *run) domainsFor(offersASecond int) int {
	seconds := warmSpan.Seconds() + float64(r.rounds())*r.span().Seconds()
	return int(float64(offersASecond*runtime.NumCPU()) * seconds)
}

// offersInFlight measures one number of offers in flight.
func (r *run) offersInFlight(ctx context.Context, path writePath, peers contest) error {
	var sides []side
	for _, one := range peers {
		sides = append(sides, one.under(path.inFlight))
	}
	all, err := r.turns(ctx, fmt.Sprintf("W1@%d", path.inFlight), sides)
	if err != nil {
		return err
	}
	ours := all[0]
	if r.wanted("W1") {
		for i, peer := range sides {
			r.add(path.rows(peer.name, ours, all[i])...)
		}
	}
	if r.wanted("W3") && path.latencies {
		r.add(compared(fmt.Sprintf("W3@%d p99", path.inFlight), "ms", "our p50", ours.percentiles(0.99), ours.percentiles(0.5), atMost(mostSlow)))
	}
	return nil
}

// The sides of W1.
const (
	sideOurs        = "offers"
	sideAgainst     = "offers of the other build"
	sidePostgres    = "plain service on PostgreSQL"
	sidePublish     = "plain publishing of one message"
	sideGroupCommit = "bare group commit"
)

// rows hold our offers against a peer's.
func (p writePath) rows(peer string, ours, other series) []Row {
	at := fmt.Sprintf("W1@%d ", p.inFlight)
	row := func(name string, limit float64) []Row {
		return []Row{compared(at+name, "1/s", peer, ours.rates(), other.rates(), atLeast(limit))}
	}
	switch peer {
	case sidePostgres:
		return row("postgres", p.postgres)
	case sidePublish:
		return row("publish", p.publish)
	case sideGroupCommit:
		return row("limit", p.limit)
	case sideAgainst:
		return append(row("against", 1), compared(at+"processor time", "µs", "the other build's service", ours.processor(nameOfService), other.processor(nameOfService), atMost(p.processor)))
	default: // our own
		return nil
	}
}
