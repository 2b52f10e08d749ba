package transparency

import (
	"bytes"
	"errors"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// Check recomputes the tree of a log and holds it against signed checkpoints.
type Check struct {
	edge        edge
	checkpoints []Checkpoint // still to come, by size
	signed      *Copy
	good        uint64      // what stood before is proved
	since       []tlog.Hash // leaves after it
}

// NewCheck checks from the beginning. signed, if not nil, is a copy of the tiles, which
// are asked for the first bad sequence when a checkpoint does not fit.
func NewCheck(checkpoints []Checkpoint, signed *Copy) *Check {
	sorted := slices.Clone(checkpoints)
	slices.SortStableFunc(sorted, func(a, b Checkpoint) int {
		switch {
		case a.Size < b.Size:
			return -1
		case a.Size > b.Size:
			return 1
		default:
			return bytes.Compare(a.Root[:], b.Root[:])
		}
	})
	return &Check{checkpoints: sorted, signed: signed}
}

// NewCheckFrom goes on from a checkpoint that the caller trusts. The hashes below it are
// taken from the tiles of signed and held against the checkpoint's root.
func NewCheckFrom(trusted Checkpoint, checkpoints []Checkpoint, signed *Copy) (*Check, error) {
	check := NewCheck(checkpoints, signed)
	at := &Copy{files: signed.files, checkpoint: trusted}
	loaded, err := at.edge()
	if err != nil {
		return nil, err
	}
	check.edge, check.good = loaded, trusted.Size
	check.checkpoints = slices.DeleteFunc(check.checkpoints, func(c Checkpoint) bool { return c.Size < trusted.Size })
	return check, check.compare()
}

// Add takes the leaf hash of the next entry. It returns *Damage when a checkpoint is
// reached whose root is another one.
func (c *Check) Add(hash tlog.Hash) error {
	c.edge.add(hash, nil)
	c.since = append(c.since, hash)
	return c.compare()
}

func (c *Check) compare() error {
	for len(c.checkpoints) > 0 && c.checkpoints[0].Size <= c.edge.size {
		next := c.checkpoints[0]
		if next.Size == c.edge.size && next.Root != c.edge.root() {
			return c.locate(next)
		}
		c.checkpoints, c.good, c.since = c.checkpoints[1:], next.Size, c.since[:0]
	}
	return nil
}

// locate finds the first entry that is not the signed one.
func (c *Check) locate(broken Checkpoint) error {
	if c.signed != nil {
		at := &Copy{files: c.signed.files, checkpoint: broken}
		if err := c.compareSince(at); err != nil {
			return err
		}
	}
	return damaged(c.good+1, "it or one up to %d is not the event that was signed", broken.Size)
}

// compareSince holds the leaves that no checkpoint has proved yet against the tiles. It
// returns nil if the tiles cannot tell.
func (c *Check) compareSince(signed *Copy) error {
	if signed.checkpoint.Size <= c.good {
		return nil
	}
	hashes, err := signed.LeafHashes(c.good, len(c.since))
	if err != nil {
		return nil //nolint:nilerr // tiles that are no better than the log cannot tell where it is bad
	}
	for i, hash := range hashes {
		if hash != c.since[i] {
			return damaged(c.good+uint64(i)+1, "it is not the event that was signed") // #nosec G115 -- an index
		}
	}
	return nil
}

// Explain looks whether something worse came before the reason for which a check ended
// early, and returns whichever has the lower sequence.
func (c *Check) Explain(reason error) error {
	var found, earlier *Damage
	if c.signed == nil || !errors.As(reason, &found) {
		return reason
	}
	if err := c.compareSince(c.signed); errors.As(err, &earlier) && earlier.Sequence < found.Sequence {
		return earlier
	}
	return reason
}

// Finish is called after the last entry. It returns *Damage if a checkpoint says that
// there must be more.
func (c *Check) Finish() error {
	if len(c.checkpoints) == 0 {
		return nil
	}
	longest := c.checkpoints[len(c.checkpoints)-1]
	return damaged(c.edge.size+1, "the log ends at %d, but a checkpoint of %d entries was signed", c.edge.size, longest.Size)
}

// Size is how many entries have been added, those below a trusted checkpoint included.
func (c *Check) Size() uint64 { return c.edge.size }

// Proved is the size of the largest checkpoint that was reached and fits.
func (c *Check) Proved() uint64 { return c.good }

// Root is the root over all entries that have been added.
func (c *Check) Root() tlog.Hash { return c.edge.root() }
