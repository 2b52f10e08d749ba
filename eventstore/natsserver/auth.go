package natsserver

import (
	"crypto/rand"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

var errNoToken = errors.New("natsserver: it has no token")

// Grant is what a client may do.
type Grant struct {
	Name      string    // shown in the server's connection list
	Publish   []string  // subjects it may publish to; none: nothing
	Subscribe []string  // subjects it may subscribe to; none: nothing
	Expires   time.Time // when it is disconnected; zero: never
}

// authenticator implements server.Authentication.
type authenticator struct {
	authorize func(string) (Grant, error)
	logger    *slog.Logger
	mu        sync.Mutex
	inside    map[string]Grant // by the secret of a connection that is being made inside the process
	crowd     crowd
}

func newAuthenticator(authorize func(string) (Grant, error), logger *slog.Logger) *authenticator {
	return &authenticator{authorize: authorize, logger: logger, inside: make(map[string]Grant), crowd: crowd{of: make(map[string][]server.ClientAuthentication)}}
}

// secrets makes the tokens of one connection inside the process: a fresh one each time
// it connects, good for that once.
func (a *authenticator) secrets(grant Grant) func() string {
	var secret string
	return func() string {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.inside, secret) // still there if the last attempt never reached the server
		secret = rand.Text()
		a.inside[secret] = grant
		return secret
	}
}

func (a *authenticator) redeem(secret string) (Grant, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	grant, known := a.inside[secret]
	delete(a.inside, secret)
	return grant, known
}

// Check implements server.Authentication.
func (a *authenticator) Check(client server.ClientAuthentication) bool {
	token := client.GetOpts().Token
	grant, known := a.redeem(token)
	if !known {
		if token == "" || a.authorize == nil {
			a.logger.Warn("natsserver: client refused", "from", client.RemoteAddress(), "error", errNoToken)
			return false
		}
		var err error
		if grant, err = a.authorize(token); err != nil {
			a.logger.Warn("natsserver: client refused", "from", client.RemoteAddress(), "error", err)
			return false
		}
		if !a.crowd.enter(grant.Name, client) {
			a.logger.Warn("natsserver: client refused: too many connections of the same name", "from", client.RemoteAddress(), "name", grant.Name)
			return false
		}
	}
	client.RegisterUser(&server.User{
		Username: grant.Name,
		Permissions: &server.Permissions{
			Publish: permission(grant.Publish), Subscribe: permission(grant.Subscribe),
		},
		ConnectionDeadline: grant.Expires,
	})
	return true
}

// Recheck ends the connections from outside whose tokens are not good any more, as when their
// key has been withdrawn. Those whose tokens have run out end by themselves.
func (s *Server) Recheck() {
	for _, client := range s.auth.crowd.open() {
		_, err := s.auth.authorize(client.GetOpts().Token)
		if err == nil {
			continue
		}
		s.auth.logger.Warn("natsserver: client turned out", "from", client.RemoteAddress(), "error", err)
		if err := s.server.DisconnectClientByID(client.GetID()); err != nil && client.RemoteAddress() != nil {
			s.auth.logger.Warn("natsserver: client could not be turned out", "from", client.RemoteAddress(), "error", err)
		}
	}
}

// permission allows the subjects and nothing else. To the server an empty list of
// allowed subjects means all of them.
func permission(subjects []string) *server.SubjectPermission {
	if len(subjects) == 0 {
		return &server.SubjectPermission{Deny: []string{">"}}
	}
	return &server.SubjectPermission{Allow: subjects}
}
