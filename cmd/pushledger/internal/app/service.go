package app

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"github.com/pushledger/pushledger/aggregates/catalog"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/access"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/audit"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/certificate"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/commands"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/identity"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/notices"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/telemetry"
	"github.com/pushledger/pushledger/eventstore"
	eventlog "github.com/pushledger/pushledger/eventstore/jetstream"
	"github.com/pushledger/pushledger/eventstore/natsserver"
	"github.com/pushledger/pushledger/sagas/invalidation"
	"github.com/pushledger/pushledger/sagas/ledger"
	"github.com/pushledger/pushledger/sagas/payment/alipay"
	"github.com/pushledger/pushledger/sagas/purchase"
	"github.com/pushledger/pushledger/sagas/reconciliation"
	"github.com/pushledger/pushledger/sagas/registrar/natsregistrar"
)

// Service is a running PushLedger.
type Service struct {
	config         Config
	Ready          Ready
	verifier       *identity.Verifier
	roll           *identity.Roll
	tls            *certificate.Certificate // nil: both doors speak in the clear
	server         *natsserver.Server
	store          *eventlog.Store
	disk           disk
	poison         atomic.Pointer[error] // why a saga has stopped alone
	outside        *telemetry.Outside
	outsideLog     *slog.Logger // for what strangers and clients can cause
	audit          *auditing
	provider       *alipay.Provider
	balances       balances
	registrar      *natsregistrar.Client
	partners       *partners
	reading        reading
	saga           *purchase.Saga
	reconciliation *reconciliation.Saga // nil: it is not switched on
	background     *errgroup.Group
	ended          chan error     // what made the background end by itself
	closers        []func() error // run in reverse order
}

// Start runs a service until Close. When it returns without error the service answers
// and the ready file is written.
func Start(ctx context.Context, config Config) (*Service, error) {
	service := newService(config)
	if err := service.start(ctx); err != nil {
		return nil, errors.Join(err, service.Close())
	}
	return service, nil
}

func newService(config Config) *Service {
	service := &Service{config: config, roll: identity.NewRoll(now), ended: make(chan error, 1), outside: telemetry.NewOutside(config.Logger.Handler())}
	service.outsideLog = slog.New(service.outside)
	service.onClose(service.outside.Close)
	return service
}

// Log is the ledger's log, for those who watch it from inside the process.
func (s *Service) Log() eventstore.Store { return s.store }

// Ended gives the error with which a part of the service stopped by itself.
func (s *Service) Ended() <-chan error { return s.ended }

// Close stops taking commands, finishes the steps under way and closes the log, in this
// order, so nothing that was acknowledged is lost.
func (s *Service) Close() error {
	var errs []error
	for len(s.closers) > 0 {
		last := len(s.closers) - 1
		errs = append(errs, s.closers[last]())
		s.closers = s.closers[:last]
	}
	return errors.Join(errs...)
}

func (s *Service) onClose(closer func() error) { s.closers = append(s.closers, closer) }

func (s *Service) start(ctx context.Context) error {
	tokens, err := s.openIdentity(ctx)
	if err != nil {
		return err
	}
	if s.config.TLS != (certificate.Files{}) {
		if s.tls, err = certificate.Open(s.config.TLS, s.config.Logger); err != nil {
			return err
		}
	}
	if err := s.startServer(); err != nil {
		return err
	}
	door, err := s.listen(s.config.HTTPListen)
	if err != nil {
		return err
	}
	s.Ready = Ready{NATSURL: s.server.URL(), HTTPURL: "http://" + door.Addr().String()}
	inner := innerDoor{Listener: door, url: s.Ready.HTTPURL}
	if s.tls != nil {
		s.Ready.HTTPURL, s.Ready.TLSCA = "https://"+door.Addr().String(), s.tls.Chain()
		if inner, err = s.openInnerDoor(); err != nil {
			return err
		}
	}
	feed, err := s.takeEvents(ctx)
	if err != nil {
		return err
	}
	s.warnOfOpenDoors()
	mux := http.NewServeMux()
	if err := s.startSandbox(ctx, mux, tokens, inner.url); err != nil {
		return err
	}
	if err := s.startLedger(ctx, mux, feed); err != nil {
		return err
	}
	s.serveHTTP(door, mux, s.tlsConfig(tls.VerifyClientCertIfGiven, "h2", "http/1.1"))
	if inner.Listener != nil && inner.Listener != door {
		s.serveHTTP(inner, mux, nil)
	}
	close(s.partners.begin)
	return s.announce(ctx)
}

