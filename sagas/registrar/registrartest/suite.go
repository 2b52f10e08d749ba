// Package registrartest is the conformance suite that every pair of registrar.Registrar
// and registrar.Directory must pass.
package registrartest

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/sagas/registrar"
)

// World is a registrar and a directory under test, and the hands that change what is
// behind them.
type World struct {
	Registrar registrar.Registrar
	Directory registrar.Directory
	// SetDomain and SetAccount make the facts true, apart from the revision.
	SetDomain  func(*testing.T, push.DomainFacts)
	SetAccount func(*testing.T, push.AccountFacts)
	// LoseAnswer has the next move of the domain done and never answered.
	LoseAnswer func(*testing.T, domainname.Name)
	// LoseHoldAnswer has the next hold of the domain placed, or released, and never answered.
	LoseHoldAnswer func(*testing.T, domainname.Name)
}

const (
	seller = "conform_seller"
	buyer  = "conform-buyer"
)

// Run holds the ports to their contract. open returns a world that is closed by the
// test's own cleanup; names under conformance-*.com and the accounts conform* are the
// suite's own.
func Run(t *testing.T, open func(*testing.T) World) {
	t.Helper()
	tests := map[string]func(*testing.T, World){
		"facts come back as they are":                       factsAsTheyAre,
		"facts come in the order asked for":                 factsInOrder,
		"the facts of a whole batch are one call":           factsOfBatch,
		"an account is known or a stranger":                 accounts,
		"a move changes the holder once":                    movesOnce,
		"an operation repeated is the same move":            operationRepeated,
		"racing calls of one operation are one move":        operationRaced,
		"an operation never ordered is unknown":             operationUnknown,
		"a move that may not be is refused with its code":   refusals,
		"a refused operation stays refused":                 refusedStays,
		"a lost answer is found by asking for the move":     lostAnswer,
		"a caller that gives up has no answer, but may ask": callerGone,
	}
	maps.Copy(tests, holdTests)
	maps.Copy(tests, nameTests)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			world := open(t)
			world.SetAccount(t, account(seller))
			world.SetAccount(t, account(buyer))
			test(t, world)
		})
	}
}

func account(id string) push.AccountFacts {
	return push.AccountFacts{
		Account: id, Exists: true, RealNameVerified: true,
		AlipayAccount: id + "@example.com", AlipayName: "王 " + id, AlipayType: "real_name",
	}
}

func domain(i int) domainname.Name { return domainname.Name(fmt.Sprintf("conformance-%d.com", i)) }

func facts(name domainname.Name) push.DomainFacts {
	return push.DomainFacts{
		Domain: name, Exists: true, Account: seller,
		RegisteredAt: time.Date(2024, 2, 29, 1, 2, 3, 0, time.UTC), ExpiresAt: time.Date(2031, 1, 1, 0, 0, 0, 0, time.UTC),
		RegistrarOK: true, Product: "standard", Pending: []string{}, Restrictions: []string{}, Sale: "none",
		Registrar: "a registrar", RegistrantHint: "王**", Locks: []string{"clientTransferProhibited"},
	}
}

func (w World) sellable(t *testing.T) domainname.Name {
	t.Helper()
	w.SetDomain(t, facts(domain(1)))
	return domain(1)
}

func (w World) facts(t *testing.T, name domainname.Name) push.DomainFacts {
	t.Helper()
	list, err := w.Registrar.Facts(t.Context(), []domainname.Name{name})
	require.NoError(t, err)
	require.Len(t, list, 1)
	return list[0]
}

func (w World) move(t *testing.T, move registrar.Move) registrar.MoveResult {
	t.Helper()
	result, err := w.Registrar.Move(t.Context(), move)
	require.NoError(t, err)
	return result
}

func (w World) operation(t *testing.T, id string) registrar.MoveResult {
	t.Helper()
	result, err := w.Registrar.Operation(t.Context(), id)
	require.NoError(t, err)
	return result
}

func sale(operation string, name domainname.Name) registrar.Move {
	return registrar.Move{OperationID: operation, Domain: name, From: seller, To: buyer}
}

func factsAsTheyAre(t *testing.T, world World) {
	given := facts("xn--fsqu00a.com")
	given.RegistrarOK, given.AccountMoveLocked = false, true
	given.Product, given.Sale = "microsite", "auction"
	given.Pending, given.Restrictions = []string{"registrant_change"}, []string{"dispute", "blacklisted"}
	given.AuthCodeIssuedAt = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	world.SetDomain(t, given)
	got := world.facts(t, given.Domain)
	require.NotZero(t, got.Revision)
	given.Revision = got.Revision
	require.Equal(t, given, got)
}

func factsInOrder(t *testing.T, world World) {
	for i := 1; i <= 3; i++ {
		world.SetDomain(t, facts(domain(i)))
	}
	asked := []domainname.Name{domain(3), domain(9), domain(1), domain(2)}
	list, err := world.Registrar.Facts(t.Context(), asked)
	require.NoError(t, err)
	require.Len(t, list, len(asked))
	for i, name := range asked {
		require.Equal(t, name, list[i].Domain)
		require.Equal(t, name != domain(9), list[i].Exists, "a domain nobody registered does not exist")
	}
}

func factsOfBatch(t *testing.T, world World) {
	var asked []domainname.Name
	for i := push.MaxItems; i > 0; i-- {
		asked = append(asked, domain(i))
	}
	world.SetDomain(t, facts(asked[0]))
	world.SetDomain(t, facts(asked[push.MaxItems-1]))
	list, err := world.Registrar.Facts(t.Context(), asked)
	require.NoError(t, err)
	require.Len(t, list, len(asked))
	for i, name := range asked {
		require.Equal(t, name, list[i].Domain)
	}
	require.True(t, list[0].Exists)
	require.True(t, list[push.MaxItems-1].Exists)
}

