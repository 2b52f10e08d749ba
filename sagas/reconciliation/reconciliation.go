// Package reconciliation holds the journal against the payment provider's bills day by day
// while the service runs, and records the fees on them.
//
// What it guarantees: a day is recorded once, whatever crashes and however many processes
// run; one of which there is no bill although something has moved on it is looked at again,
// and never taken for a day without differences; so is one that was recorded, for as long
// as it is looked back to, so that a bill that changes, or a difference that stays, is seen.
package reconciliation

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/pushledger/pushledger/aggregates/daybill"
	"github.com/pushledger/pushledger/sagas/payment/bill"
)

const (
	lookBack = 7               // days
	again    = time.Hour       // after which a day whose bill is not there is tried again
	soon     = 5 * time.Second // after which one is tried again of which nobody could be asked; longer each time, up to again
	mostSaid = 20              // differences of one day that are logged one by one
	early    = time.Hour       // that the journal is read from before the begin of a day
)

// Recorder keeps what became of a day; see ledger.Ledger.
type Recorder interface {
	RecordBill(ctx context.Context, day string, decide func(daybill.State) ([]daybill.Event, error)) (bool, error)
}

// Config of a Saga. Everything is needed.
type Config struct {
	Bills    bill.Source
	Recorder Recorder
	// Journal reads all movements at the provider, and fees, that were recorded since a
	// moment, up to the end of the log.
	Journal func(ctx context.Context, from time.Time) ([]bill.Line, error)
	At      time.Duration // since midnight in Alipay's zone, when the day before is reconciled
	Now     func() time.Time
	Logger  *slog.Logger
}

// Result is what the last look at the bills has come to.
type Result struct {
	Differences int       // on all days that were looked at
	Waiting     int       // days that could not be reconciled
	Unreached   int       // those among them of which Alipay, or the log, could not be asked
	LastDay     time.Time // begin of the newest day that was reconciled; zero: none yet
	Success     time.Time // when nothing was left waiting for the last time; zero: never
}

// Saga reconciles. Its methods are safe for concurrent use, but one Run is enough.
type Saga struct {
	Config
	mu     sync.Mutex
	result Result
}

// New returns a saga that does nothing yet.
func New(config Config) *Saga { return &Saga{Config: config} }

// Result is what the last look has come to.
func (s *Saga) Result() Result {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.result
}