func (s *Service) startServer() error {
	server, err := natsserver.Start(natsserver.Options{
		StoreDir: audit.NATSDir(s.config.Data), Listen: s.config.NATSListen, SyncAlways: s.config.SyncAlways,
		Authorize: s.authorize, TLS: s.tlsConfig(tls.RequireAndVerifyClientCert), Derived: []string{notices.StreamName}, ForgetConsumers: true, Logger: s.outsideLog,
	})
	if err != nil {
		return err
	}
	s.server = server
	s.onClose(server.Close)
	return nil
}

func (s *Service) authorize(token string) (natsserver.Grant, error) {
	who, err := s.verifier.Verify(token)
	if err != nil {
		return natsserver.Grant{}, err
	}
	grant, err := access.Grant(who, s.config.Sandbox)
	if err != nil {
		return natsserver.Grant{}, err
	}
	s.roll.Enter(who)
	return grant, nil
}

// connect opens the connection of a part of the service, with the rights of that part.
func (s *Service) connect(part string) (*nats.Conn, error) {
	grant, inbox, err := access.PartOf(part)
	if err != nil {
		return nil, err
	}
	conn, err := s.server.Connect(part, grant, nats.CustomInboxPrefix(inbox))
	if err != nil {
		return nil, err
	}
	s.onClose(func() error { conn.Close(); return nil })
	return conn, nil
}

// startLedger starts the log and all that lives on it, readers first.
func (s *Service) startLedger(ctx context.Context, mux *http.ServeMux, feed *natsregistrar.Feed) error {
	writer, err := s.connect("log")
	if err != nil {
		return err
	}
	registry := eventstore.NewRegistry(catalog.Events()...)
	if s.store, err = eventlog.Open(ctx, writer, registry, eventlog.Options{
		GroupSize: natsserver.MaxBatch, NewKind: ledger.DomainKind,
	}); err != nil {
		return err
	}
	s.onClose(func() error { s.store.Close(); return nil })
	if err := s.openAudit(ctx); err != nil {
		return err
	}
	if err := s.openAlipay(); err != nil {
		return err
	}
	if err := s.connectPartners(); err != nil {
		return err
	}
	if err := s.openReadModels(ctx); err != nil {
		return err
	}
	s.startAudit()
	pushLedger := ledger.New(sealed{Store: s.store, sound: s.sound, doubt: s.disk.doubt})
	s.startSagas(pushLedger, feed)
	if err := s.openDoors(ctx, pushLedger); err != nil {
		return err
	}
	mux.Handle("POST /alipay/notify", notify{
		provider: s.provider, saga: s.saga, refused: s.reading.metrics.NotificationRefused, logger: s.outsideLog,
	})
	mux.HandleFunc("/alipay/notify", postOnly)
	queries := s.queryHandler()
	mux.Handle("GET /readyz", s.readiness(queries))
	mux.Handle("/", queries)
	return nil
}

// connectPartners opens the connection to registrar and account directory.
func (s *Service) connectPartners() error {
	conn, err := s.connect("partners")
	if err != nil {
		return err
	}
	timeout := registrarTimeout
	if s.config.Sandbox {
		timeout = sandboxTimeout
	}
	s.registrar = natsregistrar.New(conn, timeout)
	s.partners = s.partnersOf()
	return nil
}

// takeEvents keeps what the registrar publishes, and returns what works it off.
func (s *Service) takeEvents(ctx context.Context) (*natsregistrar.Feed, error) {
	conn, err := s.connect("feed")
	if err != nil {
		return nil, err
	}
	js, err := jetstream.New(conn, jetstream.WithDefaultTimeout(streamPatience))
	if err != nil {
		return nil, fmt.Errorf("app: %w", err)
	}
	if err := natsregistrar.EnsureStream(ctx, js); err != nil {
		return nil, err
	}
	door, err := s.connect("registrar-events")
	if err != nil {
		return nil, err
	}
	taken, err := natsregistrar.OpenIntake(door, s.config.Logger)
	if err != nil {
		return nil, err
	}
	s.onClose(taken.Close)
	return natsregistrar.NewFeed(js, "pushledger-invalidation", checkedFile(filepath.Join(s.config.Data, "registrar_events.position")), s.config.Logger), nil
}

