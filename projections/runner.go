package projections

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"time"

	"github.com/pushledger/pushledger/eventstore"
	"github.com/pushledger/pushledger/projections/sqldb"
)

const (
	maxBatch   = 5000                  // events in one transaction, and the rest of the last change
	retryPause = time.Second           // while the log or the read store cannot be reached
	restFor    = 50 * time.Millisecond // after a transaction, while nobody waits
)

// Runner keeps one model in step with the log. It is safe for concurrent use.
type Runner struct {
	model  Model
	db     *sqldb.DB
	log    eventstore.Store
	logger *slog.Logger

	mu       sync.Mutex
	position uint64
	target   uint64 // end of the log when Run last opened it; not known before
	caughtUp bool   // the target has been reached
	era      int    // rises when all rows are exchanged for others
	stopped  error
	changed  chan struct{} // closed and replaced whenever one of the above changes
	waiting  int           // readers who wait for something to change
	awaited  chan struct{} // buffered 1: one of them has come
}

// NewRunner returns a runner that stands still until Run.
func NewRunner(model Model, db *sqldb.DB, log eventstore.Store, logger *slog.Logger) *Runner {
	return &Runner{
		model: model, db: db, log: log, logger: logger.With("model", model.Name),
		target: math.MaxUint64, changed: make(chan struct{}), awaited: make(chan struct{}, 1),
	}
}

// Run follows the log until ctx ends and returns nil then. While the log cannot be
// reached it waits and goes on. An event that cannot be decoded or folded stops the
// model: Run returns an error that names its sequence, and Ready says so from then on.
// Nothing else has to stop with it.
func (r *Runner) Run(ctx context.Context) error {
	for {
		err := r.follow(ctx)
		switch {
		case ctx.Err() != nil:
			return nil //nolint:nilerr // whatever failed did so because it was told to end
		case errors.Is(err, eventstore.ErrUnavailable), sqldb.Transient(err):
			r.logger.Warn("read model waits", "error", err)
		default:
			err = fmt.Errorf("projections: read model %s stopped: %w", r.model.Name, err)
			r.logger.Error("read model stopped", "position", r.Position(), "error", err)
			r.update(func() { r.stopped = err })
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(retryPause):
		}
	}
}

// follow goes on from the stored position until something fails.
func (r *Runner) follow(ctx context.Context) error {
	position, err := r.resume(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	events := make(chan eventstore.Recorded, maxBatch)
	followed := make(chan error, 1)
	go func() {
		defer close(events)
		followed <- r.log.Follow(ctx, position, func(event eventstore.Recorded) error {
			select {
			case events <- event:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}, nil)
	}()
	err = r.fold(ctx, events)
	cancel()
	if reason := <-followed; err == nil {
		err = reason
	}
	return err
}

// resume finds out where to go on. Rows of another version of the fold, or of another
// log, are deleted.
func (r *Runner) resume(ctx context.Context) (uint64, error) {
	target, err := r.log.LastSequence(ctx)
	if err != nil {
		return 0, err
	}
	stored, err := loadMark(ctx, r.db, r.model.Name)
	if err != nil {
		return 0, err
	}
	known, err := stored.stands(ctx, r.log)
	if err != nil {
		return 0, err
	}
	rebuild := !known || stored.version != r.model.Version
	if rebuild {
		r.logger.Info("read model is rebuilt from the log", "version", r.model.Version, "was", stored.version, "same_log", known)
		stored = mark{version: r.model.Version}
		if err := r.clear(ctx, stored); err != nil {
			return 0, err
		}
	}
	r.update(func() {
		r.position, r.target = stored.sequence, target
		r.caughtUp = r.caughtUp && !rebuild
		if rebuild {
			r.era++
		}
	})
	return stored.sequence, nil
}

func (r *Runner) clear(ctx context.Context, start mark) error {
	return r.db.Write(ctx, func(tx *sqldb.Tx) error {
		for _, table := range r.model.Tables {
			if _, err := tx.ExecContext(ctx, "DELETE FROM "+table); err != nil { // a name of the program's own
				return fmt.Errorf("projections: clear %s: %w", table, err)
			}
		}
		return start.save(ctx, tx, r.model.Name)
	})
}

// fold applies what comes in until the channel is closed. Under load the batches grow
// by themselves, because events gather while one is written.
func (r *Runner) fold(ctx context.Context, events <-chan eventstore.Recorded) error {
	var buffer, rest []eventstore.Recorded // what is left stands behind the batch in one buffer
	for {
		batch, left := nextBatch(append(buffer[:0], rest...), events)
		buffer, rest = batch, left
		if len(batch) == 0 {
			return nil
		}
		last := batch[len(batch)-1]
		err := r.traced(ctx, batch, func(ctx context.Context) error { return r.write(ctx, batch, last) })
		if err != nil {
			return fmt.Errorf("projections: sequences %d to %d: %w", batch[0].Sequence, last.Sequence, err)
		}
		r.update(func() { r.position = last.Sequence })
		if len(batch) < maxBatch {
			r.rest(ctx)
		}
	}
}

// write folds a batch in one transaction. Each statement would start to watch a context
// that can end, which costs more than most of them; beginning the transaction watches it.
func (r *Runner) write(ctx context.Context, batch []eventstore.Recorded, last eventstore.Recorded) error {
	return r.db.Write(ctx, func(tx *sqldb.Tx) error {
		ctx := context.WithoutCancel(ctx)
		if err := r.model.Fold(ctx, tx, batch); err != nil {
			return err
		}
		reached := mark{version: r.model.Version, sequence: last.Sequence, fingerprint: fingerprint(last)}
		return reached.save(ctx, tx, r.model.Name)
	})
}

// rest lets some time pass while nobody waits, so that what has come in meanwhile goes
// into one transaction: most of what a transaction costs does not depend on its events.
// Far behind a read model does not rest.
func (r *Runner) rest(ctx context.Context) {
	r.mu.Lock()
	awaited := r.waiting > 0
	r.mu.Unlock()
	if awaited {
		return
	}
	over := time.NewTimer(restFor)
	defer over.Stop()
	select {
	case <-ctx.Done():
	case <-r.awaited:
	case <-over.C:
	}
}

// nextBatch waits for whole changes and takes what else is there. The beginning of a
// change, whose end is yet to come, is the rest to call it with again. The batch is
// empty once the channel is closed.
func nextBatch(taken []eventstore.Recorded, events <-chan eventstore.Recorded) (batch, rest []eventstore.Recorded) {
	whole := 0 // events of complete changes
	for {
		if whole > 0 && (len(taken) >= maxBatch || len(events) == 0) {
			return taken[:whole], taken[whole:]
		}
		event, open := <-events
		if !open {
			return taken[:whole], nil
		}
		taken = append(taken, event)
		if event.Last {
			whole = len(taken)
		}
	}
}
