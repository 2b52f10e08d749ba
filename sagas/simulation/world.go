package simulation

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/pushledger/pushledger/aggregates/catalog"
	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/eventstore"
	"github.com/pushledger/pushledger/eventstore/memory"
	"github.com/pushledger/pushledger/sagas/payment"
	"github.com/pushledger/pushledger/sagas/purchase"
	"github.com/pushledger/pushledger/sagas/registrar"
)

var start = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

// events is every event of the ledger; it is read only.
var events = eventstore.NewRegistry(catalog.Events()...)

// world is one history while it happens. One thing happens at a time.
type world struct {
	now    time.Time // the true time
	at     int       // number of the act under way
	source *rand.PCG
	random *rand.Rand // of the act under way
	rate   int        // percent of calls that go wrong in it
	depth  int        // above 0: something happens while a call is under way

	store     *memory.Store
	log       []eventstore.Recorded
	bank      *bank
	registry  *registry
	unbound   map[string]bool // accounts without an Alipay account
	bound     map[string]int  // how often an account has bound another one
	tries     int             // that operators have ordered
	processes [2]*process
	books     *books

	faults    int
	trace     []string
	tracing   bool
	violation *Violation
}

func newWorld(tracing bool) *world {
	w := &world{now: start, source: rand.NewPCG(0, 0), unbound: make(map[string]bool), bound: make(map[string]int), tracing: tracing}
	w.random = rand.New(w.source) // #nosec G404 -- a simulation must be repeatable
	w.store = memory.New(events, func() time.Time { return w.now })
	w.bank, w.registry, w.books = newBank(w), newRegistry(w), newBooks(w)
	for i := range w.processes {
		w.processes[i] = &process{w: w}
		w.processes[i].restart()
	}
	return w
}

// chance is true for so many percent.
func (w *world) chance(percent int) bool { return w.random.IntN(100) < percent }

func (w *world) tracef(format string, args ...any) {
	if w.tracing {
		w.trace = append(w.trace, w.now.Format("02 15:04:05.000")+"      "+fmt.Sprintf(format, args...))
	}
}

// violate notes a broken invariant; the first of a history counts.
func (w *world) violate(broken invariant, format string, args ...any) {
	if w.violation == nil {
		w.violation = &Violation{Invariant: string(broken), Detail: fmt.Sprintf(format, args...)}
		w.tracef("VIOLATED: %s", w.violation)
	}
}

// check takes an error that cannot be.
func (w *world) check(err error) {
	if err != nil {
		w.violate(impossible, "%s", err)
	}
}

// fault draws what goes wrong with a call.
func (w *world) fault(name string, possible ...fault) fault {
	if w.rate == 0 || !w.chance(w.rate) {
		return none
	}
	wrong := possible[w.random.IntN(len(possible))]
	w.faults++
	w.tracef("fault: %s: %s", name, faultNames[wrong])
	return wrong
}

// undisturbed does something without faults and interference.
func (w *world) undisturbed(do func()) {
	rate := w.rate
	w.rate = 0
	do()
	w.rate = rate
}

// meanwhile lets something else happen while a call is under way.
func (w *world) meanwhile() {
	if w.rate == 0 || w.depth > 0 || !w.chance(5) {
		return
	}
	w.depth++
	defer func() { w.depth-- }()
	p := w.processes[w.random.IntN(len(w.processes))]
	if p.dead {
		return
	}
	w.faults++
	w.tracef("meanwhile, process %d", p.number())
	kinds := []kind{work, work, work, work, notify, hear, happen, accept, withdraw, decline, takedown, pay, spend, bind, retry}
	w.perform(act{kind: kinds[w.random.IntN(len(kinds))], push: w.books.someLive()}, p)
}

// step is one act, and what the three books say afterwards.
func (w *world) step(next act) {
	w.at = next.number
	w.source.Seed(next.salt, 0)
	w.rate = 0
	if disturbance := w.random.IntN(10); disturbance < 5 && !next.calm {
		w.rate = 10 * disturbance
	}
	if w.tracing {
		w.trace = append(w.trace, next.String())
	}
	w.perform(next, w.processes[next.process])
	for _, p := range w.processes {
		if p.dead {
			w.tracef("process %d starts anew", p.number())
			p.restart()
		}
	}
	w.read()
	w.compare()
}

// perform lets an act happen at a process.
func (w *world) perform(next act, p *process) {
	switch next.kind {
	case offer:
		w.offers(p, next.push)
	case accept:
		w.accepts(p, next.push)
	case withdraw:
		w.withdraws(p, next.push)
	case decline:
		w.declines(p, next.push)
	case takedown:
		w.takesDown(p, next.push)
	case pay:
		w.pays(next.push)
	case work:
		p.work()
	case tick:
		w.passes()
	case notify:
		w.notifies(p)
	case happen:
		w.faults++
		w.registry.happens(w.someDomainOnSale())
	case spend:
		w.acts()
	case settle:
		w.settles(p, next.push)
	case hear:
		w.hears(p)
	case land:
		w.lands()
	case restart:
		w.faults++
		p.restart()
	case skew:
		w.skews(p)
	case bind:
		w.binds()
	case fund:
		w.funds()
	case retry:
		w.retries(p, next.push)
	case heal:
		for range 12 {
			if name := w.someDomain(); w.books.holder[name] == "" {
				w.registry.heal(name)
			}
		}
	}
}

