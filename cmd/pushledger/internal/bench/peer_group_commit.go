package bench

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/pushledger/pushledger/aggregates"
	"github.com/pushledger/pushledger/aggregates/catalog"
	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/listing"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/eventstore"
	eventlog "github.com/pushledger/pushledger/eventstore/jetstream"
	"github.com/pushledger/pushledger/eventstore/natsserver"
	"github.com/pushledger/pushledger/sagas/ledger"
)

const kindGroupCommit = "group-commit"

// groupCommitPeer is the service's own store and nothing else: it appends the two events of
// an offer, with no door, rule, partner or read model.
type groupCommitPeer struct {
	server *natsserver.Server
	store  *eventlog.Store
	end    func()
	like   push.Offered
	next   atomic.Int64
}

func startGroupCommit(ctx context.Context, given setup) (peer, error) {
	server, err := natsserver.Start(natsserver.Options{StoreDir: given.Dir, SyncAlways: true, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	conn, err := server.Connect("bench", openTo("bench"))
	if err != nil {
		return nil, errors.Join(err, server.Close())
	}
	store, err := eventlog.Open(ctx, conn, eventstore.NewRegistry(catalog.Events()...), eventlog.Options{
		GroupSize: natsserver.MaxBatch, NewKind: ledger.DomainKind,
	})
	if err != nil {
		return nil, errors.Join(err, server.Close())
	}
	p := &groupCommitPeer{server: server, store: store, end: func() { store.Close(); conn.Close() }}
	first := bargain{seller: historySeller(0), now: time.Now().UTC()}
	events, err := first.offered()
	if err != nil {
		return nil, errors.Join(err, p.close())
	}
	p.like = events[0].(push.Offered)
	return p, nil
}

func (p *groupCommitPeer) ready() ready { return ready{} }

func (p *groupCommitPeer) close() error {
	p.end()
	return p.server.Close()
}

func (p *groupCommitPeer) do(ctx context.Context, wanted order) (sample, error) {
	return load(ctx, wanted.InFlight, wanted.span(), p.append)
}

func (p *groupCommitPeer) append(ctx context.Context, _ int) error {
	offered, domain := p.like, domainname.Name(domainName(int(p.next.Add(1))))
	offered.PushID = uuid.Must(uuid.NewV7()).String()
	offered.Items = []push.Item{{Domain: domain, Price: offered.Total}}
	_, err := p.store.Append(ctx, eventstore.Metadata{
		CommandID: uuid.Must(uuid.NewV7()).String(), CommandHash: fmt.Sprintf("%064d", 0), Actor: offered.Seller,
	},
		eventstore.Change{Stream: ledger.DomainStream(domain), Events: []aggregates.Event{listing.Reserved{PushID: offered.PushID, At: offered.OfferedAt}}},
		eventstore.Change{Stream: ledger.PushStream(offered.PushID), Events: []aggregates.Event{offered}})
	return err
}
