// Package bench measures the service against the engines it stands on. Machines are
// shared and their disks change speed by the minute, so nothing here is an absolute
// figure: ours and the peer's are measured in turns within one run, and what counts is
// the median of the rounds' ratios.
package bench

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// Options of a run.
type Options struct {
	Only  []string // ids such as "W1"; empty: all that need no large ledger
	Quick bool     // short rounds, so that any one id takes less than 20 s
	Full  bool     // also the rows that need a large ledger
	Large int      // completed pushes in the large ledger; the targets are for a million
	// Progress is told what is being measured, one step after the other.
	Progress func(step string)
	Logger   *slog.Logger
}

// Row is one measurement.
type Row struct {
	Name     string  `json:"name"` // begins with the row's id
	Ours     float64 `json:"ours"`
	Peer     float64 `json:"peer"`
	PeerName string  `json:"peer_name"`
	Unit     string  `json:"unit"` // of both figures
	Ratio    float64 `json:"ratio"`
	Target   string  `json:"target"`
	Met      bool    `json:"met"`
}

// Report is what a run found out.
type Report struct {
	Rows []Row `json:"rows"`
	// Missing says of each peer that could not be measured why.
	Missing []string `json:"missing,omitzero"`
	// Notes say what else the figures need to be understood.
	Notes []string `json:"notes,omitzero"`
}

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

// compared makes a row of rounds in which ours[i] and peer[i] were measured one after
// the other.
func compared(name, unit, peerName string, ours, peer []float64, wanted target) Row {
	ratios := make([]float64, len(ours))
	for i := range ours {
		ratios[i] = ours[i] / peer[i]
	}
	ratio := median(ratios)
	return Row{
		Name: name, Ours: median(ours), Peer: median(peer), PeerName: peerName, Unit: unit,
		Ratio: ratio, Target: wanted.String(), Met: wanted.met(ratio),
	}
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// suite is a set of rows that share what has to be set up for them.
type suite struct {
	ids  []string
	full bool // needs a large ledger
	run  func(context.Context, *run) error
}

var suites = []suite{
	{ids: []string{"W1", "W2", "W3"}, run: writes},
	{ids: []string{"W4"}, run: purchases},
	{ids: []string{"R1", "R2", "R3"}, run: replays},
	{ids: []string{"Q1"}, run: onePush},
	{ids: []string{"Q2"}, run: lists},
	{ids: []string{"S1", "S2"}, full: true, run: growth},
}

// run is a run under way.
type run struct {
	Options
	report Report
}

// Run measures what the options ask for.
func Run(ctx context.Context, options Options) (Report, error) {
	current := &run{Options: options}
	for _, id := range options.Only {
		if !slices.ContainsFunc(suites, func(s suite) bool { return slices.Contains(s.ids, id) }) {
			return Report{}, fmt.Errorf("bench: there is no row %q", id)
		}
	}
	for _, s := range suites {
		if !current.wants(s) {
			continue
		}
		if err := s.run(ctx, current); err != nil {
			return Report{}, fmt.Errorf("bench: %s: %w", strings.Join(s.ids, ", "), err)
		}
		debug.FreeOSMemory() // what these rows held is no burden to the next ones
	}
	return current.report, nil
}

func (r *run) wants(s suite) bool {
	if len(r.Only) == 0 {
		return r.Full || !s.full
	}
	return slices.ContainsFunc(s.ids, r.wanted)
}

// wanted reports whether the rows of an id are asked for.
func (r *run) wanted(id string) bool { return len(r.Only) == 0 || slices.Contains(r.Only, id) }

func (r *run) add(rows ...Row) { r.report.Rows = append(r.report.Rows, rows...) }

// rounds is how often each side of a row is measured.
const rounds = 5

// span is how long one measurement takes.
func (r *run) span() time.Duration {
	if r.Quick {
		return 500 * time.Millisecond
	}
	return 3 * time.Second
}
