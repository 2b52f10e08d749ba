package bench

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTheStateOfAProcessIsReadWhateverItsName(t *testing.T) {
	const rest = " S 7 10 10 0 -1 4194560 1 2 3 4 250 50 30 20 20 0 1 0 100 1 1"
	for _, name := range []string{"(pushledger)", "(a b)", "(x) S 1 (y)", "())"} {
		state, err := parseState("42 " + name + rest)
		require.NoError(t, err, name)
		require.Equal(t, processState{
			parent: 7, own: processorTime{2500 * time.Millisecond, 500 * time.Millisecond},
			reaped: processorTime{300 * time.Millisecond, 200 * time.Millisecond},
		}, state, name)
	}
	for _, bad := range []string{"", "42 (x) S 7", "42 (x) S 7 10 10 0 -1 4194560 1 2 3 4 many 50 30 20 20 0"} {
		_, err := parseState(bad)
		require.Error(t, err, bad)
	}
}

// A database works in processes that come and go below the one that was started.
func TestTheTimeOfAProcessHasThatOfAllBelowIt(t *testing.T) {
	spent := func(user, system int) processorTime {
		return processorTime{time.Duration(user) * time.Second, time.Duration(system) * time.Second}
	}
	table := processes{
		1: {parent: 0, own: spent(100, 100)},
		2: {parent: 1, own: spent(1, 2), reaped: spent(3, 4)},
		3: {parent: 2, own: spent(10, 20)},
		4: {parent: 3, own: spent(5, 0), reaped: spent(1, 0)},
		5: {parent: 1, own: spent(50, 50)},
	}
	require.Equal(t, spent(20, 26), table.withChildren(2))
	require.Equal(t, processorTime{}, table.withChildren(6))
}

func TestThisProcessIsAmongThoseOfTheMachine(t *testing.T) {
	table, err := processTable()
	require.NoError(t, err)
	require.Equal(t, os.Getppid(), table[os.Getpid()].parent)
	all, err := timeOfEach(nil)
	require.NoError(t, err)
	require.Contains(t, all, nameOfLoad)
}

func TestBusyIsWhatCoresDidAndWhatWasStolen(t *testing.T) {
	busy, err := parseBusy("cpu  100 10 20 5000 700 3 4 5 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n")
	require.NoError(t, err)
	require.Equal(t, 1420*time.Millisecond, busy)
	for _, bad := range []string{"", "intr 1", "cpu 1 2", "cpu a b c d e f g h"} {
		_, err := parseBusy(bad)
		require.Error(t, err, bad)
	}
}
