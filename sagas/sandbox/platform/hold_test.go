package platform_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/sagas/registrar"
)

func (s sandbox) held(t *testing.T, name domainname.Name) bool {
	t.Helper()
	locks := s.facts(t, name).Locks
	return len(locks) > 0 && locks[len(locks)-1] == "held"
}

var (
	holdDone    = registrar.HoldResult{State: registrar.HoldDone}
	holdPending = registrar.HoldResult{State: registrar.HoldPending}
	holdEnded   = registrar.HoldResult{State: registrar.HoldRefused, Code: "hold_ended"}
	holdRefused = registrar.HoldResult{State: registrar.HoldRefused, Code: "refused_by_registry"}
)

func TestHoldsSurviveRestart(t *testing.T) {
	dir := t.TempDir()
	s := run(t, dir, inventory(t, people))
	require.Equal(t, holdDone, s.hold(t, "hold-1", true))
	require.Equal(t, holdDone, s.hold(t, "hold-2", false))
	facts := s.facts(t, "a.com")
	s.stop()
	s = run(t, dir, inventory(t, people))
	require.Equal(t, facts, s.facts(t, "a.com"))
	require.True(t, s.held(t, "a.com"))
	require.Equal(t, holdEnded, s.hold(t, "hold-2", true))
	other, err := s.Hold(t.Context(), registrar.Hold{OperationID: "hold-1", Domain: "b.com", Held: true})
	require.NoError(t, err)
	require.Equal(t, "operation_id_reused", other.Code)
	require.Equal(t, holdDone, s.hold(t, "hold-1", false))
	require.False(t, s.held(t, "a.com"))
}

func TestPendingHoldIsPlacedWhenOrderedAfterTheFault(t *testing.T) {
	s := run(t, t.TempDir(), inventory(t, people))
	s.fault(t, "hold", "pending", 2)
	for range 2 {
		require.Equal(t, holdPending, s.hold(t, "hold-1", true))
		require.False(t, s.held(t, "a.com"))
	}
	require.Equal(t, holdDone, s.hold(t, "hold-1", true))
	require.True(t, s.held(t, "a.com"))
}

func TestPendingReleaseHoldsAndIsNeverPlacedAgain(t *testing.T) {
	s := run(t, t.TempDir(), inventory(t, people))
	s.hold(t, "hold-1", true)
	s.fault(t, "hold", "pending", 2)
	for range 2 {
		require.Equal(t, holdPending, s.hold(t, "hold-1", false))
		require.True(t, s.held(t, "a.com"))
		require.Equal(t, "hold_ended", s.hold(t, "hold-1", true).Code)
		s.fault(t, "hold", "pending", 1)
	}
	s.fault(t, "hold", "pending", 0)
	require.Equal(t, holdDone, s.hold(t, "hold-1", false))
	require.False(t, s.held(t, "a.com"))
}

func TestAPendingHoldThatIsReleasedIsNeverPlaced(t *testing.T) {
	s := run(t, t.TempDir(), inventory(t, people))
	s.fault(t, "hold", "pending", 1)
	require.Equal(t, holdPending, s.hold(t, "hold-1", true))
	require.Equal(t, holdDone, s.hold(t, "hold-1", false))
	require.Equal(t, holdEnded, s.hold(t, "hold-1", true))
	require.False(t, s.held(t, "a.com"))
}

// A hold that is refused stays refused; a release that is refused may be ordered again.
func TestHoldRefusedByFault(t *testing.T) {
	s := run(t, t.TempDir(), inventory(t, people))
	s.fault(t, "hold", "refuse", 1)
	for range 2 {
		require.Equal(t, holdRefused, s.hold(t, "hold-1", true))
	}
	require.Equal(t, holdDone, s.hold(t, "hold-2", true))
	s.fault(t, "hold", "refuse", 1)
	require.Equal(t, holdRefused, s.hold(t, "hold-2", false))
	require.True(t, s.held(t, "a.com"))
	require.Equal(t, holdDone, s.hold(t, "hold-2", false))
	require.Equal(t, holdDone, s.hold(t, "hold-1", false), "what was never placed is released as well")
	require.False(t, s.held(t, "a.com"))
}

func TestARegistrarThatHoldsNothing(t *testing.T) {
	s := run(t, t.TempDir(), inventory(t, people))
	s.fault(t, "hold", "unsupported", 1_000_000)
	for _, held := range []bool{true, false} {
		require.Equal(t, registrar.HoldResult{State: registrar.HoldUnsupported}, s.hold(t, "hold-1", held))
		require.False(t, s.held(t, "a.com"))
	}
	s.fault(t, "hold", "unsupported", 0)
	require.Equal(t, holdDone, s.hold(t, "hold-1", true), "nothing is remembered of what was not understood")
}

func TestHoldThatFailsOrTimesOutIsNotPlaced(t *testing.T) {
	for _, mode := range []string{"error", "timeout"} {
		s := run(t, t.TempDir(), inventory(t, people))
		s.fault(t, "hold", mode, 1)
		_, err := s.Hold(briefly(t), registrar.Hold{OperationID: "hold-1", Domain: "a.com", Held: true})
		require.ErrorIs(t, err, registrar.ErrUnavailable)
		require.False(t, s.held(t, "a.com"))
		require.Equal(t, holdDone, s.hold(t, "hold-1", true))
	}
}

func TestAFaultOfHoldsIsNoneOfMoves(t *testing.T) {
	s := run(t, t.TempDir(), inventory(t, people))
	s.fault(t, "hold", "refuse", 1)
	moved, err := s.Move(t.Context(), sale("op-1"))
	require.NoError(t, err)
	require.Equal(t, registrar.MoveDone, moved.State)
	require.Equal(t, holdRefused, s.hold(t, "hold-1", true))
}

func TestMoveWithARegistrantIsEchoedTwice(t *testing.T) {
	s := run(t, t.TempDir(), inventory(t, people))
	move := sale("op-1")
	move.Registrant = "template-7"
	for range 2 {
		_, err := s.Move(t.Context(), move)
		require.NoError(t, err)
	}
	echoes := s.events(t, 2)
	require.Equal(t, "account_moved", echoes[0].Kind)
	require.Equal(t, registrar.Event{ID: "registrant-op-1", Kind: "registrant_changed", Domain: "a.com", At: start, OperationID: "op-1"}, echoes[1])
	require.Equal(t, "template-7", s.facts(t, "a.com").RegistrantHint)
}
