package bench

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// side is one of those who are measured in turns.
type side struct {
	name string
	// load has the side do its work for a span and says what came of it.
	load func(ctx context.Context, span time.Duration) (sample, error)
	// processes are those whose time is told beside the load's own.
	processes func() []*process
	// before and after stand around each turn and are not measured; after also when the turn
	// fails, but not if before did. nil: nothing does.
	before, after func(context.Context) error
}

// turns measures every side once in each round. Each round begins with another side, so that
// none always comes after the same one.
func (r *run) turns(ctx context.Context, label string, sides []side) ([]series, error) {
	all := make([]series, len(sides))
	for round := range r.rounds() {
		for turn := range sides {
			at := (round + turn) % len(sides)
			r.Progress(fmt.Sprintf("%s round %d of %d: %s", label, round+1, r.rounds(), sides[at].name))
			seen, err := r.turn(ctx, sides[at])
			if err != nil {
				return nil, fmt.Errorf("%s: %w", sides[at].name, err)
			}
			all[at] = append(all[at], seen)
		}
	}
	return all, nil
}

func (r *run) turn(ctx context.Context, s side) (seen sample, err error) {
	if s.before != nil {
		if err := s.before(ctx); err != nil {
			return sample{}, err
		}
	}
	if s.after != nil {
		defer func() { err = errors.Join(err, s.after(ctx)) }()
	}
	var processes []*process
	if s.processes != nil {
		processes = s.processes()
	}
	before, err := timeOfEach(processes)
	if err != nil {
		return sample{}, err
	}
	if seen, err = s.load(ctx, r.span()); err != nil {
		return sample{}, err
	}
	time.Sleep(r.settle())
	seen.time, err = timeSince(before, processes)
	return seen, err
}

// series is what one side did in all rounds.
type series []sample

func (s series) figures(of func(sample) float64) figures {
	f := figures{time: s.spent()}
	for _, one := range s {
		f.values = append(f.values, of(one))
	}
	return f
}

// rates are calls a second.
func (s series) rates() figures { return s.figures(sample.rate) }

// percentiles are latencies in milliseconds.
func (s series) percentiles(share float64) figures {
	return s.figures(func(one sample) float64 { return one.percentile(share) })
}

// processor is the time of one process for a call, in µs.
func (s series) processor(name string) figures {
	return s.figures(func(one sample) float64 { return perCall(one.time[name].user+one.time[name].system, one.calls) })
}

// spent is the time of every process for a call.
func (s series) spent() []Spent {
	var list []Spent
	for _, name := range processNames(s) {
		var user, system []float64
		for _, one := range s {
			user = append(user, perCall(one.time[name].user, one.calls))
			system = append(system, perCall(one.time[name].system, one.calls))
		}
		list = append(list, Spent{Process: name, User: median(user), System: median(system)})
	}
	return list
}

func perCall(used time.Duration, calls int) float64 {
	return float64(used) / float64(time.Microsecond) / float64(max(calls, 1))
}
