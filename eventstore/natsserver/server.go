// Package natsserver runs the nats-server inside this process. With SyncAlways, which
// is the default of the product, a message that JetStream has acknowledged has
// reached the disk. No client connects without a token that Authorize accepts, and
// each is confined to the subjects of its grant; one process at a time owns a
// directory.
package natsserver

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// Bounds of the server.
const (
	// MaxPayload is twice the largest command, so that one which is too large gets an
	// answer instead of a closed connection.
	MaxPayload     = 2 << 20
	maxPending     = 64 << 20 // bytes waiting for one slow client before it is dropped
	maxConnections = 4096
	// MaxBatch is how many messages one atomic batch may hold.
	MaxBatch      = 4000
	startPatience = 60 * time.Second
)

// Options of a server.
type Options struct {
	StoreDir   string
	Listen     string // host:port, port 0 picks a free one
	SyncAlways bool
	// Authorize decides on the token of a client that connects from outside.
	Authorize func(token string) (Grant, error)
	Logger    *slog.Logger
}

// Grant is what a client may do.
type Grant struct {
	Name      string    // shown in the server's connection list
	Publish   []string  // subjects it may publish to
	Subscribe []string  // subjects it may subscribe to
	Expires   time.Time // when it is disconnected; zero: never
}

// Server is a running nats-server.
type Server struct {
	server *server.Server
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
	auth := &authenticator{authorize: options.Authorize, secrets: make(map[string]Grant)}
	running, err := server.NewServer(&server.Options{
		ServerName: "pushledger", Host: host, Port: port,
		JetStream: true, StoreDir: options.StoreDir, SyncAlways: options.SyncAlways,
		MaxPayload: MaxPayload, MaxPending: maxPending, MaxConn: maxConnections,
		JetStreamLimits:            server.JSLimitOpts{MaxBatchSize: MaxBatch},
		CustomClientAuthentication: auth, NoSigs: true, NoSystemAccount: false,
		DisableJetStreamBanner: true,
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("natsserver: configure: %w", err), lock.Close())
	}
	running.SetLoggerV2(serverLog{options.Logger}, false, false, false)
	running.Start()
	if !running.ReadyForConnections(startPatience) || !running.JetStreamEnabled() {
		running.Shutdown()
		running.WaitForShutdown()
		return nil, errors.Join(fmt.Errorf("natsserver: JetStream did not start in %s; its log says why", options.StoreDir), lock.Close())
	}
	return &Server{server: running, lock: lock, auth: auth}, nil
}

// URL is where clients from outside connect.
func (s *Server) URL() string { return s.server.ClientURL() }

// Connect opens a connection inside the process, confined to a grant.
func (s *Server) Connect(name string, grant Grant) (*nats.Conn, error) {
	secret := rand.Text()
	s.auth.allow(secret, grant)
	conn, err := nats.Connect("", nats.InProcessServer(s.server), nats.Name(name), nats.Token(secret),
		nats.SyncQueueLen(syncQueue), nats.MaxReconnects(-1), nats.ReconnectWait(100*time.Millisecond))
	if err != nil {
		return nil, fmt.Errorf("natsserver: connect %s: %w", name, err)
	}
	return conn, nil
}

// syncQueue bounds each synchronous subscription; the library's own default allocates
// megabytes for every one of them.
const syncQueue = 1024

// Close stops the server and waits until everything is on disk.
func (s *Server) Close() error {
	s.server.Shutdown()
	s.server.WaitForShutdown()
	return s.lock.Close()
}

func splitListen(listen string) (string, int, error) {
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

// lockDirectory keeps a second process from writing into the same log.
func lockDirectory(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("natsserver: %w", err)
	}
	path := filepath.Join(dir, "lock")
	lock, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) // #nosec G304 -- the operator's own directory
	if err != nil {
		return nil, fmt.Errorf("natsserver: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil { // #nosec G115 -- a descriptor fits
		return nil, errors.Join(fmt.Errorf("natsserver: another process uses %s: %w", dir, err), lock.Close())
	}
	return lock, nil
}

// authenticator implements server.Authentication.
type authenticator struct {
	authorize func(string) (Grant, error)
	mu        sync.Mutex
	secrets   map[string]Grant // of connections inside the process; kept for reconnects
}

func (a *authenticator) allow(secret string, grant Grant) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.secrets[secret] = grant
}

func (a *authenticator) inside(secret string) (Grant, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	grant, known := a.secrets[secret]
	return grant, known
}

// Check implements server.Authentication.
func (a *authenticator) Check(client server.ClientAuthentication) bool {
	token := client.GetOpts().Token
	grant, known := a.inside(token)
	if !known {
		if token == "" || a.authorize == nil {
			return false
		}
		var err error
		if grant, err = a.authorize(token); err != nil {
			return false
		}
	}
	client.RegisterUser(&server.User{
		Username: grant.Name,
		Permissions: &server.Permissions{
			Publish:   &server.SubjectPermission{Allow: orNothing(grant.Publish)},
			Subscribe: &server.SubjectPermission{Allow: orNothing(grant.Subscribe)},
		},
		ConnectionDeadline: grant.Expires,
	})
	return true
}

// orNothing spells an empty list as a subject that nobody uses: to the server an empty
// list of permissions means everything.
func orNothing(subjects []string) []string {
	if len(subjects) == 0 {
		return []string{"nothing.at.all"}
	}
	return subjects
}

// serverLog passes the server's log on.
type serverLog struct{ logger *slog.Logger }

func (l serverLog) Noticef(format string, v ...any) {
	l.logger.Debug("nats: " + fmt.Sprintf(format, v...))
}
func (l serverLog) Warnf(format string, v ...any) {
	l.logger.Warn("nats: " + fmt.Sprintf(format, v...))
}
func (l serverLog) Fatalf(format string, v ...any) {
	l.logger.Error("nats: " + fmt.Sprintf(format, v...))
}
func (l serverLog) Errorf(format string, v ...any) {
	l.logger.Error("nats: " + fmt.Sprintf(format, v...))
}
func (l serverLog) Debugf(format string, v ...any) {
	l.logger.Debug("nats: " + fmt.Sprintf(format, v...))
}
func (l serverLog) Tracef(format string, v ...any) {
	l.logger.Debug("nats: " + fmt.Sprintf(format, v...))
}
