package transparency

import (
	"context"
	"errors"
	"os"

	"golang.org/x/mod/sumdb/tlog"
)

// guardTail is how many of the newest signed entries are compared before the service
// serves; Scrub sees to all others.
const guardTail = 8 << 10

// Guard compares the right edge of the log with the newest checkpoint. It returns a
// *Damage, also kept for Damage, if the log is shorter than what was signed or another, or
// longer than it was sealed.
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
	if err == nil {
		err = l.breakSeal(last)
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
