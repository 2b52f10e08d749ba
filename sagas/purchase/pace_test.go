package purchase

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/push"
)

var deliver = push.Step{Kind: push.StepDeliver}

func refund(requestNo string) push.Step {
	return push.Step{Kind: push.StepRefund, RequestNo: requestNo}
}

func TestAStepNeverTriedIsReady(t *testing.T) {
	now := time.Now()
	var p pace
	at, ready := p.ready(deliver, now)
	require.True(t, ready)
	require.Equal(t, now, at)
	require.False(t, p.waited(deliver))
	p.reset(deliver)
}

func TestPausesGrowUpToTheLongest(t *testing.T) {
	const first, longest = 100 * time.Millisecond, 2 * time.Second
	now := time.Now()
	var p pace
	expected := first
	for range 10 {
		at := p.wait(deliver, now, first, longest)
		require.InDelta(t, expected, at.Sub(now), float64(expected)*jitter/100)
		next, ready := p.ready(deliver, now)
		require.False(t, ready)
		require.Equal(t, at, next)
		_, ready = p.ready(deliver, at)
		require.True(t, ready, "the instant itself is late enough")
		now, expected = at, min(2*expected, longest)
	}
}

func TestAStepThatSucceededStartsAnew(t *testing.T) {
	now := time.Now()
	var p pace
	for range 5 {
		p.wait(deliver, now, time.Second, time.Hour)
	}
	p.reset(deliver)
	_, ready := p.ready(deliver, now)
	require.True(t, ready)
	require.WithinDuration(t, now.Add(time.Second), p.wait(deliver, now, time.Second, time.Hour), 200*time.Millisecond)
}

// One refund that the provider does not answer must not keep the others from going.
func TestStepsOfOneKindDoNotWaitForEachOther(t *testing.T) {
	now := time.Now()
	var p pace
	p.wait(refund("R1"), now, time.Minute, time.Hour)
	_, ready := p.ready(refund("R1"), now)
	require.False(t, ready)
	_, ready = p.ready(refund("R2"), now)
	require.True(t, ready)
	_, ready = p.ready(deliver, now)
	require.True(t, ready)
	dated := push.Step{Kind: push.StepRefund, RequestNo: "R1", Due: now}
	_, ready = p.ready(dated, now)
	require.False(t, ready, "when it is due does not make it another step")
}

func TestEachUnknownOutcomeCountsUntilOneIsKnown(t *testing.T) {
	now := time.Now()
	var p pace
	next := p.wait(deliver, now, time.Second, time.Hour) // waiting is no trouble
	attempts, at, last := p.told(deliver)
	require.Zero(t, attempts)
	require.Empty(t, last)
	require.Equal(t, next, at)
	p.failed(deliver, errors.New("the first"))
	p.failed(deliver, errors.New("the second"))
	attempts, _, last = p.told(deliver)
	require.Equal(t, 2, attempts)
	require.Equal(t, "the second", last)
	p.reset(deliver)
	attempts, at, last = p.told(deliver)
	require.Zero(t, attempts)
	require.Zero(t, at)
	require.Empty(t, last)
}
