package natsserver

import (
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/nats-io/nats-server/v2/server"
)

const maxAddresses = 4 // told of one inbox

// AddressOf gives the addresses, as this server sees them, of the clients that listen on a
// subject, such as the inbox to which a command is answered; empty if nobody does. An
// address says where a connection comes from, not who is behind it.
func (s *Server) AddressOf(subject string) string {
	found, err := s.server.Connz(&server.ConnzOptions{
		Account: server.DEFAULT_GLOBAL_ACCOUNT, FilterSubject: subject, Limit: maxAddresses,
	})
	if err != nil {
		return ""
	}
	var addresses []string
	for _, client := range found.Conns {
		addresses = append(addresses, net.JoinHostPort(client.IP, strconv.Itoa(client.Port)))
	}
	slices.Sort(addresses)
	return strings.Join(addresses, " ")
}
