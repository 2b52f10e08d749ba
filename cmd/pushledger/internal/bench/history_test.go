package bench

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/push"
)

// The size of a history is told without making it, so it has to be right.
func TestAHistoryHasAsManyEventsAsItSays(t *testing.T) {
	log := newHistory(70)
	log.open = 3
	last, completed, offered := uint64(0), 0, 0
	for recorded, err := range log.events() {
		require.NoError(t, err)
		require.Equal(t, last+1, recorded.Sequence)
		last = recorded.Sequence
		switch recorded.Event.(type) {
		case push.Offered:
			offered++
		case push.Completed:
			completed++
		}
	}
	require.Equal(t, log.newest(), last)
	require.Equal(t, 70, completed)
	require.Equal(t, 73, offered)
}
