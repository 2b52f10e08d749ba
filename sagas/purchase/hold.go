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
		result, err := s.Registrar.Hold(ctx, registrar.Hold{OperationID: push.HoldNo(state.ID, name), Domain: name, Held: true})
		if err != nil || result.State == registrar.HoldPending {
			return err == nil, err
		}
		results[i] = &push.HoldOutcome{Domain: name, Held: result.State == registrar.HoldDone}
		if result.State == registrar.HoldRefused {
			results[i].Code = cmp.Or(result.Code, string(registrar.HoldRefused))
		}
		return false, nil
	})
	return compact(results), pending, err
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
		if err == nil && result.State == registrar.HoldRefused {
			err = fmt.Errorf("purchase: the registrar refused to release %s: %s", name, result.Code)
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
