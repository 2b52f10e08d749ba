package bench

import (
	"context"
	"fmt"
	"math"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	openFew      = 10_000
	openMany     = 500_000
	openWhile    = 512   // offers in flight
	growthRate   = 0.9   // of the rate with few
	growthCost   = 1.1   // times the processor time with few
	openSteps    = 5     // looks while the large one is filled
	openASecond  = 7_000 // of a core at most, for the number of domains needed
	quickOpenFew = 1_000
	quickMany    = 8_000
)

// openOffers measures what becomes of offers as open ones grow, W5: a service that was filled
// through its own door to half a million, against services with ten thousand, a new one in
// each round. The large one goes on growing while it is measured, so it is filled to as many
// that the middle round begins with about half a million.
func openOffers(ctx context.Context, r *run) (err error) {
	var ends closers
	defer ends.close(&err)
	few, many := openFew, openMany
	if r.Open > 0 {
		many = r.Open
	}
	if r.Quick {
		few, many = quickOpenFew, quickMany
	}
	if many != openMany {
		r.note("W5: its target is for %d open offers against %d; this run has %d and %d", openMany, openFew, many, few)
	}
	large, err := r.filled(ctx, r.program, many, &ends)
	if err != nil {
		return err
	}
	sides := []side{large.side(fmt.Sprintf("offers at %d open", many), openWhile, large.offerOne), r.smallMarket(few)}
	if r.Against != "" {
		other, err := r.filled(ctx, r.Against, many, &ends)
		if err != nil {
			return fmt.Errorf("%s: %w", r.Against, err)
		}
		sides = append(sides, other.side(sideAgainst, openWhile, other.offerOne))
	}
	all, err := r.turns(ctx, "W5", sides)
	if err != nil {
		return err
	}
	peer := fmt.Sprintf("the same at %d open", few)
	r.add(
		compared("W5 rate", "1/s", peer, all[0].rates(), all[1].rates(), atLeast(growthRate)),
		compared("W5 processor time", "µs", peer, all[0].processor(nameOfService), all[1].processor(nameOfService), atMost(growthCost)),
	)
	if len(all) > 2 {
		r.add(
			compared("W5 rate against", "1/s", "the other build at as many", all[0].rates(), all[2].rates(), atLeast(1)),
			compared("W5 processor time against", "µs", "the other build at as many", all[0].processor(nameOfService), all[2].processor(nameOfService), atMost(1)),
		)
	}
	held, err := large.service.memory()
	r.note("W5: the service with %d and more open offers held %.2f GiB at most", many, held)
	return err
}

// filled is a service with so many open offers that about many are open in the middle of the
// rounds. How its rate fell meanwhile is noted.
func (r *run) filled(ctx context.Context, program string, many int, ends *closers) (*market, error) {
	r.Progress("W5: start")
	m, err := r.start(ctx, program, many+r.domainsFor(openASecond), ends)
	if err != nil {
		return nil, err
	}
	goal := many
	for int(m.next.Load()) < goal {
		r.Progress(fmt.Sprintf("W5: %d of %d offers are open", m.next.Load(), many))
		seen, err := r.fill(ctx, m, min(many/openSteps, goal-int(m.next.Load())))
		if err != nil {
			return nil, err
		}
		r.note("W5: %s: %.0f offers a second and %.0f µs of the service's processor time each, up to %d open",
			program, seen.rate(), series{seen}.processor(nameOfService).values[0], m.next.Load())
		goal = many - int(seen.rate()*r.span().Seconds()*float64(r.rounds())/2)
	}
	return m, nil
}

// fill makes a number of offers.
func (r *run) fill(ctx context.Context, m *market, count int) (sample, error) {
	before, err := timeOfEach(m.processes())
	if err != nil {
		return sample{}, err
	}
	callers := min(openWhile, count)
	each := int(math.Ceil(float64(count) / float64(callers)))
	group, inner := errgroup.WithContext(ctx)
	began := time.Now()
	for range callers {
		group.Go(func() error {
			for range each {
				if err := m.offerOne(inner, 0); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return sample{}, err
	}
	seen := sample{calls: each * callers, seconds: time.Since(began).Seconds()}
	seen.time, err = timeSince(before, m.processes())
	return seen, err
}

// smallMarket is a service that is new in each round, filled to few open offers.
func (r *run) smallMarket(few int) side {
	var ends closers
	var m *market
	s := side{
		name: fmt.Sprintf("offers at %d open", few),
		before: func(ctx context.Context) (err error) {
			if m, err = r.start(ctx, r.program, few+2*openWhile+r.domainsFor(openASecond)/r.rounds(), &ends); err == nil {
				_, err = r.fill(ctx, m, few)
			}
			if err != nil {
				ends.close(&err)
			}
			return err
		},
		after: func(context.Context) (err error) {
			ends.close(&err)
			ends = nil
			return err
		},
	}
	s.load = func(ctx context.Context, span time.Duration) (sample, error) {
		return load(ctx, openWhile, span, m.offerOne)
	}
	s.processes = func() []*process { return m.processes() }
	return s
}
