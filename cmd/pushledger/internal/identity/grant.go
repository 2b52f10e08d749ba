package identity

import "fmt"

// Grant is what a connection may do on NATS. A subject that is in neither list is
// forbidden; both lists are never empty, for an empty one would allow everything.
type Grant struct {
	Name      string   // the account, as shown in the server's connection list
	Publish   []string // subjects it may publish to
	Subscribe []string // subjects it may subscribe to
}

// Grant gives the permissions of an identity. Everybody acts under the own account
// alone; an operator may also ask the registrar and, where there is one, steer the
// sandbox; an auditor may ask for the log as it is stored; a service may do everything.
// It fails on an account or role that no Verifier would have let in.
func (i Identity) Grant() (Grant, error) {
	if err := check(i.Account, i.Role); err != nil {
		return Grant{}, fmt.Errorf("identity: grant: %w", err)
	}
	if i.Role == Service {
		return Grant{Name: i.Account, Publish: []string{">"}, Subscribe: []string{">"}}, nil
	}
	grant := Grant{
		Name:      i.Account,
		Publish:   own(i.Account, "push.cmd", "push.submit", "push.query"),
		Subscribe: own(i.Account, "_INBOX", "push.result", "push.notice"),
	}
	switch i.Role {
	case Operator:
		grant.Publish = append(grant.Publish, "registrar.v1.facts", "sandbox.>")
	case Auditor:
		grant.Publish = append(grant.Publish, own(i.Account, "push.audit")...)
	case Trader, Service:
	}
	return grant, nil
}

func own(account string, prefixes ...string) []string {
	subjects := make([]string, len(prefixes))
	for i, prefix := range prefixes {
		subjects[i] = prefix + "." + account + ".>"
	}
	return subjects
}
