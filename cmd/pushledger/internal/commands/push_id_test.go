package commands_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/push"
)

const withoutID = `{"buyer":"bo","items":[{"domain":"nine.com","price":"10.00"}]}`

// Whoever knows a Command-Id cannot take the id of the push that it will offer.
func TestThePushIDOfACommandCannotBeForeseen(t *testing.T) {
	first, second := deskWithKey("one secret"), deskWithKey("another secret")
	id := uuid.NewString()
	unkeyed := uuid.NewSHA1(uuid.NameSpaceOID, []byte("push\n"+anna+"\n"+id)).String()
	done(t, first.say(anna, "offer", offerOf(unkeyed, "taken.com")))

	named := done(t, first.repeat(id, anna, "offer", withoutID)).PushID

	require.NotEqual(t, unkeyed, named)
	require.NotEqual(t, named, done(t, second.repeat(id, anna, "offer", withoutID)).PushID)
}

// The same command means the same push: after a restart without an index by the secret, with
// another secret by the index, and as it was named before there was one.
func TestThePushIDOfACommandIsTheSameForEver(t *testing.T) {
	d := deskWithKey("secret")
	id := uuid.NewString()
	first := done(t, d.repeat(id, anna, "offer", withoutID))
	first.Repeated = true // as all that follow say
	blind := deskWith(d.log, d.log, blindIndex{})
	blind.PushIDKey = []byte("secret")
	require.Equal(t, first, done(t, blind.repeat(id, anna, "offer", withoutID)))
	other := deskOn(d.log, d.log)
	other.PushIDKey = []byte("another")
	require.Equal(t, first, done(t, other.repeat(id, anna, "offer", withoutID)))

	blind = deskWith(d.log, d.log, blindIndex{})
	old := uuid.NewString()
	unkeyed := uuid.NewSHA1(uuid.NameSpaceOID, []byte("push\n"+anna+"\n"+old)).String()
	before := done(t, blind.repeat(old, anna, "offer", offerOf(unkeyed, "ten.com")))
	refused(t, push.CodeCommandIDReused, blind.repeat(old, anna, "offer", withoutID))
	require.Equal(t, unkeyed, before.PushID)
}

func deskWithKey(key string) *desk {
	d := newDesk()
	d.PushIDKey = []byte(key)
	return d
}
