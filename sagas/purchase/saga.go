// Package purchase carries out what pushes need from the outside world: the buyer's
// payment, the moves of the domains, the payout; or the way back and the refund; and
// the deadlines. What has to be done follows from a push's state alone (push.Next);
// this package does it and records what came of it.
//
// It guarantees:
//   - One worker at a time works on a push. A second process on the same ledger can
//     do a step twice, but every call carries a number that makes it one call to the
//     partner, and only one of the two records of it enters the log.
//   - An unknown outcome is never taken for a failure: the step is asked about or
//     done again under the same number.
//   - After a restart every purchase goes on from what the log says.
package purchase

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/sync/errgroup"

	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/eventstore"
	"github.com/pushledger/pushledger/sagas/ledger"
	"github.com/pushledger/pushledger/sagas/payment"
	"github.com/pushledger/pushledger/sagas/registrar"
)

// Config is what a Saga works with. All fields from SourcesPatience on, and Keeper, may be left
// out.
type Config struct {
	Store     eventstore.Store
	Ledger    *ledger.Ledger
	Provider  payment.Provider
	Registrar registrar.Registrar
	Directory registrar.Directory
	Keeper    Keeper // of how far the log has been read; nil reads all of it at every start
	Logger    *slog.Logger
	Now       func() time.Time
	Workers   int // pushes worked on at the same time, at least 1
	// PollFirst and PollLongest bound the growing pause between questions to the
	// provider about an unpaid trade; a notification is faster than any of them.
	PollFirst, PollLongest time.Duration
	// SourcesPatience is how long after a payment the provider is asked for its sources
	// before a person is (rule T6); 0: ten minutes.
	SourcesPatience time.Duration
	// UnknownChannel is called whenever money from an unknown channel has come in; nil: that
	// is in the log only.
	UnknownChannel func()
	// CloseGrace is how long after the payment window, by the provider's clock, a trade that
	// nobody has made yet may still come up.
	CloseGrace time.Duration
	// ProbeEvery is the pause between two tries while an API is misconfigured, 0: ten minutes;
	// PostponedFirst and PostponedLongest bound the growing pause of what the provider has put
	// off, 0: a minute and half an hour.
	ProbeEvery, PostponedFirst, PostponedLongest time.Duration
	// Postponed is called whenever the provider puts a step off; nil: that is in the log only.
	Postponed func(api, code string)
	// Serial leaves nothing to chance: the domains of a push are moved one after another,
	// and no pause has a random share. Simulations need it, a service is slower by it.
	Serial bool
}

const sourcesPatience = 10 * time.Minute

// Saga drives purchases. Make one with New and start it with Run.
type Saga struct {
	Config
	agenda *agenda
	alarms *alarms
	// strayed are the pushes that money came in for which did not pay them. That money
	// goes back even after the push has ended. Only the follower of the log uses it.
	strayed map[string]bool
	// held are the pushes of which domains may be held, also after their end: true of those
	// that are completed, for which nothing else is left to do. Only the follower of the log
	// uses it.
	held     map[string]bool
	passed   eventstore.Recorded // the newest event that was observed
	nextMark time.Time           // when a bookmark may be set again
}

// New returns a saga that has not started.
func New(config Config) *Saga {
	if config.SourcesPatience <= 0 {
		config.SourcesPatience = sourcesPatience
	}
	config.ProbeEvery = cmp.Or(config.ProbeEvery, probeEvery)
	config.PostponedFirst = cmp.Or(config.PostponedFirst, postponedFirst)
	config.PostponedLongest = cmp.Or(config.PostponedLongest, postponedLongest)
	return &Saga{Config: config, agenda: newAgenda(config.Now), alarms: newAlarms(), strayed: make(map[string]bool), held: make(map[string]bool)}
}

// Open is the number of pushes for which something is left to do, now or at a deadline.
func (s *Saga) Open() int { return s.agenda.size() }

// Attempts tells how often a step of a push was tried in vain since the start, when it is
// tried again, why it failed the last time, and since when it waits for somebody to see to
// that. Zero values mean that nothing is known.
func (s *Saga) Attempts(pushID string, step push.Step) (attempts int, next time.Time, lastError string, alarmed time.Time) {
	known := s.agenda.entry(pushID)
	if known == nil {
		return 0, time.Time{}, "", time.Time{}
	}
	attempts, next, lastError = known.pace.told(step)
	alarmed, wrong := s.alarms.told(pushID, step)
	if wrong != nil && lastError == "" { // it was another push that heard it
		lastError = wrong.Error()
	}
	return attempts, next, lastError, alarmed
}

