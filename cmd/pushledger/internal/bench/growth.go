package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/pushledger/pushledger/cmd/pushledger/internal/app"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/audit"
	"github.com/pushledger/pushledger/eventstore/natsserver"
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
	r.report.Notes = append(r.report.Notes, fmt.Sprintf(
		"the first start on %d completed pushes, which makes everything from the log: it took %.0f s and has no target", r.Large, took.Seconds()))
	if err := first.stop(); err != nil {
		return err
	}
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
	const target = "the target itself"
	r.add(
		compared("S2 memory", "GiB", target, memory, same(memoryTarget), atMost(1)),
		compared("S2 start after a clean stop", "s", target, clean, same(cleanStartTarget), atMost(1)),
		compared("S2 start after kill -9", "s", target, killed, same(killStartTarget), atMost(1)),
	)
	return nil
}

// compareSizes is S1.
func (r *run) compareSizes(ctx context.Context, data string) (err error) {
	r.Progress("S1: start")
	// The service of its own kept what its partners know in files; here it is in memory.
	if err := os.RemoveAll(natsserver.StreamDir(audit.NATSDir(data), "KV_SANDBOX")); err != nil {
		return err
	}
	domains := int(2 * rounds * r.span().Seconds() * offersASecond)
	large, err := startOn(ctx, r.Options, data, domains)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, large.close()) }()
	dir, err := os.MkdirTemp("", "pushledger-bench-small-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := buildSandbox(ctx, r.Options, dir, smallLedger); err != nil {
		return err
	}
	small, err := startOn(ctx, r.Options, dir, domains)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, small.close()) }()
	var calls []func(context.Context, int) error
	for _, side := range []struct {
		subject *subject
		pushes  int
	}{{large, r.Large}, {small, smallLedger}} {
		asker := side.subject.asker(func(number int) string { return historyPush(number % side.pushes) })
		defer asker.close()
		calls = append(calls, func(ctx context.Context, _ int) error { _, err := side.subject.offer(ctx); return err }, asker.one)
	}
	if err := warmUp(ctx, calls...); err != nil {
		return err
	}
	rates := make([][]float64, len(calls))
	for round := range rounds {
		r.Progress(fmt.Sprintf("S1 round %d of %d", round+1, rounds))
		for i, inFlight := range []int{writersAtOnce, readers, writersAtOnce, readers} {
			seen, err := load(ctx, inFlight, r.span(), calls[i])
			if err != nil {
				return err
			}
			rates[i] = append(rates[i], seen.rate)
		}
	}
	peer := fmt.Sprintf("the same at %d pushes", smallLedger)
	r.add(
		compared("S1 offers@64", "1/s", peer, rates[0], rates[2], atLeast(0.9)),
		compared("S1 push", "1/s", peer, rates[1], rates[3], atLeast(0.9)),
	)
	return nil
}
