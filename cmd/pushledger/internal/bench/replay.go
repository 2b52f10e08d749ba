package bench

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/audit"
	"github.com/pushledger/pushledger/eventstore"
	eventlog "github.com/pushledger/pushledger/eventstore/jetstream"
	"github.com/pushledger/pushledger/eventstore/natsserver"
	"github.com/pushledger/pushledger/eventstore/transparency"
	"github.com/pushledger/pushledger/projections"
	"github.com/pushledger/pushledger/projections/accounts"
	"github.com/pushledger/pushledger/projections/commandids"
	"github.com/pushledger/pushledger/projections/pushes"
	"github.com/pushledger/pushledger/projections/sqldb"
)

const (
	replayWindow   = 5000 // messages asked for ahead, as the store's own followers do
	signPatience   = 2 * time.Minute
	signInterval   = 50 * time.Millisecond
	historyShort   = 4_000
	historyRegular = 60_000 // purchases; one reading then takes some seconds, as the rounds of other rows do
)

// kept is a ledger in a directory, with the tree over it.
type kept struct {
	*audit.Stopped // nil: verifying asks for no more than the entries
	dir            string
	server         *natsserver.Server
	conn           *nats.Conn
	store          *eventlog.Store
	last           uint64
	signed         *audit.Signed
}

// LastSequence makes it an audit.Ledger.
func (k *kept) LastSequence(ctx context.Context) (uint64, error) { return k.store.LastSequence(ctx) }

// Entries makes it an audit.Ledger.
func (k *kept) Entries(ctx context.Context, after, upTo uint64, handle func(transparency.Entry) error) error {
	return k.store.Entries(ctx, after, upTo, handle)
}

// replays measures reading the whole log: R1 and R2 against an ordered consumer that only
// counts, and R3, read models from zero.
func replays(ctx context.Context, r *run) (err error) {
	purchases := historyRegular
	if r.Quick {
		purchases = historyShort
	}
	log, err := keep(ctx, r.Options, purchases)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.close()) }()
	readings := []reading{{"", "", log.count}, {"R1", "replay", log.fold}, {"R2", "audit verify", log.verify}}
	for _, model := range []projections.Model{pushes.Model(), accounts.Model(), commandids.Model()} {
		readings = append(readings, reading{"R3", model.Name, func(ctx context.Context) error { return log.rebuild(ctx, model) }})
	}
	rates, err := r.readInTurns(ctx, log, readings)
	if err != nil {
		return err
	}
	const counting = "ordered consumer that only counts"
	for i, measured := range readings {
		switch {
		case measured.id == "" || !r.wanted(measured.id):
		case measured.id == "R3":
			r.add(compared("R3 "+measured.name, "events/s", targetItself, rates[i], same(rebuildTarget), atLeast(1)))
		default:
			target := map[string]float64{"R1": 0.8, "R2": 0.5}[measured.id]
			r.add(compared(measured.id+" "+measured.name, "events/s", counting, rates[i], rates[0], atLeast(target)))
		}
	}
	return nil
}

// rebuildTarget is how many events a second a read model is to be made of (R3).
const rebuildTarget = 50_000

// reading is one way to read the whole log. The one without an id is the peer.
type reading struct {
	id, name string
	run      func(context.Context) error
}

// readInTurns gives, for each reading that is wanted, the events a second of every round.
func (r *run) readInTurns(ctx context.Context, log *kept, readings []reading) ([][]float64, error) {
	rates := make([][]float64, len(readings))
	for round := range rounds {
		r.Progress(fmt.Sprintf("R round %d of %d", round+1, rounds))
		for i, measured := range readings {
			if measured.id != "" && !r.wanted(measured.id) {
				continue
			}
			began := time.Now()
			if err := measured.run(ctx); err != nil {
				return nil, err
			}
			rates[i] = append(rates[i], float64(log.last)/time.Since(began).Seconds())
		}
	}
	return rates, nil
}

// same is a peer that is a figure and not measured.
func same(value float64) []float64 {
	values := make([]float64, rounds)
	for i := range values {
		values[i] = value
	}
	return values
}

