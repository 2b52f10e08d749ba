package purchase

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/sagas/registrar"
)

// placeHolds has the registrar hold every domain of a push (rule B4). It returns what is
// known of each, and how many are pending. The first that is refused is enough.
func (s *Saga) placeHolds(ctx context.Context, state push.State) (outcomes []push.HoldOutcome, pending int64, err error) {
	names := state.Domains()
	results := make([]*push.HoldOutcome, len(names))
	pending, err = s.each(names, func(i int, name domainname.Name) (bool, error) {
		outcome, err := s.placeHold(ctx, state, name)
		results[i] = outcome
		return outcome == nil && err == nil, err
	})
	return compact(results), pending, err
}

// placeHold has one domain held. It returns no outcome while that is pending.
func (s *Saga) placeHold(ctx context.Context, state push.State, name domainname.Name) (*push.HoldOutcome, error) {
	result, err := s.Registrar.Hold(ctx, registrar.Hold{OperationID: push.HoldNo(state.ID, name), Domain: name, Held: true})
	if err != nil {
		return nil, err
	}
	switch result.State {
	case registrar.HoldPending:
		return nil, nil
	case registrar.HoldRefused:
		return s.unheld(ctx, state, name, cmp.Or(result.Code, string(result.State)))
	default:
		return &push.HoldOutcome{Domain: name, Held: result.State == registrar.HoldDone}, nil
	}
}

// unheld is what becomes of a domain that the registrar refuses to hold. One that is with the
// buyer already is delivered all the same: its hold may even have ended with its push, if
// this log is an old copy that knows nothing of it (fault F41). Facts that forbid the move
// say more than the refusal.
func (s *Saga) unheld(ctx context.Context, state push.State, name domainname.Name, code string) (*push.HoldOutcome, error) {
	earlier, err := s.Registrar.Operation(ctx, push.MoveNo(state.ID, name))
	switch {
	case err != nil || earlier.State == registrar.MovePending:
		return nil, err
	case earlier.State == registrar.MoveDone:
		return &push.HoldOutcome{Domain: name}, nil
	}
	facts, err := s.Registrar.Facts(ctx, []domainname.Name{name})
	if err != nil {
		return nil, err
	}
	if forbidden := push.CheckMove(state, facts[0], s.Now()); forbidden != "" {
		return &push.HoldOutcome{Domain: name, Code: forbidden, Cause: push.CauseCheck}, nil
	}
	return &push.HoldOutcome{Domain: name, Code: code, Cause: push.CauseHold}, nil
}

// held is a push as the outcomes of its holds make it, and whether its domains may be moved.
func held(state push.State, outcomes []push.HoldOutcome, now time.Time) (push.State, bool) {
	for _, event := range push.DecideHolds(state, outcomes, now) {
		state = push.Evolve(state, event)
	}
	return state, state.Delivery == push.StageDelivering && (state.Hold == push.HoldPlaced || state.Hold == push.HoldUnsupported)
}

// release has the registrar hold the domains of an ended push no longer.
func (s *Saga) release(ctx context.Context, known *entry, state push.State, step push.Step) (time.Time, error) {
	pending, err := s.each(state.Domains(), func(_ int, name domainname.Name) (bool, error) {
		result, err := s.Registrar.Hold(ctx, registrar.Hold{OperationID: push.HoldNo(state.ID, name), Domain: name})
		line, _ := state.Line(name)
		switch {
		case err != nil:
		case result.State == registrar.HoldRefused:
			err = fmt.Errorf("purchase: the registrar refused to release %s: %s", name, result.Code)
		case result.State == registrar.HoldUnsupported && line.Held: // it may be so while its handler starts
			err = fmt.Errorf("purchase: the registrar holds %s and says that it cannot hold", name)
		}
		return result.State == registrar.HoldPending, err
	})
	switch {
	case err != nil:
		return time.Time{}, err
	case pending > 0:
		return known.pace.wait(step, s.Now(), pendingFirst, pendingLonger), nil
	}
	return s.record(ctx, state.ID, func(state push.State) []push.Event { return push.DecideReleased(state, s.Now()) })
}
