package purchase

import (
	"time"

	"github.com/sethvargo/go-retry"

	"github.com/pushledger/pushledger/aggregates/push"
)

// Pauses between tries of a step whose outcome is unknown, and between questions to
// the provider about a payment.
const (
	firstPause   = 200 * time.Millisecond
	longestPause = time.Minute
	jitter       = 20 // percent
)

// pace remembers, for one push, when each kind of step may be tried next. It lives in
// memory only: after a restart every step is tried at once.
type pace struct {
	steps map[push.StepKind]*stepPace
}

type stepPace struct {
	backoff retry.Backoff
	next    time.Time
}

// ready reports whether a step may be tried at now, and from when otherwise.
func (p *pace) ready(kind push.StepKind, now time.Time) (time.Time, bool) {
	known, exists := p.steps[kind]
	if !exists || !now.Before(known.next) {
		return now, true
	}
	return known.next, false
}

// wait puts the next try of a step off, longer each time, and returns when it is.
func (p *pace) wait(kind push.StepKind, now time.Time, first, longest time.Duration) time.Time {
	if p.steps == nil {
		p.steps = make(map[push.StepKind]*stepPace)
	}
	known, exists := p.steps[kind]
	if !exists {
		known = &stepPace{backoff: retry.WithJitterPercent(jitter,
			retry.WithCappedDuration(longest, retry.NewExponential(first)))}
		p.steps[kind] = known
	}
	pause, _ := known.backoff.Next()
	known.next = now.Add(pause)
	return known.next
}

// reset forgets the pauses of a step that succeeded.
func (p *pace) reset(kind push.StepKind) { delete(p.steps, kind) }