// startSagas starts everything that works by itself, and stops it again on Close.
func (s *Service) startSagas(pushLedger *ledger.Ledger, feed *natsregistrar.Feed) {
	first, longest, grace := pollFirst, pollLongest, closeGrace
	patience := s.config.SourcesPatience
	var probe, later, latest time.Duration // the saga's own
	if s.config.Sandbox {
		first, longest, grace = sandboxPollFirst, sandboxPollMost, sandboxGrace
		patience = cmp.Or(patience, sandboxSources)
		probe, later, latest = sandboxProbe, sandboxPostponed, sandboxProbe
	}
	s.saga = purchase.New(purchase.Config{
		Store: s.store, Ledger: pushLedger, Provider: s.provider, Registrar: s.registrar, Directory: s.registrar,
		Keeper: checkedFile(filepath.Join(s.config.Data, "purchases.json")), Logger: s.config.Logger, Now: now, Workers: workers, PollFirst: first, PollLongest: longest,
		SourcesPatience: patience, CloseGrace: grace, UnknownChannel: s.reading.metrics.UnknownChannel,
		ProbeEvery: probe, PostponedFirst: later, PostponedLongest: latest, Postponed: s.reading.metrics.Postponed,
	})
	s.openReconciliation(pushLedger)
	invalidations := invalidation.New(s.store, pushLedger, s.registrar, s.config.Logger, now)
	ctx, stop := context.WithCancel(context.Background())
	s.background, ctx = errgroup.WithContext(ctx)
	s.background.Go(func() error { return s.audit.watch(ctx) })
	s.background.Go(func() error { return s.watchDisk(ctx) })
	s.background.Go(func() error { return s.watchTokens(ctx) })
	s.background.Go(func() error { return s.watchCertificates(ctx) })
	s.background.Go(func() error { return s.runReconciliation(ctx) })
	s.background.Go(func() error { return s.watchBalance(ctx) })
	s.background.Go(func() error { return s.partners.hear(ctx) })
	s.background.Go(func() error { return s.unlessPoisoned("purchases", s.saga.Run(ctx)) })
	s.background.Go(func() error { return s.unlessPoisoned("invalidations", invalidations.Run(ctx)) })
	s.background.Go(func() error { return feed.Follow(ctx, invalidations.Handle) })
	s.runReadModels(ctx)
	go func() { s.ended <- s.background.Wait() }()
	s.onClose(func() error {
		stop()
		err := s.background.Wait()
		if errors.Is(err, context.Canceled) {
			return nil
		}
		return err
	})
}

// unlessPoisoned passes on why a saga has stopped, but not if that is an event that this
// program does not know: then it stops alone, and the service says that it is not ready.
func (s *Service) unlessPoisoned(saga string, err error) error {
	if !errors.Is(err, eventstore.ErrUnknownEvent) {
		return err
	}
	err = fmt.Errorf("app: %s have stopped: %w", saga, err)
	s.poison.Store(&err)
	s.config.Logger.Error("A SAGA HAS STOPPED at an event that this program does not know: a newer one is needed", "saga", saga, "error", err)
	return nil
}

// openDoors lets clients in.
func (s *Service) openDoors(ctx context.Context, pushLedger *ledger.Ledger) error {
	conn, err := s.connect("doors")
	if err != nil {
		return err
	}
	if err := s.answerQueries(conn); err != nil {
		return err
	}
	key, err := openPushIDKey(s.config.Data)
	if err != nil {
		return err
	}
	handler := commands.NewHandler(commands.Config{
		Ledger: pushLedger, Registrar: s.registrar, Directory: s.registrar, Provider: s.provider,
		Now: now, Window: s.config.PaymentWindow, OwnAccount: s.config.OwnAccount, ByMerchant: s.config.ByMerchant, Limits: s.config.PayoutLimits, Fees: s.config.Fees, Operator: s.roll.Operates, Origin: s.server.AddressOf, Alarmed: s.saga.IsAlarmed,
		Index: s.reading.commands, PushIDKey: key, Logger: s.outsideLog,
	})
	if err := s.openSubmissions(ctx, handler); err != nil {
		return err
	}
	if err := s.server.SyncDescriptions(); err != nil { // no command is answered before the streams outlast a power cut
		return err
	}
	told, err := commands.Open(conn, handler, s.config.Limit, s.config.Version, s.outsideLog)
	if err != nil {
		return err
	}
	s.onClose(told.Close)
	return nil
}

// openSubmissions works off the commands that were published to the queue.
func (s *Service) openSubmissions(ctx context.Context, handler *commands.Handler) error {
	conn, err := s.connect("submissions")
	if err != nil {
		return err
	}
	door, err := s.connect("intake")
	if err != nil {
		return err
	}
	queue, err := commands.OpenSubmissions(ctx, conn, door, handler, s.outsideLog)
	if err != nil {
		return err
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() { ended <- queue.Run(running) }()
	s.onClose(func() error { stop(); return <-ended })
	return nil
}

func now() time.Time { return time.Now().UTC() }
