package purchase

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/sagas/registrar"
)

// Bounds of the moves of one push.
const (
	movesAtOnce   = 16  // calls to the registrar at the same time
	movesAChunk   = 100 // checked together, and recorded together
	pendingFirst  = 500 * time.Millisecond
	pendingLonger = 5 * time.Minute
)

// deliver has the registrar hold every domain (rule B4) and then moves them to the buyer.
// What came of the holds is recorded with the first moves: until then both are merely
// intended, and asking for either again changes nothing.
func (s *Saga) deliver(ctx context.Context, known *entry, state push.State, step push.Step) (time.Time, error) {
	if state.Hold == push.HoldNone { // its delivery began before there were holds
		return s.record(ctx, state.ID, func(state push.State) []push.Event { return push.DecideHoldStarted(state, s.Now()) })
	}
	var holds []push.HoldOutcome
	var moves []push.MoveOutcome
	var pending int64
	var err error
	holding, ready := state, true
	if state.Hold == push.HoldOrdered {
		holds, pending, err = s.placeHolds(ctx, state)
		holding, ready = held(state, holds, s.Now())
	}
	if ready {
		moves, pending, err = s.moveChunk(ctx, holding)
	}
	decide := func(state push.State) []push.Event { return push.DecideDelivery(state, holds, moves, s.Now()) }
	return s.recordOrWait(ctx, known, state, step, decide, pending, err)
}

// recordOrWait records what came of a step, if anything did; else it is tried again, later
// if something is pending.
func (s *Saga) recordOrWait(
	ctx context.Context, known *entry, state push.State, step push.Step, decide func(push.State) []push.Event, pending int64, err error,
) (time.Time, error) {
	switch {
	case len(decide(state)) > 0:
		known.pace.reset(step)
		return s.record(ctx, state.ID, decide)
	case err != nil || pending == 0:
		return time.Time{}, err
	}
	return known.pace.wait(step, s.Now(), pendingFirst, pendingLonger), nil
}

// moveChunk moves some of the domains: facts are read once more (rule L7), then each
// domain is moved. It stops asking for moves as soon as one was refused for good.
func (s *Saga) moveChunk(ctx context.Context, state push.State) ([]push.MoveOutcome, int64, error) {
	chunk := state.At(push.DeliveryMoving)
	chunk = chunk[:min(len(chunk), movesAChunk)]
	facts, err := s.Registrar.Facts(ctx, chunk)
	if err != nil {
		return nil, 0, err
	}
	results := make([]*push.MoveOutcome, len(chunk))
	var refused atomic.Bool
	pending, err := s.each(chunk, func(i int, name domainname.Name) (bool, error) {
		if refused.Load() {
			return false, nil
		}
		outcome, err := s.move(ctx, state, name, facts[i])
		results[i] = outcome
		if outcome != nil && !outcome.Moved {
			refused.Store(true)
		}
		return outcome == nil && err == nil, err
	})
	return compact(results), pending, err
}

