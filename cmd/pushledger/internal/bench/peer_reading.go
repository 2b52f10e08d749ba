package bench

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
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
	"github.com/pushledger/pushledger/projections/sqldb"
)

const (
	kindReading  = "reading"
	replayWindow = 5000 // messages asked for ahead, as the store's own followers do
	signPatience = 2 * time.Minute
	signInterval = 50 * time.Millisecond
)

// What a reading can be.
const (
	readCount   = "count"
	readFold    = "fold"
	readVerify  = "verify"
	readRebuild = "rebuild:" // and the name of a read model
)

// readingPeer reads a log that is kept in a directory.
type readingPeer struct {
	*audit.Stopped // nil: verifying asks for no more than the entries
	dir            string
	server         *natsserver.Server
	conn           *nats.Conn
	store          *eventlog.Store
	last           uint64
	signed         *audit.Signed
}

func startReading(ctx context.Context, given setup) (started peer, err error) {
	p := &readingPeer{dir: given.Dir}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.close())
		}
	}()
	if p.server, err = natsserver.Start(natsserver.Options{StoreDir: audit.NATSDir(p.dir), Logger: slog.New(slog.DiscardHandler)}); err != nil {
		return nil, err
	}
	if p.conn, err = p.server.Connect("bench", openTo("bench")); err != nil {
		return nil, err
	}
	if p.store, err = eventlog.Open(ctx, p.conn, audit.Registry(), eventlog.Options{GroupSize: natsserver.MaxBatch}); err != nil {
		return nil, err
	}
	if p.last, err = p.store.LastSequence(ctx); err != nil || !given.Tree {
		return p, err
	}
	return p, p.sign(ctx)
}

func (p *readingPeer) ready() ready { return ready{} }

func (p *readingPeer) close() error {
	if p.store != nil {
		p.store.Close()
	}
	if p.conn != nil {
		p.conn.Close()
	}
	if p.server != nil {
		return p.server.Close()
	}
	return nil
}

// do reads the whole log until the time is over, once at least, and counts events.
func (p *readingPeer) do(ctx context.Context, wanted order) (sample, error) {
	read, err := p.reading(wanted.What)
	if err != nil {
		return sample{}, err
	}
	seen, err := load(ctx, 1, wanted.span(), func(ctx context.Context, _ int) error { return read(ctx) })
	seen.calls *= int(p.last) // #nosec G115 -- a count
	return seen, err
}

func (p *readingPeer) reading(what string) (func(context.Context) error, error) {
	switch what {
	case readCount:
		return p.count, nil
	case readFold:
		return p.fold, nil
	case readVerify:
		return p.verify, nil
	}
	for _, model := range readModels {
		if name, is := strings.CutPrefix(what, readRebuild); is && name == model.Name {
			return func(ctx context.Context) error { return p.rebuild(ctx, model) }, nil
		}
	}
	return nil, fmt.Errorf("there is no reading %q", what)
}

// LastSequence makes it an audit.Ledger.
func (p *readingPeer) LastSequence(ctx context.Context) (uint64, error) {
	return p.store.LastSequence(ctx)
}

// Entries makes it an audit.Ledger.
func (p *readingPeer) Entries(ctx context.Context, after, upTo uint64, handle func(transparency.Entry) error) error {
	return p.store.Entries(ctx, after, upTo, handle)
}

func (p *readingPeer) count(ctx context.Context) error {
	js, err := jetstream.New(p.conn)
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
	for seen := uint64(0); seen < p.last; seen++ {
		if _, err := messages.Next(jetstream.NextContext(ctx)); err != nil {
			return err
		}
	}
	return nil
}

var errEnd = errors.New("bench: the end of the log")

// fold rebuilds every push from the log.
func (p *readingPeer) fold(ctx context.Context) error {
	states := make(map[string]*push.State)
	err := p.store.Follow(ctx, 0, func(recorded eventstore.Recorded) error {
		if event, is := recorded.Event.(push.Event); is {
			state := states[recorded.Stream.Key]
			if state == nil {
				state = new(push.State)
				states[recorded.Stream.Key] = state
			}
			*state = push.Evolve(*state, event)
		}
		if recorded.Sequence == p.last {
			return errEnd
		}
		return nil
	}, nil)
	if !errors.Is(err, errEnd) {
		return err
	}
	return nil
}

func (p *readingPeer) verify(ctx context.Context) error {
	_, err := audit.Verify(ctx, p, p.signed, audit.VerifyOptions{Progress: func(uint64, uint64) {}})
	return err
}

// rebuild makes a read model from the log's first event on, in a new file.
func (p *readingPeer) rebuild(ctx context.Context, model projections.Model) (err error) {
	path := filepath.Join(p.dir, "rebuilt.db")
	quiet := slog.New(slog.DiscardHandler)
	db, err := projections.Open(ctx, path, quiet, model)
	if err != nil {
		return err
	}
	runner := projections.NewRunner(model, db, p.store, quiet)
	ctx, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- runner.Run(ctx) }()
	err = runner.WaitReady(ctx)
	stop()
	return errors.Join(err, <-ended, db.Close(), sqldb.Discard(path))
}

// sign makes the tree over the whole log, or finds it.
func (p *readingPeer) sign(ctx context.Context) error {
	tree, err := transparency.Open(transparency.Options{
		Dir: filepath.Join(p.dir, "transparency"), KeyFile: filepath.Join(p.dir, "key"), Interval: signInterval, Logger: slog.New(slog.DiscardHandler),
		Publish: func(context.Context, transparency.Checkpoint, string) error { return nil },
	})
	if err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(ctx, signPatience)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- tree.Run(ctx, p.store.FollowEntries) }()
	for tree.Checkpoint().Size < p.last && ctx.Err() == nil {
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
	p.signed = &audit.Signed{Key: key, Checkpoints: []transparency.Checkpoint{tree.Checkpoint()}}
	return err
}
