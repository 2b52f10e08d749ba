package purchase

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// due takes what is due now, without waiting; nil if nothing is.
func due(a *agenda) *entry {
	known, _ := a.first()
	return known
}

func TestOneWorkerAtATimeHasAPush(t *testing.T) {
	a := newAgenda(time.Now)
	ctx, cancel := context.WithCancel(t.Context())
	var busy [10]atomic.Int32
	var looks atomic.Int32
	var workers sync.WaitGroup
	for range 8 {
		workers.Go(func() {
			for {
				known, err := a.take(ctx)
				if err != nil {
					return
				}
				number, err := strconv.Atoi(known.id)
				if err != nil || busy[number].Add(1) != 1 {
					t.Errorf("push %s is in two hands (%v)", known.id, err)
				}
				looks.Add(1)
				busy[number].Add(-1)
				a.done(known, time.Time{})
			}
		})
	}
	for range 500 {
		for number := range busy {
			a.touch(strconv.Itoa(number), time.Now(), 0)
		}
	}
	require.Eventually(t, func() bool { return a.size() == 0 }, time.Minute, time.Millisecond)
	cancel()
	workers.Wait()
	require.GreaterOrEqual(t, looks.Load(), int32(len(busy)), "every push was looked at")
}

func TestAPushTouchedWhileBusyIsDueAgainAtOnce(t *testing.T) {
	now := time.Now()
	a := newAgenda(func() time.Time { return now })
	a.touch("p", now, 0)
	busy := due(a)
	require.Equal(t, "p", busy.id)
	a.touch("p", now.Add(time.Hour), 0)
	require.Nil(t, due(a), "one worker has it")
	a.done(busy, now.Add(24*time.Hour))
	require.Same(t, busy, due(a))
	a.done(busy, now.Add(24*time.Hour))
	require.Nil(t, due(a), "and then not before its time")
	require.Equal(t, 1, a.size())
}

func TestAForgottenPushIsGone(t *testing.T) {
	now := time.Now()
	a := newAgenda(func() time.Time { return now })
	a.forget("never heard of")
	for _, id := range []string{"a", "b", "c"} {
		a.touch(id, now.Add(time.Hour), 0)
	}
	a.forget("b")
	require.Equal(t, 2, a.size())
	now = now.Add(time.Hour)
	require.ElementsMatch(t, []string{"a", "c"}, []string{due(a).id, due(a).id})
	require.Nil(t, due(a))
}

// Its worker may be in the middle of a step, whose record it then looks at.
func TestAPushForgottenWhileBusyIsLookedAtOnceMore(t *testing.T) {
	now := time.Now()
	a := newAgenda(func() time.Time { return now })
	a.touch("p", now, 0)
	busy := due(a)
	a.forget("p")
	a.done(busy, time.Time{})
	require.Same(t, busy, due(a))
	a.done(busy, time.Time{})
	require.Zero(t, a.size())
}

func TestTheEarlierTimeWins(t *testing.T) {
	now := time.Now()
	a := newAgenda(func() time.Time { return now })
	a.touch("late", now.Add(3*time.Hour), 0)
	a.touch("soon", now.Add(2*time.Hour), 0)
	a.touch("late", now.Add(time.Hour), 0)
	a.touch("soon", now.Add(5*time.Hour), 0) // it was due earlier than that
	now = now.Add(time.Hour)
	require.Equal(t, "late", due(a).id)
	require.Nil(t, due(a))
	now = now.Add(time.Hour)
	require.Equal(t, "soon", due(a).id)
}

func TestTakeWaitsForTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAgenda(time.Now)
		start := time.Now()
		a.touch("p", start.Add(90*time.Minute), 0)
		known, err := a.take(t.Context())
		require.NoError(t, err)
		require.Equal(t, "p", known.id)
		require.Equal(t, 90*time.Minute, time.Since(start))
	})
}

func TestTakeIsWokenByAnEarlierPush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAgenda(time.Now)
		start := time.Now()
		a.touch("later", start.Add(time.Hour), 0)
		go func() {
			time.Sleep(time.Second)
			a.touch("now", time.Now(), 0)
		}()
		known, err := a.take(t.Context())
		require.NoError(t, err)
		require.Equal(t, "now", known.id)
		require.Equal(t, time.Second, time.Since(start))
	})
}

// Several pushes may be due at the same time: one worker wakes the next.
func TestEveryWorkerFindsWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAgenda(time.Now)
		taken := make(chan string, 4)
		for range cap(taken) {
			go func() {
				known, err := a.take(t.Context())
				if err == nil {
					taken <- known.id // and never done
				}
			}()
		}
		synctest.Wait()
		start := time.Now()
		for _, id := range []string{"a", "b", "c", "d"} {
			a.touch(id, start, 0)
		}
		var ids []string
		for range cap(taken) {
			ids = append(ids, <-taken)
		}
		require.ElementsMatch(t, []string{"a", "b", "c", "d"}, ids)
		require.Equal(t, start, time.Now())
	})
}

func TestTakeEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := newAgenda(time.Now).take(ctx)
	require.ErrorIs(t, err, context.Canceled)
}

// The clock may be set forward while a worker sleeps; it notices within a minute.
func TestAClockSetForwardIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ahead atomic.Int64
		a := newAgenda(func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) })
		a.touch("p", time.Now().Add(24*time.Hour), 0)
		start := time.Now()
		go func() {
			time.Sleep(time.Second)
			ahead.Store(int64(25 * time.Hour))
		}()
		_, err := a.take(t.Context())
		require.NoError(t, err)
		require.LessOrEqual(t, time.Since(start), longestWait)
	})
}
