package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/pushledger/pushledger/cmd/pushledger/internal/audit"
	"github.com/pushledger/pushledger/eventstore"
	eventlog "github.com/pushledger/pushledger/eventstore/jetstream"
	"github.com/pushledger/pushledger/eventstore/transparency"
	"github.com/pushledger/pushledger/projections/accounts"
	"github.com/pushledger/pushledger/projections/commandids"
	"github.com/pushledger/pushledger/projections/pushes"
)

const (
	checkpointInterval = time.Second
	auditPause         = time.Second // before the log is followed again
	auditLast          = 5 * time.Second
	auditLook          = 10 * time.Millisecond
)

// TransparencyDir is where a service keeps its tiles if it is not told otherwise.
func TransparencyDir(data string) string { return filepath.Join(data, "transparency") }

// The files of the read models in a service's data directory.
const (
	pushesFile   = "read.db"
	accountsFile = "accounts.db"
	commandsFile = "commands.db"
)

// ReadModels are all read models of a service, and where it keeps them.
func ReadModels(data string) []audit.ReadModel {
	return []audit.ReadModel{
		{Model: pushes.Model(), Path: filepath.Join(data, pushesFile)},
		{Model: accounts.Model(), Path: filepath.Join(data, accountsFile)},
		{Model: commandids.Model(), Path: filepath.Join(data, commandsFile)},
	}
}

// CheckpointKey is the file with the key that signs checkpoints, likewise.
func CheckpointKey(data string) string { return filepath.Join(data, "checkpoint.key") }

// auditing is what keeps the log provable.
type auditing struct {
	service *Service
	log     *transparency.Log
	door    *audit.Door
	ended   chan struct{} // closed when failure is set and nothing is signed any more
	failure error
}

// openAudit opens the tree and holds the log against it. A log that is not the one that
// was signed is not served.
func (s *Service) openAudit(ctx context.Context) error {
	conn, err := s.connect("checkpoints")
	if err != nil {
		return err
	}
	checkpoints, err := eventlog.OpenCheckpoints(ctx, conn)
	if err != nil {
		return err
	}
	dir := cmp.Or(s.config.TransparencyDir, TransparencyDir(s.config.Data))
	log, err := transparency.Open(transparency.Options{
		Dir: dir, KeyFile: cmp.Or(s.config.CheckpointKey, CheckpointKey(s.config.Data)), Interval: checkpointInterval, Logger: s.config.Logger,
		Publish: func(ctx context.Context, checkpoint transparency.Checkpoint, key string) error {
			return checkpoints.Publish(ctx, eventlog.SignedCheckpoint{Note: checkpoint.Note, Key: key})
		},
	})
	if err == nil {
		err = s.guard(ctx, log, checkpoints)
	}
	if err != nil {
		return fmt.Errorf("app: the log is not served: %w", err)
	}
	answers, err := s.connect("audit")
	if err != nil {
		return err
	}
	s.config.Logger.Info("checkpoints are signed", "key", log.Key(), "size", log.Checkpoint().Size)
	s.audit = &auditing{service: s, log: log, ended: make(chan struct{}), door: &audit.Door{
		Conn: answers, Store: s.store, Checkpoints: checkpoints,
		Files: os.DirFS(dir), Logger: s.outsideLog,
	}}
	return nil
}

// guard holds the log against what was signed of it: in the directory, and by the newest
// checkpoint that was published.
func (s *Service) guard(ctx context.Context, log *transparency.Log, checkpoints *eventlog.Checkpoints) error {
	newest, some, err := checkpoints.Last(ctx)
	if err == nil && some {
		err = log.Adopt(newest.Note)
	}
	if err != nil {
		return err
	}
	return log.Guard(ctx, s.store)
}

// startAudit runs the auditing until Close, when all that writes has ended: what was
// written is signed before the service is gone.
func (s *Service) startAudit() {
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		s.audit.failure = s.audit.run(ctx)
		close(s.audit.ended)
	}()
	s.onClose(func() error {
		s.audit.finish()
		stop()
		<-s.audit.ended
		s.audit.seal()
		return s.audit.failure
	})
}

// seal seals a log of which everything is signed. One whose end cannot be read, or whose
// disk is full, goes without: it is then as after a crash.
func (a *auditing) seal() {
	ctx, cancel := context.WithTimeout(context.Background(), auditLast)
	defer cancel()
	last, err := a.service.store.LastSequence(ctx)
	if err == nil {
		err = a.log.Seal(last)
	}
	if err != nil {
		a.service.config.Logger.Warn("the log is not sealed", "error", err)
	}
}

// watch ends with the auditing or with ctx: a service whose log nobody signs any more
// ends as well.
func (a *auditing) watch(ctx context.Context) error {
	select {
	case <-a.ended:
		return a.failure
	case <-ctx.Done():
		return nil
	}
}

// finish waits, not for long, until the whole log is signed.
func (a *auditing) finish() {
	ctx, cancel := context.WithTimeout(context.Background(), auditLast)
	defer cancel()
	last, err := a.service.store.LastSequence(ctx)
	for err == nil && a.running() && a.log.Damage() == nil && a.log.Checkpoint().Size < last && ctx.Err() == nil {
		time.Sleep(auditLook)
	}
}

func (a *auditing) running() bool {
	select {
	case <-a.ended:
		return false
	default:
		return true
	}
}

// run signs, scrubs and answers auditors until ctx ends.
func (a *auditing) run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return a.door.Serve(ctx) })
	group.Go(func() error { return a.log.Scrub(ctx, a.service.store) })
	group.Go(func() error {
		for {
			err := a.log.Run(ctx, a.service.store.FollowEntries)
			if ctx.Err() != nil || a.log.Damage() != nil {
				return nil
			}
			a.service.config.Logger.Error("no checkpoints are signed now", "error", err)
			select {
			case <-ctx.Done():
			case <-time.After(auditPause):
			}
		}
	})
	return group.Wait()
}

// sound returns why nothing may be added to the log: it is damaged, or cannot be written.
func (s *Service) sound() error { return cmp.Or(s.audit.log.Damage(), s.disk.broken()) }

// sealed is the log as long as it is sound.
type sealed struct {
	eventstore.Store
	sound func() error
	doubt func() // called when something could not be appended
}

// Append implements eventstore.Store.
func (s sealed) Append(ctx context.Context, metadata eventstore.Metadata, changes ...eventstore.Change) (uint64, error) {
	if err := s.sound(); err != nil {
		return 0, errors.Join(eventstore.ErrUnavailable, err)
	}
	sequence, err := s.Store.Append(ctx, metadata, changes...)
	if errors.Is(err, eventstore.ErrUnavailable) {
		s.doubt()
	}
	return sequence, err
}

// ready returns why the service does not do all of its work.
func (s *Service) ready() error {
	if poison := s.poison.Load(); poison != nil {
		return *poison
	}
	return s.sound()
}

// readiness answers /readyz: a service that takes no commands, or of which a part has
// stopped, is not ready, whatever its read models say.
func (s *Service) readiness(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := s.ready(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		next.ServeHTTP(w, r)
	})
}
