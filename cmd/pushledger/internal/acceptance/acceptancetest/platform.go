// Package acceptancetest is a registrar and an account directory that say what a test
// wants, for tests of whatever asks them about a push.
package acceptancetest

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/acceptance"
	"github.com/pushledger/pushledger/projections/pushes"
	"github.com/pushledger/pushledger/sagas/registrar"
)

// Platform answers for every domain and account: unless a test says otherwise, a domain
// is healthy and the holder's, and an account may sell. It is safe for concurrent use.
type Platform struct {
	holder string

	mu            sync.Mutex
	domains       map[domainname.Name]push.DomainFacts
	accounts      map[string]push.AccountFacts
	away          error
	asked, people int
}

// New returns a platform on which everything is the holder's.
func New(holder string) *Platform {
	return &Platform{holder: holder, domains: make(map[domainname.Name]push.DomainFacts), accounts: make(map[string]push.AccountFacts)}
}

// Healthy is a domain of an account with which nothing is wrong.
func Healthy(name domainname.Name, account string) push.DomainFacts {
	return push.DomainFacts{
		Domain: name, Exists: true, Account: account, RegistrarOK: true, Product: "standard", Sale: "none", Revision: 1,
		RegisteredAt: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), ExpiresAt: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC),
		Registrar: "Example Registrar", RegistrantHint: "林*", Locks: []string{"clientTransferProhibited"},
	}
}

// Set changes what is said of one domain.
func (p *Platform) Set(facts push.DomainFacts) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.domains[facts.Domain] = facts
}

// SetAccount changes what is said of one account.
func (p *Platform) SetAccount(facts push.AccountFacts) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.accounts[facts.Account] = facts
}

// Leave has both answer no more.
func (p *Platform) Leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.away = fmt.Errorf("test: %w", registrar.ErrUnavailable)
}

// Asked is how often the registrar was asked, and how often the directory.
func (p *Platform) Asked() (registrar, directory int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked, p.people
}

// Facts implements acceptance.Registrar.
func (p *Platform) Facts(_ context.Context, domains []domainname.Name) ([]push.DomainFacts, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked++
	facts := make([]push.DomainFacts, len(domains))
	for i, name := range domains {
		known, is := p.domains[name]
		if !is {
			known = Healthy(name, p.holder)
		}
		facts[i] = known
	}
	return facts, p.away
}

// Account implements registrar.Directory.
func (p *Platform) Account(_ context.Context, account string) (push.AccountFacts, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.people++
	facts, known := p.accounts[account]
	if !known {
		facts = push.AccountFacts{
			Account: account, Exists: true, RealNameVerified: true, AlipayAccount: account + "@example.com", AlipayName: "林安娜", AlipayType: "real_name",
		}
	}
	return facts, p.away
}

// Queries asks the platform at a time that stands still.
func (p *Platform) Queries(ledger *pushes.Queries, now time.Time) *acceptance.Queries {
	return acceptance.New(acceptance.Config{Pushes: ledger, Registrar: p, Directory: p, Now: func() time.Time { return now }})
}
