package transparency

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/pushledger/pushledger/eventstore/durablefile"
)

// Options of a Log; every field is needed.
type Options struct {
	Dir     string // of the tiles; synced, and best on another disk than the log
	KeyFile string // with the secret key; made with mode 0600 if there is none yet
	// Interval is the least time between two checkpoints, above 0.
	Interval time.Duration
	// Publish makes a checkpoint known to others. It may come more than once.
	Publish func(ctx context.Context, checkpoint Checkpoint, key string) error
	Logger  *slog.Logger
}

// Log keeps the tree of the service's log and signs its checkpoints. Run owns the tree;
// everything else is safe for concurrent use.
type Log struct {
	options Options
	signer  note.Signer
	key     note.Verifier
	vkey    string

	builder   builder
	pending   map[string][]byte // files that are not written yet
	published uint64            // size of the newest checkpoint that Publish took
	pinned    *Checkpoint       // newer than the directory's own; the tree must pass through it

	mu         sync.Mutex
	checkpoint Checkpoint // newest that is signed and on disk
	damage     atomic.Pointer[Damage]
}

const maxPending = 512 // files held back at most; a flood of events must not fill the memory

// Open opens the directory, or makes it. It fails if what is in it does not fit the key
// and the newest checkpoint.
func Open(options Options) (*Log, error) {
	log := &Log{options: options, pending: make(map[string][]byte)}
	log.builder.put = func(path string, data []byte) { log.pending[path] = data }
	files := os.DirFS(options.Dir)
	_, err := fs.Stat(files, checkpointPath)
	fresh := errors.Is(err, fs.ErrNotExist)
	if err != nil && !fresh {
		return nil, fmt.Errorf("transparency: %w", err)
	}
	if log.signer, log.vkey, err = openSigner(options.KeyFile, fresh); err != nil {
		return nil, err
	}
	if log.key, err = ParseKey(log.vkey); err != nil {
		return nil, err
	}
	if fresh {
		return log, durablefile.Write(filepath.Join(options.Dir, keyPath), []byte(log.vkey+"\n"))
	}
	kept, err := OpenCopy(files, log.key)
	if err != nil {
		return nil, err
	}
	log.checkpoint = kept.Checkpoint()
	if log.builder.edge, err = kept.edge(); err != nil {
		return nil, err
	}
	if log.builder.edge.size > 0 {
		log.builder.bundle, err = kept.begunBundle(log.builder.edge.levels[0])
	}
	return log, err
}

// Key is the public key, as auditors need it.
func (l *Log) Key() string { return l.vkey }

// Checkpoint is the newest one that is on disk; its Size is 0 before the first.
func (l *Log) Checkpoint() Checkpoint {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.checkpoint
}

// Damage is a *Damage once the log was found to be another one than was signed. Nothing
// may be added to it then.
func (l *Log) Damage() error {
	if found := l.damage.Load(); found != nil {
		return found
	}
	return nil
}

// note keeps the first damage and says it loudly. Any other error is given back.
func (l *Log) note(err error) error {
	var found *Damage
	if !errors.As(err, &found) {
		return err
	}
	if l.damage.CompareAndSwap(nil, found) {
		l.options.Logger.Error("THE LOG IS DAMAGED: no more commands are taken; see audit verify and audit restore",
			"sequence", found.Sequence, "reason", found.Reason)
	}
	return nil
}

// Run follows the log and signs a checkpoint of what is new, at most one an Interval,
// until ctx ends; the last one is signed then. follow calls its function for every entry
// above a sequence, in order, and goes on until its context ends. Run returns nil also
// when it meets damage, which Damage tells from then on: there is nothing more to sign.
func (l *Log) Run(ctx context.Context, follow func(ctx context.Context, after uint64, handle func(Entry) error) error) error {
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	entries := make(chan Entry, tileWidth)
	ended := make(chan error, 1)
	go func() {
		ended <- follow(inner, l.builder.edge.size, func(entry Entry) error {
			select {
			case entries <- entry:
				return nil
			case <-inner.Done():
				return inner.Err()
			}
		})
	}()
	err := l.sequence(inner, entries, ended)
	cancel()
	if err == nil || ctx.Err() != nil {
		last, stop := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer stop()
		return l.note(l.sign(last))
	}
	return l.note(err)
}

// sequence adds entries until ctx ends, and signs now and then.
func (l *Log) sequence(ctx context.Context, entries <-chan Entry, ended <-chan error) error {
	ticker := time.NewTicker(l.options.Interval)
	defer ticker.Stop()
	for {
		select {
		case entry := <-entries:
			if err := l.add(entry); err != nil {
				return err
			}
		case <-ticker.C:
			if err := l.sign(ctx); err != nil {
				return err
			}
		case err := <-ended:
			return err
		case <-ctx.Done():
			return nil
		}
	}
}

