package platform

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/sagas/registrar"
)

// Keys of the bucket.
const (
	domainKeys  = "registrar."
	accountKeys = "directory."
)

const (
	keptOperations = 1000 // of one domain; older ones are forgotten
	seedsAtOnce    = 64
)

// record is a domain as it is kept, with what was decided on it.
type record struct {
	Facts      push.DomainFacts `json:"facts"` // revision 0: nobody ever registered it
	Operations []operation      `json:"operations,omitzero"`
}

// operation is a move that was ordered.
type operation struct {
	ID       string              `json:"operation_id"`
	From     string              `json:"from"`
	To       string              `json:"to"`
	State    registrar.MoveState `json:"state"`
	Code     string              `json:"code,omitzero"`
	Revision uint64              `json:"revision"`
}

func (r record) find(id string) (operation, bool) {
	at := slices.IndexFunc(r.Operations, func(known operation) bool { return known.ID == id })
	if at < 0 {
		return operation{}, false
	}
	return r.Operations[at], true
}

// with returns a copy of the record in which the operation stands as given.
func (r record) with(changed operation) record {
	others := slices.DeleteFunc(slices.Clone(r.Operations), func(known operation) bool { return known.ID == changed.ID })
	if len(others) >= keptOperations {
		others = others[1:]
	}
	r.Operations = append(others, changed)
	return r
}

// changed returns a copy of the record with other facts and the next revision, or the
// one that the facts themselves name if it is higher.
func (r record) changed(facts push.DomainFacts) record {
	facts.Revision = max(r.Facts.Revision+1, facts.Revision)
	r.Facts = facts
	return r
}

// domain is one domain of the registry. Whoever changes it holds mu until the change is
// written, so that nobody reads what is not on disk.
type domain struct {
	mu     sync.Mutex
	record record
}

// facts is what the registrar says of the domain.
func (d *domain) facts() push.DomainFacts {
	d.mu.Lock()
	defer d.mu.Unlock()
	facts := d.record.Facts
	if !facts.Exists {
		facts.Account = ""
	}
	return facts
}

// registry finds domains, and operations by their id.
type registry struct {
	mu         sync.RWMutex
	domains    map[domainname.Name]*domain
	operations sync.Map // operation id → domainname.Name
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
		r.domains[name] = &domain{record: record{Facts: unregistered(name)}}
	}
	return r.domains[name]
}

// claim reports whether the operation id belongs to this domain, which it does if no
// other domain had it before.
func (r *registry) claim(id string, name domainname.Name) bool {
	owner, _ := r.operations.LoadOrStore(id, name)
	return owner == name
}

// directory holds the accounts.
type directory struct {
	writing  sync.Mutex // held while a change is being written
	accounts sync.Map   // account id → push.AccountFacts
}

func (d *directory) get(id string) push.AccountFacts {
	if known, is := d.accounts.Load(id); is {
		return known.(push.AccountFacts)
	}
	return push.AccountFacts{Account: id}
}

// save writes the next record of a domain and then shows it. The caller holds its lock.
func (p *Platform) save(ctx context.Context, d *domain, next record) error {
	if err := p.put(ctx, domainKeys+next.Facts.Domain.Token(), next); err != nil {
		return err
	}
	d.record = next
	return nil
}

func (p *Platform) saveAccount(ctx context.Context, facts push.AccountFacts) error {
	if err := p.put(ctx, accountKeys+facts.Account, facts); err != nil {
		return err
	}
	p.directory.accounts.Store(facts.Account, facts)
	return nil
}

func (p *Platform) put(ctx context.Context, key string, value any) error {
	body, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("platform: encode %s: %w", key, err)
	}
	if _, err := p.kv.Put(ctx, key, body); err != nil {
		return fmt.Errorf("platform: write %s: %w", key, err)
	}
	return nil
}

// load reads the whole state. It runs before any request is served.
func (p *Platform) load(ctx context.Context) error {
	watcher, err := p.kv.WatchFiltered(ctx, []string{domainKeys + ">", accountKeys + ">"}, jetstream.IgnoreDeletes())
	if err != nil {
		return fmt.Errorf("platform: load: %w", err)
	}
	err = p.readAll(ctx, watcher.Updates())
	if stopErr := watcher.Stop(); err == nil && stopErr != nil {
		return fmt.Errorf("platform: load: %w", stopErr)
	}
	return err
}

func (p *Platform) readAll(ctx context.Context, entries <-chan jetstream.KeyValueEntry) error {
	for {
		select {
		case <-ctx.Done():
			return fmt.Errorf("platform: load: %w", ctx.Err())
		case entry := <-entries:
			if entry == nil { // everything that was there has come
				return nil
			}
			if err := p.restore(entry); err != nil {
				return fmt.Errorf("platform: load %s: %w", entry.Key(), err)
			}
		}
	}
}

func (p *Platform) restore(entry jetstream.KeyValueEntry) error {
	if strings.HasPrefix(entry.Key(), accountKeys) {
		var facts push.AccountFacts
		if err := json.Unmarshal(entry.Value(), &facts); err != nil {
			return err
		}
		p.directory.accounts.Store(facts.Account, facts)
		return nil
	}
	var kept record
	if err := json.Unmarshal(entry.Value(), &kept); err != nil {
		return err
	}
	name := kept.Facts.Domain
	p.domains.domains[name] = &domain{record: kept}
	for _, known := range kept.Operations {
		if !p.domains.claim(known.ID, name) {
			return fmt.Errorf("operation %s belongs to another domain", known.ID)
		}
	}
	return nil
}

// seed adds from the inventory what was never heard of.
func (p *Platform) seed(ctx context.Context, inventory Inventory) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(seedsAtOnce)
	for _, facts := range inventory.accounts {
		if _, known := p.directory.accounts.Load(facts.Account); !known {
			group.Go(func() error { return p.saveAccount(ctx, facts) })
		}
	}
	for _, facts := range inventory.domains {
		if known := p.domains.get(facts.Domain); known == nil || known.record.Facts.Revision == 0 {
			group.Go(func() error { return p.seedDomain(ctx, facts) })
		}
	}
	return group.Wait()
}

func (p *Platform) seedDomain(ctx context.Context, facts push.DomainFacts) error {
	d := p.domains.open(facts.Domain)
	d.mu.Lock()
	defer d.mu.Unlock()
	return p.save(ctx, d, d.record.changed(facts))
}
