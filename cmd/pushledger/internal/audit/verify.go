package audit

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/pushledger/pushledger/eventstore"
	eventlog "github.com/pushledger/pushledger/eventstore/jetstream"
	"github.com/pushledger/pushledger/eventstore/transparency"
)

// Signed is what the key of a ledger vouches for.
type Signed struct {
	Key         note.Verifier
	VKey        string                    // the same, as text
	Checkpoints []transparency.Checkpoint // every one, the published and that of the tiles
	Tiles       *transparency.Copy        // nil if there are none
}

// ReadSigned reads all checkpoints and verifies their signatures. With an empty key it
// takes the one that the ledger itself names: then the ledger is consistent, but it is
// not shown that it is the same one as yesterday. A log of which nothing is signed is
// *transparency.Damage, unless it is empty.
func ReadSigned(ctx context.Context, log Ledger, key string) (*Signed, error) {
	last, err := log.LastSequence(ctx)
	if err != nil {
		return nil, err
	}
	signed, err := readSigned(ctx, log, key)
	return signed, unlessEmpty(err, last)
}

func unlessEmpty(err error, last uint64) error {
	switch {
	case !errors.Is(err, errNothingSigned):
		return err
	case last == 0:
		return nil
	default:
		return &transparency.Damage{Sequence: 1, Reason: "there is no signed checkpoint, so nothing shows what the log was"}
	}
}

var errNothingSigned = errors.New("audit: nothing has been signed yet")

// readSigned returns what it knows also with errNothingSigned.
func readSigned(ctx context.Context, log Ledger, key string) (*Signed, error) {
	published, err := log.Checkpoints(ctx)
	if err != nil {
		return nil, err
	}
	if key == "" {
		if key, err = ownKey(log, published); err != nil {
			return nil, err
		}
	}
	verifier, err := transparency.ParseKey(key)
	if err != nil {
		return nil, err
	}
	signed := &Signed{Key: verifier, VKey: key}
	return signed, signed.read(log, published)
}

// Patience of AwaitSigned: a service signs every second while there is news.
const (
	signedPatience = 10 * time.Second
	signedLook     = 100 * time.Millisecond
)

// AwaitSigned is ReadSigned of a running service, which waits until what the log holds
// now has been signed. After ten seconds it takes what there is.
func AwaitSigned(ctx context.Context, log Ledger, key string) (*Signed, error) {
	last, err := log.LastSequence(ctx)
	if err != nil {
		return nil, err
	}
	waiting, cancel := context.WithTimeout(ctx, signedPatience)
	defer cancel()
	for {
		signed, err := readSigned(ctx, log, key)
		if err == nil && signed.Size() >= last || err != nil && (last == 0 || !errors.Is(err, errNothingSigned)) {
			return signed, unlessEmpty(err, last)
		}
		select {
		case <-waiting.Done():
			return signed, errors.Join(unlessEmpty(err, last), ctx.Err())
		case <-time.After(signedLook):
		}
	}
}

// Size is how many events the newest checkpoint covers.
func (s *Signed) Size() uint64 {
	var size uint64
	for _, checkpoint := range s.Checkpoints {
		size = max(size, checkpoint.Size)
	}
	return size
}

func ownKey(log Ledger, published []eventlog.SignedCheckpoint) (string, error) {
	for _, one := range slices.Backward(published) {
		if one.Key != "" {
			return one.Key, nil
		}
	}
	key, err := transparency.NamedKey(log.Tiles())
	if errors.Is(err, fs.ErrNotExist) {
		return "", errors.New("audit: the ledger names no key: give --key")
	}
	return key, err
}

func (s *Signed) read(log Ledger, published []eventlog.SignedCheckpoint) error {
	var before uint64
	for _, one := range published {
		if len(one.Note) == 0 {
			return &transparency.Damage{Sequence: before + 1, Reason: "the next published checkpoint is missing or cannot be read"}
		}
		checkpoint, err := transparency.OpenCheckpoint(one.Note, s.Key)
		if err == nil && checkpoint.Size < before {
			err = errors.New("it is of a shorter log than the one before it")
		}
		if err != nil {
			return &transparency.Damage{Sequence: before + 1, Reason: "the next checkpoint is not genuine: " + err.Error()}
		}
		s.Checkpoints, before = append(s.Checkpoints, checkpoint), checkpoint.Size
	}
	tiles, err := transparency.OpenCopy(log.Tiles(), s.Key)
	switch {
	case err == nil:
		s.Tiles = tiles
		s.Checkpoints = append(s.Checkpoints, tiles.Checkpoint())
	case !errors.Is(err, fs.ErrNotExist):
		return &transparency.Damage{Sequence: before + 1, Reason: "the checkpoint of the tiles is not genuine: " + err.Error()}
	}
	if len(s.Checkpoints) == 0 {
		return errNothingSigned
	}
	return nil
}

