package pushes

import (
	"fmt"

	lru "github.com/hashicorp/golang-lru/v2"
)

// Bounds of what is remembered, some ten megabytes.
const (
	mostKnown      = 10_000
	mostKnownItems = 20 // of a push that is remembered
)

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

// known remembers pushes as they were read: to decode their states would otherwise be
// half of the work of most questions. What is in it is never changed. It is safe for
// concurrent use.
type known struct {
	states *lru.Cache[string, seen] // by push
}

func newKnown() known {
	states, err := lru.New[string, seen](mostKnown)
	if err != nil {
		panic(err) // only for a size below 1
	}
	return known{states}
}

// at gives a push that was read when the read model showed just what it shows now.
func (k known) at(now shown, id string) (row, bool) {
	found, is := k.states.Get(id)
	return found.row, is && found.shown == now
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
