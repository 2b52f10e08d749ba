package registrartest

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/sagas/registrar"
)

var holdTests = map[string]func(*testing.T, World){
	"a hold is placed once and shown":                holdPlaced,
	"a hold is no change of the domain":              holdChangesNothing,
	"a released hold is never placed again":          holdEnded,
	"a hold released before it came is never placed": holdForestalled,
	"a domain is held while any hold is on it":       twoHolds,
	"an operation id is one hold of one domain":      holdOfOneDomain,
	"a domain that does not exist is not held":       holdOfNothing,
	"racing calls of one hold are one hold":          holdRaced,
	"a held domain moves by order":                   moveOfHeld,
	"a hold whose answer was lost is placed":         lostHold,
	"a release whose answer was lost is released":    lostRelease,
	"a caller that gives up on a hold has no answer": holdCallerGone,
}

var (
	holdDone   = registrar.HoldResult{State: registrar.HoldDone}
	holdEnding = registrar.HoldResult{State: registrar.HoldRefused, Code: "hold_ended"}
	holdReused = registrar.HoldResult{State: registrar.HoldRefused, Code: "operation_id_reused"}
)

func (w World) hold(t *testing.T, operation string, name domainname.Name, held bool) registrar.HoldResult {
	t.Helper()
	result, err := w.Registrar.Hold(t.Context(), registrar.Hold{OperationID: operation, Domain: name, Held: held})
	require.NoError(t, err)
	return result
}

func (w World) held(t *testing.T, name domainname.Name) bool {
	t.Helper()
	return slices.Contains(w.facts(t, name).Locks, "held")
}

func holdPlaced(t *testing.T, world World) {
	name := world.sellable(t)
	require.False(t, world.held(t, name))
	for range 2 {
		require.Equal(t, holdDone, world.hold(t, "hold-1", name, true))
		require.True(t, world.held(t, name))
	}
	require.Equal(t, holdDone, world.hold(t, "hold-1", name, false), "placed twice, it is released by one word")
	require.False(t, world.held(t, name))
}

func holdChangesNothing(t *testing.T, world World) {
	name := world.sellable(t)
	before := world.facts(t, name)
	world.hold(t, "hold-1", name, true)
	during := world.facts(t, name)
	require.Equal(t, append(slices.Clone(before.Locks), "held"), during.Locks)
	during.Locks = before.Locks
	require.Equal(t, before, during)
	world.hold(t, "hold-1", name, false)
	require.Equal(t, before, world.facts(t, name))
	require.Equal(t, registrar.MoveUnknown, world.operation(t, "hold-1").State, "a hold is no move")
}

func holdEnded(t *testing.T, world World) {
	name := world.sellable(t)
	world.hold(t, "hold-1", name, true)
	for range 2 {
		require.Equal(t, holdDone, world.hold(t, "hold-1", name, false))
		require.Equal(t, holdEnding, world.hold(t, "hold-1", name, true))
		require.False(t, world.held(t, name))
	}
	require.Equal(t, holdDone, world.hold(t, "hold-2", name, true), "another hold is another matter")
	require.True(t, world.held(t, name))
}

func holdForestalled(t *testing.T, world World) {
	name := world.sellable(t)
	require.Equal(t, holdDone, world.hold(t, "hold-1", name, false))
	require.Equal(t, holdEnding, world.hold(t, "hold-1", name, true))
	require.False(t, world.held(t, name))
}

func twoHolds(t *testing.T, world World) {
	name := world.sellable(t)
	require.Equal(t, holdDone, world.hold(t, "hold-1", name, true))
	require.Equal(t, holdDone, world.hold(t, "hold-2", name, true))
	require.Equal(t, holdDone, world.hold(t, "hold-1", name, false))
	require.True(t, world.held(t, name))
	require.Equal(t, holdDone, world.hold(t, "hold-2", name, false))
	require.False(t, world.held(t, name))
}

func holdOfOneDomain(t *testing.T, world World) {
	name := world.sellable(t)
	other := facts(domain(2))
	world.SetDomain(t, other)
	require.Equal(t, holdDone, world.hold(t, "hold-1", name, true))
	for _, held := range []bool{true, false} {
		require.Equal(t, holdReused, world.hold(t, "hold-1", other.Domain, held))
	}
	require.False(t, world.held(t, other.Domain))
	require.True(t, world.held(t, name))
	require.Equal(t, "operation_id_reused", world.move(t, sale("hold-1", name)).Code, "nor is it a move")
	require.Equal(t, registrar.MoveDone, world.move(t, sale("op-1", name)).State)
	require.Equal(t, holdReused, world.hold(t, "op-1", name, true), "nor is a move a hold")
}

func holdOfNothing(t *testing.T, world World) {
	for range 2 {
		result := world.hold(t, "hold-1", domain(9), true)
		require.Equal(t, registrar.HoldResult{State: registrar.HoldRefused, Code: "not_found"}, result)
	}
	require.Equal(t, holdDone, world.hold(t, "hold-1", domain(9), false), "there is nothing to release")
	require.False(t, world.facts(t, domain(9)).Exists)
}

func holdRaced(t *testing.T, world World) {
	name := world.sellable(t)
	results := make([]registrar.HoldResult, 16)
	failures := make([]error, len(results))
	var calls sync.WaitGroup
	for i := range results {
		calls.Go(func() {
			results[i], failures[i] = world.Registrar.Hold(t.Context(), registrar.Hold{OperationID: "hold-1", Domain: name, Held: i%4 != 0})
		})
	}
	calls.Wait()
	for i, result := range results {
		require.NoError(t, failures[i])
		if result != holdDone {
			require.NotZero(t, i%4, "a release is always done")
			require.Equal(t, holdEnding, result)
		}
	}
	require.False(t, world.held(t, name), "whichever came last, none is placed after a release")
}

func moveOfHeld(t *testing.T, world World) {
	name := world.sellable(t)
	world.hold(t, "hold-1", name, true)
	require.Equal(t, registrar.MoveDone, world.move(t, sale("op-1", name)).State)
	require.Equal(t, buyer, world.facts(t, name).Account)
	require.True(t, world.held(t, name), "it is held in the buyer's account as well")
}

func (w World) loseHold(t *testing.T, hold registrar.Hold) {
	t.Helper()
	w.LoseHoldAnswer(t, hold.Domain)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err := w.Registrar.Hold(ctx, hold)
	require.ErrorIs(t, err, registrar.ErrUnavailable)
	require.Eventually(t, func() bool { return w.held(t, hold.Domain) == hold.Held }, 30*time.Second, 10*time.Millisecond)
}

func lostHold(t *testing.T, world World) {
	name := world.sellable(t)
	world.loseHold(t, registrar.Hold{OperationID: "hold-1", Domain: name, Held: true})
	require.Equal(t, holdDone, world.hold(t, "hold-1", name, true))
	require.True(t, world.held(t, name))
}

func lostRelease(t *testing.T, world World) {
	name := world.sellable(t)
	world.hold(t, "hold-1", name, true)
	world.loseHold(t, registrar.Hold{OperationID: "hold-1", Domain: name})
	require.Equal(t, holdDone, world.hold(t, "hold-1", name, false))
	require.False(t, world.held(t, name))
}

func holdCallerGone(t *testing.T, world World) {
	name := world.sellable(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := world.Registrar.Hold(ctx, registrar.Hold{OperationID: "hold-1", Domain: name, Held: true})
	require.ErrorIs(t, err, registrar.ErrUnavailable)
	require.Equal(t, holdDone, world.hold(t, "hold-1", name, true))
}
