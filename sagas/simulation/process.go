package simulation

import (
	"context"
	"log/slog"
	"time"

	"github.com/pushledger/pushledger/sagas/invalidation"
	"github.com/pushledger/pushledger/sagas/ledger"
	"github.com/pushledger/pushledger/sagas/payment"
	"github.com/pushledger/pushledger/sagas/purchase"
	"github.com/pushledger/pushledger/sagas/registrar"
)

// process is one process of the ledger. All that it has in memory goes with a restart.
type process struct {
	w    *world
	skew time.Duration // how far its clock is ahead
	dead bool
	// answered says that the bank has, so that its clock is known.
	answered bool

	provider     provider
	platform     platform
	ledger       *ledger.Ledger
	saga         *purchase.Saga
	invalidation *invalidation.Saga
	followed     int // events of the log that the purchase saga has seen
	heard        int // events of the log that the invalidation saga has seen
}

// restart begins a process anew, with nothing but the log.
func (p *process) restart() {
	p.dead, p.answered = false, false
	l := &line{p.w, p}
	p.provider, p.platform = provider{l, p.w.bank}, platform{l, p.w.registry}
	log := wire{p.w.store, l}
	p.ledger = ledger.New(log)
	p.saga = purchase.New(purchase.Config{
		Store: log, Ledger: p.ledger, Provider: p.provider, Registrar: p.platform, Directory: p.platform,
		Logger: slog.New(slog.DiscardHandler), Now: p.now, Workers: 1,
		PollFirst: 5 * time.Second, PollLongest: time.Minute, Serial: true,
		SourcesPatience: 3 * time.Minute, CloseGrace: 2 * lag,
	})
	p.invalidation = invalidation.New(log, p.ledger, p.platform, slog.New(slog.DiscardHandler), p.now)
	p.followed, p.heard = 0, len(p.w.log)
}

func (p *process) now() time.Time { return p.w.now.Add(p.skew) }

// follow has the sagas see what is new in the log. What the invalidation saga does about
// it does not fail, because it would sleep and try again.
func (p *process) follow() {
	p.w.read()
	for ; p.followed < len(p.w.log); p.followed++ {
		p.w.check(p.saga.Observe(p.w.log[p.followed]))
	}
	for p.heard < len(p.w.log) && !p.dead {
		recorded := p.w.log[p.heard]
		p.heard++
		p.w.undisturbed(func() { p.w.check(p.invalidation.Observe(context.Background(), recorded)) })
	}
}

// work does what is due for some pushes, and waits for a moment if nothing is.
func (p *process) work() {
	if p.w.random.IntN(8) > 0 {
		p.follow()
	} else if p.followed == 0 {
		return // no worker begins before the log has been read once
	}
	for range 1 + p.w.random.IntN(4) {
		id, wait := p.saga.WorkOnce(context.Background())
		switch {
		case p.dead:
			return
		case id != "":
			p.w.tracef("process %d has looked at %s", p.number(), id)
		case wait <= 2*time.Second && p.w.depth == 0:
			p.w.now = p.w.now.Add(wait)
		default:
			return
		}
		p.follow()
	}
}

func (p *process) number() int {
	if p == p.w.processes[0] {
		return 0
	}
	return 1
}

// notified hands the process a notification of the provider; nil takes it off the list.
func (p *process) notified(told payment.Trade) error {
	return p.saga.Notified(context.Background(), told)
}

func (p *process) hears(event registrar.Event) error {
	return p.invalidation.Handle(context.Background(), event)
}
