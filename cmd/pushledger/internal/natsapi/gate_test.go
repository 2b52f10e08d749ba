package natsapi

import (
	"strconv"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

func TestOneAccountCannotKeepTheOthersOut(t *testing.T) {
	g := newGate()
	for range inFlightOne {
		require.True(t, g.enter("anna"))
	}
	require.False(t, g.enter("anna"))
	require.True(t, g.enter("bo"))
	g.leave("anna")
	require.True(t, g.enter("anna"))
}

func TestTheGateIsFullAtSomeTime(t *testing.T) {
	g := newGate()
	for i := range inFlight {
		require.True(t, g.enter(strconv.Itoa(i)))
	}
	require.False(t, g.enter("anna"))
	g.leave("0")
	require.True(t, g.enter("anna"))
}

func TestAShutGateWaitsForThoseInside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		require.True(t, g.enter("anna"))
		shut := make(chan struct{})
		go func() { g.shut(); close(shut) }()
		synctest.Wait()
		select {
		case <-shut:
			require.Fail(t, "it did not wait")
		default:
		}
		require.False(t, g.enter("bo"))
		g.leave("anna")
		<-shut
		require.Empty(t, g.of)
	})
}
