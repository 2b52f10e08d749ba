package app

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"sync"

	"github.com/nats-io/nats.go"

	"github.com/pushledger/pushledger/cmd/pushledger/internal/httpapi"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/identity"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/natsapi"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/notices"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/telemetry"
	"github.com/pushledger/pushledger/projections"
	"github.com/pushledger/pushledger/projections/accounts"
	"github.com/pushledger/pushledger/projections/commandids"
	"github.com/pushledger/pushledger/projections/pushes"
)

// reading is the read side of the service.
type reading struct {
	pushes   *pushes.Queries
	accounts *accounts.Queries
	commands *commandids.Index
	notices  *notices.Notices
	models   []*projections.Served
	metrics  *telemetry.Metrics
	stopping chan struct{} // closed when followers of events are to go
	stop     func()
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
	s.reading.stopping = make(chan struct{})
	s.reading.stop = sync.OnceFunc(func() { close(s.reading.stopping) })
	s.reading.pushes, err = pushes.OpenQueries(func(model projections.Model) (*projections.Served, error) {
		return s.openReadModel(ctx, pushesFile, model)
	}, s.store)
	if err != nil {
		return err
	}
	books, err := s.openReadModel(ctx, accountsFile, accounts.Model())
	if err != nil {
		return err
	}
	s.reading.accounts = accounts.NewQueries(books)
	s.reading.commands, err = commandids.OpenIndex(func(model projections.Model) (*projections.Served, error) {
		return s.openReadModel(ctx, commandsFile, model)
	})
	if err != nil {
		return err
	}
	return s.openNotices(ctx)
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

func (s *Service) openReadModel(ctx context.Context, file string, model projections.Model) (*projections.Served, error) {
	served, err := projections.OpenServed(ctx, filepath.Join(s.config.Data, file), model, s.store, s.config.Logger)
	if err != nil {
		return nil, err
	}
	s.onClose(served.Close)
	s.reading.models = append(s.reading.models, served)
	return served, nil
}

// runReadModels follows the log with every read model. One that stops is loud and not
// ready, but takes nothing else down.
func (s *Service) runReadModels(ctx context.Context) {
	s.reading.pushes.Attempts = s.saga.Attempts
	for _, model := range s.reading.models {
		s.background.Go(func() error { return model.Run(ctx) })
	}
	s.background.Go(func() error { s.reading.commands.Learn(ctx); return nil })
	s.background.Go(func() error {
		if err := s.reading.notices.Run(ctx); err != nil { // loud, but nobody else has to stop for it
			s.config.Logger.Error("notices stopped", "error", err)
		}
		return nil
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
	return httpapi.New(httpapi.Config{
		Pushes: s.reading.pushes, Accounts: s.reading.accounts, Models: s.reading.models, Metrics: s.reading.metrics, Stopping: s.reading.stopping,
		Authenticate: identity.Remember(s.verifier.Verify, now), Certified: s.config.TLS.ClientCA != "", Version: s.config.Version, Logger: s.config.Logger,
	})
}

// answerQueries answers over NATS what queryHandler answers over HTTP.
func (s *Service) answerQueries(conn *nats.Conn) error {
	asked, err := natsapi.Open(conn, natsapi.Config{
		Pushes: s.reading.pushes, Accounts: s.reading.accounts, Notices: s.reading.notices, SeesAll: s.roll.SeesAll,
		Version: s.config.Version, Logger: s.config.Logger,
	})
	if err != nil {
		return err
	}
	s.onClose(asked.Close)
	return nil
}
