package natsserver

import (
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats-server/v2/server"
)

// ErrUnwritable means that a stream takes no message any more.
var ErrUnwritable = errors.New("natsserver: a stream takes no message any more")

// Writable returns ErrUnwritable, with the stream and the reason, once a message could not
// be written because the disk was full or failed. The server does not answer the message,
// nor any later one, and stays like that until it is started anew, also when there is room
// again.
func (s *Server) Writable() error {
	health := s.server.Healthz(&server.HealthzOptions{Details: true})
	for _, failure := range health.Errors {
		if failure.Type == server.HealthzErrorStream && strings.Contains(failure.Error, "write error") {
			return fmt.Errorf("%w: %s", ErrUnwritable, failure.Error)
		}
	}
	return nil
}
