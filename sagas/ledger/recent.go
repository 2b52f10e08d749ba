package ledger

import (
	"context"
	"maps"
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/eventstore"
)

// Bounds of what is kept in memory.
const (
	recentPushes   = 4096
	recentDomains  = 64 << 10
	mostKeptLines  = 16 // of one push; larger ones are read from the log when they are needed
	mostKeptStrays = 16
)

// recent remembers what this process last wrote or read. Another process may have
// written since, so what is found here may only lead to an append, which the log
// refuses if it is stale; nothing is ever answered from it.
type recent struct {
	mu      sync.Mutex // of reading an entry and replacing it by a newer one
	pushes  *lru.Cache[string, Push]
	domains *lru.Cache[domainname.Name, place]
}

func newRecent() *recent {
	pushes, err := lru.New[string, Push](recentPushes)
	if err != nil {
		panic(err) // only for a size below 1
	}
	domains, err := lru.New[domainname.Name, place](recentDomains)
	if err != nil {
		panic(err)
	}
	return &recent{pushes: pushes, domains: domains}
}

func (r *recent) push(id string) (Push, bool) { return r.pushes.Get(id) }

func (r *recent) keep(id string, seen Push) {
	if seen.Last == 0 || len(seen.State.Lines) > mostKeptLines || len(seen.State.Strays) > mostKeptStrays {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if known, exists := r.pushes.Peek(id); !exists || known.Last < seen.Last {
		r.pushes.Add(id, seen)
	}
}

func (r *recent) keepPlace(name domainname.Name, seen place) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if known, exists := r.domains.Peek(name); !exists || known.last < seen.last {
		r.domains.Add(name, seen)
	}
}

// Recent returns a push as this process last saw it, or as it stands in the log if it is
// not in memory. It is for those who act on it by a decision that is recorded with what
// it saw; to answer somebody, use Load.
func (l *Ledger) Recent(ctx context.Context, id string) (Push, error) {
	if known, exists := l.recent.push(id); exists {
		return known, nil
	}
	return l.Load(ctx, id)
}

// placesOf finds the places of domains, in memory or in the log.
func (l *Ledger) placesOf(ctx context.Context, names []domainname.Name) (map[domainname.Name]place, error) {
	places := make(map[domainname.Name]place, len(names))
	var unknown []domainname.Name
	for _, name := range names {
		known, exists := l.recent.domains.Get(name)
		switch {
		case exists:
			places[name] = known
		case !l.store.Unseen(DomainStream(name)):
			unknown = append(unknown, name)
		}
	}
	if len(unknown) == 0 {
		return places, nil
	}
	read, err := l.places(ctx, unknown)
	maps.Copy(places, read)
	return places, err
}

// wrote remembers what an append has made of a push and its domains.
func (l *Ledger) wrote(id string, now Push, before push.State, changes []eventstore.Change, sequence uint64) {
	l.recent.keep(id, now)
	if len(changes) == 0 || len(now.State.Lines) > mostKeptLines {
		return
	}
	// The domains stand right before the push's own events.
	first := sequence - uint64(now.State.Version-before.Version) - uint64(len(changes)) + 1 // #nosec G115 -- a version only rises
	held := place{lastHolder: id}
	if now.State.Status.Live() {
		held.holder = id
	}
	for i, line := range now.State.Lines {
		held.last = first + uint64(i)
		l.recent.keepPlace(line.Registration(), held)
	}
}
