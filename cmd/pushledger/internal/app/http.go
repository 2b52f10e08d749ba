package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/pushledger/pushledger/cmd/pushledger/internal/gate"
)

// Bounds of the HTTP door.
const (
	headerPatience = 5 * time.Second
	readPatience   = 15 * time.Second
	writePatience  = time.Minute
	idlePatience   = 2 * time.Minute
	maxHeader      = 32 << 10
	stopPatience   = 10 * time.Second
	// A reverse proxy comes from one address with everybody behind it.
	httpConnections    = 8192 // at the same time
	httpConnectionsOne = 1024 // of one address
)

// innerDoor is where the sandbox's Alipay and the service reach each other. It is the HTTP
// door itself, or with TLS one of its own on this machine, for neither of them would trust
// a certificate that was made for a sandbox.
type innerDoor struct {
	net.Listener
	url string
}

func (s *Service) openInnerDoor() (innerDoor, error) {
	if !s.config.Sandbox {
		return innerDoor{}, nil
	}
	listener, err := s.listen("127.0.0.1:0")
	if err != nil {
		return innerDoor{}, err
	}
	return innerDoor{Listener: listener, url: "http://" + listener.Addr().String()}, nil
}

func (s *Service) listen(address string) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("app: http: %w", err)
	}
	listener = gate.Listen(listener, httpConnections, httpConnectionsOne)
	s.onClose(func() error {
		if err := listener.Close(); !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	})
	return listener, nil
}

// tlsConfig is what a door speaks; nil: it speaks in the clear.
func (s *Service) tlsConfig(auth tls.ClientAuthType, protocols ...string) *tls.Config {
	if s.tls == nil {
		return nil
	}
	return s.tls.Config(auth, protocols...)
}

// oneLength ends the connection after a request in chunks. One that names a length as well
// may be read as one request by a proxy and as two by this server, or the other way round;
// the server does not tell that there was a length, and nobody needs chunks here.
func oneLength(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.TransferEncoding) > 0 {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

func (s *Service) serveHTTP(listener net.Listener, handler http.Handler, secure *tls.Config) {
	server := &http.Server{
		Handler: oneLength(handler), ReadHeaderTimeout: headerPatience, ReadTimeout: readPatience,
		WriteTimeout: writePatience, IdleTimeout: idlePatience, MaxHeaderBytes: maxHeader, TLSConfig: secure,
		ErrorLog: slog.NewLogLogger(s.config.Logger.Handler(), slog.LevelDebug), // what strangers do wrong
	}
	server.RegisterOnShutdown(s.reading.stop)
	served := make(chan error, 1)
	go func() {
		if secure == nil {
			served <- server.Serve(listener)
			return
		}
		served <- server.ServeTLS(listener, "", "")
	}()
	s.onClose(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), stopPatience)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			_ = server.Close() // who still reads after the patience is cut off
		}
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("app: http: %w", err)
		}
		return nil
	})
}
