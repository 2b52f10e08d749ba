package transparency

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// guardTail is how many of the newest signed entries are compared before the service
// serves; Scrub sees to all others.
const guardTail = 8 << 10

// Guard compares the right edge of the log with the newest checkpoint. It returns a
// *Damage, also kept for Damage, if the log is shorter than what was signed or another.
func (l *Log) Guard(ctx context.Context, log Source) error {
	signed := l.Checkpoint().Size
	if l.pinned != nil {
		signed = l.pinned.Size
	}
	last, err := log.LastSequence(ctx)
	if err != nil {
		return err
	}
	own := l.Checkpoint().Size
	if shared := min(own, last); shared > 0 {
		err = l.compare(ctx, log, shared-min(shared, guardTail), shared)
	}
	if err == nil && last < signed {
		err = damaged(last+1, "the log ends at %d, but a checkpoint of %d entries was signed", last, signed)
	}
	if err != nil {
		return errors.Join(err, l.note(err))
	}
	return nil
}

// compare holds entries against what was signed.
func (l *Log) compare(ctx context.Context, log Source, after, upTo uint64) error {
	kept := &Copy{files: os.DirFS(l.options.Dir), checkpoint: l.Checkpoint()}
	hashes, err := kept.LeafHashes(after, int(upTo-after)) // #nosec G115 -- of a caller's own choosing
	if err != nil {
		return err
	}
	return log.Entries(ctx, after, upTo, func(entry Entry) error { return sameLeaf(entry, hashes[entry.Sequence-after-1]) })
}

func sameLeaf(entry Entry, signed tlog.Hash) error {
	leaf, err := entry.Leaf()
	if err != nil {
		return damaged(entry.Sequence, "%v", err)
	}
	if leaf.Hash() != signed {
		return damaged(entry.Sequence, "it is not the event that was signed")
	}
	return nil
}

// Pace of Scrub.
const (
	scrubChunk = 4 * tileWidth          // entries compared at once
	scrubPause = 250 * time.Millisecond // between two chunks: some 4,000 events a second
	scrubRest  = time.Minute            // between two rounds
	scrubRetry = 10 * scrubPause        // when the log cannot be read now
)

// Scrub re-reads everything that is signed, gently, round after round until ctx ends,
// and returns nil then. What it finds is told by Damage; it ends with the first.
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
		if err := l.compare(ctx, log, after, min(after+scrubChunk, upTo)); err != nil {
			return l.note(err)
		}
		if err := pause(ctx, scrubPause); err != nil {
			return err
		}
	}
	return nil
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
