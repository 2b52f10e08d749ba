package bench

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/access"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/commands"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/identity"
	"github.com/pushledger/pushledger/eventstore/natsserver"
	"github.com/pushledger/pushledger/sagas/registrar/natsregistrar"
)

const (
	kindPostgres    = "postgres"
	pgCommands      = 1024 // carried out at the same time
	pgPatience      = 15 * time.Second
	partnerPatience = 5 * time.Second // for one answer
	tokenIssuer     = "pushledger"
)

// postgresService is a service for offers as a team would write it on PostgreSQL: the same
// door on NATS with the same check of tokens, the same questions to the partners and the
// same rules as the service under test, then one transaction. It has no read models, no log,
// no tree and no saga; what it keeps has no index that an offer does not need.
type postgresService struct {
	server    *natsserver.Server
	verifier  *identity.Verifier
	store     *offerStore
	outbox    *outbox
	registrar *natsregistrar.Client
	door      *nats.Conn
	told      micro.Service
	conns     []*nats.Conn
	tasks     chan micro.Request
	working   sync.WaitGroup
}

func startPostgresService(ctx context.Context, given setup) (started peer, err error) {
	p := &postgresService{tasks: make(chan micro.Request, pgCommands)}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.close())
		}
	}()
	if p.verifier, err = identity.OpenVerifier(ctx, tokenIssuer, identity.Source{File: given.Keys, Now: time.Now, Logger: slog.New(slog.DiscardHandler)}); err != nil {
		return nil, err
	}
	p.server, err = natsserver.Start(natsserver.Options{
		StoreDir: filepath.Join(given.Dir, "nats"), Listen: given.Listen, Authorize: p.authorize, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return nil, err
	}
	asking, err := p.connect("partners")
	if err != nil {
		return nil, err
	}
	p.registrar = natsregistrar.New(asking, partnerPatience)
	if p.store, err = openOfferStore(ctx, given.Dir); err != nil {
		return nil, err
	}
	telling, err := p.connect("notices")
	if err != nil {
		return nil, err
	}
	p.outbox = startOutbox(p.store.pool, telling)
	return p, p.open()
}

func (p *postgresService) authorize(token string) (natsserver.Grant, error) {
	who, err := p.verifier.Verify(token)
	if err != nil {
		return natsserver.Grant{}, err
	}
	return access.Grant(who, false)
}

func (p *postgresService) connect(part string) (*nats.Conn, error) {
	grant, inbox, err := access.PartOf(part)
	if err != nil {
		return nil, err
	}
	conn, err := p.server.Connect(part, grant, nats.CustomInboxPrefix(inbox))
	if err == nil {
		p.conns = append(p.conns, conn)
	}
	return conn, err
}

// open lets clients in.
func (p *postgresService) open() (err error) {
	if p.door, err = p.connect("doors"); err != nil {
		return err
	}
	for range pgCommands { // workers stay, so that their stacks are grown once
		p.working.Go(func() {
			for request := range p.tasks {
				p.answer(request)
			}
		})
	}
	if p.told, err = micro.AddService(p.door, micro.Config{Name: "offers", Version: "0.0.0"}); err != nil {
		return err
	}
	if err := p.told.AddEndpoint("commands", micro.HandlerFunc(p.receive), micro.WithEndpointSubject("push.cmd.*.offer")); err != nil {
		return err
	}
	return p.door.Flush()
}

func (p *postgresService) receive(request micro.Request) {
	select {
	case p.tasks <- request:
	default:
		p.respond(request, refusal(push.Refuse(push.CodeUnavailable, "")))
	}
}

func (p *postgresService) answer(request micro.Request) {
	ctx, cancel := context.WithTimeout(context.Background(), pgPatience)
	defer cancel()
	account := strings.Split(request.Subject(), ".")[2]
	if !strings.HasPrefix(request.Reply(), "_INBOX."+account+".") {
		return
	}
	reply, err := p.offer(ctx, account, request.Headers().Get("Command-Id"), request.Data())
	if err != nil {
		reply = refusal(err)
	}
	p.respond(request, reply)
}

func (p *postgresService) respond(request micro.Request, reply commands.Reply) {
	text, err := json.Marshal(reply, json.Deterministic(true))
	if err == nil {
		err = p.door.Publish(request.Reply(), text)
	}
	if err != nil {
		slog.Error("a reply was not sent", "error", err)
	}
}

// refusal is the answer no. What goes wrong by itself is told to the load, which ends.
func refusal(err error) commands.Reply {
	var refused *push.Refusal
	if !errors.As(err, &refused) {
		refused = push.Refuse(push.CodeUnavailable, "")
		slog.Error("a command failed", "error", err)
	}
	return commands.Reply{Error: refused}
}

func (p *postgresService) ready() ready { return ready{URL: p.server.URL()} }

func (p *postgresService) do(context.Context, order) (sample, error) {
	return sample{}, errOnlyServes
}

func (p *postgresService) close() error {
	var errs []error
	if p.told != nil {
		errs = append(errs, p.told.Stop())
	}
	close(p.tasks)
	p.working.Wait()
	if p.outbox != nil {
		errs = append(errs, p.outbox.close())
	}
	for _, conn := range p.conns {
		conn.Close()
	}
	if p.store != nil {
		p.store.pool.Close()
	}
	if p.server != nil {
		errs = append(errs, p.server.Close())
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("the service on PostgreSQL: %w", err)
	}
	return nil
}
