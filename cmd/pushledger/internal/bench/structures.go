package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/pprof/profile"
)

const (
	structuresTarget = 300 // bytes of our own structures for each open offer (S2)
	ourModule        = "github.com/pushledger/pushledger/"
	serverModule     = "github.com/nats-io/nats-server/"
)

// structures measures what the service itself holds in memory for each open offer, nats-server's
// part left out: the difference between profiles of two services whose ledgers differ by the
// open offers alone.
func (r *run) structures(ctx context.Context, l *ledgers) error {
	if r.Quick {
		r.missing("S2 own structures", errors.New("too few open offers in a quick run for a profile of memory to tell"))
		return nil
	}
	without, err := r.ownBytes(ctx, l.fewer, 0)
	if err != nil {
		return err
	}
	with, err := r.ownBytes(ctx, l.fewer, l.open)
	if err != nil {
		return err
	}
	each := float64(with-without) / float64(l.open)
	r.add(compared("S2 own structures", "bytes an open offer", targetItself, constant(each, 1), constant(structuresTarget, 1), atMost(1)))
	return nil
}

// ownBytes is how much a service holds that has such a ledger.
func (r *run) ownBytes(ctx context.Context, purchases, open int) (own int64, err error) {
	var ends closers
	defer ends.close(&err)
	m, err := r.newMarket(ctx, 0, &ends)
	if err != nil {
		return 0, err
	}
	log := newHistory(purchases)
	log.open = open
	if err := build(ctx, r.Options, m.data(), log); err != nil {
		return 0, err
	}
	r.Progress(fmt.Sprintf("S2: memory with %d open offers", open))
	if _, err := m.serve(ctx, r.program, m.data()); err != nil { // the first start leaves more behind
		return 0, err
	}
	if err := errors.Join(m.awaitTree(ctx, log.newest()), m.service.stop()); err != nil {
		return 0, err
	}
	path := filepath.Join(m.dir, "heap.pprof")
	m.profiles = []string{"--heap-profile", path}
	if _, err := m.serve(ctx, r.program, m.data()); err != nil {
		return 0, err
	}
	if err := m.service.stop(); err != nil {
		return 0, err
	}
	file, err := os.Open(path) // #nosec G304 -- our own
	if err != nil {
		return 0, err
	}
	held, err := profile.Parse(file)
	if err := errors.Join(err, file.Close()); err != nil {
		return 0, err
	}
	return bytesOf(held), nil
}

// bytesOf sums what is in use of our own: what our code made, but for what nats-server made.
func bytesOf(held *profile.Profile) (own int64) {
	const inUse = 3 // after the objects and bytes ever made and the objects in use
	for _, sample := range held.Sample {
		if passes(sample, ourModule) && !passes(sample, serverModule) {
			own += sample.Value[inUse]
		}
	}
	return own
}

// passes reports whether a module is on the stack of a sample.
func passes(sample *profile.Sample, module string) bool {
	for _, location := range sample.Location {
		for _, line := range location.Line {
			if strings.HasPrefix(line.Function.Name, module) {
				return true
			}
		}
	}
	return false
}
