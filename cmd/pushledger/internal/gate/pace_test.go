package gate

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAPaceIsHeldByEachAccount(t *testing.T) {
	noon := time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)
	pace := NewPace(2, 10)
	require.True(t, pace.Allow("anna", 7, noon))
	require.False(t, pace.Allow("anna", 4, noon), "three are left")
	require.True(t, pace.Allow("anna", 3, noon), "what is refused does not count")
	require.True(t, pace.Allow("bo", 10, noon))
	require.False(t, pace.Allow("anna", 3, noon.Add(time.Second)))
	require.True(t, pace.Allow("anna", 2, noon.Add(time.Second)))
	require.False(t, pace.Allow("carl", 11, noon), "never more than at once")
}
