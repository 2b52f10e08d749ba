// Package platform is a sandbox of the domain platform: a registrar and an account
// directory that are reached only through their NATS contracts, and controls that
// change facts, cause events, act for the holder of a domain and inject faults.
//
// What it guarantees: what an answer says has been written to the key-value bucket
// before; an operation id means one move, or one hold, for as long as it is among the
// newest of its domain; a hold that was released is never placed again; a held domain
// changes by no act of an account, but by the ledger's moves and by what the registry and
// the registrar do themselves; several names of one registration are one domain; a
// domain's revision rises with each change of its facts, which a hold is not; requests
// about different domains do not wait for each other. Faults live in memory alone and end
// with the process. If the process dies between a change and its event, the event is
// lost; whoever ordered the change then had no answer, and orders it again.
package platform

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/sagas/registrar/natsregistrar"
)

// Bounds of the service.
const (
	requestsAtOnce = 256
	requestsAhead  = 8192 // waiting; more are dropped, and their senders time out
	maxRequest     = 1 << 20
	patience       = 5 * time.Second  // for one write or publication
	streamPatience = 30 * time.Second // for the server to make a stream
)

// Config of a platform. Every field is needed but Controls; the inventory may be empty.
type Config struct {
	Conn      *nats.Conn         // stays the caller's, and open until Close has returned
	Controls  *nats.Conn         // likewise, on which the controls are heard; nil: on Conn
	KV        jetstream.KeyValue // where the state is kept
	Inventory Inventory          // what is there at first
	Logger    *slog.Logger
	Now       func() time.Time
}

// Platform is a running sandbox.
type Platform struct {
	conn   *nats.Conn
	steer  *nats.Conn
	js     jetstream.JetStream
	kv     jetstream.KeyValue
	logger *slog.Logger
	now    func() time.Time

	faults    faults
	domains   registry
	directory directory

	handlers      map[string]handler
	incoming      chan *nats.Msg
	subscriptions []*nats.Subscription
	stop          context.CancelFunc
	stopped       chan struct{} // closed when every request is dealt with
	closing       sync.Once
}

// controls is what the subjects of controls begin with.
const controls = "sandbox."

// handler answers one request. It returns a refusal for what the sender did wrong, and
// errNoAnswer to stay silent.
type handler func(ctx context.Context, body []byte) (any, error)

// Start loads the state, adds from the inventory what is not there, and serves until
// Close. Its events are published to whoever takes them in. ctx bounds the start alone.
func Start(ctx context.Context, config Config) (*Platform, error) {
	js, err := jetstream.New(config.Conn, jetstream.WithDefaultTimeout(streamPatience))
	if err != nil {
		return nil, fmt.Errorf("platform: %w", err)
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	p := &Platform{
		conn: config.Conn, steer: cmp.Or(config.Controls, config.Conn), js: js, kv: config.KV, logger: config.Logger, now: config.Now,
		domains:  registry{domains: make(map[domainname.Name]*domain)},
		incoming: make(chan *nats.Msg, requestsAhead), stop: stop, stopped: make(chan struct{}),
	}
	p.handlers = p.routes()
	err = p.load(ctx)
	if err == nil {
		err = p.seed(ctx, config.Inventory)
	}
	if err == nil {
		err = p.subscribe()
	}
	go p.serve(running)
	if err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

func (p *Platform) routes() map[string]handler {
	return map[string]handler{
		natsregistrar.SubjectFacts:     p.facts,
		natsregistrar.SubjectMove:      p.move,
		natsregistrar.SubjectHold:      p.hold,
		natsregistrar.SubjectOperation: p.operation,
		natsregistrar.SubjectAccount:   p.account,
		"sandbox.registrar.set":        p.setDomain,
		"sandbox.registrar.event":      p.causeEvent,
		"sandbox.registrar.act":        p.act,
		"sandbox.registrar.fault":      p.setFault,
		"sandbox.accounts.set":         p.setAccount,
		"sandbox.accounts.fault":       p.setAccountFault,
	}
}

func (p *Platform) subscribe() error {
	for subject := range p.handlers {
		conn := p.conn
		if strings.HasPrefix(subject, controls) {
			conn = p.steer
		}
		subscription, err := conn.ChanSubscribe(subject, p.incoming)
		if err != nil {
			return fmt.Errorf("platform: subscribe to %s: %w", subject, err)
		}
		p.subscriptions = append(p.subscriptions, subscription)
	}
	for _, conn := range []*nats.Conn{p.conn, p.steer} {
		if err := conn.FlushTimeout(patience); err != nil { // a request sent from now on is heard
			return fmt.Errorf("platform: subscribe: %w", err)
		}
	}
	return nil
}

// serve takes requests in until ctx ends, then waits for those that are running.
func (p *Platform) serve(ctx context.Context) {
	defer close(p.stopped)
	var running sync.WaitGroup
	defer running.Wait()
	slots := make(chan struct{}, requestsAtOnce)
	for {
		select {
		case <-ctx.Done():
			return
		case request := <-p.incoming:
			slots <- struct{}{}
			running.Go(func() {
				defer func() { <-slots }()
				if err := p.answer(ctx, request); err != nil {
					p.logger.Error("sandbox platform: an answer could not be sent", "error", err)
				}
			})
		}
	}
}

// answer deals with one request, to its end even while the platform closes.
func (p *Platform) answer(ctx context.Context, request *nats.Msg) error {
	if !strings.HasPrefix(request.Reply, "_INBOX.") {
		// The platform may publish anywhere; a sender must not choose where.
		p.logger.Warn("sandbox platform: ignored a request without an inbox", "subject", request.Subject)
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	said, err := p.handle(ctx, request)
	if errors.Is(err, errNoAnswer) {
		return nil
	}
	if err != nil {
		said = p.failure(request.Subject, err)
	}
	body, err := json.Marshal(said)
	if err != nil {
		return fmt.Errorf("platform: encode answer on %s: %w", request.Subject, err)
	}
	if err := request.Respond(body); err != nil { // on the connection that the request came from
		return fmt.Errorf("platform: answer on %s: %w", request.Subject, err)
	}
	return nil
}

func (p *Platform) handle(ctx context.Context, request *nats.Msg) (any, error) {
	if len(request.Data) > maxRequest {
		return nil, refuse("too_large", "a request holds at most %d bytes", maxRequest)
	}
	return p.handlers[request.Subject](ctx, request.Data)
}

// Close stops taking requests in and waits for those that are running.
func (p *Platform) Close() {
	p.closing.Do(func() {
		for _, subscription := range p.subscriptions {
			if err := subscription.Unsubscribe(); err != nil {
				p.logger.Warn("sandbox platform: unsubscribe", "subject", subscription.Subject, "error", err)
			}
		}
		p.stop()
	})
	<-p.stopped
}
