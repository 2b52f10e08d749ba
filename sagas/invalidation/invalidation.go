// Package invalidation ends pushes by events of the registrar (rules I1–I7). An event
// may come twice, late, out of order or for a domain that nobody sells; what it means
// is decided by the push's state alone, so repeating it changes nothing.
package invalidation

import (
	"context"
	"fmt"
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

// judgements is how often facts are read before the event is left to come again.
const judgements = 5

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
		for _, report := range s.remembered(item.Registration()) {
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
		report.To, report.Asked = facts[0].Account, true
	}
	s.remember(report)
	// A push that has ended is told as well: its delivery may be taken back.
	id, err := s.ledger.LastPush(ctx, report.Domain)
	if err == nil && report.Domain.Unicode() != string(report.Domain) {
		id, err = s.pushOfVariant(ctx, id, &report)
	}
	if err != nil || id == "" {
		return err
	}
	if buyer, known := s.buyers.Get(id); known && push.IsEcho(id, buyer, report) {
		return nil // each domain of a large batch comes by here, and the whole push would be read for it
	}
	return s.apply(ctx, id, report)
}

// pushOfVariant finds the push of a domain that is reserved by the name of its registration
// (rule B6), and has the report speak of it by that name. A push that is reserved by the
// domain's own name is the one meant as long as it lives.
func (s *Saga) pushOfVariant(ctx context.Context, own string, report *push.Report) (string, error) {
	if own != "" {
		known, err := s.ledger.Recent(ctx, own)
		if err != nil || known.State.Status.Live() {
			return own, err
		}
	}
	facts, err := s.registrar.Facts(ctx, []domainname.Name{report.Domain})
	if err != nil || facts[0].Canonical == "" {
		return own, err
	}
	variant := *report
	variant.Domain = facts[0].Canonical
	s.remember(variant)
	id, err := s.ledger.LastPush(ctx, variant.Domain)
	if err != nil || id == "" {
		return own, err
	}
	*report = variant
	return id, nil
}

// apply decides what a report means for a push. What was found out for it counts only if
// nothing was recorded of the push meanwhile.
func (s *Saga) apply(ctx context.Context, id string, report push.Report) error {
	if !push.IsTrigger(report.Kind) {
		return s.judge(ctx, id, report)
	}
	if err := s.findEarlier(ctx, id, &report); err != nil {
		return err
	}
	read := s.ledger.Recent
	for range judgements {
		loaded, err := read(ctx, id)
		if err != nil {
			return err
		}
		s.buyers.Add(id, loaded.State.Buyer)
		arrived, err := s.arrived(ctx, loaded.State, report)
		if err != nil {
			return err
		}
		decided, err := s.recordIfUnchanged(ctx, id, loaded, func(state push.State) []push.Event {
			if len(arrived) > 0 {
				return push.DecideMoves(state, arrived, s.now())
			}
			return push.DecideReport(state, report, s.now())
		})
		if err != nil || decided && len(arrived) == 0 {
			return err
		}
		read = s.ledger.Load
	}
	return fmt.Errorf("invalidation: push %s changes faster than event %s is judged", id, report.EventID)
}

// recordIfUnchanged records what decide makes of a push, unless the push is not as loaded any
// more; then it returns false.
func (s *Saga) recordIfUnchanged(ctx context.Context, id string, loaded ledger.Push, decide func(push.State) []push.Event) (bool, error) {
	unchanged := false
	_, err := s.ledger.Record(ctx, id, func(state push.State) []push.Event {
		if unchanged = state.Version == loaded.State.Version; !unchanged {
			return nil
		}
		return decide(state)
	})
	return unchanged, err
}

// arrived asks whether a domain on its way has reached the buyer without that being
// recorded, and returns its arrival: it comes first, and then what was done with the
// domain may be the buyer's doing (rule B5).
func (s *Saga) arrived(ctx context.Context, state push.State, report push.Report) ([]push.MoveOutcome, error) {
	line, held := state.Line(report.Domain)
	onItsWay := state.Delivery == push.StageDelivering && line.Delivery == push.DeliveryMoving
	if !push.IsByHolder(report.Kind) || !held || !onItsWay || report.To == state.Buyer {
		return nil, nil
	}
	moved, err := s.registrar.Operation(ctx, push.MoveNo(state.ID, line.Domain))
	if err != nil || moved.State != registrar.MoveDone {
		return nil, err
	}
	return []push.MoveOutcome{{Domain: line.Domain, Moved: true, Revision: moved.Revision}}, nil
}

// earlierPushes is how many pushes of a domain are asked whether an operation was theirs.
const earlierPushes = 5

// findEarlier asks whether an event is the echo of an order of an earlier push of the
// domain, which has been offered again since.
func (s *Saga) findEarlier(ctx context.Context, id string, report *push.Report) error {
	echo := report.Kind == registrar.KindAccountMoved || report.Kind == registrar.KindRegistrantChanged
	if !echo || report.OperationID == "" {
		return nil
	}
	pushes, err := s.ledger.PushesOf(ctx, report.Domain, earlierPushes+1)
	if err != nil {
		return err
	}
	for _, earlier := range pushes {
		if earlier == id {
			continue
		}
		known, err := s.ledger.Recent(ctx, earlier)
		if err != nil {
			return err
		}
		report.Earlier = report.Earlier || push.Ordered(known.State, *report)
	}
	return nil
}

// judge reads the facts of a domain again, because the registrar has reported something
// that is no trigger by itself, or is not known. Facts count only if nothing was recorded
// of the push while they were read.
func (s *Saga) judge(ctx context.Context, id string, report push.Report) error {
	for range judgements {
		loaded, err := s.ledger.Load(ctx, id)
		if err != nil {
			return err
		}
		line, held := loaded.State.Line(report.Domain)
		if !held || !loaded.State.Status.Live() {
			return nil
		}
		facts, err := s.registrar.Facts(ctx, []domainname.Name{line.Domain})
		if err != nil {
			return err
		}
		decided, err := s.recordIfUnchanged(ctx, id, loaded, func(state push.State) []push.Event {
			return push.DecideFacts(state, facts[0], s.now())
		})
		if err != nil || decided {
			return err
		}
	}
	return fmt.Errorf("invalidation: push %s changes faster than the facts of %s are read", id, report.Domain)
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