func (w *world) someDomain() domainname.Name {
	return w.registry.names[w.random.IntN(len(w.registry.names))]
}

// someDomainOnSale is mostly one of a push that has not ended.
func (w *world) someDomainOnSale() domainname.Name {
	if known, is := w.books.pushes[w.books.someLive()]; is && w.chance(50) {
		return known.lines[w.random.IntN(len(known.lines))].domain
	}
	return w.someDomain()
}

// passes lets time pass: mostly little.
func (w *world) passes() {
	longest := 2 * time.Second
	switch dice := w.random.IntN(100); {
	case dice < 1:
		longest = 8 * 24 * time.Hour
	case dice < 2:
		longest = 3 * time.Hour
	case dice < 8:
		longest = 4 * time.Minute
	case dice < 40:
		longest = 20 * time.Second
	}
	w.now = w.now.Add(time.Duration(w.random.Int64N(int64(longest))))
}

// maxSkew is how wrong the clock of a process can be.
const maxSkew = 5 * time.Hour

// skews sets the clock of a process: a little wrong, hours wrong, or right (F28).
func (w *world) skews(p *process) {
	w.faults++
	switch w.random.IntN(4) {
	case 0:
		p.skew = 0
	case 1:
		p.skew = time.Duration(w.random.Int64N(int64(2*maxSkew))) - maxSkew
	default:
		p.skew = time.Duration(w.random.Int64N(int64(2*time.Minute))) - time.Minute
	}
	w.tracef("the clock of process %d is now %s ahead", p.number(), p.skew)
}

// notifies delivers a notification: any of those that wait, or one that was taken before.
func (w *world) notifies(p *process) {
	if len(w.bank.sent) > 0 && w.chance(10) {
		w.faults++
		_ = w.tell(p, w.bank.sent[w.random.IntN(len(w.bank.sent))]) // what was taken before need not be taken again
		return
	}
	if len(w.bank.notices) == 0 {
		return
	}
	i := w.random.IntN(len(w.bank.notices))
	told := w.bank.notices[i]
	w.bank.delivered(i)
	if w.chance(5) {
		w.faults++
		w.tracef("a notification is lost")
		return
	}
	if w.tell(p, told) != nil {
		w.bank.notices = append(w.bank.notices, told)
	}
}

func (w *world) tell(p *process, told payment.Trade) error {
	err := p.notified(told)
	w.tracef("process %d is told that trade %.6s is %s: %v", p.number(), told.TradeNo, told.State, err)
	if errors.Is(err, purchase.ErrNotOurs) {
		w.violate(genuine, "trade %s of %s", told.TradeNo, told.PushID)
	}
	return err
}

// hears delivers an event of the registrar: any that waits, or one that was taken before.
func (w *world) hears(p *process) {
	if len(w.registry.taken) > 0 && w.chance(10) {
		w.faults++
		_ = w.report(p, w.registry.taken[w.random.IntN(len(w.registry.taken))]) // likewise
		return
	}
	if len(w.registry.untaken) == 0 {
		return
	}
	i := w.random.IntN(len(w.registry.untaken))
	event := w.registry.untaken[i]
	w.registry.untaken = slices.Delete(w.registry.untaken, i, i+1)
	if w.report(p, event) == nil {
		w.registry.taken = append(w.registry.taken, event)
	} else {
		w.registry.untaken = append(w.registry.untaken, event)
	}
}

func (w *world) report(p *process, event registrar.Event) error {
	before := uint64(len(w.log))
	err := p.hears(event)
	w.tracef("process %d hears %s of %s (%s): %v", p.number(), event.Kind, event.Domain, event.ID, err)
	if err == nil {
		w.read()
		w.books.heard(event, before)
	}
	return err
}

// lands lets an order arrive late, or decides one that is pending.
func (w *world) lands() {
	if n := len(w.bank.underway); n > 0 && w.chance(50) {
		w.bank.arrives(w.random.IntN(n))
		return
	}
	if n := len(w.registry.underway); n > 0 && w.chance(50) {
		w.registry.lands(w.random.IntN(n))
		return
	}
	if n := len(w.registry.pending); n > 0 {
		wish := none
		if w.chance(20) {
			wish = refuse
		}
		w.registry.decide(w.registry.operations[w.registry.pending[w.random.IntN(n)]], wish)
	}
}

// read takes in what is new in the log.
func (w *world) read() {
	if last, err := w.store.LastSequence(context.Background()); err == nil && last == uint64(len(w.log)) {
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	err := w.store.Follow(ctx, uint64(len(w.log)), func(recorded eventstore.Recorded) error {
		w.log = append(w.log, recorded)
		w.books.enter(recorded)
		return nil
	}, stop)
	if !errors.Is(err, context.Canceled) {
		w.check(err)
	}
}
