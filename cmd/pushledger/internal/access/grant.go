package access

import (
	"fmt"
	"strings"

	"github.com/pushledger/pushledger/cmd/pushledger/internal/identity"
	"github.com/pushledger/pushledger/eventstore/natsserver"
)

// Grant is what the connection of an identity may do on NATS, in a sandbox or without
// one. It fails on an account or role that no Verifier would have let in: an account that
// is not one literal token would open the subjects of others.
func Grant(who identity.Identity, sandbox bool) (natsserver.Grant, error) {
	if err := who.Check(); err != nil {
		return natsserver.Grant{}, fmt.Errorf("access: grant: %w", err)
	}
	return natsserver.Grant{
		Name: who.Account, Expires: who.Expires,
		Publish: subjects(Publish, who, sandbox), Subscribe: subjects(Subscribe, who, sandbox),
	}, nil
}

func subjects(way Way, who identity.Identity, sandbox bool) (list []string) {
	for _, row := range Table {
		if row.Way == way && row.Allows(who.Role) && (sandbox || !row.Sandbox) {
			list = append(list, strings.ReplaceAll(row.What, own, who.Account))
		}
	}
	return list
}