// Run follows the log and works until ctx ends or the log cannot be followed; then it
// waits for the steps under way and returns why.
func (s *Saga) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	caughtUp := make(chan struct{})
	group.Go(func() error {
		err := s.follow(ctx, func() { close(caughtUp) })
		return fmt.Errorf("purchase: follow the log: %w", err)
	})
	for range s.Workers {
		group.Go(func() error {
			select { // a push that ended long ago is not worth a look
			case <-caughtUp:
			case <-ctx.Done():
				return ctx.Err()
			}
			return s.work(ctx)
		})
	}
	err := group.Wait()
	s.saveBookmark()
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// Observe takes the next event of the log in, so that its push is looked at. Run does it
// for every event from the first one on; only who does not Run may call it. It never
// fails.
func (s *Saga) Observe(recorded eventstore.Recorded) error {
	event, is := recorded.Event.(push.Event)
	if !is {
		return nil
	}
	id := recorded.Stream.Key
	switch event := event.(type) {
	case push.Offered:
		s.agenda.touch(id, event.ExpiresAt, recorded.Sequence)
	case push.Withdrawn, push.Declined:
		s.ended(id, recorded.Sequence)
	case push.Completed:
		if _, held := s.held[id]; held {
			s.held[id] = true
		}
		s.ended(id, recorded.Sequence)
	case push.HoldsReleased:
		completed := s.held[id]
		delete(s.held, id)
		if completed {
			s.ended(id, recorded.Sequence)
		} else { // money may have to go back yet
			s.agenda.touch(id, s.Now(), recorded.Sequence)
		}
	case push.HoldStarted:
		s.held[id] = false
		s.agenda.touch(id, s.Now(), recorded.Sequence)
	case push.DomainsHeld:
		if len(event.Held) == 0 {
			delete(s.held, id)
		}
		s.agenda.touch(id, s.Now(), recorded.Sequence)
	case push.RetryOrdered: // somebody thinks that it can be done now
		s.alarms.probe(event.Step)
		s.agenda.hurry(id, push.Step{Kind: event.Step, RequestNo: event.RequestNo})
		s.agenda.touch(id, s.Now(), recorded.Sequence)
	case push.StrayReceived:
		s.strayed[id] = true
		s.agenda.touch(id, s.Now(), recorded.Sequence)
	default:
		s.agenda.touch(id, s.Now(), recorded.Sequence)
	}
	return nil
}

// ended drops a push that has ended, unless something is left to do for it.
func (s *Saga) ended(id string, sequence uint64) {
	if _, held := s.held[id]; held || s.strayed[id] {
		s.agenda.touch(id, s.Now(), sequence)
		return
	}
	s.alarms.keep(id, nil)
	s.agenda.forget(id)
}

func (s *Saga) work(ctx context.Context) error {
	for {
		known, err := s.agenda.take(ctx)
		if err != nil {
			return err
		}
		s.agenda.done(known, s.look(ctx, known))
	}
}

// WorkOnce does all that is due now for one push, like a worker of Run, and returns the
// push. When none is due it does nothing and returns "" and how long to wait, at most
// longestWait.
func (s *Saga) WorkOnce(ctx context.Context) (pushID string, wait time.Duration) {
	known, wait := s.agenda.first()
	if known == nil {
		return "", wait
	}
	s.agenda.done(known, s.look(ctx, known))
	return known.id, 0
}

// look does all that is due for one push and returns when to look again, zero for
// never.
func (s *Saga) look(ctx context.Context, known *entry) time.Time {
	known.pace.steady = s.Serial
	loaded, err := s.asObserved(ctx, known)
	for seen := -1; ; loaded, err = s.Ledger.Recent(ctx, known.id) { // what was recorded here is newer
		if err != nil {
			s.Logger.WarnContext(ctx, "push not read", "push_id", known.id, "error", err)
			return s.Now().Add(firstPause)
		}
		if loaded.State.Version == seen { // somebody else did it; never spin on it
			return s.Now().Add(firstPause)
		}
		seen = loaded.State.Version
		next, progressed := s.carryOut(ledger.Continue(ctx, loaded.Traceparent), known, loaded.State)
		switch {
		case ctx.Err() != nil:
			return s.Now() // it is not known what is left to do
		case !progressed:
			return next
		}
	}
}

// asObserved reads a push at least as the log showed it to be due.
func (s *Saga) asObserved(ctx context.Context, known *entry) (ledger.Push, error) {
	if seen := s.agenda.seenUpTo(known); seen > 0 {
		if recent, err := s.Ledger.Recent(ctx, known.id); err != nil || recent.Last >= seen {
			return recent, err
		}
	}
	return s.Ledger.Load(ctx, known.id)
}

// carryOut tries every step that is due. progressed says that the push has changed.
func (s *Saga) carryOut(ctx context.Context, known *entry, state push.State) (next time.Time, progressed bool) {
	steps := push.Next(state)
	s.alarms.keep(known.id, steps)
	for _, step := range steps {
		at, ready := known.pace.ready(step, s.Now())
		overdue := !step.Due.IsZero() && !s.Now().Before(step.Due)
		if !ready && !overdue {
			next = earlier(next, earlier(at, step.Due))
			continue
		}
		asks := s.asks(known, state, step)
		if asks {
			if at, admitted := s.alarms.admit(known.id, step, s.Now(), s.ProbeEvery); !admitted {
				next = earlier(next, at)
				continue
			}
		}
		again, err := s.traced(ctx, known, state, step)
		if asks {
			if off := s.heard(ctx, known, step, err); !off.IsZero() {
				known.pace.failed(step, err)
				next = earlier(next, off)
				continue
			}
		}
		switch {
		case err != nil:
			s.Logger.InfoContext(ctx, "step to be tried again", "push_id", state.ID, "step", step.Kind, "error", err)
			again = known.pace.wait(step, s.Now(), firstPause, longestPause)
			known.pace.failed(step, err)
		case again.IsZero():
			known.pace.reset(step)
			return time.Time{}, true
		}
		next = earlier(next, again)
	}
	return next, false
}

// traced is try as a span of the trace that led to it.
func (s *Saga) traced(ctx context.Context, known *entry, state push.State, step push.Step) (time.Time, error) {
	ctx, span := otel.Tracer("pushledger/purchase").Start(ctx, "purchase "+string(step.Kind),
		trace.WithAttributes(attribute.String("push.id", state.ID)))
	defer span.End()
	again, err := s.try(ctx, known, state, step)
	if err != nil {
		span.SetStatus(codes.Error, "to be tried again")
	}
	return again, err
}

// earlier is the earlier of two times, where zero means never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
