package audit

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/pushledger/pushledger/eventstore/transparency"
	"github.com/pushledger/pushledger/sagas/ledger"
)

// Export writes everything that is signed into a bundle and returns the checkpoint that
// covers it.
func Export(ctx context.Context, out io.Writer, log Ledger, signed *Signed, progress func(sequence, last uint64)) (transparency.Checkpoint, error) {
	last := signed.Size()
	if last == 0 {
		return transparency.Checkpoint{}, errors.New("audit: the ledger is empty, there is nothing to export")
	}
	return transparency.Export(ctx, out, log, signed.VKey, signed.Checkpoints, signed.Tiles,
		func(sequence uint64) { progress(sequence, last) })
}

// Proof is the proof of one event.
type Proof struct {
	Sequence uint64
	Text     []byte // in the C2SP format tlog-proof
}

// ErrNoPush means that the log has no such push. It is wrapped with the id.
var ErrNoPush = errors.New("audit: there is no push")

// Prove proves every event of a push.
func Prove(ctx context.Context, log Ledger, signed *Signed, id string) ([]Proof, error) {
	if signed.Tiles == nil {
		return nil, errors.New("audit: without tiles nothing can be proved")
	}
	entries, err := log.EntriesOf(ctx, ledger.PushStream(id))
	if err != nil {
		return nil, err
	}
	if len(entries) == 0 {
		return nil, fmt.Errorf("%w %q", ErrNoPush, id)
	}
	proofs := make([]Proof, len(entries))
	for i, entry := range entries {
		text, err := signed.Tiles.Prove(entry)
		if err != nil {
			return nil, err
		}
		proofs[i] = Proof{Sequence: entry.Sequence, Text: text}
	}
	return proofs, nil
}
