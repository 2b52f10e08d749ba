package transparency

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/pushledger/pushledger/eventstore/durablefile"
)

// Pace of Scrub.
const (
	scrubChunk = 4 * tileWidth          // entries compared at once
	scrubPause = 250 * time.Millisecond // between two chunks, at least: 4,000 events a second at most
	scrubShare = 50                     // a fiftieth of the time is spent reading, so that it gives way to others
	scrubRest  = time.Minute            // between two rounds
	scrubRetry = 10 * scrubPause        // when the log cannot be read now
)

// Scrub re-reads everything that is signed, gently, round after round until ctx ends,
// and returns nil then. An event that is not the one that was signed is told by Damage,
// and Scrub ends with it. Where it is the directory that is damaged, the files are
// written again from the log, which is proved to be good before.
func (l *Log) Scrub(ctx context.Context, log Source) error {
	for {
		rest, err := scrubRest, l.scrubRound(ctx, log)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			l.options.Logger.Warn("scrubbing waits", "error", err)
			rest = scrubRetry
		case l.Damage() != nil:
			return nil
		}
		if pause(ctx, rest) != nil {
			return nil
		}
	}
}

func (l *Log) scrubRound(ctx context.Context, log Source) error {
	for after, upTo := uint64(0), l.Checkpoint().Size; after < upTo; after += scrubChunk {
		began := time.Now()
		if err := l.scrub(ctx, log, after, min(after+scrubChunk, upTo)); err != nil {
			return l.note(err)
		}
		if err := pause(ctx, max(scrubPause, scrubShare*time.Since(began))); err != nil {
			return err
		}
	}
	return nil
}

// scrub holds the entries of a few tiles, from the first of one, against what was signed,
// and the files against the entries.
func (l *Log) scrub(ctx context.Context, log Source, after, upTo uint64) error {
	made := make(map[string][]byte) // the files that are full, as the log would have them
	building := builder{edge: edge{size: after}, put: func(path string, data []byte) { made[path] = data }}
	var hashes []tlog.Hash
	err := log.Entries(ctx, after, upTo, func(entry Entry) error {
		leaf, err := entry.Leaf()
		if err != nil {
			return damaged(entry.Sequence, "%v", err)
		}
		hash := leaf.Hash()
		hashes = append(hashes, hash)
		building.add(leaf, hash)
		return nil
	})
	if err != nil {
		return err
	}
	signed, err := l.signedHashes(after, len(hashes), made)
	if err != nil {
		return err
	}
	for i, hash := range hashes {
		if hash != signed[i] {
			return damaged(after+uint64(i)+1, "it is not the event that was signed") // #nosec G115 -- an index
		}
	}
	return l.mend(made)
}

// signedHashes are the hashes of leaves as the checkpoint vouches for them. If the tiles
// do not tell, those that were just made are tried in their place: they count only if
// the rest of the tree, up to the root, proves them.
func (l *Log) signedHashes(after uint64, count int, made map[string][]byte) ([]tlog.Hash, error) {
	kept := &Copy{files: os.DirFS(l.options.Dir), checkpoint: l.Checkpoint()}
	signed, err := kept.LeafHashes(after, count)
	if err == nil {
		return signed, nil
	}
	kept.files = replaced{kept.files, made}
	signed, again := kept.LeafHashes(after, count)
	if again != nil {
		return nil, fmt.Errorf("neither the tiles nor the log behind %d fit the checkpoint: %w", after, err)
	}
	return signed, nil
}

// mend writes what the directory has lost or has otherwise.
func (l *Log) mend(made map[string][]byte) error {
	files := os.DirFS(l.options.Dir)
	for path, data := range made {
		is, err := fs.ReadFile(files, path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("transparency: %w", err)
		}
		if err == nil && bytes.Equal(is, data) {
			delete(made, path)
		}
	}
	if len(made) == 0 {
		return nil
	}
	l.options.Logger.Error("the second copy of the log was damaged; it is written again from the log",
		"files", slices.Sorted(maps.Keys(made)))
	return durablefile.WriteAll(l.options.Dir, made)
}

// replaced are files of which some are others, which come whole.
type replaced struct {
	fs.FS
	by map[string][]byte
}

// Open implements fs.FS.
func (r replaced) Open(name string) (fs.File, error) {
	if _, is := r.by[name]; is {
		return nil, &fs.PathError{Op: "open", Path: name, Err: errors.ErrUnsupported}
	}
	return r.FS.Open(name)
}

// ReadFile implements fs.ReadFileFS.
func (r replaced) ReadFile(name string) ([]byte, error) {
	if data, is := r.by[name]; is {
		return data, nil
	}
	return fs.ReadFile(r.FS, name)
}

func pause(ctx context.Context, rest time.Duration) error {
	timer := time.NewTimer(rest)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return fmt.Errorf("transparency: %w", ctx.Err())
	case <-timer.C:
		return nil
	}
}
