package projections

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// Bounds of how long a reader may wait.
const (
	DefaultPatience = 2 * time.Second
	MaxPatience     = 30 * time.Second
)

// Errors of waiting. They are wrapped with the details.
var (
	// ErrBehind means that the model has not come as far as the reader needs.
	ErrBehind = errors.New("projections: the read model is not there yet")
	// ErrWish means that a reader's Min-Seq or Min-Seq-Timeout cannot be read.
	ErrWish = errors.New("projections: Min-Seq is a sequence, Min-Seq-Timeout a duration above 0 and up to 30s")
)

// Position is the sequence of the last event that queries show, 0 at first.
func (r *Runner) Position() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.position
}

// Shown is the position, and how often all rows were exchanged for others. While both are
// the same, so are the rows; what is read later is never older than both said before.
func (r *Runner) Shown() (era int, position uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.era, r.position
}

// Ready is nil once everything that stood in the log at the start has been folded, for
// as long as the model runs. Otherwise it says what is missing.
func (r *Runner) Ready() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.stopped != nil:
		return r.stopped
	case !r.caughtUp:
		return fmt.Errorf("%w: %s stands at %d", ErrBehind, r.model.Name, r.position)
	default:
		return nil
	}
}

// WaitFor returns once queries show the event of a sequence and all before it. It
// returns ErrBehind when ctx ends first or the model has stopped.
func (r *Runner) WaitFor(ctx context.Context, sequence uint64) error {
	return r.wait(ctx, func() bool { return r.position >= sequence })
}

// WaitReady returns once Ready is nil, or ErrBehind as WaitFor does.
func (r *Runner) WaitReady(ctx context.Context) error {
	return r.wait(ctx, func() bool { return r.caughtUp })
}

// Await waits for what a reader asks with the texts of Min-Seq and Min-Seq-Timeout,
// both of which may be empty. Even without them nobody is answered from a model that
// is still being rebuilt. It returns ErrBehind or ErrWish.
func (r *Runner) Await(ctx context.Context, minSeq, timeout string) error {
	var sequence uint64
	var err error
	patience := DefaultPatience
	if minSeq != "" {
		if sequence, err = strconv.ParseUint(minSeq, 10, 64); err != nil {
			return fmt.Errorf("%w: %w", ErrWish, err)
		}
	}
	if timeout != "" {
		if patience, err = time.ParseDuration(timeout); err != nil {
			return fmt.Errorf("%w: %w", ErrWish, err)
		}
	}
	if patience <= 0 || patience > MaxPatience {
		return fmt.Errorf("%w: not %s", ErrWish, patience)
	}
	reached := func() bool { return r.caughtUp && r.position >= sequence }
	if r.look(reached) { // as a rule nobody has to wait
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return r.wait(ctx, reached)
}

func (r *Runner) look(reached func() bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return reached()
}

// wait looks at the runner under its lock whenever something has changed. A runner for
// which somebody waits does not rest.
func (r *Runner) wait(ctx context.Context, reached func() bool) error {
	r.mu.Lock()
	r.waiting++
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.waiting--
	}()
	select {
	case r.awaited <- struct{}{}:
	default:
	}
	for {
		r.mu.Lock()
		there, position, stopped, changed := reached(), r.position, r.stopped, r.changed
		r.mu.Unlock()
		switch {
		case there:
			return nil
		case stopped != nil:
			return fmt.Errorf("%w: %w", ErrBehind, stopped)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("%w: it stands at %d: %w", ErrBehind, position, ctx.Err())
		}
	}
}

// update changes the runner's standing and wakes whoever waits for it.
func (r *Runner) update(change func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change()
	r.caughtUp = r.caughtUp || r.position >= r.target
	close(r.changed)
	r.changed = make(chan struct{})
}
