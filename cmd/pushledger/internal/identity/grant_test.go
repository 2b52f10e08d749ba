package identity_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/cmd/pushledger/internal/identity"
)

func TestGrant(t *testing.T) {
	for role, want := range map[identity.Role]identity.Grant{
		identity.Trader: {
			Name:      "ann",
			Publish:   []string{"push.cmd.ann.>", "push.submit.ann.>", "push.query.ann.>"},
			Subscribe: []string{"_INBOX.ann.>", "push.result.ann.>", "push.notice.ann.>"},
		},
		identity.Operator: {
			Name:      "ann",
			Publish:   []string{"push.cmd.ann.>", "push.submit.ann.>", "push.query.ann.>", "registrar.v1.facts", "sandbox.>"},
			Subscribe: []string{"_INBOX.ann.>", "push.result.ann.>", "push.notice.ann.>"},
		},
		identity.Auditor: {
			Name:      "ann",
			Publish:   []string{"push.cmd.ann.>", "push.submit.ann.>", "push.query.ann.>", "push.audit.ann.>"},
			Subscribe: []string{"_INBOX.ann.>", "push.result.ann.>", "push.notice.ann.>"},
		},
		identity.Service: {Name: "ann", Publish: []string{">"}, Subscribe: []string{">"}},
	} {
		t.Run(string(role), func(t *testing.T) {
			grant, err := identity.Identity{Account: "ann", Role: role}.Grant()
			require.NoError(t, err)
			require.Equal(t, want, grant)
		})
	}
}

// An account that is not one literal token would open other accounts' subjects.
func TestNobodyElseIsGrantedAnything(t *testing.T) {
	for name, who := range map[string]identity.Identity{
		"no role":             {Account: "ann"},
		"an unknown role":     {Account: "ann", Role: "root"},
		"a role in capitals":  {Account: "ann", Role: "Trader"},
		"no account":          {Role: identity.Trader},
		"a wildcard":          {Account: "*", Role: identity.Trader},
		"a full wildcard":     {Account: ">", Role: identity.Trader},
		"two tokens":          {Account: "ann.bob", Role: identity.Trader},
		"a line end":          {Account: "ann\n", Role: identity.Trader},
		"too long an account": {Account: strings.Repeat("a", 65), Role: identity.Trader},
	} {
		t.Run(name, func(t *testing.T) {
			grant, err := who.Grant()
			require.Error(t, err)
			require.Zero(t, grant)
		})
	}
}