func accounts(t *testing.T, world World) {
	known, err := world.Directory.Account(t.Context(), seller)
	require.NoError(t, err)
	require.Equal(t, account(seller), known)
	stranger, err := world.Directory.Account(t.Context(), "conform_stranger")
	require.NoError(t, err)
	require.Equal(t, "conform_stranger", stranger.Account)
	require.False(t, stranger.Exists)
}

func movesOnce(t *testing.T, world World) {
	name := world.sellable(t)
	before := world.facts(t, name)
	move := sale("op-1", name)
	move.ExpectRevision = before.Revision
	result := world.move(t, move)
	require.Equal(t, registrar.MoveDone, result.State)
	after := world.facts(t, name)
	require.Equal(t, buyer, after.Account)
	require.Greater(t, after.Revision, before.Revision)
	require.Equal(t, after.Revision, result.Revision)
	require.Equal(t, result, world.operation(t, "op-1"))
}

func operationRepeated(t *testing.T, world World) {
	name := world.sellable(t)
	first := world.move(t, sale("op-there", name))
	back := world.move(t, registrar.Move{OperationID: "op-back", Domain: name, From: buyer, To: seller})
	require.Equal(t, registrar.MoveDone, back.State)
	again := world.move(t, sale("op-there", name))
	require.Equal(t, first, again)
	require.Equal(t, seller, world.facts(t, name).Account, "the repeated call moved nothing")
}

func operationRaced(t *testing.T, world World) {
	name := world.sellable(t)
	before := world.facts(t, name).Revision
	results := make([]registrar.MoveResult, 16)
	failures := make([]error, len(results))
	var calls sync.WaitGroup
	for i := range results {
		calls.Go(func() { results[i], failures[i] = world.Registrar.Move(t.Context(), sale("op-1", name)) })
	}
	calls.Wait()
	for i, result := range results {
		require.NoError(t, failures[i])
		require.Equal(t, registrar.MoveResult{State: registrar.MoveDone, Revision: before + 1}, result)
	}
	require.Equal(t, before+1, world.facts(t, name).Revision)
}

func operationUnknown(t *testing.T, world World) {
	require.Equal(t, registrar.MoveUnknown, world.operation(t, "op-never").State)
}

func refusals(t *testing.T, world World) {
	name := world.sellable(t)
	locked := facts(domain(2))
	locked.AccountMoveLocked = true
	world.SetDomain(t, locked)
	busy := facts(domain(3))
	busy.Pending = []string{"registrant_change"}
	world.SetDomain(t, busy)
	stale := sale("op-stale", name)
	stale.ExpectRevision = world.facts(t, name).Revision + 7
	for code, move := range map[string]registrar.Move{
		"not_found":                   sale("op-gone", domain(9)),
		"not_owner":                   {OperationID: "op-thief", Domain: name, From: buyer, To: seller},
		"account_unknown":             {OperationID: "op-stranger", Domain: name, From: seller, To: "conform_stranger"},
		"account_move_locked":         sale("op-locked", locked.Domain),
		"pending_operation":           sale("op-busy", busy.Domain),
		registrar.CodeRevisionChanged: stale,
	} {
		result := world.move(t, move)
		require.Equal(t, registrar.MoveRefused, result.State, code)
		require.Equal(t, code, result.Code)
	}
	require.Equal(t, seller, world.facts(t, name).Account)
}

func refusedStays(t *testing.T, world World) {
	locked := facts(domain(1))
	locked.AccountMoveLocked = true
	world.SetDomain(t, locked)
	refused := world.move(t, sale("op-1", locked.Domain))
	require.Equal(t, registrar.MoveRefused, refused.State)
	world.SetDomain(t, facts(locked.Domain))
	require.Equal(t, refused, world.move(t, sale("op-1", locked.Domain)))
	require.Equal(t, refused, world.operation(t, "op-1"))
	require.Equal(t, registrar.MoveDone, world.move(t, sale("op-2", locked.Domain)).State)
}

func lostAnswer(t *testing.T, world World) {
	name := world.sellable(t)
	world.LoseAnswer(t, name)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err := world.Registrar.Move(ctx, sale("op-1", name))
	require.ErrorIs(t, err, registrar.ErrUnavailable)
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		result, err := world.Registrar.Operation(t.Context(), "op-1")
		require.NoError(c, err)
		require.Equal(c, registrar.MoveDone, result.State)
	}, 30*time.Second, 10*time.Millisecond)
	require.Equal(t, buyer, world.facts(t, name).Account)
	require.Equal(t, world.operation(t, "op-1"), world.move(t, sale("op-1", name)))
}

func callerGone(t *testing.T, world World) {
	name := world.sellable(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := world.Registrar.Move(ctx, sale("op-1", name))
	require.ErrorIs(t, err, registrar.ErrUnavailable)
	_, err = world.Registrar.Facts(ctx, []domainname.Name{name})
	require.ErrorIs(t, err, registrar.ErrUnavailable)
	_, err = world.Registrar.Operation(ctx, "op-1")
	require.ErrorIs(t, err, registrar.ErrUnavailable)
	_, err = world.Directory.Account(ctx, seller)
	require.ErrorIs(t, err, registrar.ErrUnavailable)
	require.Equal(t, registrar.MoveDone, world.move(t, sale("op-1", name)).State)
}