// rebuild makes a read model from the log's first event on, in a new file.
func (k *kept) rebuild(ctx context.Context, model projections.Model) (err error) {
	path := filepath.Join(k.dir, "rebuilt.db")
	quiet := slog.New(slog.DiscardHandler)
	db, err := projections.Open(ctx, path, quiet, model)
	if err != nil {
		return err
	}
	runner := projections.NewRunner(model, db, k.store, quiet)
	ctx, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- runner.Run(ctx) }()
	err = runner.WaitReady(ctx)
	stop()
	return errors.Join(err, <-ended, db.Close(), sqldb.Discard(path))
}

func keep(ctx context.Context, options Options, purchases int) (k *kept, err error) {
	k = &kept{}
	defer func() {
		if err != nil {
			err = errors.Join(err, k.close())
		}
	}()
	if k.dir, err = os.MkdirTemp("", "pushledger-bench-replay-"); err != nil {
		return k, err
	}
	if err := build(ctx, options, k.dir, purchases); err != nil {
		return k, err
	}
	k.server, err = natsserver.Start(natsserver.Options{StoreDir: audit.NATSDir(k.dir), Logger: options.Logger})
	if err != nil {
		return k, err
	}
	if k.conn, err = k.server.Connect("bench", natsserver.Grant{Name: "bench", Publish: []string{">"}, Subscribe: []string{">"}}); err != nil {
		return k, err
	}
	if k.store, err = eventlog.Open(ctx, k.conn, audit.Registry(), eventlog.Options{GroupSize: natsserver.MaxBatch}); err != nil {
		return k, err
	}
	if k.last, err = k.store.LastSequence(ctx); err != nil {
		return k, err
	}
	return k, k.sign(ctx, options)
}

// sign makes the tree over the whole log.
func (k *kept) sign(ctx context.Context, options Options) error {
	tree, err := transparency.Open(transparency.Options{
		Dir: filepath.Join(k.dir, "transparency"), KeyFile: filepath.Join(k.dir, "key"), Interval: signInterval, Logger: options.Logger,
		Publish: func(context.Context, transparency.Checkpoint, string) error { return nil },
	})
	if err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(ctx, signPatience)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- tree.Run(ctx, k.store.FollowEntries) }()
	for tree.Checkpoint().Size < k.last && ctx.Err() == nil {
		time.Sleep(signInterval)
	}
	if ctx.Err() != nil {
		return fmt.Errorf("the tree was not signed in time: %w", <-ended)
	}
	stop()
	if err := <-ended; err != nil {
		return err
	}
	key, err := transparency.ParseKey(tree.Key())
	k.signed = &audit.Signed{Key: key, Checkpoints: []transparency.Checkpoint{tree.Checkpoint()}}
	return err
}

func (k *kept) close() error {
	if k.store != nil {
		k.store.Close()
	}
	if k.conn != nil {
		k.conn.Close()
	}
	var err error
	if k.server != nil {
		err = k.server.Close()
	}
	return errors.Join(err, os.RemoveAll(k.dir))
}

func (k *kept) count(ctx context.Context) error {
	js, err := jetstream.New(k.conn)
	if err != nil {
		return err
	}
	consumer, err := js.OrderedConsumer(ctx, eventlog.StreamName, jetstream.OrderedConsumerConfig{})
	if err != nil {
		return err
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessages(replayWindow))
	if err != nil {
		return err
	}
	defer messages.Stop()
	for seen := uint64(0); seen < k.last; seen++ {
		if _, err := messages.Next(jetstream.NextContext(ctx)); err != nil {
			return err
		}
	}
	return nil
}

var errEnd = errors.New("bench: the end of the log")

// fold rebuilds every push from the log.
func (k *kept) fold(ctx context.Context) error {
	states := make(map[string]*push.State)
	err := k.store.Follow(ctx, 0, func(recorded eventstore.Recorded) error {
		if event, is := recorded.Event.(push.Event); is {
			state := states[recorded.Stream.Key]
			if state == nil {
				state = new(push.State)
				states[recorded.Stream.Key] = state
			}
			*state = push.Evolve(*state, event)
		}
		if recorded.Sequence == k.last {
			return errEnd
		}
		return nil
	}, nil)
	if !errors.Is(err, errEnd) {
		return err
	}
	return nil
}

func (k *kept) verify(ctx context.Context) error {
	_, err := audit.Verify(ctx, k, k.signed, audit.VerifyOptions{Progress: func(uint64, uint64) {}})
	return err
}
