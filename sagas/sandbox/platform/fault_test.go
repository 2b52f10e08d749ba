package platform_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/sagas/registrar"
)

func (s sandbox) fault(t *testing.T, op, mode string, times int) {
	t.Helper()
	s.do(t, "registrar.fault", `{"domain":"a.com","op":%q,"mode":%q,"times":%d}`, op, mode, times)
}

func TestMoveRefusedByFaultIsRefusedForGood(t *testing.T) {
	s := run(t, t.TempDir(), inventory(t, people))
	s.fault(t, "move", "refuse", 1)
	for range 2 {
		result, err := s.Move(t.Context(), sale("op-1"))
		require.NoError(t, err)
		require.Equal(t, registrar.MoveResult{State: registrar.MoveRefused, Code: "refused_by_registry", Revision: 1}, result)
	}
	result, err := s.Move(t.Context(), sale("op-2"))
	require.NoError(t, err)
	require.Equal(t, registrar.MoveDone, result.State, "another operation is another move")
}

func TestMoveThatFailsOrTimesOutIsNotDone(t *testing.T) {
	for _, mode := range []string{"error", "timeout"} {
		t.Run(mode, func(t *testing.T) {
			s := run(t, t.TempDir(), inventory(t, people))
			s.fault(t, "move", mode, 2)
			for range 2 {
				_, err := s.Move(briefly(t), sale("op-1"))
				require.ErrorIs(t, err, registrar.ErrUnavailable)
				known, err := s.Operation(t.Context(), "op-1")
				require.NoError(t, err)
				require.Equal(t, registrar.MoveUnknown, known.State)
			}
			result, err := s.Move(t.Context(), sale("op-1"))
			require.NoError(t, err)
			require.Equal(t, registrar.MoveDone, result.State)
			s.events(t, 1)
		})
	}
}

func TestMoveDoneWithoutAnswerIsDoneOnce(t *testing.T) {
	s := run(t, t.TempDir(), inventory(t, people))
	s.fault(t, "move", "done_but_timeout", 2)
	for range 2 {
		_, err := s.Move(briefly(t), sale("op-1"))
		require.ErrorIs(t, err, registrar.ErrUnavailable)
	}
	result, err := s.Move(t.Context(), sale("op-1"))
	require.NoError(t, err)
	require.Equal(t, registrar.MoveResult{State: registrar.MoveDone, Revision: 2}, result)
	require.Equal(t, "bob", s.facts(t, "a.com").Account)
	s.events(t, 1)
}

func TestPendingMoveIsDoneWhenAskedAfterTheFault(t *testing.T) {
	for name, ask := range map[string]func(sandbox, *testing.T) (registrar.MoveResult, error){
		"by ordering it again": func(s sandbox, t *testing.T) (registrar.MoveResult, error) { return s.Move(t.Context(), sale("op-1")) },
		"by asking after it":   func(s sandbox, t *testing.T) (registrar.MoveResult, error) { return s.Operation(t.Context(), "op-1") },
	} {
		t.Run(name, func(t *testing.T) {
			s := run(t, t.TempDir(), inventory(t, people))
			s.fault(t, "move", "pending", 2)
			first, err := s.Move(t.Context(), sale("op-1"))
			require.NoError(t, err)
			require.Equal(t, registrar.MovePending, first.State)
			second, err := ask(s, t)
			require.NoError(t, err)
			require.Equal(t, registrar.MovePending, second.State)
			require.Equal(t, "ann", s.facts(t, "a.com").Account)
			third, err := ask(s, t)
			require.NoError(t, err)
			require.Equal(t, registrar.MoveDone, third.State)
			require.Equal(t, "bob", s.facts(t, "a.com").Account)
			require.Equal(t, "op-1", s.events(t, 1)[0].OperationID)
		})
	}
}

