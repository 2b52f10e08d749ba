package platform

import (
	"context"
	"errors"
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
	keptOperations = 1000 // of one domain, and as many holds; older ones are forgotten
	seedsAtOnce    = 64
)

// record is a domain as it is kept, with what was decided on it.
type record struct {
	Facts      push.DomainFacts `json:"facts"` // revision 0: nobody ever registered it
	Operations []operation      `json:"operations,omitzero"`
	Holds      []hold           `json:"holds,omitzero"`
	// Variants are the other names of the registration; the facts have the canonical one.
	Variants []domainname.Name `json:"variants,omitzero"`
	AuthCode string            `json:"auth_code,omitzero"` // the transfer password; empty when there is none that is good
}

// operation is a move that was ordered.
type operation struct {
	ID           string          `json:"operation_id"`
	Variant      domainname.Name `json:"variant,omitzero"` // the name it was ordered under, if not the canonical one
	From         string          `json:"from"`
	To           string          `json:"to"`
	Registrant   string          `json:"registrant,omitzero"`
	VoidAuthCode bool            `json:"void_auth_code,omitzero"`
	// RegistrantBefore is the registrant before it was done, Restores the one that it brings
	// back because it undoes another move.
	RegistrantBefore string              `json:"registrant_before,omitzero"`
	Restores         string              `json:"restores,omitzero"`
	State            registrar.MoveState `json:"state"`
	Code             string              `json:"code,omitzero"`
	Revision         uint64              `json:"revision"`
}

// used reports whether anything was ever said of the domain or ordered for it.
func (r record) used() bool {
	return r.Facts.Revision != 0 || len(r.Operations) > 0 || len(r.Holds) > 0
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
// one that the facts themselves name if it is higher. A transfer password that the facts
// no longer tell of is void.
func (r record) changed(facts push.DomainFacts) record {
	facts.Revision = max(r.Facts.Revision+1, facts.Revision)
	r.Facts = facts
	if facts.AuthCodeIssuedAt.IsZero() {
		r.AuthCode = ""
	}
	return r
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

// byAlipay finds the facts of an account by its login at Alipay.
func (d *directory) byAlipay(login string) (found push.AccountFacts, is bool) {
	d.accounts.Range(func(_, value any) bool {
		facts := value.(push.AccountFacts)
		if is = facts.AlipayAccount == login; is {
			found = facts
		}
		return !is
	})
	return found, is
}

// AlipayAccount tells what the directory knows of an account at Alipay: its legal name, and
// whether it is a company's.
func (p *Platform) AlipayAccount(login string) (name string, company, known bool) {
	facts, known := p.directory.byAlipay(login)
	return facts.AlipayName, facts.AlipayType == push.AlipayCompany, known
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
	return p.domains.restore(kept)
}

// seed adds from the inventory what was never heard of.
func (p *Platform) seed(ctx context.Context, inventory Inventory) error {
	group, seeding := errgroup.WithContext(ctx)
	group.SetLimit(seedsAtOnce)
	for _, facts := range inventory.accounts {
		if _, known := p.directory.accounts.Load(facts.Account); !known {
			group.Go(func() error { return p.saveAccount(seeding, facts) })
		}
	}
	for _, facts := range inventory.domains {
		if known := p.domains.get(facts.Domain); known == nil || known.record.Facts.Revision == 0 {
			group.Go(func() error { return p.seedDomain(seeding, facts) })
		}
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return p.seedVariants(ctx, inventory.variants)
}

func (p *Platform) seedDomain(ctx context.Context, facts push.DomainFacts) error {
	d := p.domains.lock(facts.Domain)
	defer d.mu.Unlock()
	return p.save(ctx, d, d.record.changed(facts))
}

// seedVariants gives registrations their other names. What the kept state says otherwise
// stays as it is.
func (p *Platform) seedVariants(ctx context.Context, variants []variant) error {
	for _, wanted := range variants {
		if p.domains.get(wanted.name) == p.domains.get(wanted.canonical) {
			continue
		}
		_, err := p.link(ctx, wanted.name, wanted.canonical, func(before record) (record, error) { return before, nil })
		var refused *refusal
		if err != nil && !errors.As(err, &refused) {
			return err
		}
	}
	return nil
}
