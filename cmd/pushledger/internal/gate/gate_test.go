package gate

import (
	"strconv"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

const inFlight, inFlightOne = 100, 7

func TestOneAccountCannotKeepTheOthersOut(t *testing.T) {
	g := New(inFlight, inFlightOne)
	for range inFlightOne {
		require.True(t, g.Enter("anna"))
	}
	require.False(t, g.Enter("anna"))
	require.True(t, g.Enter("bo"))
	g.Leave("anna")
	require.True(t, g.Enter("anna"))
}

func TestTheGateIsFullAtSomeTime(t *testing.T) {
	g := New(inFlight, inFlightOne)
	for i := range inFlight {
		require.True(t, g.Enter(strconv.Itoa(i)))
	}
	require.False(t, g.Enter("anna"))
	g.Leave("0")
	require.True(t, g.Enter("anna"))
}

func TestAShutGateWaitsForThoseInside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(inFlight, inFlightOne)
		require.True(t, g.Enter("anna"))
		shut := make(chan struct{})
		go func() { g.Shut(); close(shut) }()
		synctest.Wait()
		select {
		case <-shut:
			require.Fail(t, "it did not wait")
		default:
		}
		require.False(t, g.Enter("bo"))
		g.Leave("anna")
		<-shut
		require.Empty(t, g.of)
	})
}
