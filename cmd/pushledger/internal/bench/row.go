package bench

import (
	"fmt"
	"slices"
)

// Row is one measurement.
type Row struct {
	Name     string  `json:"name"` // begins with the row's id
	Ours     float64 `json:"ours"` // the median of the rounds
	Peer     float64 `json:"peer"`
	PeerName string  `json:"peer_name"`
	Unit     string  `json:"unit"`  // of both figures
	Ratio    float64 `json:"ratio"` // the median of the rounds' ratios
	Target   string  `json:"target"`
	Met      bool    `json:"met"`
	Rounds   int     `json:"rounds"`
	// OursSpread and PeerSpread are the largest figure of all rounds by the smallest.
	OursSpread float64 `json:"ours_spread"`
	PeerSpread float64 `json:"peer_spread"`
	// OursTime and PeerTime are the processor time of each process that took part.
	OursTime []Spent `json:"ours_time,omitzero"`
	PeerTime []Spent `json:"peer_time,omitzero"`
	// Why says for what reason the row is not met whatever its ratio; empty: there is none.
	Why string `json:"why,omitzero"`
}

// Spent is the processor time of one process for each call of a measurement, in µs: the
// medians of the rounds.
type Spent struct {
	Process string  `json:"process"`
	User    float64 `json:"user_us"`
	System  float64 `json:"system_us"`
}

// mostSpread is by how much the rounds of one side may differ for a row to be met.
const mostSpread = 2

// target is what a ratio has to be.
type target struct {
	limit  float64
	atMost bool // the ratio must not be above the limit; otherwise not below
}

func atLeast(limit float64) target { return target{limit: limit} }
func atMost(limit float64) target  { return target{limit: limit, atMost: true} }

func (t target) String() string {
	if t.atMost {
		return fmt.Sprintf("≤ %g", t.limit)
	}
	return fmt.Sprintf("≥ %g", t.limit)
}

func (t target) met(ratio float64) bool {
	return t.atMost && ratio <= t.limit || !t.atMost && ratio >= t.limit
}

const targetItself = "the target itself" // the peer of a figure that has none

// figures are what one side came to, a value for each round.
type figures struct {
	values []float64
	time   []Spent
}

// constant is a peer that is a figure and not measured, for so many rounds.
func constant(value float64, rounds int) figures {
	return figures{values: slices.Repeat([]float64{value}, rounds)}
}

// compared makes a row of rounds in which ours and the peer's values of the same place were
// measured one after the other.
func compared(name, unit, peerName string, ours, peer figures, wanted target) Row {
	ratios := make([]float64, len(ours.values))
	for i := range ours.values {
		ratios[i] = ours.values[i] / peer.values[i]
	}
	row := Row{
		Name: name, Ours: median(ours.values), Peer: median(peer.values), PeerName: peerName, Unit: unit,
		Ratio: median(ratios), Target: wanted.String(), Rounds: len(ratios),
		OursSpread: spread(ours.values), PeerSpread: spread(peer.values), OursTime: ours.time, PeerTime: peer.time,
	}
	if widest := max(row.OursSpread, row.PeerSpread); widest > mostSpread {
		row.Why = fmt.Sprintf("rounds differ too much (×%.3g)", widest)
	}
	row.Met = row.Why == "" && wanted.met(row.Ratio)
	return row
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// spread is the largest value by the smallest. If the smallest is 0 and the largest is not,
// nothing is wider.
func spread(values []float64) float64 {
	smallest, largest := slices.Min(values), slices.Max(values)
	if largest == smallest {
		return 1
	}
	return largest / smallest
}
