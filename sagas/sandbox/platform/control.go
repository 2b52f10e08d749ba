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
	AuthCode string          `json:"auth_code,omitzero"` // the transfer password that was asked for
}

// setDomain answers sandbox.registrar.set.
func (p *Platform) setDomain(ctx context.Context, body []byte) (any, error) {
	var wanted domainChange
	if err := read(body, &wanted); err != nil {
		return nil, err
	}
	name, canonical, err := wanted.names()
	if err != nil {
		return nil, err
	}
	change := func(before record) (record, error) {
		now := p.now()
		facts := before.Facts
		if facts.Revision == 0 {
			facts = registered(facts.Domain, now)
		}
		err := wanted.apply(&facts, now)
		return before.changed(facts), err
	}
	var revision uint64
	if canonical == "" {
		revision, err = p.change(ctx, name, change)
	} else {
		revision, err = p.link(ctx, name, canonical, change)
	}
	if err != nil {
		return nil, err
	}
	return done{OK: true, Domain: name, Revision: revision}, nil
}

// change replaces the record of a domain and returns its revision afterwards.
func (p *Platform) change(ctx context.Context, name domainname.Name, change func(record) (record, error)) (uint64, error) {
	d := p.domains.lock(name)
	defer d.mu.Unlock()
	next, err := change(d.record)
	if err != nil {
		return 0, err
	}
	return next.Facts.Revision, p.save(ctx, d, next)
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
