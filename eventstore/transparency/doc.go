// Package transparency makes the log prove that it was not changed. What it guarantees:
//
//   - Event n of the log is leaf n-1 of a Merkle tree (RFC 6962). Its leaf holds
//     everything of the event that a reader relies on, byte for byte as stored.
//   - A checkpoint is signed only over a tree that contains the one of the checkpoint
//     before it, and only after every tile and every entry under it has reached the disk
//     in a directory apart from the log.
//   - Whatever happens to the process, the directory is good for its newest checkpoint.
//   - Whoever holds the public key and one checkpoint finds any event up to it that was
//     changed, removed, moved or put in since, and is told the first bad sequence.
//
// The formats are those of the C2SP documents tlog-tiles, tlog-checkpoint and tlog-proof,
// and are described together with the leaf in docs/audit.md. Nothing in here knows NATS,
// a clock or what the events mean.
package transparency

import (
	"context"
	"errors"
	"fmt"
)

// Source is a log that can be read back: the live one, or a copy of its entries.
type Source interface {
	// LastSequence is the sequence of the newest entry, 0 when there is none.
	LastSequence(ctx context.Context) (uint64, error)
	// Entries calls handle for every entry with a sequence above after and up to upTo,
	// in order and without a gap. An entry that is missing or cannot be read is a
	// *Damage.
	Entries(ctx context.Context, after, upTo uint64, handle func(Entry) error) error
}

// Damage says that the log is not what was signed.
type Damage struct {
	Sequence uint64 // the first one known to be bad
	Reason   string
}

// Error implements error.
func (d *Damage) Error() string {
	return fmt.Sprintf("transparency: the log is damaged: first bad sequence %d: %s", d.Sequence, d.Reason)
}

// damaged gives err as the error it is, or as damage at a sequence.
func damaged(sequence uint64, format string, arguments ...any) error {
	return &Damage{Sequence: sequence, Reason: fmt.Sprintf(format, arguments...)}
}

// ErrCheckpoint means that a checkpoint was not signed by the key, or says something
// else than a checkpoint of this log. It is wrapped with the details.
var ErrCheckpoint = errors.New("transparency: bad checkpoint")
