package bench

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func quickRun() *run {
	return &run{Options: Options{Quick: true, Progress: func(string) {}}}
}

// told is a side that writes down whenever it is called.
func told(name string, into *[]string) side {
	return side{
		name: name,
		load: func(context.Context, time.Duration) (sample, error) {
			*into = append(*into, name)
			return sample{calls: 1, seconds: 1}, nil
		},
	}
}

func TestEachRoundHasEverySideOnceAndBeginsWithAnother(t *testing.T) {
	var order []string
	all, err := quickRun().turns(t.Context(), "X", []side{told("a", &order), told("b", &order), told("c", &order)})
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b", "c", "b", "c", "a", "c", "a", "b"}, order)
	for _, one := range all {
		require.Len(t, one, 3, "a sample of each round")
	}
}

func TestWhatStandsAroundATurnIsDoneBeforeAndAfterIt(t *testing.T) {
	var order []string
	s := told("load", &order)
	s.before = func(context.Context) error { order = append(order, "before"); return nil }
	s.after = func(context.Context) error { order = append(order, "after"); return nil }
	_, err := quickRun().turn(t.Context(), s)
	require.NoError(t, err)
	require.Equal(t, []string{"before", "load", "after"}, order)

	order = nil
	s.load = func(context.Context, time.Duration) (sample, error) { return sample{}, errors.New("broken") }
	_, err = quickRun().turn(t.Context(), s)
	require.ErrorContains(t, err, "broken")
	require.Equal(t, []string{"before", "after"}, order, "what was started is ended")
}

func TestAFailureNamesItsSide(t *testing.T) {
	failed := errors.New("broken")
	_, err := quickRun().turns(t.Context(), "X", []side{{
		name: "the sick one", load: func(context.Context, time.Duration) (sample, error) { return sample{}, failed },
	}})
	require.ErrorIs(t, err, failed)
	require.ErrorContains(t, err, "the sick one")
}

func TestTimeIsToldForEachCallAsTheMedianOfRounds(t *testing.T) {
	at := func(calls int, user, system time.Duration) sample {
		return sample{calls: calls, seconds: 1, time: map[string]processorTime{"service": {user, system}, nameOfLoad: {}}}
	}
	rounds := series{at(10, 100*time.Microsecond, 20*time.Microsecond), at(10, 900*time.Microsecond, 20*time.Microsecond), at(20, 400*time.Microsecond, 0)}
	require.Equal(t, []Spent{{Process: "service", User: 20, System: 2}, {Process: nameOfLoad}}, rounds.spent())
	require.Equal(t, []float64{12, 92, 20}, rounds.processor("service").values)
}
