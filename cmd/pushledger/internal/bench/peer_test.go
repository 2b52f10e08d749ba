package bench

import (
	"bytes"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"
)

func TestAPeerDoesItsOrdersUntilItsInputEnds(t *testing.T) {
	var out bytes.Buffer
	in := strings.NewReader(`{"kind":"signing"}` + "\n" + `{"seconds":0.01}` + "\n" + `{"seconds":0.01}` + "\n")
	require.NoError(t, ServePeer(t.Context(), in, &out))
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	require.Len(t, lines, 3, "it is ready, and two orders are done")
	require.Equal(t, "{}", lines[0])
	for _, line := range lines[1:] {
		var said done
		require.NoError(t, json.Unmarshal([]byte(line), &said))
		require.Empty(t, said.Error)
		require.Positive(t, said.Calls)
	}
}

func TestAPeerSaysWhyAnOrderWasNotDone(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, ServePeer(t.Context(), strings.NewReader(`{"kind":"constant","size":1}`+"\n"+`{"seconds":1}`+"\n"), &out))
	require.Contains(t, out.String(), errOnlyServes.Error())
	require.Error(t, ServePeer(t.Context(), strings.NewReader(`{"kind":"nobody"}`), &out))
	require.Error(t, ServePeer(t.Context(), strings.NewReader(""), &out))
}

func TestLatenciesOfAPeerStandForAllOfThem(t *testing.T) {
	var seen sample
	for i := range 1000 {
		seen.latencies = append(seen.latencies, order{Seconds: float64(i) / 1000}.span())
	}
	few := seen.hundredths()
	require.Len(t, few, 100)
	require.InDelta(t, seen.percentile(0.5)/1000, few[50], 1e-9)
	require.Empty(t, sample{}.hundredths())
}
