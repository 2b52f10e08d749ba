package platform

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/push"
)

// domain is one registration, under one name or several (rule B6). Whoever changes it
// holds mu until the change is written, so that nobody reads what is not on disk.
type domain struct {
	name domainname.Name // the canonical one

	mu     sync.Mutex
	record record
}

// facts is what the registrar says of the domain under one of its names.
func (d *domain) facts(asked domainname.Name) push.DomainFacts {
	d.mu.Lock()
	defer d.mu.Unlock()
	facts := d.record.Facts
	if !facts.Exists {
		facts.Account = ""
	}
	if d.record.held() {
		facts.Locks = append(slices.Clone(facts.Locks), lockHeld)
	}
	if asked != d.name {
		facts.Domain, facts.Canonical = asked, d.name
	}
	return facts
}

// registry finds domains by each of their names, and operations and holds by their id.
type registry struct {
	naming     sync.Mutex // held while a name becomes another one of a domain
	mu         sync.RWMutex
	domains    map[domainname.Name]*domain
	operations sync.Map // operation id → the domainname.Name it was first ordered under
}

// get returns the domain, or nil if it was never heard of.
func (r *registry) get(name domainname.Name) *domain {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.domains[name]
}

// open returns the domain, registered or not.
func (r *registry) open(name domainname.Name) *domain {
	if known := r.get(name); known != nil {
		return known
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.domains[name] == nil {
		r.domains[name] = &domain{name: name, record: record{Facts: unregistered(name)}}
	}
	return r.domains[name]
}

// lock returns the domain, registered or not, for the caller to change and then unlock.
func (r *registry) lock(name domainname.Name) *domain {
	for {
		d := r.open(name)
		d.mu.Lock()
		if r.get(name) == d {
			return d
		}
		d.mu.Unlock() // meanwhile the name has become one of another domain
	}
}

// canonical is the name under which the registration is known that has this name.
func (r *registry) canonical(name domainname.Name) domainname.Name {
	if known := r.get(name); known != nil {
		return known.name
	}
	return name
}

// claim reports whether the operation id belongs to this domain, which it does if no
// other domain had it before.
func (r *registry) claim(id string, d *domain) bool {
	owner, _ := r.operations.LoadOrStore(id, d.name)
	return r.get(owner.(domainname.Name)) == d
}

// restore adds a domain as it was kept. It runs before any request is served.
func (r *registry) restore(kept record) error {
	d := &domain{name: kept.Facts.Domain, record: kept}
	for _, name := range append([]domainname.Name{d.name}, kept.Variants...) {
		if r.domains[name] != nil {
			return fmt.Errorf("%s is a name of two domains", name)
		}
		r.domains[name] = d
	}
	for _, id := range kept.ids() {
		if !r.claim(id, d) {
			return fmt.Errorf("operation %s belongs to another domain", id)
		}
	}
	return nil
}

// ids are those of all that was ordered for the domain.
func (r record) ids() []string {
	var ids []string
	for _, known := range r.Operations {
		ids = append(ids, known.ID)
	}
	for _, known := range r.Holds {
		ids = append(ids, known.ID)
	}
	return ids
}

// link makes a name another one of the canonical domain, which is made if it is not there,
// and changes the record of that domain in the same write. A name that is a domain of its
// own, or of a third one, cannot be linked, nor can one be linked to such another name. It
// returns the revision of the domain afterwards.
func (p *Platform) link(ctx context.Context, name, canonical domainname.Name, change func(record) (record, error)) (uint64, error) {
	p.domains.naming.Lock() // nobody else ever holds the locks of two domains
	defer p.domains.naming.Unlock()
	d := p.domains.lock(canonical)
	defer d.mu.Unlock()
	if d.name != canonical {
		return 0, refuse("invalid_canonical", "%s is itself another name of %s", canonical, d.name)
	}
	next, err := change(d.record)
	if err != nil {
		return 0, err
	}
	if p.domains.get(name) == d { // it has the name already
		return next.Facts.Revision, p.save(ctx, d, next)
	}
	own := p.domains.lock(name)
	defer own.mu.Unlock()
	switch {
	case own.name != name:
		return 0, refuse("invalid_canonical", "%s is another name of %s", name, own.name)
	case own.record.used():
		return 0, refuse("invalid_canonical", "%s is a registration of its own", name)
	case len(next.Variants) >= maxMarks:
		return 0, refuse("too_large", "a registration has at most %d other names", maxMarks)
	}
	next.Variants = append(slices.Clone(next.Variants), name)
	if err := p.save(ctx, d, next); err != nil {
		return 0, err
	}
	p.domains.mu.Lock()
	defer p.domains.mu.Unlock()
	p.domains.domains[name] = d
	return next.Facts.Revision, nil
}
