package natsserver

import (
	"slices"
	"strings"
)

const maxAddresses = 4 // told of one name

// AddressOf gives the addresses, as this server sees them, of the connections from outside
// that are open under a name; empty if there are none. An address says where a connection
// comes from, not who is behind it.
func (s *Server) AddressOf(name string) string {
	addresses := s.auth.crowd.addresses(name)
	slices.Sort(addresses)
	return strings.Join(addresses[:min(len(addresses), maxAddresses)], " ")
}
