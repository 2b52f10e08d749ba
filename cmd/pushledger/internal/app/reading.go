package app

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"golang.org/x/sync/errgroup"

	"github.com/pushledger/pushledger/cmd/pushledger/internal/acceptance"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/httpapi"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/identity"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/natsapi"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/notices"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/telemetry"
	"github.com/pushledger/pushledger/eventstore"
	"github.com/pushledger/pushledger/projections"
	"github.com/pushledger/pushledger/projections/accounts"
	"github.com/pushledger/pushledger/projections/commandids"
	"github.com/pushledger/pushledger/projections/pushes"
	"github.com/pushledger/pushledger/sagas/ledger"
)

const learnPause = time.Second // between two attempts to learn from a read model

// reading is the read side of the service.
type reading struct {
	pushes     *pushes.Queries
	accounts   *accounts.Queries
	acceptance *acceptance.Queries
	commands   *commandids.Index
	notices    *notices.Notices
	models     []*projections.Served
	metrics    *telemetry.Metrics
	stopping   chan struct{} // closed when followers of events are to go
	stop       func()
}

// openReadModels opens every read model in a file of its own, so that none waits for
// another.
func (s *Service) openReadModels(ctx context.Context) error {
	stopTracing, err := telemetry.Trace(ctx, s.config.Version)
	if err != nil {
		return err
	}
	s.onClose(stopTracing)
	s.reading.metrics = telemetry.NewMetrics()
	s.reading.metrics.Observe("pushledger_log_lines_left_out",
		"Lines about what strangers and clients do that were only counted: of each kind one a minute is written.", s.outside.LeftOut)
	s.reading.stopping = make(chan struct{})
	s.reading.stop = sync.OnceFunc(func() { close(s.reading.stopping) })
	if err := s.openFiles(ctx); err != nil {
		return err
	}
	return s.openNotices(ctx)
}

// openFiles opens all of them at the same time: each is read as a whole once.
func (s *Service) openFiles(ctx context.Context) error {
	var opening sync.Mutex
	from := func(file string) func(projections.Model) (*projections.Served, error) {
		return func(model projections.Model) (*projections.Served, error) {
			served, err := projections.OpenServed(ctx, filepath.Join(s.config.Data, file), model, s.store, s.config.Logger)
			if err == nil {
				opening.Lock()
				defer opening.Unlock()
				s.onClose(served.Close)
			}
			return served, err
		}
	}
	var books *projections.Served
	var group errgroup.Group
	group.Go(func() (err error) {
		s.reading.pushes, err = pushes.OpenQueries(from(pushesFile), s.store)
		return err
	})
	group.Go(func() (err error) {
		books, err = from(accountsFile)(accounts.Model())
		return err
	})
	group.Go(func() (err error) {
		s.reading.commands, err = commandids.OpenIndex(from(commandsFile))
		return err
	})
	if err := group.Wait(); err != nil {
		return err
	}
	s.reading.accounts = accounts.NewQueries(books)
	s.reading.acceptance = acceptance.New(acceptance.Config{
		Pushes: s.reading.pushes, Registrar: s.registrar, Directory: s.registrar, Now: now, ByMerchant: s.config.ByMerchant, Limits: s.config.PayoutLimits,
	})
	s.reading.models = []*projections.Served{s.reading.pushes.Served, books, s.reading.commands.Served}
	return nil
}

// openNotices opens them on a connection that can write nothing else.
func (s *Service) openNotices(ctx context.Context) error {
	conn, err := s.connect("notices")
	if err != nil {
		return err
	}
	s.reading.notices, err = notices.Open(ctx, conn, notices.Config{
		Log: s.store, Pushes: s.reading.pushes, Now: now, Logger: s.config.Logger,
	})
	return err
}

// runReadModels follows the log with every read model. One that stops is loud and not
// ready, but takes nothing else down.
func (s *Service) runReadModels(ctx context.Context) {
	s.reading.pushes.Attempts, s.reading.pushes.Alarmed = s.saga.Attempts, s.saga.Alarmed
	for _, model := range s.reading.models {
		s.background.Go(func() error { return model.Run(ctx) })
	}
	s.background.Go(func() error { s.reading.commands.Learn(ctx); return nil })
	s.background.Go(func() error { s.learnDomains(ctx); return nil })
	s.background.Go(func() error {
		if err := s.reading.notices.Run(ctx); err != nil { // loud, but nobody else has to stop for it
			s.config.Logger.Error("notices stopped", "error", err)
		}
		return nil
	})
}

// learnDomains tells the log which domains it has events of, so that nothing has to be read
// for an offer of another. A read model that cannot tell them now is asked again.
func (s *Service) learnDomains(ctx context.Context) {
	for told := false; ; told = true {
		err := s.domainsFromRows(ctx)
		if err == nil || ctx.Err() != nil {
			return
		}
		if !told {
			s.config.Logger.Warn("every domain offered is looked up in the log until the read model tells which have events", "error", err)
		}
		wait(ctx, learnPause)
	}
}

// domainsFromRows waits until the rows show all that was in the log, of whatever version
// of the read model they are.
func (s *Service) domainsFromRows(ctx context.Context) error {
	last, err := s.store.LastSequence(ctx)
	if err != nil {
		return err
	}
	if err := s.reading.pushes.WaitFor(ctx, last); err != nil {
		return err
	}
	return s.store.Learn(func(yield func(eventstore.StreamID, error) bool) {
		for name, err := range s.reading.pushes.Domains(ctx) {
			if !yield(ledger.DomainStream(name), err) {
				return
			}
		}
	})
}

// waitForReadModels waits until every read model shows the whole log, or has stopped at an
// event that it cannot fold: the others, and all that writes, go on without it.
func (s *Service) waitForReadModels(ctx context.Context) error {
	for _, model := range s.reading.models {
		err := model.WaitReady(ctx)
		if ctx.Err() != nil {
			return fmt.Errorf("app: read model %s: %w", model.Name(), err)
		}
		if err != nil {
			s.config.Logger.Error("A READ MODEL HAS STOPPED: the service starts without it", "model", model.Name(), "error", err)
		}
	}
	return nil
}

func (s *Service) queryHandler() http.Handler {
	s.reading.metrics.Models(s.reading.models, s.config.Logger)
	s.reading.metrics.Observe("pushledger_purchases_open", "Pushes for which something is left to do, now or at a deadline.",
		func() float64 { return float64(s.saga.Open()) })
	s.measureCertificates()
	s.measureReconciliation()
	s.measureAlarms()
	s.measureBalances()
	return httpapi.New(httpapi.Config{
		Pushes: s.reading.pushes, Accounts: s.reading.accounts, Acceptance: s.reading.acceptance, Models: s.reading.models,
		Metrics: s.reading.metrics, Stopping: s.reading.stopping, Silent: s.partners.silent,
		Authenticate: identity.Remember(s.verifier.Verify, now), Certified: s.config.TLS.ClientCA != "", Version: s.config.Version, Logger: s.outsideLog,
	})
}

// answerQueries answers over NATS what queryHandler answers over HTTP.
func (s *Service) answerQueries(conn *nats.Conn) error {
	asked, err := natsapi.Open(conn, natsapi.Config{
		Pushes: s.reading.pushes, Accounts: s.reading.accounts, Acceptance: s.reading.acceptance, Notices: s.reading.notices,
		SeesAll: s.roll.SeesAll, Version: s.config.Version, Logger: s.outsideLog,
	})
	if err != nil {
		return err
	}
	s.onClose(asked.Close)
	return nil
}