// Report is the outcome of a verification that found nothing bad.
type Report struct {
	Events      uint64  `json:"events"`      // re-read
	Proved      uint64  `json:"proved"`      // size of the largest checkpoint that fits
	Unsigned    uint64  `json:"unsigned"`    // newer events, which no checkpoint covers yet
	Checkpoints int     `json:"checkpoints"` // that were compared
	Root        string  `json:"root"`        // over all events
	Seconds     float64 `json:"seconds"`
	Rate        float64 `json:"events_per_second"`
	Key         string  `json:"key"`
	Summary     Summary `json:"summary"`
}

// VerifyOptions of Verify.
type VerifyOptions struct {
	// From is a checkpoint that is trusted: what lies below it is not read again, and
	// pushes offered before it are not replayed.
	From *transparency.Checkpoint
	// Progress is told of every event, and the last one first.
	Progress func(sequence, last uint64)
}

// Verify re-reads every event, recomputes the tree, holds it against every checkpoint and
// replays every history. What it finds is *transparency.Damage with the first bad
// sequence.
func Verify(ctx context.Context, log Ledger, signed *Signed, options VerifyOptions) (Report, error) {
	check := transparency.NewCheck(signed.Checkpoints, signed.Tiles)
	if options.From != nil {
		if signed.Tiles == nil {
			return Report{}, errors.New("audit: without tiles nothing can go on from a checkpoint")
		}
		var err error
		if check, err = transparency.NewCheckFrom(*options.From, signed.Checkpoints, signed.Tiles); err != nil {
			return Report{}, err
		}
	}
	start := check.Size()
	last, err := log.LastSequence(ctx)
	if err != nil {
		return Report{}, err
	}
	history := NewHistory(options.From != nil)
	violation, err := scan(ctx, log, check, history, last, options.Progress)
	if err == nil {
		err = check.Finish()
	}
	switch {
	case errors.Is(err, errProved):
		return Report{}, violation
	case err != nil: // the events are not what was signed, and no wonder if they break rules
		return Report{}, check.Explain(err)
	case violation != nil:
		return Report{}, violation
	}
	root := check.Root()
	return Report{
		Events: check.Size() - start, Proved: check.Proved(), Unsigned: check.Size() - check.Proved(),
		Checkpoints: len(signed.Checkpoints), Root: root.String(), Key: signed.Key.Name(), Summary: history.Summary(),
	}, nil
}

// scan adds every event to the tree and to the histories. An event that breaks a rule
// ends the histories, but not the tree before the next checkpoint: only when that fits is
// it this event that is bad and not one that was changed before it.
func scan(
	ctx context.Context, log Ledger, check *transparency.Check, history *History, last uint64, progress func(sequence, last uint64),
) (violation, err error) {
	registry := Registry()
	err = transparency.Scan(ctx, log, check.Size(), last,
		func(entry transparency.Entry) (decoded, error) {
			recorded, err := decode(registry, entry)
			return decoded{recorded, err}, nil
		},
		func(entry transparency.Scanned[decoded]) error {
			progress(entry.Sequence, last)
			proved := check.Proved()
			if err := check.Add(entry.Hash); err != nil {
				return err
			}
			if violation == nil {
				violation = entry.Prepared.err
			}
			if violation == nil {
				violation = history.Add(entry.Prepared.recorded)
			}
			if violation != nil && check.Proved() > proved {
				return errProved
			}
			return nil
		})
	if err == nil && violation == nil {
		violation = history.Finish()
	}
	return violation, err
}

// errProved ends a scan: what breaks a rule is what was signed.
var errProved = errors.New("audit: the violation is proved")

type decoded struct {
	recorded eventstore.Recorded
	err      error
}
