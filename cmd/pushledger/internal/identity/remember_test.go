package identity_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/cmd/pushledger/internal/identity"
)

func TestATokenIsVerifiedAgainAfterAMinuteAndWhenItExpires(t *testing.T) {
	now := time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)
	verified := make(map[string]int)
	var refuse error
	verify := identity.Remember(func(token string) (identity.Identity, error) {
		verified[token]++
		life := map[string]time.Duration{"long": time.Hour, "short": 10 * time.Second}[token]
		return identity.Identity{Account: token, Expires: now.Add(life)}, refuse
	}, func() time.Time { return now })
	ask := func(token string) {
		who, err := verify(token)
		require.NoError(t, err)
		require.Equal(t, token, who.Account)
	}
	for range 3 {
		ask("long")
		ask("short")
	}
	require.Equal(t, map[string]int{"long": 1, "short": 1}, verified)
	now = now.Add(10 * time.Second)
	ask("long")
	ask("short")
	require.Equal(t, map[string]int{"long": 1, "short": 2}, verified)
	now = now.Add(50 * time.Second)
	refuse = errors.New("no longer")
	for range 2 {
		_, err := verify("long")
		require.ErrorIs(t, err, refuse)
	}
	require.Equal(t, 3, verified["long"], "a refusal is not remembered")
}