// move brings one domain to the buyer. It returns no outcome while the move is pending.
func (s *Saga) move(ctx context.Context, state push.State, name domainname.Name, facts push.DomainFacts) (*push.MoveOutcome, error) {
	operation := push.MoveNo(state.ID, name)
	if code := push.CheckMove(state, facts, s.Now()); code != "" {
		// The facts may show nothing but a move of ours that was done and not recorded.
		earlier, err := s.Registrar.Operation(ctx, operation)
		switch {
		case err != nil:
			return nil, err
		case earlier.State == registrar.MoveDone:
			return s.movedBefore(ctx, state, name, earlier.Revision, code)
		case earlier.State == registrar.MovePending:
			return nil, nil
		}
		return &push.MoveOutcome{Domain: name, Code: code, Cause: push.CauseCheck}, nil
	}
	result, err := s.Registrar.Move(ctx, registrar.Move{
		OperationID: operation, Domain: name, From: state.Seller, To: state.Buyer,
		// A transfer password that the seller obtained before the offer is of no use any more.
		Registrant: state.Registrant, VoidAuthCode: true,
	})
	if err != nil {
		// It may have been done all the same: asking is cheaper than waiting.
		if result, err = s.Registrar.Operation(ctx, operation); err != nil {
			return nil, err
		}
	}
	switch result.State {
	case registrar.MoveDone:
		if result.Revision != 0 && result.Revision <= facts.Revision { // done before, and the seller has it again
			return s.movedBefore(ctx, state, name, result.Revision, push.CodeAccountMoved)
		}
		return &push.MoveOutcome{Domain: name, Moved: true, Revision: result.Revision}, nil
	case registrar.MoveRefused:
		return &push.MoveOutcome{Domain: name, Code: result.Code, Cause: push.CauseMove}, nil
	case registrar.MovePending:
		return nil, nil
	default:
		return nil, fmt.Errorf("purchase: move of %s did not reach the registrar", name)
	}
}

// movedBefore is the outcome of a move that was done before the facts were read, though they
// forbid it by a code. If the domain was brought back since, of which an old copy of the log
// knows nothing (fault F41), the move delivers nothing any more.
func (s *Saga) movedBefore(
	ctx context.Context, state push.State, name domainname.Name, revision uint64, code string,
) (*push.MoveOutcome, error) {
	for retry := 0; ; retry++ { // the registrar has decided one order of the way back after the other
		back, err := s.Registrar.Operation(ctx, push.ReturnNo(state.ID, name, retry))
		switch {
		case err != nil:
			return nil, err
		case back.State == registrar.MoveDone:
			return &push.MoveOutcome{Domain: name, Code: code, Cause: push.CauseCheck}, nil
		case back.State != registrar.MoveRefused:
			return &push.MoveOutcome{Domain: name, Moved: true, Revision: revision}, nil
		}
	}
}

// bringBack undoes the moves of a failed push, and finds out for each domain where it
// has come to rest (rule B2).
func (s *Saga) bringBack(ctx context.Context, known *entry, state push.State, step push.Step) (time.Time, error) {
	chunk := state.At(push.DeliveryReturning)
	chunk = chunk[:min(len(chunk), movesAChunk)]
	results := make([]*push.ReturnOutcome, len(chunk))
	pending, err := s.each(chunk, func(i int, name domainname.Name) (bool, error) {
		outcome, err := s.moveBack(ctx, state, name)
		results[i] = outcome
		return outcome == nil && err == nil, err
	})
	outcomes := compact(results)
	decide := func(state push.State) []push.Event { return push.DecideReturns(state, outcomes, s.Now()) }
	return s.recordOrWait(ctx, known, state, step, decide, pending, err)
}

// moveBack brings one domain back, if the buyer has it. It returns no outcome while one of
// the moves is pending.
func (s *Saga) moveBack(ctx context.Context, state push.State, name domainname.Name) (*push.ReturnOutcome, error) {
	there, err := s.Registrar.Operation(ctx, push.MoveNo(state.ID, name))
	if err == nil && there.State == registrar.MoveUnknown {
		there, err = s.forestall(ctx, state, name)
	}
	switch {
	case err != nil:
		return nil, err
	case there.State == registrar.MovePending:
		return nil, nil
	case there.State == registrar.MoveRefused:
		if outcome, err := s.placeOf(ctx, state, name, push.PlaceKept); err != nil || outcome.Place != "" {
			return outcome, err
		} // others brought it to the buyer
	}
	reached := there.State == registrar.MoveDone
	operation := push.ReturnNo(state.ID, name, state.Refusals(name))
	back, err := s.Registrar.Move(ctx, registrar.Move{
		OperationID: operation, Domain: name, From: state.Buyer, To: state.Seller, VoidAuthCode: true,
		Undoes: push.MoveNo(state.ID, name),
	})
	if err != nil {
		if back, err = s.Registrar.Operation(ctx, operation); err != nil {
			return nil, err
		}
	}
	switch back.State {
	case registrar.MoveDone:
		return &push.ReturnOutcome{Domain: name, Place: push.PlaceReturned, Revision: back.Revision}, nil
	case registrar.MoveRefused:
		return s.notMovedBack(ctx, state, name, reached, back.Code)
	case registrar.MovePending:
		return nil, nil
	default:
		return nil, fmt.Errorf("purchase: return of %s did not reach the registrar", name)
	}
}

