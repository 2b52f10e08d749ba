package bench

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/go-json-experiment/json"

	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/projections"
	"github.com/pushledger/pushledger/projections/pushes"
)

const (
	listedFew  = 30_000 // pushes in the read model of a quick run
	listLength = 50
)

// lists measures Q2: a list of 50 pushes by seller and status, as it leaves the program,
// against the bare SQL query of the same rows. Each list is of another seller.
func lists(ctx context.Context, r *run) (err error) {
	count := max(r.Large, listedFew)
	if r.Quick {
		count = listedFew
		r.report.Notes = append(r.report.Notes, fmt.Sprintf("Q2: its target is for 1,000,000 pushes; a quick run has %d", count))
	}
	dir, err := os.MkdirTemp("", "pushledger-bench-list-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	r.Progress(fmt.Sprintf("Q2: a read model of %d pushes", count))
	log := newHistory(count)
	queries, stop, err := fill(ctx, filepath.Join(dir, "pushes.db"), log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	anySeller := func() string { return historySeller(rand.IntN(log.sellers())) } // #nosec G404 -- spreads load
	listed := func(ctx context.Context, _ int) error { return list(ctx, queries, anySeller()) }
	bare := func(ctx context.Context, _ int) error {
		_, err := queries.Bare(ctx, anySeller(), push.StatusCompleted, listLength)
		return err
	}
	if err := warmUp(ctx, listed, bare); err != nil {
		return err
	}
	var own, other []float64
	for round := range rounds {
		r.Progress(fmt.Sprintf("Q2 round %d of %d", round+1, rounds))
		ours, err := load(ctx, 1, r.span(), listed)
		if err != nil {
			return err
		}
		peer, err := load(ctx, 1, r.span(), bare)
		if err != nil {
			return err
		}
		own, other = append(own, ours.percentile(0.5)), append(other, peer.percentile(0.5))
	}
	r.add(compared("Q2 list of 50", "ms", "bare SQL query of the same rows", own, other, atMost(3)))
	return nil
}

// fill makes a read model of a history.
func fill(ctx context.Context, path string, log *history) (*pushes.Queries, func() error, error) {
	served, err := pushes.OpenQueries(func(model projections.Model) (*projections.Served, error) {
		return projections.OpenServed(ctx, path, model, log, slog.New(slog.DiscardHandler))
	}, log)
	if err != nil {
		return nil, nil, err
	}
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- served.Run(running) }()
	end := func() error { stop(); return errors.Join(<-ended, served.Close()) }
	if err := served.WaitReady(ctx); err != nil {
		return nil, nil, errors.Join(err, end())
	}
	return served, end, nil
}

func list(ctx context.Context, queries *pushes.Queries, seller string) error {
	page, err := queries.Pushes(ctx, pushes.Viewer{Account: seller}, pushes.ListRequest{Role: pushes.RoleSeller, Status: "Completed", Limit: listLength})
	if err != nil {
		return err
	}
	if len(page.Pushes) != listLength {
		return fmt.Errorf("%d pushes are listed of %s", len(page.Pushes), seller)
	}
	_, err = json.Marshal(page, json.Deterministic(true))
	return err
}
