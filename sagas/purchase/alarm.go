package purchase

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/sagas/payment"
)

// Pauses of what the provider will not do as things stand.
const (
	probeEvery       = 10 * time.Minute // between two tries while an API is misconfigured
	probeAgain       = time.Second      // by which the push that has just tried lets others go first
	postponedFirst   = time.Minute
	postponedLongest = 30 * time.Minute
)

// circuit stands between a kind of step and the provider. It is closed: every push may call.
// Once the provider has said that the configuration or the contract is wrong, it is open, and
// one push at a time may try, once in a while, until a try gets through. The zero circuit is
// closed.
type circuit struct {
	wrong *payment.Misconfigured // what the provider said last; nil: closed
	since time.Time              // when it opened
	probe time.Time              // from when on the next push may try
}

// admit reports whether a push may call at now; else it waits until the time returned. Whoever
// is admitted through an open circuit is the only one for a pause.
func (c *circuit) admit(now time.Time, pause time.Duration) (time.Time, bool) {
	switch {
	case c.wrong == nil:
		return now, true
	case now.Before(c.probe):
		return c.probe, false
	default:
		c.probe = now.Add(pause)
		return now, true
	}
}

// heard takes in what came of a call. changed says that the circuit has opened or closed. An
// unknown outcome leaves it as it is: it does not show whether the call got through.
func (c *circuit) heard(err error, now time.Time, pause time.Duration) (changed bool) {
	before := c.wrong
	var wrong *payment.Misconfigured
	switch {
	case errors.As(err, &wrong):
		if before == nil {
			c.since = now
		}
		c.wrong, c.probe = wrong, now.Add(pause)
	case err == nil || reached(err):
		*c = circuit{}
	}
	return (before == nil) != (c.wrong == nil)
}

// reached reports whether an error is one that only a business behind the gateway can say.
func reached(err error) bool {
	var refused *payment.Refused
	var later *payment.Postponed
	return errors.As(err, &refused) || errors.As(err, &later)
}

// alarms are what the purchases in progress wait for that a person has to see to, though they
// go on by themselves once that is done. They live in memory only: after a restart the next
// call finds out again.
type alarms struct {
	mu       sync.Mutex
	circuits map[push.StepKind]*circuit
	waiting  map[string]map[stepName]time.Time // by push: since when
}

// alarmed is a step of a push that waits.
type alarmed struct {
	pushID string
	step   push.Step
}

func newAlarms() *alarms {
	return &alarms{circuits: make(map[push.StepKind]*circuit), waiting: make(map[string]map[stepName]time.Time)}
}

func (a *alarms) circuit(kind push.StepKind) *circuit {
	if a.circuits[kind] == nil {
		a.circuits[kind] = new(circuit)
	}
	return a.circuits[kind]
}

// admit is circuit.admit for a step of a push; one that has to wait is listed.
func (a *alarms) admit(pushID string, step push.Step, now time.Time, pause time.Duration) (time.Time, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	at, admitted := a.circuit(step.Kind).admit(now, pause)
	if !admitted {
		a.list(pushID, step, now)
	}
	return at, admitted
}

// heard is circuit.heard for a step of a push. freed are those that waited for the circuit
// and may go on.
func (a *alarms) heard(pushID string, step push.Step, err error, now time.Time, pause time.Duration) (changed bool, freed []alarmed) {
	a.mu.Lock()
	defer a.mu.Unlock()
	known := a.circuit(step.Kind)
	wasOpen := known.wrong != nil
	changed = known.heard(err, now, pause)
	var later *payment.Postponed
	switch {
	case known.wrong != nil || errors.As(err, &later):
		a.list(pushID, step, now)
	case err == nil || reached(err):
		a.unlist(pushID, nameOf(step))
	}
	if !changed || !wasOpen {
		return changed, nil
	}
	for id, steps := range a.waiting {
		for name := range steps {
			if name.kind == step.Kind && id != pushID {
				freed = append(freed, alarmed{id, push.Step{Kind: name.kind, RequestNo: name.requestNo}})
				a.unlist(id, name)
			}
		}
	}
	slices.SortFunc(freed, func(a, b alarmed) int {
		return cmp.Or(cmp.Compare(a.pushID, b.pushID), cmp.Compare(a.step.RequestNo, b.step.RequestNo))
	})
	return changed, freed
}

func (a *alarms) list(pushID string, step push.Step, now time.Time) {
	if a.waiting[pushID] == nil {
		a.waiting[pushID] = make(map[stepName]time.Time)
	}
	if _, listed := a.waiting[pushID][nameOf(step)]; !listed {
		a.waiting[pushID][nameOf(step)] = now
	}
}

