package identity_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/cmd/pushledger/internal/identity"
)

func TestARoleIsThatOfTheToken(t *testing.T) {
	start := time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)
	for role, may := range map[identity.Role][2]bool{ // operate, see all
		identity.Trader: {false, false}, identity.Auditor: {false, true},
		identity.Operator: {true, true}, identity.Service: {true, true},
	} {
		roll := identity.NewRoll(func() time.Time { return start })
		roll.Enter(identity.Identity{Account: "ann", Role: role, Expires: start.Add(time.Hour)})
		require.Equal(t, may, [2]bool{roll.Operates("ann"), roll.SeesAll("ann")}, role)
		require.False(t, roll.SeesAll("operator"), "a name is no role")
	}
}

func TestTwoTokensOfAnAccountTogetherAllowWhatEachAllows(t *testing.T) {
	now := time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)
	roll := identity.NewRoll(func() time.Time { return now })
	roll.Enter(identity.Identity{Account: "ann", Role: identity.Operator, Expires: now.Add(3 * time.Hour)})
	roll.Enter(identity.Identity{Account: "ann", Role: identity.Auditor, Expires: now.Add(2 * time.Hour)})
	require.Equal(t, [2]bool{false, true}, [2]bool{roll.Operates("ann"), roll.SeesAll("ann")})
	roll.Enter(identity.Identity{Account: "ann", Role: identity.Trader, Expires: now.Add(time.Hour)})
	roll.Enter(identity.Identity{Account: "ann", Role: identity.Trader, Expires: now.Add(time.Minute)})
	require.Equal(t, [2]bool{false, false}, [2]bool{roll.Operates("ann"), roll.SeesAll("ann")})

	now = now.Add(time.Hour) // the trader's token has run out just now
	require.False(t, roll.SeesAll("ann"), "what it sent may be on its way")
	now = now.Add(time.Minute)
	require.Equal(t, [2]bool{false, true}, [2]bool{roll.Operates("ann"), roll.SeesAll("ann")})
	now = now.Add(time.Hour)
	require.Equal(t, [2]bool{true, true}, [2]bool{roll.Operates("ann"), roll.SeesAll("ann")})
	now = now.Add(time.Hour)
	require.Equal(t, [2]bool{false, false}, [2]bool{roll.Operates("ann"), roll.SeesAll("ann")})
}

func TestTheRollForgetsNobodyWhoseTokenIsGood(t *testing.T) {
	now := time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)
	roll := identity.NewRoll(func() time.Time { return now })
	roll.Enter(identity.Identity{Account: "ann", Role: identity.Operator, Expires: now.Add(24 * time.Hour)})
	for i := range 5000 {
		now = now.Add(time.Second)
		roll.Enter(identity.Identity{Account: strconv.Itoa(i), Role: identity.Trader, Expires: now.Add(time.Second)})
	}
	require.True(t, roll.Operates("ann"))
}
