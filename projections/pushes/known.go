package pushes

import (
	"fmt"
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"
)

// Bounds of what is remembered, some ten megabytes.
const (
	mostKnown      = 10_000
	mostKnownItems = 20     // of a push that is remembered
	mostChanges    = 20_000 // pushes of which it is remembered when they changed
)

// changes remembers when pushes changed. What is folded is in it before it is shown.
type changes struct {
	mu     sync.Mutex
	latest *lru.Cache[string, uint64] // sequence of the newest event that was folded, by push
	older  uint64                     // no push that is not in latest has changed after this sequence
}

func newChanges() *changes {
	c := &changes{}
	latest, err := lru.NewWithEvict(mostChanges, func(_ string, sequence uint64) { c.older = max(c.older, sequence) })
	if err != nil {
		panic(err) // only for a size below 1
	}
	c.latest = latest
	return c
}

func (c *changes) note(id string, sequence uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known, is := c.latest.Peek(id)
	if !is {
		known = c.older
	}
	c.latest.Add(id, max(known, sequence)) // a copy that is made anew begins at the beginning
}

// until is the sequence after which this process has folded no change of a push.
func (c *changes) until(id string) uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if sequence, known := c.latest.Peek(id); known {
		return sequence
	}
	return c.older
}

// shown is what the read model showed before it was asked. While it is the same, so are
// the rows.
type shown struct {
	era      int
	position uint64
}

// seen is a push as it stood then.
type seen struct {
	row
	shown
}

// known remembers pushes as they were read: to read and decode their states would
// otherwise be most of the work of most questions. What is in it is never changed. It is
// safe for concurrent use.
type known struct {
	states *lru.Cache[string, seen] // by push
	*changes
}

func newKnown(noted *changes) known {
	states, err := lru.New[string, seen](mostKnown)
	if err != nil {
		panic(err) // only for a size below 1
	}
	return known{states, noted}
}

// at gives a push that was read, if it has not changed since.
func (k known) at(now shown, id string) (row, bool) {
	found, is := k.states.Get(id)
	return found.row, is && found.era == now.era && k.until(id) <= found.position
}

// decode gives the state of a push as it stood after an event; there is one after each.
func (k known) decode(now shown, id string, sequence uint64, state []byte) (row, error) {
	found, is := k.states.Get(id)
	if !is || found.era != now.era || found.sequence != sequence {
		decoded, err := decodeState(state)
		if err != nil {
			return row{}, fmt.Errorf("push %s: %w", id, err)
		}
		found.row = row{state: decoded, sequence: sequence}
	}
	if len(found.state.Lines) <= mostKnownItems {
		k.states.Add(id, seen{row: found.row, shown: now})
	}
	return found.row, nil
}

func (q *Queries) shown() shown {
	era, position := q.Shown()
	return shown{era, position}
}
