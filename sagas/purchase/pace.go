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

// pace remembers, for one push, when each step may be tried next: two refunds do not
// wait for each other. It lives in memory only: after a restart every step is tried at
// once.
type pace struct {
	steps map[stepName]*stepPace
}

// stepName tells the steps of one push apart.
type stepName struct {
	kind      push.StepKind
	requestNo string
}

func nameOf(step push.Step) stepName { return stepName{step.Kind, step.RequestNo} }

type stepPace struct {
	backoff retry.Backoff
	next    time.Time
	trouble trouble
}

// trouble is what an operator wants to know of a step that is tried again and again.
type trouble struct {
	attempts int   // whose outcome is unknown, in a row
	last     error // of the newest of them
}

// ready reports whether a step may be tried at now, and from when otherwise.
func (p *pace) ready(step push.Step, now time.Time) (time.Time, bool) {
	known, exists := p.steps[nameOf(step)]
	if !exists || !now.Before(known.next) {
		return now, true
	}
	return known.next, false
}

// wait puts the next try of a step off, longer each time, and returns when it is.
func (p *pace) wait(step push.Step, now time.Time, first, longest time.Duration) time.Time {
	if p.steps == nil {
		p.steps = make(map[stepName]*stepPace)
	}
	name := nameOf(step)
	known, exists := p.steps[name]
	if !exists {
		known = &stepPace{backoff: retry.WithJitterPercent(jitter,
			retry.WithCappedDuration(longest, retry.NewExponential(first)))}
		p.steps[name] = known
	}
	pause, _ := known.backoff.Next()
	known.next = now.Add(pause)
	return known.next
}

// failed is wait for a try whose outcome is unknown.
func (p *pace) failed(step push.Step, now time.Time, err error) time.Time {
	next := p.wait(step, now, firstPause, longestPause)
	known := p.steps[nameOf(step)]
	known.trouble.attempts++
	known.trouble.last = err
	return next
}

// troubleOf is how a step has fared since it last succeeded, and when it is tried next.
func (p *pace) troubleOf(step push.Step) (trouble, time.Time) {
	known, exists := p.steps[nameOf(step)]
	if !exists {
		return trouble{}, time.Time{}
	}
	return known.trouble, known.next
}

// waited reports whether the step has been put off before.
func (p *pace) waited(step push.Step) bool { return p.steps[nameOf(step)] != nil }

// reset forgets the pauses of a step that succeeded.
func (p *pace) reset(step push.Step) { delete(p.steps, nameOf(step)) }
