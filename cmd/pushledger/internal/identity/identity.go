// Package identity decides who is at the door. One signed token serves both doors, as
// the NATS connection token and as the HTTP bearer token. What it guarantees: an
// Identity that comes out of a Verifier was signed by one of its keys, has not expired,
// and its account can stand in a NATS subject as one literal token.
package identity

import (
	"fmt"
	"regexp"
	"time"
)

// Role is what an account may do beside acting for itself.
type Role string

// The roles.
const (
	Trader   Role = "trader"   // sells and buys, sees its own pushes
	Operator Role = "operator" // takes pushes down, sees all of them and the work list
	Auditor  Role = "auditor"  // sees everything, changes nothing
	Partner  Role = "partner"  // a program of the platform: registrar or account directory
	Service  Role = "service"  // a part of the ledger itself
)

// Operates reports whether the role may do what only operators may.
func (r Role) Operates() bool { return r == Operator || r == Service }

// SeesAll reports whether the role sees the pushes of everybody (rule T1).
func (r Role) SeesAll() bool { return r.Operates() || r == Auditor }

// Identity is who a token speaks for.
type Identity struct {
	Account string // 1 to 64 of [A-Za-z0-9_-]
	Role    Role
	Expires time.Time // when the token stops being good, to the second
}

// Check fails on an account or a role that there cannot be. Those of an Identity that
// comes out of a Verifier are good.
func (i Identity) Check() error { return check(i.Account, i.Role) }

var accountPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

func check(account string, role Role) error {
	if !accountPattern.MatchString(account) {
		return fmt.Errorf("account %.80q is not 1 to 64 of [A-Za-z0-9_-]", account)
	}
	switch role {
	case Trader, Operator, Auditor, Partner, Service:
		return nil
	default:
		return fmt.Errorf("unknown role %.80q", role)
	}
}
