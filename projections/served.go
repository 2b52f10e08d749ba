package projections

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/pushledger/pushledger/eventstore"
	"github.com/pushledger/pushledger/projections/sqldb"
)

// Served is a read model in a file of its own, from which questions are answered while it
// is kept in step with the log. Its copy can be replaced by one that was rebuilt from the
// log beside it; a question sees the old one or the new one, and never an older position
// than one before it. A copy that is damaged is replaced as well. It is safe for
// concurrent use.
type Served struct {
	*Runner
	path string
	use  sync.RWMutex // held by questions for reading, by the exchange of copies for writing

	copying sync.Mutex // one copy for others at a time

	wanted chan struct{} // buffered 1: somebody wants another copy

	building sync.Mutex // guards the ones below
	builder  *Runner    // of the copy that is being made; nil: none
	trouble  error      // why the last rebuild failed
	rebuilds int        // that succeeded
}

// OpenServed opens the model's copy in a file, which is made if it is missing.
func OpenServed(ctx context.Context, path string, model Model, log eventstore.Store, logger *slog.Logger) (*Served, error) {
	if err := errors.Join(sqldb.Discard(aside(path)), sqldb.Discard(path+copySuffix)); err != nil { // what was cut short
		return nil, err
	}
	db, err := Open(ctx, path, logger, model)
	if err != nil {
		return nil, err
	}
	return &Served{Runner: NewRunner(model, db, log, logger), path: path, wanted: make(chan struct{}, 1)}, nil
}

const copySuffix = ".copy"

func aside(path string) string { return path + ".next" }

// Close waits for questions under way. Run has to have returned.
func (s *Served) Close() error {
	s.use.Lock()
	defer s.use.Unlock()
	return s.db.Close()
}

// Read lets a question look at the copy that is served. It must not call Read.
func (s *Served) Read(question func(*sql.DB) error) error {
	s.use.RLock()
	defer s.use.RUnlock()
	return s.checked(question(s.db.Reader()))
}

// ReadRow is Read for a question that is asked over and over and has one row at most.
func (s *Served) ReadRow(ctx context.Context, query string, scan func(*sql.Row) error, args ...any) error {
	s.use.RLock()
	defer s.use.RUnlock()
	statement, err := s.db.Prepared(ctx, query) //nolint:sqlclosecheck // it ends with the copy
	if err != nil {
		return s.checked(err)
	}
	return s.checked(scan(statement.QueryRowContext(ctx, args...)))
}

// ReadRows is ReadRow for a question that may have many rows. There should not be many
// different ones: each is kept prepared.
func (s *Served) ReadRows(ctx context.Context, query string, each func(*sql.Rows) error, args ...any) error {
	s.use.RLock()
	defer s.use.RUnlock()
	statement, err := s.db.Prepared(ctx, query) //nolint:sqlclosecheck // it ends with the copy
	if err != nil {
		return s.checked(err)
	}
	rows, err := statement.QueryContext(ctx, args...)
	if err != nil {
		return s.checked(err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err says all there is
	for err == nil && rows.Next() {
		err = each(rows)
	}
	return s.checked(cmp.Or(err, rows.Err()))
}

// Copy makes a copy of what is served at this moment, with its position. It lies beside
// the served file and is gone as soon as it is closed. One copy is made at a time.
func (s *Served) Copy(ctx context.Context) (*os.File, error) {
	s.copying.Lock()
	defer s.copying.Unlock()
	path := s.path + copySuffix
	if err := sqldb.Discard(path); err != nil { // one that was cut short
		return nil, err
	}
	if err := s.copyTo(ctx, path); err != nil {
		return nil, errors.Join(err, sqldb.Discard(path))
	}
	file, err := os.Open(path) // #nosec G304 -- the file of the read model itself
	if err != nil {
		return nil, errors.Join(fmt.Errorf("projections: copy: %w", err), sqldb.Discard(path))
	}
	if err := sqldb.Discard(path); err != nil { // whoever has it open still reads it
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

func (s *Served) copyTo(ctx context.Context, path string) error {
	s.use.RLock()
	defer s.use.RUnlock()
	return s.checked(s.db.CopyTo(ctx, path))
}

// checked looks whether an error says that the copy is worth nothing any more.
func (s *Served) checked(err error) error {
	if sqldb.Damaged(err) {
		s.logger.Error("read model is damaged and will be rebuilt", "error", err)
		s.Rebuild()
	}
	return err
}

// Rebuild has a fresh copy made from the log and put in the place of the served one, in
// its own time. A rebuild that is wanted already counts for this one as well.
func (s *Served) Rebuild() {
	select {
	case s.wanted <- struct{}{}:
	default:
	}
}

// Run follows the log, and makes copies anew when that is wanted, until ctx ends; it
// returns nil then. An event that cannot be folded stops the model and nothing else; it
// stays as it was before that event. Rows that another version of the fold has made are
// served as they are until the new ones are there.
func (s *Served) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		s.round(ctx)
	}
	return nil
}

// round keeps the served copy in step until another one has to be made, and makes it.
func (s *Served) round(ctx context.Context) {
	following, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	quiet := func() { stop(); running.Wait() }
	defer quiet()
	if s.freeze(ctx) {
		s.logger.Info("read model is served as another version made it, until it has been rebuilt")
		if s.failure() == nil { // otherwise only on demand: it would fail again
			s.Rebuild()
		}
	} else {
		running.Go(func() {
			if sqldb.Damaged(s.Runner.Run(following)) {
				s.Rebuild()
			}
		})
	}
	if !s.awaitWish(ctx) {
		return
	}
	err := s.rebuild(ctx, quiet)
	s.building.Lock()
	s.builder, s.trouble = nil, err
	if err == nil {
		s.rebuilds++
	}
	s.building.Unlock()
	if err != nil && ctx.Err() == nil {
		s.logger.Error("read model not rebuilt", "error", err)
		pause(ctx, failurePause)
	}
}

// awaitWish waits until another copy is wanted. It wants one by itself when the file has
// been deleted, of which SQLite takes no notice.
func (s *Served) awaitWish(ctx context.Context) bool {
	look := time.NewTicker(filePause)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-s.wanted:
			return true
		case <-look.C:
			if _, err := os.Stat(s.path); errors.Is(err, fs.ErrNotExist) {
				s.logger.Error("file of the read model is gone, it will be rebuilt", "path", s.path)
				return true
			}
		}
	}
}

