// Package aggregates holds the rules of the ledger as pure functions: no I/O, no
// clock, no goroutine, no NATS and no SQL. Time and outside facts come in as
// arguments, so the write path, a replay, a simulation and an audit all run the
// very same code and must come to the very same state.
package aggregates

// Event is a recorded fact. Each aggregate package seals its own events behind a
// narrower interface, so that a switch over them can be checked for completeness.
type Event interface {
	// EventType is the name under which the fact is stored, such as "Offered".
	// It is unique in the whole ledger and never changes once it was written.
	EventType() string
}

// Fold rebuilds a state from its history, oldest event first.
func Fold[S any, E Event](initial S, evolve func(S, E) S, history ...E) S {
	state := initial
	for _, event := range history {
		state = evolve(state, event)
	}
	return state
}
