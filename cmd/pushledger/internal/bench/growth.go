package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/pushledger/pushledger/cmd/pushledger/internal/app"
)

// Targets of S2.
const (
	memoryTarget     = 1.5 // GiB
	cleanStartTarget = 10  // seconds
	killStartTarget  = 20  // seconds
	smallLedger      = 10_000
)

// growth measures what becomes of the service when its ledger is large: S2 in a process of
// its own, then S1 against a service with a small ledger.
func growth(ctx context.Context, r *run) (err error) {
	dir, err := os.MkdirTemp("", "pushledger-bench-large-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	data := filepath.Join(dir, "data")
	if err := buildSandbox(ctx, r.Options, data, r.Large); err != nil {
		return err
	}
	r.Progress("S2: the first start makes every read model and the tree")
	first, took, err := serve(ctx, dir, data)
	if err != nil {
		return err
	}
	held, err := first.memory()
	if err = errors.Join(err, first.stop()); err != nil {
		return err
	}
	r.report.Notes = append(r.report.Notes, fmt.Sprintf(
		"the first start on %d completed pushes, which makes everything from the log: it took %.0f s, held %.2f GiB, and has no target",
		r.Large, took.Seconds(), held))
	if r.wanted("S2") {
		if err := r.restarts(ctx, dir, data); err != nil {
			return err
		}
	}
	if r.wanted("S1") {
		return r.compareSizes(ctx, data)
	}
	return nil
}

// buildSandbox is build of a ledger that a sandbox may go on with.
func buildSandbox(ctx context.Context, options Options, data string, purchases int) error {
	if err := os.MkdirAll(filepath.Dir(app.SandboxIssuer(data)), 0o700); err != nil {
		return err
	}
	return build(ctx, options, data, purchases)
}

// restarts is S2.
func (r *run) restarts(ctx context.Context, dir, data string) error {
	var clean, killed, memory []float64
	for round := range rounds {
		r.Progress(fmt.Sprintf("S2 round %d of %d", round+1, rounds))
		running, took, err := serve(ctx, dir, data)
		if err != nil {
			return err
		}
		clean = append(clean, took.Seconds())
		if err := running.kill(); err != nil {
			return err
		}
		if running, took, err = serve(ctx, dir, data); err != nil {
			return err
		}
		killed = append(killed, took.Seconds())
		held, err := running.memory()
		if err = errors.Join(err, running.stop()); err != nil {
			return err
		}
		memory = append(memory, held)
	}
	r.add(
		compared("S2 memory", "GiB", targetItself, memory, same(memoryTarget), atMost(1)),
		compared("S2 start after a clean stop", "s", targetItself, clean, same(cleanStartTarget), atMost(1)),
		compared("S2 start after kill -9", "s", targetItself, killed, same(killStartTarget), atMost(1)),
	)
	return nil
}

// compareSizes is S1. Each ledger is served by a process of its own, with all of the
// memory that the service allows itself.
func (r *run) compareSizes(ctx context.Context, data string) (err error) {
	dir, err := os.MkdirTemp("", "pushledger-bench-small-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	r.Progress("S1: start")
	if err := buildSandbox(ctx, r.Options, dir, smallLedger); err != nil {
		return err
	}
	domains := int(rounds * r.span().Seconds() * offersASecond)
	large, err := startApart(ctx, data, domains)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, large.close()) }()
	small, err := startApart(ctx, dir, domains)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, small.close()) }()
	peer := fmt.Sprintf("the same at %d pushes", smallLedger)
	asked := min(smallLedger, r.Large)
	few := func(number int) string { return historyPush(number % asked) }
	spread := func(number int) string { return historyPush(number % asked * (r.Large / asked)) }
	all := func(number int) string { return historyPush(number % r.Large) }
	some, whichever, inSmall := large.asker(spread), large.asker(all), small.asker(few)
	defer func() { some.close(); whichever.close(); inSmall.close() }()
	for _, row := range []struct {
		name         string
		inFlight     int
		large, small func(context.Context, int) error
	}{
		{"S1 offers@64", writersAtOnce, large.offerOne, small.offerOne},
		{fmt.Sprintf("S1 push, one of %d", asked), readers, some.one, inSmall.one},
		{"S1 push, any", readers, whichever.one, inSmall.one},
	} {
		if err := r.compareInTurns(ctx, row.name, peer, row.inFlight, row.large, row.small); err != nil {
			return fmt.Errorf("%s: %w", row.name, err)
		}
	}
	held, err := large.child.memory()
	if err == nil && r.wanted("S2") {
		r.add(compared("S2 memory after S1", "GiB", targetItself, []float64{held}, same(memoryTarget), atMost(1)))
	}
	return err
}

// compareInTurns adds a row of the rates of two calls, of which the first is to come to
// nine tenths of the second.
func (r *run) compareInTurns(ctx context.Context, name, peer string, inFlight int, ours, other func(context.Context, int) error) error {
	if err := warmUp(ctx, ours, other); err != nil {
		return err
	}
	var own, others []float64
	for round := range rounds {
		r.Progress(fmt.Sprintf("%s round %d of %d", name, round+1, rounds))
		seen, err := load(ctx, inFlight, r.span(), ours)
		if err != nil {
			return err
		}
		against, err := load(ctx, inFlight, r.span(), other)
		if err != nil {
			return err
		}
		own, others = append(own, seen.rate), append(others, against.rate)
	}
	r.add(compared(name, "1/s", peer, own, others, atLeast(0.9)))
	return nil
}