// Run looks at the bills at once and then every day until ctx ends.
func (s *Saga) Run(ctx context.Context) error {
	unreached := soon
	for {
		pause := s.next().Sub(s.Now())
		if s.Look(ctx) > 0 {
			pause = min(pause, again)
		}
		if s.Result().Unreached > 0 {
			pause, unreached = min(pause, unreached), min(2*unreached, again)
		} else {
			unreached = soon
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}

// next is when the bills are to be looked at next.
func (s *Saga) next() time.Time {
	now := s.Now().In(bill.Zone)
	year, month, day := now.Date()
	next := time.Date(year, month, day, 0, 0, 0, 0, bill.Zone).Add(s.At)
	if !next.After(now) {
		next = next.AddDate(0, 0, 1)
	}
	return next
}

// Look reconciles the days that are due, oldest first, and returns how many could not be.
func (s *Saga) Look(ctx context.Context) (waiting int) {
	looked := Result{LastDay: s.Result().LastDay, Success: s.Result().Success}
	fetched := fetched{from: s.Bills, known: make(map[string]answer)}
	due := s.next().AddDate(0, 0, -1) // the last time at which there was something to look at
	year, month, day := due.Date()
	for back := lookBack; back >= 1; back-- {
		begin := time.Date(year, month, day-back, 0, 0, 0, 0, bill.Zone)
		differences, err := s.reconcile(ctx, &fetched, begin)
		if ctx.Err() != nil {
			return looked.Waiting
		}
		looked.Differences += differences
		if err != nil {
			looked.Waiting++
			if !errors.Is(err, errWaiting) {
				looked.Unreached++
			}
			s.Logger.WarnContext(ctx, "a day could not be reconciled with Alipay's bills; it is tried again", "day", begin.Format(time.DateOnly), "error", err)
			continue
		}
		if begin.After(looked.LastDay) {
			looked.LastDay = begin
		}
	}
	if looked.Waiting == 0 {
		looked.Success = s.Now()
	}
	s.mu.Lock()
	s.result = looked
	s.mu.Unlock()
	return looked.Waiting
}

// errWaiting means that the journal knows movements of a day of which there is no bill.
var errWaiting = errors.New("reconciliation: money has moved on that day and there is no bill of it yet")

// reconcile holds the journal against the bills of a day, records it and says what differs.
func (s *Saga) reconcile(ctx context.Context, fetched *fetched, begin time.Time) (int, error) {
	day := begin.Format(time.DateOnly)
	bills, there, err := fetched.day(ctx, begin)
	if err != nil {
		return 0, err
	}
	journal, err := s.Journal(ctx, begin.Add(-early))
	if err != nil {
		return 0, err
	}
	if !there {
		if len(bill.Compare(journal, bills...)) > 0 { // the bills are empty, so this is what they lack
			return 0, errWaiting
		}
		return 0, nil
	}
	if before, there, err := fetched.day(ctx, begin.AddDate(0, 0, -1)); err != nil {
		return 0, err
	} else if there {
		journal, bills = bill.After(journal, before, bills)
	}
	differences := bill.Compare(journal, bills...)
	found := foundOn(day, bills, len(differences))
	recorded, err := s.Recorder.RecordBill(ctx, day, func(state daybill.State) ([]daybill.Event, error) {
		return daybill.Decide(state, found, s.Now())
	})
	changed := errors.Is(err, daybill.ErrChanged)
	if err != nil && !changed {
		return len(differences), err
	}
	s.tell(ctx, found, differences, recorded, changed)
	if changed {
		return len(differences) + 1, nil
	}
	return len(differences), nil
}

// tell logs what a day has come to.
func (s *Saga) tell(ctx context.Context, found daybill.Found, differences []bill.Difference, recorded, changed bool) {
	if recorded {
		s.Logger.InfoContext(ctx, "the journal was held against Alipay's bills", "day", found.Day, "differences", len(differences),
			"payments", found.Payments, "refunds", found.Refunds, "expenses", found.Expenses, "fees", found.Fees, "fees_back", found.FeesBack)
	}
	if changed {
		s.Logger.ErrorContext(ctx, "A BILL HAS CHANGED since its fees were booked: see to it by hand", "day", found.Day, "fees", found.Fees, "fees_back", found.FeesBack)
	}
	for i, d := range differences {
		if i == mostSaid {
			s.Logger.ErrorContext(ctx, "MORE DIFFERENCES: see pushledger audit reconcile --fetch", "day", found.Day, "differences", len(differences))
			return
		}
		s.Logger.ErrorContext(ctx, "JOURNAL AND BILL DIFFER", "day", found.Day, "kind", d.Kind, "what", d.What, "number", d.Number, "push", d.PushID,
			"seq", d.Seq, "bill", d.Bill, "line", d.Line, "journal", d.Journal, "on_bill", d.OnBill)
	}
}

// foundOn sums up what the bills of a day say.
func foundOn(day string, bills []bill.Bill, differences int) daybill.Found {
	found := daybill.Found{Day: day, Differences: differences}
	whole := sha256.New()
	for _, one := range bills {
		whole.Write([]byte(one.Digest + "\n"))
		fees := one.Fees[day]
		found.Fees, found.FeesBack = found.Fees+fees.Charged, found.FeesBack+fees.Back
		for _, movement := range one.Movements {
			switch movement.Kind {
			case bill.Payment:
				found.Payments++
			case bill.Refund:
				found.Refunds++
			case bill.Expense:
				found.Expenses++
			}
		}
	}
	found.Digest = hex.EncodeToString(whole.Sum(nil))
	return found
}

// fetched are the bills that one look has met, so that none is fetched twice.
type fetched struct {
	from  bill.Source
	known map[string]answer // by day
}

type answer struct {
	bills []bill.Bill
	there bool
}

func (f *fetched) day(ctx context.Context, begin time.Time) ([]bill.Bill, bool, error) {
	day := begin.Format(time.DateOnly)
	if known, is := f.known[day]; is {
		return known.bills, known.there, nil
	}
	bills, there, err := bill.OfDay(ctx, f.from, begin)
	if err != nil {
		return nil, false, err
	}
	f.known[day] = answer{bills, there}
	return bills, there, nil
}
