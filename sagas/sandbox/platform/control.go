package platform

import (
	"context"

	"github.com/pushledger/pushledger/aggregates/domainname"
)

// done answers a control that did what it was asked to.
type done struct {
	OK       bool            `json:"ok"` // true
	Domain   domainname.Name `json:"domain,omitzero"`
	Account  string          `json:"account,omitzero"`
	Revision uint64          `json:"revision,omitzero"` // of the domain afterwards
	EventID  string          `json:"event_id,omitzero"`
}

// setDomain answers sandbox.registrar.set.
func (p *Platform) setDomain(ctx context.Context, body []byte) (any, error) {
	var wanted domainChange
	if err := read(body, &wanted); err != nil {
		return nil, err
	}
	name, err := parseDomain(wanted.Domain)
	if err != nil {
		return nil, err
	}
	d := p.domains.open(name)
	d.mu.Lock()
	defer d.mu.Unlock()
	now := p.now()
	facts := d.record.Facts
	if facts.Revision == 0 {
		facts = registered(name, now)
	}
	if err := wanted.apply(&facts, now); err != nil {
		return nil, err
	}
	if err := p.save(ctx, d, d.record.changed(facts)); err != nil {
		return nil, err
	}
	return done{OK: true, Domain: name, Revision: d.record.Facts.Revision}, nil
}

// setAccount answers sandbox.accounts.set.
func (p *Platform) setAccount(ctx context.Context, body []byte) (any, error) {
	var wanted accountChange
	if err := read(body, &wanted); err != nil {
		return nil, err
	}
	if err := checkAccount(wanted.Account); err != nil {
		return nil, err
	}
	p.directory.writing.Lock()
	defer p.directory.writing.Unlock()
	facts := newAccount(wanted.Account)
	if _, known := p.directory.accounts.Load(wanted.Account); known {
		facts = p.directory.get(wanted.Account)
	}
	if err := wanted.apply(&facts); err != nil {
		return nil, err
	}
	if err := p.saveAccount(ctx, facts); err != nil {
		return nil, err
	}
	return done{OK: true, Account: facts.Account}, nil
}
