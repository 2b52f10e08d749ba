package purchase

import (
	"sync"
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
// once. Only the worker that has the push changes it, and whoever hurries it; others may look.
type pace struct {
	mu     sync.Mutex
	steps  map[stepName]*stepPace
	steady bool // without jitter
}

// stepName tells the steps of one push apart.
type stepName struct {
	kind      push.StepKind
	requestNo string
}

func nameOf(step push.Step) stepName { return stepName{step.Kind, step.RequestNo} }

type stepPace struct {
	backoff  retry.Backoff
	first    time.Duration // with which its pauses began; 0: it has none
	next     time.Time
	attempts int   // that failed
	failure  error // of the last one
}

// ready reports whether a step may be tried at now, and from when otherwise.
func (p *pace) ready(step push.Step, now time.Time) (time.Time, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	known, exists := p.steps[nameOf(step)]
	if !exists || !now.Before(known.next) {
		return now, true
	}
	return known.next, false
}

// wait puts the next try of a step off, longer each time, and returns when it is.
func (p *pace) wait(step push.Step, now time.Time, first, longest time.Duration) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	known := p.step(step)
	if known.first != first {
		known.first = first
		known.backoff = retry.WithCappedDuration(longest, retry.NewExponential(first))
		if !p.steady {
			known.backoff = retry.WithJitterPercent(jitter, known.backoff)
		}
	}
	pause, _ := known.backoff.Next()
	known.next = now.Add(pause)
	return known.next
}

// until puts the next try of a step off until a time.
func (p *pace) until(step push.Step, at time.Time) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.step(step).next = at
	return at
}

// step is what is remembered of a step, from now on. The caller holds the lock.
func (p *pace) step(step push.Step) *stepPace {
	if p.steps == nil {
		p.steps = make(map[stepName]*stepPace)
	}
	name := nameOf(step)
	if p.steps[name] == nil {
		p.steps[name] = new(stepPace)
	}
	return p.steps[name]
}

// failed notes what came of a try after which the step was put off.
func (p *pace) failed(step push.Step, reason error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	known := p.step(step)
	known.attempts++
	known.failure = reason
}

// told tells how often a step was tried in vain, when it is tried again, and why it failed
// the last time.
func (p *pace) told(step push.Step) (attempts int, next time.Time, lastError string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	known, exists := p.steps[nameOf(step)]
	if !exists {
		return 0, time.Time{}, ""
	}
	if known.failure != nil {
		lastError = known.failure.Error()
	}
	return known.attempts, known.next, lastError
}

// waited reports whether the step has been put off before.
func (p *pace) waited(step push.Step) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.steps[nameOf(step)] != nil
}

// hurry has a step not wait for its pause any more, and begin its pauses anew.
func (p *pace) hurry(step push.Step) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if known, exists := p.steps[nameOf(step)]; exists {
		known.next, known.first = time.Time{}, 0
	}
}

// reset forgets the pauses of a step that succeeded.
func (p *pace) reset(step push.Step) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.steps, nameOf(step))
}