func TestPendingMoveSurvivesRestartAndFailsByItsCondition(t *testing.T) {
	dir := t.TempDir()
	s := run(t, dir, inventory(t, people))
	s.fault(t, "move", "pending", 1)
	_, err := s.Move(t.Context(), sale("op-1"))
	require.NoError(t, err)
	s.do(t, "registrar.set", `{"domain":"a.com","account_move_locked":true}`)
	s.stop()
	s = run(t, dir, inventory(t, people))
	result, err := s.Operation(t.Context(), "op-1")
	require.NoError(t, err)
	require.Equal(t, registrar.MoveResult{State: registrar.MoveRefused, Code: "account_move_locked", Revision: 2}, result)
}

func TestFaultsOfFacts(t *testing.T) {
	s := run(t, t.TempDir(), inventory(t, people))
	for _, mode := range []string{"refuse", "error", "timeout", "done_but_timeout"} {
		s.fault(t, "facts", mode, 1)
		_, err := s.Facts(t.Context(), []domainname.Name{"b.com"})
		require.NoError(t, err, "a fault holds for its domain alone")
		_, err = s.Facts(briefly(t), []domainname.Name{"b.com", "a.com"})
		require.ErrorIs(t, err, registrar.ErrUnavailable, mode)
		require.Equal(t, "ann", s.facts(t, "a.com").Account, "the fault is used up")
	}
}

func TestFaultIsTakenAway(t *testing.T) {
	s := run(t, t.TempDir(), inventory(t, people))
	s.fault(t, "move", "refuse", 1000)
	s.fault(t, "facts", "error", 1000)
	s.fault(t, "move", "refuse", 0)
	s.fault(t, "facts", "error", 0)
	result, err := s.Move(t.Context(), sale("op-1"))
	require.NoError(t, err)
	require.Equal(t, registrar.MoveDone, result.State)
	require.Equal(t, "bob", s.facts(t, "a.com").Account)
}

func TestOperationIDMeansOneMove(t *testing.T) {
	s := run(t, t.TempDir(), inventory(t, people))
	_, err := s.Move(t.Context(), sale("op-1"))
	require.NoError(t, err)
	for _, other := range []registrar.Move{
		{OperationID: "op-1", Domain: "b.com", From: "ann", To: "bob"},
		{OperationID: "op-1", Domain: "a.com", From: "bob", To: "ann"},
	} {
		result, err := s.Move(t.Context(), other)
		require.NoError(t, err)
		require.Equal(t, registrar.MoveRefused, result.State)
		require.Equal(t, "operation_id_reused", result.Code)
	}
	require.Equal(t, "ann", s.facts(t, "b.com").Account)
	require.Equal(t, "bob", s.facts(t, "a.com").Account)
}

func TestStaleRevisionMayBeOrderedAgain(t *testing.T) {
	s := run(t, t.TempDir(), inventory(t, people))
	stale := sale("op-1")
	stale.ExpectRevision = 9
	result, err := s.Move(t.Context(), stale)
	require.NoError(t, err)
	require.Equal(t, registrar.MoveResult{State: registrar.MoveRefused, Code: registrar.CodeRevisionChanged, Revision: 1}, result)
	fresh := sale("op-1")
	fresh.ExpectRevision = result.Revision
	result, err = s.Move(t.Context(), fresh)
	require.NoError(t, err)
	require.Equal(t, registrar.MoveDone, result.State)
}

func TestAFaultOfAnAccountHoldsForItAlone(t *testing.T) {
	s := run(t, t.TempDir(), inventory(t, people))
	s.do(t, "accounts.fault", `{"account":"ann","mode":"error","times":1}`)
	_, err := s.Account(t.Context(), "bob")
	require.NoError(t, err)
	_, err = s.Account(t.Context(), "ann")
	require.ErrorIs(t, err, registrar.ErrUnavailable)
	_, err = s.Account(t.Context(), "ann")
	require.NoError(t, err, "the fault is used up")
	s.do(t, "accounts.fault", `{"account":"ann","mode":"timeout","times":1}`)
	_, err = s.Account(briefly(t), "ann")
	require.ErrorIs(t, err, registrar.ErrUnavailable)
}
