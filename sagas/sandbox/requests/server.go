// Package requests serves the NATS requests of the sandbox. Requests do not wait for
// each other while fewer than 256 are under way, are answered into inboxes only, and
// are bounded in size and in time. Close waits for those that have begun.
package requests

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go"
)

// Bounds of a server.
const (
	atOnce   = 256
	ahead    = 8192 // waiting; more are dropped, and their senders time out
	maxBody  = 1 << 20
	patience = 10 * time.Second // for one request
)

// Handler answers one request with something to be sent as JSON. It returns a Refusal
// for what the sender did wrong, and ErrNoAnswer to stay silent.
type Handler func(ctx context.Context, body []byte) (any, error)

// Server is a running set of handlers.
type Server struct {
	conn          *nats.Conn
	logger        *slog.Logger
	handlers      map[string]Handler
	incoming      chan *nats.Msg
	subscriptions []*nats.Subscription
	stop          context.CancelFunc
	stopped       chan struct{} // closed when every request is dealt with
	closing       sync.Once
}

// Serve answers requests on the handlers' subjects until Close. The connection stays
// the caller's, and open until Close has returned.
func Serve(conn *nats.Conn, handlers map[string]Handler, logger *slog.Logger) (*Server, error) {
	running, stop := context.WithCancel(context.Background())
	s := &Server{
		conn: conn, logger: logger, handlers: handlers,
		incoming: make(chan *nats.Msg, ahead), stop: stop, stopped: make(chan struct{}),
	}
	err := s.subscribe()
	go s.serve(running)
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Server) subscribe() error {
	for subject := range s.handlers {
		subscription, err := s.conn.ChanSubscribe(subject, s.incoming)
		if err != nil {
			return fmt.Errorf("requests: subscribe to %s: %w", subject, err)
		}
		s.subscriptions = append(s.subscriptions, subscription)
	}
	if err := s.conn.FlushTimeout(patience); err != nil { // a request sent from now on is heard
		return fmt.Errorf("requests: subscribe: %w", err)
	}
	return nil
}

// serve takes requests in until ctx ends, then waits for those that are running.
func (s *Server) serve(ctx context.Context) {
	defer close(s.stopped)
	var running sync.WaitGroup
	defer running.Wait()
	slots := make(chan struct{}, atOnce)
	for {
		select {
		case <-ctx.Done():
			return
		case request := <-s.incoming:
			slots <- struct{}{}
			running.Go(func() {
				defer func() { <-slots }()
				if err := s.answer(ctx, request); err != nil {
					s.logger.Error("sandbox: an answer could not be sent", "error", err)
				}
			})
		}
	}
}

// answer deals with one request, to its end even while the server closes.
func (s *Server) answer(ctx context.Context, request *nats.Msg) error {
	if !strings.HasPrefix(request.Reply, "_INBOX.") {
		// The sandbox may publish anywhere; a sender must not choose where.
		s.logger.Warn("sandbox: ignored a request without an inbox", "subject", request.Subject)
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	said, err := s.handle(ctx, request)
	if errors.Is(err, ErrNoAnswer) {
		return nil
	}
	if err != nil {
		said = s.failure(request.Subject, err)
	}
	body, err := json.Marshal(said)
	if err == nil && int64(len(body)) > s.conn.MaxPayload() {
		body, err = json.Marshal(failure{Error: Refusal{Code: "too_large", Message: "the answer is too long for one message; ask for less"}})
	}
	if err != nil {
		return fmt.Errorf("requests: encode answer on %s: %w", request.Subject, err)
	}
	if err := s.conn.Publish(request.Reply, body); err != nil {
		return fmt.Errorf("requests: answer on %s: %w", request.Subject, err)
	}
	return nil
}

func (s *Server) handle(ctx context.Context, request *nats.Msg) (any, error) {
	if len(request.Data) > maxBody {
		return nil, Refuse("too_large", "a request holds at most %d bytes", maxBody)
	}
	return s.handlers[request.Subject](ctx, request.Data)
}

// Close stops taking requests in and waits for those that are running.
func (s *Server) Close() {
	s.closing.Do(func() {
		for _, subscription := range s.subscriptions {
			if err := subscription.Unsubscribe(); err != nil {
				s.logger.Warn("sandbox: unsubscribe", "subject", subscription.Subject, "error", err)
			}
		}
		s.stop()
	})
	<-s.stopped
}
