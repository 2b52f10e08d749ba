package registrartest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/sagas/registrar"
)

var nameTests = map[string]func(*testing.T, World){
	"a move makes a transfer password void if told to": authCodeVoided,
	"a move changes the registrant if told to":         registrantChanged,
	"two names of one registration have its facts":     oneRegistration,
	"an order under either name is the same order":     orderUnderEitherName,
	"a hold under either name holds both":              holdUnderEitherName,
}

// One registration by its names, which are 例.中国 and 例.中國.
const (
	simplified  domainname.Name = "xn--fsq.xn--fiqs8s"
	traditional domainname.Name = "xn--fsq.xn--fiqz9s"
)

func (w World) twoNames(t *testing.T) {
	t.Helper()
	w.SetDomain(t, facts(simplified))
	other := facts(traditional)
	other.Canonical = simplified
	w.SetDomain(t, other)
}

func authCodeVoided(t *testing.T, world World) {
	given := facts(domain(1))
	given.AuthCodeIssuedAt = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	world.SetDomain(t, given)
	world.move(t, sale("op-there", given.Domain))
	require.Equal(t, given.AuthCodeIssuedAt, world.facts(t, given.Domain).AuthCodeIssuedAt, "nobody said that it be void")
	back := registrar.Move{OperationID: "op-back", Domain: given.Domain, From: buyer, To: seller, VoidAuthCode: true}
	before := world.facts(t, given.Domain).Revision
	require.Equal(t, registrar.MoveResult{State: registrar.MoveDone, Revision: before + 1}, world.move(t, back))
	require.Zero(t, world.facts(t, given.Domain).AuthCodeIssuedAt)
}

func registrantChanged(t *testing.T, world World) {
	name := world.sellable(t)
	before := world.facts(t, name)
	move := sale("op-1", name)
	move.Registrant = "template_7"
	require.Equal(t, registrar.MoveResult{State: registrar.MoveDone, Revision: before.Revision + 1}, world.move(t, move))
	after := world.facts(t, name)
	require.NotEqual(t, before.RegistrantHint, after.RegistrantHint)
	require.Equal(t, world.operation(t, "op-1"), world.move(t, move))
	move.Registrant = "template_8"
	require.Equal(t, "operation_id_reused", world.move(t, move).Code, "another registrant is another order")
	require.Equal(t, after, world.facts(t, name))
}

func oneRegistration(t *testing.T, world World) {
	world.twoNames(t)
	list, err := world.Registrar.Facts(t.Context(), []domainname.Name{traditional, simplified})
	require.NoError(t, err)
	require.Equal(t, traditional, list[0].Domain)
	require.Equal(t, simplified, list[0].Canonical)
	require.Equal(t, simplified, list[1].Domain)
	require.Empty(t, list[1].Canonical)
	require.Equal(t, list[0].Registration(), list[1].Registration())
	list[0].Domain, list[0].Canonical = simplified, ""
	require.Equal(t, list[1], list[0])
}

func orderUnderEitherName(t *testing.T, world World) {
	world.twoNames(t)
	done := world.move(t, sale("op-1", traditional))
	require.Equal(t, registrar.MoveDone, done.State)
	require.Equal(t, done, world.move(t, sale("op-1", simplified)))
	require.Equal(t, done, world.operation(t, "op-1"))
	for _, name := range []domainname.Name{simplified, traditional} {
		require.Equal(t, buyer, world.facts(t, name).Account)
		require.Equal(t, done.Revision, world.facts(t, name).Revision)
	}
}

func holdUnderEitherName(t *testing.T, world World) {
	world.twoNames(t)
	require.Equal(t, holdDone, world.hold(t, "hold-1", traditional, true))
	require.True(t, world.held(t, simplified))
	require.True(t, world.held(t, traditional))
	require.Equal(t, holdDone, world.hold(t, "hold-1", simplified, false))
	require.False(t, world.held(t, traditional))
	require.Equal(t, holdEnding, world.hold(t, "hold-1", traditional, true))
}
