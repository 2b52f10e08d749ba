package bench

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/pushledger/pushledger/cmd/pushledger/internal/audit"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/client"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/identity"
)

// Targets of S1, S2 and S3.
const (
	anyPushShare     = 0.8 // of the rate with a small ledger
	memoryTarget     = 1   // GiB
	cleanStartTarget = 10  // seconds
	killStartTarget  = 20  // seconds
	firstStartTarget = 100_000
)

// Sizes of ledgers.
const (
	largeLedger = 1_000_000
	smallLedger = 10_000
	largeOpen   = 300_000
	quickLarge  = 2_000
	quickSmall  = 300
	quickOpen   = 600
)

// ledgers are the two that are compared, each with a market of its own.
type ledgers struct {
	large, small           *market
	purchases, open, fewer int
}

// growth measures what becomes of the service when its ledger is large: S3, its first start;
// S2, further starts and memory; S1, any push against a service with a small ledger.
func growth(ctx context.Context, r *run) (err error) {
	var ends closers
	defer ends.close(&err)
	l := &ledgers{purchases: r.Large, open: largeOpen, fewer: smallLedger}
	if r.Open > 0 {
		l.open = r.Open
	}
	if r.Quick {
		l.purchases, l.open, l.fewer = min(r.Large, quickLarge), quickOpen, quickSmall
	}
	if l.purchases != largeLedger || l.open != largeOpen {
		r.note("S: its targets are for %d completed pushes and %d open; this run has %d and %d", largeLedger, largeOpen, l.purchases, l.open)
	}
	if l.large, err = r.newMarket(ctx, 0, &ends); err != nil {
		return err
	}
	log := newHistory(l.purchases)
	log.open = l.open
	if err := build(ctx, r.Options, l.large.data(), log); err != nil {
		return err
	}
	if err := r.firstStart(ctx, l.large, log.newest()); err != nil {
		return err
	}
	if r.wanted("S2") {
		if err := errors.Join(r.restarts(ctx, l.large), r.structures(ctx, l)); err != nil {
			return err
		}
	}
	if r.wanted("S1") {
		return r.compareSizes(ctx, l, &ends)
	}
	return nil
}

func (m *market) data() string { return filepath.Join(m.dir, "data") }

// firstStart is S3: every read model and the tree are made from the log. It is done once.
func (r *run) firstStart(ctx context.Context, m *market, events uint64) error {
	r.Progress("S3: the first start makes every read model and the tree")
	began := time.Now()
	if _, err := m.serve(ctx, r.program, m.data()); err != nil {
		return err
	}
	served := time.Since(began)
	err := m.awaitTree(ctx, events)
	took := time.Since(began)
	used, usedErr := timeSince(nil, []*process{m.service})
	held, heldErr := m.service.memory()
	if err = errors.Join(err, usedErr, heldErr, m.service.stop()); err != nil {
		return err
	}
	if r.wanted("S3") {
		delete(used, nameOfLoad)                                                          // which made the log before
		rate := series{{calls: int(events), seconds: took.Seconds(), time: used}}.rates() // #nosec G115 -- a count
		r.add(
			compared("S3 first start", "events/s", targetItself, rate, constant(firstStartTarget, 1), atLeast(1)),
			compared("S3 memory", "GiB", targetItself, constant(held, 1), constant(memoryTarget, 1), atMost(1)),
		)
		r.note("S3: one start over %d events: ready for queries after %.0f s, the tree over all of them signed after %.0f s", events, served.Seconds(), took.Seconds())
	}
	return nil
}

// awaitTree waits until a checkpoint over so many events is signed, as an auditor.
func (m *market) awaitTree(ctx context.Context, events uint64) error {
	token, err := m.issuer.token("auditor", identity.Auditor)
	if err != nil {
		return err
	}
	asking, err := client.New(client.Target{NATSURL: "nats://" + m.nats, HTTPURL: "http://" + m.http, Token: token})
	if err != nil {
		return err
	}
	defer asking.Close()
	conn, err := asking.NATS()
	if err != nil {
		return err
	}
	ledger, failed := audit.NewRemote(conn, asking.Account()), error(nil)
	err = m.service.await(ctx, "over the whole log with its tree", func() bool {
		signed, err := ledger.Checkpoints(ctx)
		if err != nil || len(signed) == 0 {
			failed = err
			return err != nil
		}
		return sizeOf(signed[len(signed)-1].Note) >= events
	})
	return errors.Join(err, failed)
}

// sizeOf reads how many events a checkpoint is over: the second line of its note.
func sizeOf(note []byte) uint64 {
	var origin string
	var size uint64
	_, _ = fmt.Sscanf(string(note), "%s\n%d", &origin, &size) // one that cannot be read is over none
	return size
}

// restarts is S2.
func (r *run) restarts(ctx context.Context, m *market) error {
	var clean, killed, memory figures
	for round := range r.rounds() {
		r.Progress(fmt.Sprintf("S2 round %d of %d", round+1, r.rounds()))
		took, err := m.serve(ctx, r.program, m.data())
		if err != nil {
			return err
		}
		clean.values = append(clean.values, took.Seconds())
		if err := m.service.kill(); err != nil {
			return err
		}
		if took, err = m.serve(ctx, r.program, m.data()); err != nil {
			return err
		}
		killed.values = append(killed.values, took.Seconds())
		held, err := m.service.memory()
		if err = errors.Join(err, m.service.stop()); err != nil {
			return err
		}
		memory.values = append(memory.values, held)
	}
	r.add(
		compared("S2 memory", "GiB", targetItself, memory, constant(memoryTarget, r.rounds()), atMost(1)),
		compared("S2 start after a clean stop", "s", targetItself, clean, constant(cleanStartTarget, r.rounds()), atMost(1)),
		compared("S2 start after kill -9", "s", targetItself, killed, constant(killStartTarget, r.rounds()), atMost(1)),
	)
	return nil
}

// compareSizes is S1. Both ledgers are served at the same time and asked in turns.
func (r *run) compareSizes(ctx context.Context, l *ledgers, ends *closers) (err error) {
	r.Progress("S1: start")
	if l.small, err = r.newMarket(ctx, 0, ends); err != nil {
		return err
	}
	if err := build(ctx, r.Options, l.small.data(), newHistory(l.fewer)); err != nil {
		return err
	}
	for _, m := range []*market{l.large, l.small} {
		if _, err := m.serve(ctx, r.program, m.data()); err != nil {
			return err
		}
		ends.add(m.service.stop)
		if err := m.open(ctx, ends); err != nil {
			return err
		}
	}
	whichever := l.large.asker(func(number int) string { return historyPush(number % l.purchases) }, ends)
	inSmall := l.small.asker(func(number int) string { return historyPush(number % l.fewer) }, ends)
	if err := warmUp(ctx, whichever.one, inSmall.one); err != nil {
		return err
	}
	all, err := r.turns(ctx, "S1", []side{
		l.large.side("any push of the large ledger", readers, whichever.one), l.small.side("any push of the small ledger", readers, inSmall.one),
	})
	if err != nil {
		return err
	}
	r.add(compared("S1 push, any", "1/s", fmt.Sprintf("the same of %d pushes", l.fewer), all[0].rates(), all[1].rates(), atLeast(anyPushShare)))
	held, err := l.large.service.memory()
	if err == nil && r.wanted("S2") {
		r.add(compared("S2 memory after S1", "GiB", targetItself, constant(held, 1), constant(memoryTarget, 1), atMost(1)))
	}
	return err
}
