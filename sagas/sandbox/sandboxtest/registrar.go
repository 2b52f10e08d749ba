package sandboxtest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/domainname"
)

// always is how often a fault is armed that is not to end.
const always = 1_000_000

// Acted is what the answer to registrar.act says.
type Acted struct {
	Revision uint64 `json:"revision"`
	EventID  string `json:"event_id"`  // empty after a silent act
	AuthCode string `json:"auth_code"` // of the act "auth_code"
}

// Act has an account do with its domain what must be allowed, such as "delete". members are
// further members of the control, such as `"to":"bob"` or `"silent":true`.
func (p *Partners) Act(t testing.TB, account, act string, domain domainname.Name, members ...string) Acted {
	t.Helper()
	var acted Acted
	require.NoError(t, json.Unmarshal(p.control(t, "registrar.act", actBody(account, act, domain, members)), &acted))
	return acted
}

// ActRefused has an account try what must not be allowed, and returns the code of why: "held"
// while the domain is held.
func (p *Partners) ActRefused(t testing.TB, account, act string, domain domainname.Name, members ...string) string {
	t.Helper()
	return p.Refused(t, "registrar.act", "%s", actBody(account, act, domain, members))
}

func actBody(account, act string, domain domainname.Name, members []string) string {
	body := fmt.Sprintf(`{"domain":%q,"act":%q`, domain, act)
	if account != "" { // whoever has the transfer password needs none
		members = append([]string{fmt.Sprintf(`"account":%q`, account)}, members...)
	}
	for _, member := range members {
		body += "," + member
	}
	return body + "}"
}

// Held reports whether the registrar shows a domain as held.
func (p *Partners) Held(t testing.TB, name domainname.Name) bool {
	t.Helper()
	return slices.Contains(p.Facts(t, name)[0].Locks, "held")
}

// HoldFault has the next calls to hold or release each of the domains go wrong.
func (p *Partners) HoldFault(t testing.TB, mode string, times int, names ...domainname.Name) {
	t.Helper()
	for _, name := range names {
		p.Do(t, "registrar.fault", `{"domain":%q,"op":"hold","mode":%q,"times":%d}`, name, mode, times)
	}
}

// NeverHold makes the registrar one that cannot hold these domains.
func (p *Partners) NeverHold(t testing.TB, names ...domainname.Name) {
	t.Helper()
	p.HoldFault(t, "unsupported", always, names...)
}
