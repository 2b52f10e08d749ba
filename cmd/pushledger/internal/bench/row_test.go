package bench

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func of(values ...float64) figures { return figures{values: values} }

func TestTheMedianOfTheRoundsRatiosDecides(t *testing.T) {
	// The median of ours by the median of the peer's would be 1.
	row := compared("W0", "1/s", "peer", of(10, 12, 14), of(14, 12, 10), atLeast(1))
	require.InDelta(t, 1, row.Ratio, 1e-9)
	require.True(t, row.Met)
	row = compared("W0", "1/s", "peer", of(10, 10, 14), of(10, 8, 10), atLeast(1.3))
	require.InDelta(t, 1.25, row.Ratio, 1e-9)
	require.False(t, row.Met)
	require.Empty(t, row.Why)
}

func TestARowWhoseRoundsDifferTooMuchIsNotMet(t *testing.T) {
	for name, sides := range map[string][2]figures{
		"ours":   {of(10, 21), of(1, 1)},
		"peer's": {of(10, 10), of(1, 2.1)},
	} {
		row := compared("W0", "1/s", "peer", sides[0], sides[1], atLeast(0.1))
		require.False(t, row.Met, name)
		require.NotEmpty(t, row.Why, name)
	}
	row := compared("W0", "1/s", "peer", of(10, 20), of(1, 2), atLeast(0.1))
	require.True(t, row.Met, "a factor of two is still good")
	require.InDelta(t, 2, row.OursSpread, 1e-9)
}

func TestRoundsOfNothingDoNotDiffer(t *testing.T) {
	require.InDelta(t, 1, spread([]float64{0, 0}), 0)
	require.Greater(t, spread([]float64{0, 1}), 1e9)
}
