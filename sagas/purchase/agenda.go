package purchase

import (
	"container/heap"
	"context"
	"sync"
	"time"

	"github.com/pushledger/pushledger/aggregates/push"
)

// agenda is an index over pushes of when each has to be looked at next. It holds no
// truth: it is rebuilt from the log at every start. A push is handed to one worker at
// a time; a touch meanwhile makes it due again as soon as that worker is done.
type agenda struct {
	mu      sync.Mutex
	entries map[string]*entry
	due     dueHeap
	wake    chan struct{} // buffered 1; a worker waiting for the clock looks again
	now     func() time.Time
}

type entry struct {
	id      string
	due     time.Time
	index   int // in the heap, -1 while a worker has it
	touched bool
	seen    uint64 // sequence of the newest event that touched it
	// memory of the worker, changed by nobody else while index is -1
	pace pace
}

func newAgenda(now func() time.Time) *agenda {
	return &agenda{entries: make(map[string]*entry), wake: make(chan struct{}, 1), now: now}
}

// touch makes a push due at the given time, or earlier if it already was, because of the
// event of a sequence.
func (a *agenda) touch(id string, due time.Time, sequence uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	known, exists := a.entries[id]
	if exists {
		known.seen = max(known.seen, sequence)
	}
	switch {
	case !exists:
		known = &entry{id: id, due: due, seen: sequence}
		a.entries[id] = known
		heap.Push(&a.due, known)
	case known.index < 0:
		known.touched = true
	case due.Before(known.due):
		known.due = due
		heap.Fix(&a.due, known.index)
	default:
		return
	}
	a.signal()
}

// hurry has a step of a push not wait for its pause any more.
func (a *agenda) hurry(id string, step push.Step) {
	if known := a.entry(id); known != nil {
		known.pace.hurry(step)
	}
}

// forget drops a push about which nothing is left to do.
func (a *agenda) forget(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	known, exists := a.entries[id]
	if !exists {
		return
	}
	if known.index >= 0 {
		heap.Remove(&a.due, known.index)
		delete(a.entries, id)
		return
	}
	known.touched = true // its worker looks once more and finds nothing
}

// take waits for a push to be due and hands it to the caller, who must call done.
func (a *agenda) take(ctx context.Context) (*entry, error) {
	for {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		known, wait := a.first()
		if known != nil {
			return known, nil
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil, ctx.Err()
		case <-a.wake:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// longestWait bounds how long a worker trusts the clock not to have been set.
const longestWait = time.Minute

func (a *agenda) first() (*entry, time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.due) == 0 {
		return nil, longestWait
	}
	wait := a.due[0].due.Sub(a.now())
	if wait > 0 {
		return nil, min(wait, longestWait)
	}
	known := heap.Pop(&a.due).(*entry)
	known.touched = false
	if len(a.due) > 0 {
		a.signal() // there may be work for another worker
	}
	return known, 0
}

// done gives a push back. It is due again at next, at once if it was touched
// meanwhile, and gone if next is zero.
func (a *agenda) done(known *entry, next time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case known.touched:
		known.due = a.now()
	case next.IsZero():
		delete(a.entries, known.id)
		return
	default:
		known.due = next
	}
	heap.Push(&a.due, known)
	a.signal()
}

// list tells when each push is due. One that is being worked on is due at once.
func (a *agenda) list() map[string]time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	list := make(map[string]time.Time, len(a.entries))
	for id, known := range a.entries {
		list[id] = known.due
		if known.index < 0 {
			list[id] = a.now()
		}
	}
	return list
}

// entry is that of a push, nil if there is none.
func (a *agenda) entry(id string) *entry {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.entries[id]
}

// seenUpTo is the sequence of the newest event that touched an entry.
func (a *agenda) seenUpTo(known *entry) uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return known.seen
}

func (a *agenda) size() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.entries)
}

func (a *agenda) signal() {
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// dueHeap implements heap.Interface, earliest first.
type dueHeap []*entry

func (h dueHeap) Len() int           { return len(h) }
func (h dueHeap) Less(i, j int) bool { return h[i].due.Before(h[j].due) }

func (h dueHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

// Push implements heap.Interface.
func (h *dueHeap) Push(x any) {
	known := x.(*entry)
	known.index = len(*h)
	*h = append(*h, known)
}

// Pop implements heap.Interface.
func (h *dueHeap) Pop() any {
	last := len(*h) - 1
	known := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	known.index = -1
	return known
}
