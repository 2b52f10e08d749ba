package audit

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/eventstore"
	"github.com/pushledger/pushledger/eventstore/transparency"
	"github.com/pushledger/pushledger/sagas/ledger"
)

// Until is where a replay ends: behind a sequence, or behind everything stored up to a
// time. The zero Until is the end of the log.
type Until struct {
	Sequence uint64
	Time     time.Time
}

func (u Until) reached(entry transparency.Entry) bool {
	return u.Sequence > 0 && entry.Sequence > u.Sequence || !u.Time.IsZero() && entry.Time.After(u.Time)
}

// errReached ends a replay, and well.
var errReached = errors.New("audit: the end of the replay")

// ReplayPush rebuilds one push from its events.
func ReplayPush(ctx context.Context, log Ledger, id string, until Until) (push.State, error) {
	entries, err := log.EntriesOf(ctx, ledger.PushStream(id))
	if err != nil {
		return push.State{}, err
	}
	registry := Registry()
	var state push.State
	for _, entry := range entries {
		if until.reached(entry) {
			break
		}
		recorded, err := decode(registry, entry)
		if err != nil {
			return push.State{}, err
		}
		event, is := recorded.Event.(push.Event)
		if !is {
			return push.State{}, broken(recorded, "%s is no event of a push", recorded.Type)
		}
		state = push.Evolve(state, event)
	}
	if state.Status == push.StatusNone {
		return push.State{}, fmt.Errorf("%w %q at that point", ErrNoPush, id)
	}
	return state, nil
}

// Replayed is everything that follows from the log alone.
type Replayed struct {
	Events uint64 `json:"events"`
	Summary
}

// Replay rebuilds everything, and ends with *transparency.Damage at what breaks a rule. A
// change of which a part lies behind the end does not count.
func Replay(ctx context.Context, log Ledger, until Until, progress func(sequence, last uint64)) (Replayed, error) {
	last, err := log.LastSequence(ctx)
	if err != nil {
		return Replayed{}, err
	}
	if until.Sequence == 0 {
		until.Sequence = math.MaxUint64
	}
	registry := Registry()
	history := NewHistory(false)
	var replayed Replayed
	err = transparency.Scan(ctx, log, 0, min(last, until.Sequence),
		func(entry transparency.Entry) (eventstore.Recorded, error) { return decode(registry, entry) },
		func(entry transparency.Scanned[eventstore.Recorded]) error {
			if until.reached(entry.Entry) {
				return errReached
			}
			progress(entry.Sequence, last)
			replayed.Events = entry.Sequence
			return history.Add(entry.Prepared)
		})
	if err != nil && !errors.Is(err, errReached) {
		return Replayed{}, err
	}
	replayed.Summary = history.Summary()
	return replayed, nil
}
