// Package listing holds, for every domain, which live push has it on sale. It is an
// aggregate of its own so that two pushes racing for one domain meet on one stream:
// the reservation expects the stream where the decision saw it, and one of the two
// appends fails (rule P8). A domain's state is its last event.
package listing

import (
	"time"

	"github.com/pushledger/pushledger/aggregates"
)

// Event is a fact about one domain's place on the market.
//
//sumtype:decl
type Event interface {
	aggregates.Event
	listing()
}

// Reserved says that a live push holds the domain.
type Reserved struct {
	PushID string    `json:"push_id"`
	At     time.Time `json:"at"`
}

// Released says that the push which held the domain has ended (rule L6).
type Released struct {
	PushID string    `json:"push_id"`
	At     time.Time `json:"at"`
}

// EventType implements aggregates.Event.
func (Reserved) EventType() string { return "Reserved" }

// EventType implements aggregates.Event.
func (Released) EventType() string { return "Released" }

func (Reserved) listing() {}
func (Released) listing() {}

// State is where a domain stands; the zero State is free.
type State struct {
	PushID string // the live push that holds it; empty when free
	Last   string // the push that holds it or, when free, held it last
}

// Evolve applies one event.
func Evolve(state State, event Event) State {
	switch event := event.(type) {
	case Reserved:
		state.PushID, state.Last = event.PushID, event.PushID
	case Released:
		state.PushID, state.Last = "", event.PushID
	}
	return state
}
