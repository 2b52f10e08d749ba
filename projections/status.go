package projections

import (
	"context"
	"fmt"
)

// Status is how a served read model stands.
type Status struct {
	Model    string `json:"model"`
	Version  int    `json:"version" doc:"of the fold"`
	State    State  `json:"state" doc:"live, catching_up, rebuilding or stopped"`
	Position uint64 `json:"position" doc:"sequence of the last event that is shown"`
	End      uint64 `json:"end" doc:"sequence of the last event of the ledger"`
	Lag      uint64 `json:"lag" doc:"events that are not shown yet"`
	Rebuilt  uint64 `json:"rebuilt,omitzero" required:"false" doc:"how far the copy has come that is being made; absent when none is"`
	Rebuilds int    `json:"rebuilds" doc:"copies put in the place of another since the service started"`
	Error    string `json:"error,omitzero" required:"false" doc:"why it has stopped, or could not be rebuilt"`
}

// State is the word for how a read model stands.
type State string

// The states.
const (
	StateLive       State = "live"        // keeps up
	StateCatchingUp State = "catching_up" // has not come to where the log ended when it started
	StateRebuilding State = "rebuilding"  // is served while another copy is made
	StateStopped    State = "stopped"     // at an event that it cannot fold
)

// Status tells how the model stands. It fails only if the log does not answer.
func (s *Served) Status(ctx context.Context) (Status, error) {
	end, err := s.log.LastSequence(ctx)
	if err != nil {
		return Status{}, fmt.Errorf("projections: status of %s: %w", s.model.Name, err)
	}
	s.building.Lock()
	builder, trouble, rebuilds := s.builder, s.trouble, s.rebuilds
	s.building.Unlock()
	s.mu.Lock()
	position, caughtUp, stopped := s.position, s.caughtUp, s.stopped
	s.mu.Unlock()
	end = max(end, position) // both grow while they are read
	status := Status{Model: s.model.Name, Version: s.model.Version, State: StateLive, Position: position, End: end, Lag: end - position, Rebuilds: rebuilds}
	if trouble != nil {
		status.Error = trouble.Error()
	}
	if !caughtUp {
		status.State = StateCatchingUp
	}
	if stopped != nil {
		status.State, status.Error = StateStopped, stopped.Error()
	}
	if builder != nil {
		status.State, status.Rebuilt = StateRebuilding, builder.Position()
	}
	return status, nil
}

// Name is the name of the model.
func (r *Runner) Name() string { return r.model.Name }