func (a *alarms) unlist(pushID string, name stepName) {
	delete(a.waiting[pushID], name)
	if len(a.waiting[pushID]) == 0 {
		delete(a.waiting, pushID)
	}
}

// keep drops what a push waited for and does not any more.
func (a *alarms) keep(pushID string, steps []push.Step) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for name := range a.waiting[pushID] {
		if !slices.ContainsFunc(steps, func(step push.Step) bool { return nameOf(step) == name }) {
			a.unlist(pushID, name)
		}
	}
}

// probe lets the next push try at once.
func (a *alarms) probe(kind push.StepKind) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.circuit(kind).probe = time.Time{}
}

// told tells since when a step of a push waits for a person, and what its circuit says; zero
// values if it does not.
func (a *alarms) told(pushID string, step push.Step) (since time.Time, wrong *payment.Misconfigured) {
	a.mu.Lock()
	defer a.mu.Unlock()
	since, listed := a.waiting[pushID][nameOf(step)]
	if !listed {
		return time.Time{}, nil
	}
	return since, a.circuit(step.Kind).wrong
}

func (a *alarms) pushes() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Sorted(maps.Keys(a.waiting))
}

// Misconfigured is an API of the provider of which it has said that the configuration or the
// contract is wrong, and has not said otherwise since.
type Misconfigured struct {
	API, Code string
	Since     time.Time
}

// Misconfigured lists what is misconfigured, one for each kind of step that waits for it.
func (s *Saga) Misconfigured() []Misconfigured {
	s.alarms.mu.Lock()
	defer s.alarms.mu.Unlock()
	var list []Misconfigured
	for _, kind := range slices.Sorted(maps.Keys(s.alarms.circuits)) {
		if known := s.alarms.circuits[kind]; known.wrong != nil {
			list = append(list, Misconfigured{API: known.wrong.API, Code: known.wrong.Code, Since: known.since})
		}
	}
	return list
}

// Alarmed lists the pushes that go on by themselves, but only once somebody has seen to what
// the provider says: to its configuration or contract, to the merchant's balance, or to
// nothing but the end of a limit's day.
func (s *Saga) Alarmed() []string { return s.alarms.pushes() }

// IsAlarmed reports whether a step of a push is among those.
func (s *Saga) IsAlarmed(pushID string, step push.Step) bool {
	since, _ := s.alarms.told(pushID, step)
	return !since.IsZero()
}

// heard takes in what came of a step that has asked the provider, and returns when it is tried
// again if it was put off, zero if err says nothing of that.
func (s *Saga) heard(ctx context.Context, known *entry, step push.Step, err error) time.Time {
	now := s.Now()
	changed, freed := s.alarms.heard(known.id, step, err, now, s.ProbeEvery)
	var wrong *payment.Misconfigured
	var later *payment.Postponed
	switch {
	case errors.As(err, &wrong):
		s.Logger.ErrorContext(ctx, "ALIPAY SAYS THAT ITS CONFIGURATION OR CONTRACT IS WRONG: nothing of the kind is done until that is mended",
			"push_id", known.id, "step", step.Kind, "api", wrong.API, "code", wrong.Code, "message", wrong.Message)
		return known.pace.until(step, now.Add(s.ProbeEvery+probeAgain))
	case errors.As(err, &later):
		s.Logger.WarnContext(ctx, "Alipay puts a step off", "push_id", known.id, "step", step.Kind, "api", later.API, "code", later.Code, "message", later.Message)
		if s.Postponed != nil {
			s.Postponed(later.API, later.Code)
		}
		return known.pace.wait(step, now, s.PostponedFirst, s.PostponedLongest)
	case changed:
		s.Logger.InfoContext(ctx, "Alipay takes calls again that it called misconfigured", "step", step.Kind)
	}
	for _, waiting := range freed {
		s.agenda.hurry(waiting.pushID, waiting.step)
		s.agenda.touch(waiting.pushID, now, 0)
	}
	return time.Time{}
}

// asks reports whether a step is about to ask the provider.
func (s *Saga) asks(known *entry, state push.State, step push.Step) bool {
	switch step.Kind {
	case push.StepOpenPayment:
		return !state.ExpiredBy(s.Now())
	case push.StepAwaitPayment:
		return state.ExpiredBy(s.Now()) || known.pace.waited(step)
	case push.StepClosePayment, push.StepPayout, push.StepRefund:
		return true
	default:
		return false
	}
}
