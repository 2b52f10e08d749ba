// Package natsserver runs the nats-server inside this process. What it guarantees:
//
//   - With SyncAlways a message that JetStream has acknowledged has reached the disk.
//   - No client connects without a token that Authorize accepts, and the server
//     itself confines each one to the subjects of its grant until the grant expires.
//   - One process at a time owns a directory.
//   - A server that starts holds every stream of its directory; otherwise Start says
//     which one is damaged. Only one that is empty or derived is given up instead.
package natsserver

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// Bounds of the server.
const (
	// MaxPayload is twice the largest command, so that one which is too large gets an
	// answer instead of a closed connection.
	MaxPayload = 2 << 20
	// MaxSubscriptions is how many one connection may have.
	MaxSubscriptions = 10_000
	// MaxBatch is how many messages one atomic batch may hold.
	MaxBatch = 4000

	maxPending     = 64 << 20 // bytes waiting for one slow client before it is dropped
	maxConnections = 4096
	authSeconds    = 5   // in which a connection must say who it is; one that does not makes room for another
	maxOfOne       = 512 // connections of one name from outside, so that nobody can take them all
	// maxStore is more than any disk has. By itself the server takes three quarters of what
	// is free when it starts for its limit, and then refuses streams that may grow to more.
	maxStore = 1 << 50
	// syncQueue bounds each synchronous subscription of a connection inside the
	// process; the library's own default allocates megabytes for every one of them.
	syncQueue     = 1024
	reconnectWait = 100 * time.Millisecond
	startPatience = 60 * time.Second // for the listener, once the streams are recovered
)

// Options of a server.
type Options struct {
	StoreDir   string
	Listen     string // host:port, port 0 picks a free one; empty: nobody connects from outside
	SyncAlways bool
	// Authorize decides on the token of a client that connects from outside; nil
	// refuses everyone.
	Authorize func(token string) (Grant, error)
	// TLS is what clients from outside must speak; nil: they speak in the clear. It does
	// not concern connections inside the process.
	TLS *tls.Config
	// Derived names the streams that whoever uses the server can fill again. A damaged
	// one is removed instead of keeping the server from starting.
	Derived []string
	// ForgetConsumers removes what is kept of consumers before the start: nothing vouches for
	// it, and a damaged byte makes the server wait for ever, or skip messages. Whoever needs a
	// consumer makes it anew.
	ForgetConsumers bool
	Logger          *slog.Logger
}

// Server is a running nats-server.
type Server struct {
	server *server.Server
	dir    string
	lock   *os.File
	auth   *authenticator
}

// Start runs a server until Close.
func Start(options Options) (*Server, error) {
	host, port, err := splitListen(options.Listen)
	if err != nil {
		return nil, err
	}
	lock, err := lockDirectory(options.StoreDir)
	if err != nil {
		return nil, err
	}
	if options.ForgetConsumers {
		if err := forgetConsumers(options.StoreDir); err != nil {
			return nil, errors.Join(err, lock.Close())
		}
	}
	auth := newAuthenticator(options.Authorize, options.Logger)
	running, err := options.run(host, port, auth)
	var damaged *damagedStreams
	if errors.As(err, &damaged) {
		if running, err = nil, options.discard(damaged); err == nil {
			running, err = options.run(host, port, auth)
		}
	}
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return &Server{server: running, dir: options.StoreDir, lock: lock, auth: auth}, nil
}

// run starts a server on a directory that is locked. It returns damagedStreams if that is
// all that is wrong.
func (o *Options) run(host string, port int, auth *authenticator) (*server.Server, error) {
	running, err := server.NewServer(&server.Options{
		ServerName: "pushledger", Host: host, Port: port, DontListen: o.Listen == "",
		JetStream: true, StoreDir: o.StoreDir, SyncAlways: o.SyncAlways, JetStreamMaxStore: maxStore,
		MaxPayload: MaxPayload, MaxPending: maxPending, MaxConn: maxConnections, MaxSubs: MaxSubscriptions, AuthTimeout: authSeconds,
		JetStreamLimits:            server.JSLimitOpts{MaxBatchSize: MaxBatch},
		CustomClientAuthentication: auth, NoSigs: true, DisableJetStreamBanner: true,
		TLSConfig: o.TLS, TLSTimeout: authSeconds,
	})
	if err != nil {
		return nil, fmt.Errorf("natsserver: configure: %w", err)
	}
	log := &serverLog{logger: o.Logger}
	running.SetLoggerV2(log, false, false, false)
	running.Start() // returns when every stream has been recovered
	if err := whole(running, log, o.StoreDir); err != nil {
		running.Shutdown()
		running.WaitForShutdown()
		return nil, err
	}
	log.forget()
	return running, nil
}

// whole reports what keeps a started server from being used.
func whole(running *server.Server, log *serverLog, dir string) error {
	if reason := log.fatal(); reason != "" {
		return fmt.Errorf("natsserver: %s did not start: %s", dir, reason)
	}
	if !running.JetStreamEnabled() || !running.ReadyForConnections(startPatience) {
		return fmt.Errorf("natsserver: %s did not start: %s", dir, log.complaints())
	}
	missing, err := unrecovered(running, dir)
	if err != nil {
		return err
	}
	if len(missing) > 0 {
		return &damagedStreams{missing, log.complaints()}
	}
	return nil
}

// URL is where clients from outside connect.
func (s *Server) URL() string { return s.server.ClientURL() }

// Connect opens a connection inside the process, confined to a grant, with further options
// such as an inbox prefix of its own. While it is cut off from the server a publish fails
// at once instead of being sent later.
func (s *Server) Connect(name string, grant Grant, further ...nats.Option) (*nats.Conn, error) {
	conn, err := nats.Connect("", append([]nats.Option{
		nats.InProcessServer(s.server), nats.Name(name), nats.TokenHandler(s.auth.secrets(grant)), nats.SyncQueueLen(syncQueue),
		nats.MaxReconnects(-1), nats.ReconnectWait(reconnectWait), nats.ReconnectBufSize(-1),
	}, further...)...)
	if err != nil {
		return nil, fmt.Errorf("natsserver: connect %s: %w", name, err)
	}
	return conn, nil
}

// Close stops the server and waits until everything is on disk.
func (s *Server) Close() error {
	s.server.Shutdown()
	s.server.WaitForShutdown()
	if err := s.lock.Close(); err != nil {
		return fmt.Errorf("natsserver: release the directory: %w", err)
	}
	return nil
}

func splitListen(listen string) (string, int, error) {
	if listen == "" {
		return "", 0, nil
	}
	host, text, err := net.SplitHostPort(listen)
	if err != nil {
		return "", 0, fmt.Errorf("natsserver: listen address %q: %w", listen, err)
	}
	port, err := strconv.Atoi(text)
	if err != nil || port < 0 || port > 65535 {
		return "", 0, fmt.Errorf("natsserver: listen address %q has no usable port", listen)
	}
	if port == 0 {
		port = server.RANDOM_PORT
	}
	return host, port, nil
}
