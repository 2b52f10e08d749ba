package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// contest is who is measured in turns, ours first.
type contest []contestant

// contestant is one of them.
type contestant struct {
	under func(inFlight int) side                // what it does with so many calls in flight
	warm  func(ctx context.Context, _ int) error // what it does before it is measured; nil: nothing
}

// writeContest starts everybody whose offers, or what comes next to one, are measured.
func (r *run) writeContest(ctx context.Context, domains int, ends *closers) (contest, error) {
	r.Progress("W1: start")
	ours, err := r.start(ctx, r.program, domains, ends)
	if err != nil {
		return nil, err
	}
	c := contest{ours.offering(sideOurs)}
	if r.wanted("W1") {
		for _, add := range []func(context.Context, *run, int, *closers) error{c.addAgainst, c.addPostgres, c.addPlain, c.addGroupCommit} {
			if err := add(ctx, r, domains, ends); err != nil {
				return nil, err
			}
		}
	}
	for _, one := range c {
		if one.warm == nil {
			continue
		}
		if err := warmUp(ctx, one.warm); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// offering is a service that takes offers.
func (m *market) offering(name string) contestant {
	return contestant{warm: m.offerOne, under: func(inFlight int) side { return m.side(name, inFlight, m.offerOne) }}
}

func (c *contest) addAgainst(ctx context.Context, r *run, domains int, ends *closers) error {
	if r.Against == "" {
		return nil
	}
	other, err := r.start(ctx, r.Against, domains, ends)
	if err != nil {
		return fmt.Errorf("%s: %w", r.Against, err)
	}
	*c = append(*c, other.offering(sideAgainst))
	return nil
}

func (c *contest) addPostgres(ctx context.Context, r *run, domains int, ends *closers) error {
	plain, err := r.startOnPostgres(ctx, domains, ends)
	if errors.Is(err, errNoPostgres) {
		r.missing("W1 postgres", err)
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s: %w", sidePostgres, err)
	}
	*c = append(*c, plain.offering(sidePostgres))
	return nil
}

// addPlain adds JetStream alone.
func (c *contest) addPlain(ctx context.Context, r *run, _ int, ends *closers) error {
	dir, err := tempDir("plain", ends)
	if err != nil {
		return err
	}
	plain, err := r.startPlain(ctx, dir, ends)
	if err != nil {
		return err
	}
	*c = append(*c, contestant{warm: plain.publish, under: func(inFlight int) side { return plain.side(sidePublish, inFlight, plain.publish) }})
	return nil
}

// addGroupCommit adds the service's own store alone.
func (c *contest) addGroupCommit(ctx context.Context, r *run, _ int, ends *closers) error {
	dir, err := tempDir("group-commit", ends)
	if err != nil {
		return err
	}
	bare, err := r.startPeer(ctx, sideGroupCommit, setup{Kind: kindGroupCommit, Dir: filepath.Join(dir, "nats")})
	if err != nil {
		return err
	}
	ends.add(bare.close)
	*c = append(*c, contestant{under: bare.working})
	return nil
}

// tempDir is a directory that is removed at the end.
func tempDir(of string, ends *closers) (string, error) {
	dir, err := os.MkdirTemp("", "pushledger-bench-"+of+"-")
	if err != nil {
		return "", err
	}
	ends.add(func() error { return os.RemoveAll(dir) })
	return dir, nil
}