const filePause = time.Second // between two looks for the file

const failurePause = 10 * time.Second // after a rebuild that failed

func pause(ctx context.Context, long time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(long):
	}
}

// freeze reports whether the copy holds this log as another version of the fold saw it.
// Such a copy is shown, but cannot be gone on with.
func (s *Served) freeze(ctx context.Context) bool {
	stored, err := loadMark(ctx, s.db, s.model.Name)
	if err != nil || stored.sequence == 0 || stored.version == s.model.Version {
		return false // if something is wrong with the copy, following the log will tell
	}
	for {
		same, err := stored.stands(ctx, s.log)
		if err == nil {
			if same {
				s.update(func() { s.position, s.caughtUp = stored.sequence, true })
			}
			return same
		}
		s.logger.Warn("read model waits", "error", err)
		if pause(ctx, retryPause); ctx.Err() != nil {
			return false
		}
	}
}

// rebuild makes a copy beside the served one and puts it in its place. quiet stops
// whoever follows the log for the served one.
func (s *Served) rebuild(ctx context.Context, quiet func()) error {
	beside := aside(s.path)
	if err := sqldb.Discard(beside); err != nil {
		return err
	}
	db, err := Open(ctx, beside, s.logger, s.model)
	if err != nil {
		return err
	}
	builder := NewRunner(s.model, db, s.log, s.logger.With("copy", "new"))
	s.building.Lock()
	s.builder = builder
	s.building.Unlock()
	following, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- builder.Run(following) }()
	err = s.overtake(ctx, builder, quiet)
	stop()
	if err = errors.Join(err, <-ended, db.Close()); err != nil {
		return errors.Join(err, sqldb.Discard(beside))
	}
	return s.exchange(beside, builder.Position())
}

// overtake waits until the new copy shows all that the served one does, which stands
// still for the last few events only.
func (s *Served) overtake(ctx context.Context, builder *Runner, quiet func()) error {
	if err := builder.WaitReady(ctx); err != nil {
		return err
	}
	for s.Position() > builder.Position()+maxBatch {
		if err := builder.WaitFor(ctx, s.Position()); err != nil {
			return err
		}
	}
	quiet()
	return builder.WaitFor(ctx, s.Position())
}

// exchange waits for the questions under way, and lets those that come meanwhile wait.
func (s *Served) exchange(beside string, position uint64) error {
	s.use.Lock()
	defer s.use.Unlock()
	err := s.db.Close()
	if err == nil || sqldb.Damaged(err) {
		err = sqldb.Replace(s.path, beside)
	}
	db, openErr := sqldb.Reopen(s.path)
	if err = errors.Join(err, openErr); openErr != nil {
		return err
	}
	s.db = db
	if err == nil {
		s.update(func() {
			s.position, s.stopped = position, nil
			s.era++
		})
		s.logger.Info("read model has been rebuilt", "position", position)
	}
	return err
}

func (s *Served) failure() error {
	s.building.Lock()
	defer s.building.Unlock()
	return s.trouble
}
