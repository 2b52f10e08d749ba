package platform

import (
	"context"
	"regexp"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/push"
)

const maxAsked = 1000 // domains in one request for facts

// Shapes of what requests hold. An id also goes into a message header, so it has no
// blanks and no control characters.
var (
	accountPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
	idPattern      = regexp.MustCompile(`^[!-~]{1,128}$`)
)

type factsAnswer struct {
	Facts []push.DomainFacts `json:"facts"`
}

// facts answers registrar.v1.facts.
func (p *Platform) facts(_ context.Context, body []byte) (any, error) {
	var asked struct {
		Domains []string `json:"domains"`
	}
	if err := readContract(body, &asked); err != nil {
		return nil, err
	}
	if len(asked.Domains) > maxAsked {
		return nil, refuse("too_large", "ask for at most %d domains", maxAsked)
	}
	answer := factsAnswer{Facts: make([]push.DomainFacts, len(asked.Domains))}
	names := make([]domainname.Name, len(asked.Domains))
	for i, text := range asked.Domains {
		name, err := parseDomain(text)
		if err != nil {
			return nil, err
		}
		names[i] = name
	}
	registrations := make([]domainname.Name, len(names))
	for i, name := range names {
		registrations[i] = p.domains.canonical(name)
	}
	if err := p.faults.onFacts(registrations); err != nil {
		return nil, err
	}
	for i, name := range names {
		answer.Facts[i] = unregistered(name)
		if known := p.domains.get(name); known != nil {
			answer.Facts[i] = known.facts(name)
		}
	}
	return answer, nil
}

// account answers accounts.v1.facts.
func (p *Platform) account(_ context.Context, body []byte) (any, error) {
	var asked struct {
		Account string `json:"account"`
	}
	if err := readContract(body, &asked); err != nil {
		return nil, err
	}
	if err := checkAccount(asked.Account); err != nil {
		return nil, err
	}
	if err := p.faults.onAccount(asked.Account); err != nil {
		return nil, err
	}
	return p.directory.get(asked.Account), nil
}

func parseDomain(text string) (domainname.Name, error) {
	name, err := domainname.ParseRegistered(text)
	if err != nil {
		return "", refuse("invalid_domain", "%v", err)
	}
	return name, nil
}

func checkAccount(id string) error {
	if !accountPattern.MatchString(id) {
		return refuse("invalid_account", "account %.80q is not 1 to 64 of [A-Za-z0-9_-]", id)
	}
	return nil
}

func checkRegistrant(id string) error {
	if !accountPattern.MatchString(id) {
		return refuse("invalid_registrant", "registrant %.80q is not 1 to 64 of [A-Za-z0-9_-]", id)
	}
	return nil
}

func checkID(id string) error {
	if !idPattern.MatchString(id) {
		return refuse("invalid_id", "id %.80q is not 1 to 128 visible ASCII characters", id)
	}
	return nil
}
