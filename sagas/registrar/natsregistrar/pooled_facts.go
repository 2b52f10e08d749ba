package natsregistrar

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/sagas/registrar"
)

// Bounds of questions that are put together.
const (
	questionsAtOnce = 4                // of those about domains that are on their way at the same time
	lonelyFor       = 30 * time.Second // how long a domain that gave trouble is asked about alone
	mostLonely      = 1024             // such domains remembered
)

// inquiry is one caller's question about a few domains, to be put together with others.
type inquiry struct {
	domains []domainname.Name
	done    chan answered // buffered 1
}

type answered struct {
	facts []push.DomainFacts
	err   error
}

// pooledFacts puts the questions of many callers into few. A question leaves at once while
// the line is free; who comes while too many are on their way joins the next one. So
// every answer is younger than the question, and nobody waits for company.
type pooledFacts struct {
	ask func([]domainname.Name) ([]push.DomainFacts, error)

	mu      sync.Mutex
	waiting []*inquiry
	running int
	lonely  map[domainname.Name]time.Time // until when each is asked about alone
}

func newPooledFacts(ask func([]domainname.Name) ([]push.DomainFacts, error)) *pooledFacts {
	return &pooledFacts{ask: ask, lonely: make(map[domainname.Name]time.Time)}
}

// facts asks about at most maxChunk domains.
func (t *pooledFacts) facts(ctx context.Context, domains []domainname.Name) ([]push.DomainFacts, error) {
	if len(domains) == 0 {
		return nil, nil
	}
	if ctx.Err() != nil { // nobody is asked for one who has given up
		return nil, fmt.Errorf("%w: %w", registrar.ErrUnavailable, ctx.Err())
	}
	asked := &inquiry{domains: domains, done: make(chan answered, 1)}
	if t.troubled(domains) {
		go t.settle([]*inquiry{asked})
	} else {
		t.join(asked)
	}
	select {
	case said := <-asked.done:
		return said.facts, said.err
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", registrar.ErrUnavailable, ctx.Err())
	}
}

func (t *pooledFacts) join(asked *inquiry) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waiting = append(t.waiting, asked)
	if t.running < questionsAtOnce {
		t.running++
		go t.work()
	}
}

// work puts one question after the other until nobody waits.
func (t *pooledFacts) work() {
	for {
		group := t.next()
		if len(group) == 0 {
			return
		}
		t.settle(group)
	}
}

// next takes as many inquiries as fit into one question.
func (t *pooledFacts) next() []*inquiry {
	t.mu.Lock()
	defer t.mu.Unlock()
	taken, domains := 0, 0
	for taken < len(t.waiting) && domains+len(t.waiting[taken].domains) <= maxChunk {
		domains += len(t.waiting[taken].domains)
		taken++
	}
	group := t.waiting[:taken:taken]
	t.waiting = t.waiting[taken:]
	if taken == 0 {
		t.running--
	}
	return group
}

// settle asks for a group and hands out the answers. If there is none, each inquiry is
// put alone, so that a domain the registrar cannot answer for harms only its own.
func (t *pooledFacts) settle(group []*inquiry) {
	var domains []domainname.Name
	place := make(map[domainname.Name]int) // of each domain in the answer; two callers may ask about one
	for _, asked := range group {
		for _, name := range asked.domains {
			if _, known := place[name]; !known {
				place[name] = len(domains)
				domains = append(domains, name)
			}
		}
	}
	facts, err := t.ask(domains)
	switch {
	case err == nil:
		for _, asked := range group {
			own := make([]push.DomainFacts, len(asked.domains))
			for i, name := range asked.domains {
				own[i] = facts[place[name]]
			}
			asked.done <- answered{facts: own}
		}
	case len(group) == 1:
		t.remember(domains)
		group[0].done <- answered{err: err}
	default:
		for _, asked := range group {
			go t.settle([]*inquiry{asked})
		}
	}
}

func (t *pooledFacts) remember(domains []domainname.Name) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	for name, until := range t.lonely {
		if !now.Before(until) {
			delete(t.lonely, name)
		}
	}
	for _, name := range domains {
		if len(t.lonely) < mostLonely {
			t.lonely[name] = now.Add(lonelyFor)
		}
	}
}

func (t *pooledFacts) troubled(domains []domainname.Name) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.lonely) == 0 {
		return false
	}
	now := time.Now()
	for _, name := range domains {
		if until, known := t.lonely[name]; known && now.Before(until) {
			return true
		}
	}
	return false
}