// notMovedBack is what becomes of a domain whose way back the registrar refused with a code.
// If the buyer has given it back itself, no order of ours has voided the transfer password
// that it may have obtained meanwhile: then a person must see to it (rule B5).
func (s *Saga) notMovedBack(
	ctx context.Context, state push.State, name domainname.Name, reached bool, code string,
) (*push.ReturnOutcome, error) {
	facts, err := s.Registrar.Facts(ctx, []domainname.Name{name})
	if err != nil {
		return nil, err
	}
	outcome := &push.ReturnOutcome{Domain: name, Place: push.PlaceOf(state, facts[0]), Revision: facts[0].Revision, Reached: reached}
	switch {
	case outcome.Place == "":
		outcome.Code = code
	case outcome.Place == push.PlaceReturned && reached && push.AuthCodeSinceOffer(state, facts[0]):
		outcome.Place, outcome.Code = "", push.CodeBuyerActed
	}
	return outcome, nil
}

// forestall makes the outcome of a move certain that the registrar does not know: its
// order may still be on the way. A number means one move for ever, so an order of the way
// back under the same number is refused while the domain is with the seller, and with it
// whatever else arrives under that number.
func (s *Saga) forestall(ctx context.Context, state push.State, name domainname.Name) (registrar.MoveResult, error) {
	operation := push.MoveNo(state.ID, name)
	_, err := s.Registrar.Move(ctx, registrar.Move{
		OperationID: operation, Domain: name, From: state.Buyer, To: state.Seller, VoidAuthCode: true,
	})
	if err != nil {
		return registrar.MoveResult{}, err
	}
	decided, err := s.Registrar.Operation(ctx, operation) // the order on the way may have been first
	if err == nil && decided.State == registrar.MoveUnknown {
		err = fmt.Errorf("purchase: the registrar has decided the move of %s and does not know it", name)
	}
	return decided, err
}

// placeOf finds out where a domain is that is not to be moved back, or cannot be. With the
// buyer its place is empty; with anybody else, at another registrar or nowhere, there is
// nothing to bring back.
func (s *Saga) placeOf(ctx context.Context, state push.State, name domainname.Name, withSeller push.Place) (*push.ReturnOutcome, error) {
	facts, err := s.Registrar.Facts(ctx, []domainname.Name{name})
	if err != nil {
		return nil, err
	}
	place := push.PlaceOf(state, facts[0])
	if place == push.PlaceReturned {
		place = withSeller
	}
	return &push.ReturnOutcome{Domain: name, Place: place, Revision: facts[0].Revision}, nil
}

// each runs do for every domain, some at a time, and goes on past errors. It returns
// how many are pending and the first error.
func (s *Saga) each(names []domainname.Name, do func(int, domainname.Name) (bool, error)) (int64, error) {
	var group errgroup.Group
	group.SetLimit(movesAtOnce)
	if s.Serial {
		group.SetLimit(1)
	}
	var waiting atomic.Int64
	for i, name := range names {
		group.Go(func() error {
			pending, err := do(i, name)
			if pending {
				waiting.Add(1)
			}
			return err
		})
	}
	err := group.Wait()
	return waiting.Load(), err
}

// compact drops what has no outcome yet.
func compact[T any](results []*T) []T {
	var outcomes []T
	for _, result := range results {
		if result != nil {
			outcomes = append(outcomes, *result)
		}
	}
	return outcomes
}
