package simulation

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// ciSeeds is how many histories every change is tried on; `make simulate` plays new ones.
const (
	ciSeeds        = 120
	shrinkPatience = 20 * time.Second
)

func TestNoHistoryBreaksAnInvariant(t *testing.T) {
	purchases, faults := 0, 0
	for seed := range uint64(ciSeeds) {
		result := Run(seed)
		if result.Broken != nil {
			shrunk := Shrink(result, shrinkPatience)
			require.Fail(t, "an invariant is broken", "seed %d, acts %v: %s\n%s", seed, shrunk.Acts, shrunk.Broken, strings.Join(shrunk.Trace, "\n"))
		}
		purchases, faults = purchases+result.Purchases, faults+result.Faults
	}
	t.Logf("%d purchases, %d faults", purchases, faults)
	require.Greater(t, purchases, 5*ciSeeds, "a history without purchases shows nothing")
	require.Greater(t, faults, 20*ciSeeds)
}

// A seed means one history, or a violation could not be looked at again.
func TestASeedAlwaysMeansTheSameHistory(t *testing.T) {
	first, again := Replay(7, nil), Replay(7, nil)
	require.NotEmpty(t, first.Trace)
	require.Equal(t, first.Trace, again.Trace)
}