func (l *Log) add(entry Entry) error {
	if entry.Sequence != l.builder.edge.size+1 {
		return damaged(l.builder.edge.size+1, "the log goes on with %d", entry.Sequence)
	}
	leaf, err := entry.Leaf()
	if err != nil {
		return damaged(entry.Sequence, "%v", err)
	}
	l.builder.add(leaf, leaf.Hash())
	if l.pinned != nil && l.pinned.Size == l.builder.edge.size {
		if l.builder.edge.root() != l.pinned.Root {
			return damaged(l.Checkpoint().Size+1, "the log up to %d is not the one of the published checkpoint; the directory of the tiles, which could tell more, is older", l.pinned.Size)
		}
		l.pinned = nil
	}
	if len(l.pending) < maxPending {
		return nil
	}
	return l.write()
}

func (l *Log) write() error {
	if err := durablefile.WriteAll(l.options.Dir, l.pending); err != nil {
		return err
	}
	clear(l.pending)
	return nil
}

// sign makes a checkpoint of the tree if there is news, and publishes it.
func (l *Log) sign(ctx context.Context) error {
	old := l.Checkpoint()
	if l.builder.edge.size > old.Size && l.pinned == nil {
		if err := l.commit(old); err != nil {
			return err
		}
	}
	current := l.Checkpoint()
	if current.Size == 0 || current.Size == l.published {
		return nil
	}
	if err := l.options.Publish(ctx, current, l.vkey); err != nil {
		l.options.Logger.Warn("checkpoint not published yet", "size", current.Size, "error", err)
		return nil
	}
	l.published = current.Size
	return nil
}

func (l *Log) commit(old Checkpoint) error {
	l.builder.begun()
	if err := l.write(); err != nil {
		return err
	}
	signed, err := signCheckpoint(l.signer, l.builder.edge.size, l.builder.edge.root())
	if err != nil {
		return err
	}
	if err := l.consistent(old, signed); err != nil {
		return err
	}
	if err := durablefile.Write(filepath.Join(l.options.Dir, checkpointPath), signed.Note); err != nil {
		return err
	}
	l.mu.Lock()
	l.checkpoint = signed
	l.mu.Unlock()
	return l.removePartial(old.Size, signed.Size)
}

// consistent proves, from the tiles as they are on disk, that the new tree contains the
// old one. What is proved to be otherwise is never given out.
func (l *Log) consistent(old, signed Checkpoint) error {
	if old.Size == 0 {
		return nil
	}
	kept := &Copy{files: os.DirFS(l.options.Dir), checkpoint: signed}
	proof, err := tlog.ProveTree(int64(signed.Size), int64(old.Size), kept.hashes()) // #nosec G115 -- a log has less than 2^63 entries
	if err != nil {
		return fmt.Errorf("transparency: consistency with checkpoint %d: %w", old.Size, err)
	}
	if err := tlog.CheckTree(proof, int64(signed.Size), signed.Root, int64(old.Size), old.Root); err != nil { // #nosec G115 -- as above
		return fmt.Errorf("transparency: consistency with checkpoint %d: %w", old.Size, err)
	}
	return nil
}

// removePartial takes away the tiles that were not full and now are.
func (l *Log) removePartial(old, signed uint64) error {
	for level, from, to := 0, old, signed; from > 0; level++ {
		from, to = from/tileWidth, to/tileWidth
		if from == to {
			return nil
		}
		of := []int{level}
		if level == 0 {
			of = append(of, entriesLevel)
		}
		for _, level := range of {
			directory := filepath.Join(l.options.Dir, filepath.FromSlash(partialDir(level, int64(from)))) // #nosec G115 -- a log has less than 2^63 entries
			if err := os.RemoveAll(directory); err != nil {
				return fmt.Errorf("transparency: %w", err)
			}
		}
	}
	return nil
}

// Adopt takes note of the newest checkpoint that was published, before Run. One that is
// newer than the directory's own means that the directory, or everything, is an old copy:
// the log must then still lead through that checkpoint.
func (l *Log) Adopt(published []byte) error {
	checkpoint, err := OpenCheckpoint(published, l.key)
	if err != nil {
		return fmt.Errorf("%w; it is the newest published one", err)
	}
	own := l.Checkpoint()
	switch {
	case checkpoint.Size > own.Size:
		l.pinned = &checkpoint
	case checkpoint.Size == own.Size && !bytes.Equal(checkpoint.Root[:], own.Root[:]):
		return fmt.Errorf("%w: the published one of size %d has another root than that of the directory", ErrCheckpoint, own.Size)
	default:
		l.published = checkpoint.Size
	}
	return nil
}
