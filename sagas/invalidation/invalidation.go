// Package invalidation ends pushes by events of the registrar (rules I1–I7). An event
// may come twice, late, out of order or for a domain that nobody sells; what it means
// is decided by the push's state alone, so repeating it changes nothing.
package invalidation

import (
	"context"
	"log/slog"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/eventstore"
	"github.com/pushledger/pushledger/sagas/ledger"
	"github.com/pushledger/pushledger/sagas/registrar"
)

// memory is how long an event is remembered for a push that was being published while
// it came: far longer than an offer takes from asking the registrar to the log.
const memory = 5 * time.Minute

// retryPause is how long a remembered event waits for a ledger that could not take it.
const retryPause = 200 * time.Millisecond

// knownBuyers bounds the memory of who buys what.
const knownBuyers = 4096

// Saga applies the registrar's events to the pushes that hold the domains.
type Saga struct {
	ledger    *ledger.Ledger
	store     eventstore.Store
	registrar registrar.Registrar
	logger    *slog.Logger
	now       func() time.Time

	buyers *lru.Cache[string, string] // of pushes lately reported about

	mu     sync.Mutex
	recent map[domainname.Name][]remembered
	oldest []remembered // in order of arrival, to forget
}

type remembered struct {
	report push.Report
	until  time.Time
}

// New returns a saga on the ledger.
func New(store eventstore.Store, pushes *ledger.Ledger, domains registrar.Registrar, logger *slog.Logger, now func() time.Time) *Saga {
	buyers, err := lru.New[string, string](knownBuyers)
	if err != nil {
		panic(err) // only for a size below 1
	}
	return &Saga{
		ledger: pushes, store: store, registrar: domains, logger: logger, now: now,
		buyers: buyers, recent: make(map[domainname.Name][]remembered),
	}
}

// Run watches for pushes that were published while an event about one of their domains
// came in: the registrar was asked before the event, the push recorded after it. It
// returns when ctx ends or the log cannot be followed.
func (s *Saga) Run(ctx context.Context) error {
	start, err := s.store.LastSequence(ctx)
	if err != nil {
		return err
	}
	err = s.store.Follow(ctx, start, func(recorded eventstore.Recorded) error { return s.Observe(ctx, recorded) }, nil)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// Observe takes the next event of the log in. Run does it for every event written since
// its start; only who does not Run may call it. It fails only when ctx ends.
func (s *Saga) Observe(ctx context.Context, recorded eventstore.Recorded) error {
	offered, is := recorded.Event.(push.Offered)
	if !is {
		return nil
	}
	s.buyers.Add(offered.PushID, offered.Buyer) // its own moves will come by in Handle
	for _, item := range offered.Items {
		for _, report := range s.remembered(item.Domain) {
			if err := s.insist(ctx, offered.PushID, report); err != nil {
				return err
			}
		}
	}
	return nil
}

// Handle applies one event. It returns nil once nothing is left to do about it; on an
// error the event must be delivered again.
func (s *Saga) Handle(ctx context.Context, event registrar.Event) error {
	if !push.KnownKind(event.Kind) {
		s.logger.WarnContext(ctx, "registrar event of an unknown kind", "event_id", event.ID, "kind", event.Kind)
		return nil
	}
	report := push.Report{
		EventID: event.ID, Kind: event.Kind, Domain: event.Domain, At: event.At,
		OperationID: event.OperationID, To: event.To,
	}
	if report.Kind == registrar.KindAccountMoved && report.OperationID == "" && report.To == "" {
		// Where the domain went tells the ledger's own move from a stranger's.
		facts, err := s.registrar.Facts(ctx, []domainname.Name{event.Domain})
		if err != nil {
			return err
		}
		report.To = facts[0].Account
	}
	s.remember(report)
	// A push that has ended is told as well: its delivery may be taken back.
	id, err := s.ledger.LastPush(ctx, event.Domain)
	if err != nil || id == "" {
		return err
	}
	if buyer, known := s.buyers.Get(id); known && push.IsEcho(id, buyer, report) {
		return nil // each domain of a large batch comes by here, and the whole push would be read for it
	}
	return s.apply(ctx, id, report)
}

func (s *Saga) apply(ctx context.Context, id string, report push.Report) error {
	_, err := s.ledger.Record(ctx, id, func(state push.State) []push.Event {
		s.buyers.Add(id, state.Buyer)
		return push.DecideReport(state, report, s.now())
	})
	return err
}

// insist applies a report however long the ledger cannot take it: unlike an event from
// the registrar, one that is remembered does not come again.
func (s *Saga) insist(ctx context.Context, id string, report push.Report) error {
	for {
		err := s.apply(ctx, id, report)
		if err == nil {
			return nil
		}
		s.logger.WarnContext(ctx, "registrar event not applied yet", "push_id", id, "event_id", report.EventID, "error", err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(retryPause):
		}
	}
}

func (s *Saga) remember(report push.Report) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	for len(s.oldest) > 0 && !now.Before(s.oldest[0].until) {
		name := s.oldest[0].report.Domain
		if s.recent[name] = s.recent[name][1:]; len(s.recent[name]) == 0 {
			delete(s.recent, name)
		}
		s.oldest = s.oldest[1:]
	}
	entry := remembered{report: report, until: now.Add(memory)}
	s.recent[report.Domain] = append(s.recent[report.Domain], entry)
	s.oldest = append(s.oldest, entry)
}

func (s *Saga) remembered(name domainname.Name) []push.Report {
	s.mu.Lock()
	defer s.mu.Unlock()
	var reports []push.Report
	for _, entry := range s.recent[name] {
		reports = append(reports, entry.report)
	}
	return reports
}
