package bench

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"

	"github.com/go-json-experiment/json"

	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/projections"
	"github.com/pushledger/pushledger/projections/pushes"
)

const (
	kindListing = "listing"
	listWhole   = "whole" // as it leaves the program
	listBare    = "bare"  // the SQL query alone
)

// listingPeer has a read model of a history, which it makes if it is not there.
type listingPeer struct {
	queries *pushes.Queries
	log     *history
	end     func() error
}

func startListing(ctx context.Context, given setup) (peer, error) {
	p := &listingPeer{log: newHistory(given.History)}
	var err error
	p.queries, err = pushes.OpenQueries(func(model projections.Model) (*projections.Served, error) {
		return projections.OpenServed(ctx, filepath.Join(given.Dir, "pushes.db"), model, p.log, slog.New(slog.DiscardHandler))
	}, p.log)
	if err != nil {
		return nil, err
	}
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- p.queries.Run(running) }()
	p.end = func() error { stop(); return errors.Join(<-ended, p.queries.Close()) }
	if err := p.queries.WaitReady(ctx); err != nil {
		return nil, errors.Join(err, p.end())
	}
	for range sellers { // what is prepared once is prepared
		if err := p.list(ctx, 0); err != nil {
			return nil, errors.Join(err, p.end())
		}
	}
	return p, nil
}

func (p *listingPeer) ready() ready { return ready{} }
func (p *listingPeer) close() error { return p.end() }

func (p *listingPeer) do(ctx context.Context, wanted order) (sample, error) {
	if wanted.What == listBare {
		return load(ctx, 1, wanted.span(), p.bare)
	}
	return load(ctx, 1, wanted.span(), p.list)
}

func (p *listingPeer) anySeller() string {
	return historySeller(rand.IntN(p.log.sellers())) // #nosec G404 -- spreads load, guards nothing
}

func (p *listingPeer) bare(ctx context.Context, _ int) error {
	_, err := p.queries.Bare(ctx, p.anySeller(), push.StatusCompleted, listLength)
	return err
}

func (p *listingPeer) list(ctx context.Context, _ int) error {
	seller := p.anySeller()
	page, err := p.queries.Pushes(ctx, pushes.Viewer{Account: seller}, pushes.ListRequest{Role: pushes.RoleSeller, Status: "Completed", Limit: listLength})
	if err != nil {
		return err
	}
	if len(page.Pushes) != listLength {
		return fmt.Errorf("%d pushes are listed of %s", len(page.Pushes), seller)
	}
	_, err = json.Marshal(page, json.Deterministic(true))
	return err
}
