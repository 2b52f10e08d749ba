package identity

import (
	"sync"
	"time"
)

// afterExpiry is how long a token still counts that has run out: what was sent with it
// may be on its way.
const afterExpiry = time.Minute

// Roll knows the roles of the accounts that are connected to NATS, where a subject names
// the account alone. It is called over whenever a connection authenticates. Of an account
// that has come with tokens of several roles only what all of them allow is allowed, so
// no token ever does more than it would by itself. It is safe for concurrent use.
type Roll struct {
	now func() time.Time

	mu    sync.Mutex
	until map[string]map[Role]time.Time // by account, when the last token of the role ends to count
	sweep int                           // number of accounts at which those whose tokens ran out are dropped
}

// NewRoll returns an empty roll.
func NewRoll(now func() time.Time) *Roll {
	return &Roll{now: now, until: make(map[string]map[Role]time.Time), sweep: 1024}
}

// Enter adds somebody whose token has been verified, before the connection may do
// anything.
func (r *Roll) Enter(who Identity) {
	r.mu.Lock()
	defer r.mu.Unlock()
	roles := r.until[who.Account]
	if roles == nil {
		roles = make(map[Role]time.Time, 1)
		r.until[who.Account] = roles
	}
	if until := who.Expires.Add(afterExpiry); until.After(roles[who.Role]) {
		roles[who.Role] = until
	}
	if len(r.until) < r.sweep {
		return
	}
	for account := range r.until {
		r.current(account)
	}
	r.sweep = max(r.sweep, 2*len(r.until))
}

// Operates reports whether an account may do what only operators may.
func (r *Roll) Operates(account string) bool { return r.all(account, Role.Operates) }

// SeesAll reports whether an account may see the pushes of others.
func (r *Roll) SeesAll(account string) bool { return r.all(account, Role.SeesAll) }

func (r *Roll) all(account string, may func(Role) bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	roles := r.current(account)
	for role := range roles {
		if !may(role) {
			return false
		}
	}
	return len(roles) > 0
}

// current is the roles of an account whose tokens still count; the others are dropped.
func (r *Roll) current(account string) map[Role]time.Time {
	roles, now := r.until[account], r.now()
	for role, until := range roles {
		if !now.Before(until) {
			delete(roles, role)
		}
	}
	if len(roles) == 0 {
		delete(r.until, account)
	}
	return roles
}
