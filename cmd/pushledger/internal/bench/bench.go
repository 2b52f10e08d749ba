// Package bench measures the service against its peers. Machines are shared and their
// disks change speed by the minute, so nothing here is an absolute figure: ours and the
// peers' are measured in turns within one run, and what counts is the median of the rounds'
// ratios. Whoever is measured runs in a process of its own, as do the partners that a
// service asks; this process is the load. Beside each rate stands the processor time of
// every process that took part, and a row whose rounds differ too much is not met. It needs
// Linux, for /proc.
package bench

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// Options of a run.
type Options struct {
	Only    []string // ids such as "W1"; empty: all that need no large ledger
	Quick   bool     // short rounds, so that any one id takes less than 20 s
	Full    bool     // also the rows that need a large ledger
	Large   int      // completed pushes in the large ledger; the targets are for a million
	Open    int      // open offers of W5 and S2; 0: as many as their targets name
	Against string   // another build of the program, measured beside this one; empty: none
	// Profiles is a directory for profiles of the service under test alone; empty: none.
	Profiles string
	// Progress is told what is being measured, one step after the other.
	Progress func(step string)
	Logger   *slog.Logger
}

// Report is what a run found out.
type Report struct {
	Rows []Row `json:"rows"`
	// Missing says of each peer that could not be measured why.
	Missing []string `json:"missing,omitzero"`
	// Notes say what else the figures need to be understood, how busy the machine was first.
	Notes []string `json:"notes,omitzero"`
}

// suite is a set of rows that share what has to be set up for them.
type suite struct {
	ids  []string
	full bool // needs a large ledger
	run  func(context.Context, *run) error
}

var suites = []suite{
	{ids: []string{"W1", "W3"}, run: throughput},
	{ids: []string{"W2"}, run: latency},
	{ids: []string{"W4"}, run: purchases},
	{ids: []string{"W5"}, full: true, run: openOffers},
	{ids: []string{"R1", "R2", "R3"}, run: replays},
	{ids: []string{"Q1"}, run: onePush},
	{ids: []string{"Q2"}, run: lists},
	{ids: []string{"S1", "S2", "S3"}, full: true, run: growth},
}

// run is a run under way.
type run struct {
	Options
	program  string // this one
	report   Report
	profiled int // services that write profiles
}

// Run measures what the options ask for.
func Run(ctx context.Context, options Options) (Report, error) {
	program, err := os.Executable()
	if err != nil {
		return Report{}, fmt.Errorf("bench: %w", err)
	}
	current := &run{Options: options, program: program}
	for _, id := range options.Only {
		if !slices.ContainsFunc(suites, func(s suite) bool { return slices.Contains(s.ids, id) }) {
			return Report{}, fmt.Errorf("bench: there is no row %q", id)
		}
	}
	if options.Quick {
		current.note("THIS IS NO PROOF: a quick run has %d rounds of %s, too short for a disk that changes its speed; leave out --quick", current.rounds(), current.span())
	}
	for _, s := range suites {
		if !current.wants(s) {
			continue
		}
		if err := current.measure(ctx, s); err != nil {
			return Report{}, fmt.Errorf("bench: %s: %w", strings.Join(s.ids, ", "), err)
		}
	}
	return current.report, nil
}

// measure runs a suite and says how busy the machine was meanwhile.
func (r *run) measure(ctx context.Context, s suite) error {
	before, err := lookAtMachine()
	if err != nil {
		return err
	}
	began := time.Now()
	if err := s.run(ctx, r); err != nil {
		return err
	}
	after, err := lookAtMachine()
	if err != nil {
		return err
	}
	r.note("%s: took %.0f s on %s", strings.Join(s.ids, ", "), time.Since(began).Seconds(), before.until(after))
	debug.FreeOSMemory() // what these rows held is no burden to the next ones
	return nil
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

func (r *run) note(format string, values ...any) {
	r.report.Notes = append(r.report.Notes, fmt.Sprintf(format, values...))
}

func (r *run) missing(what string, err error) {
	r.report.Missing = append(r.report.Missing, what+": "+err.Error())
}

// rounds is how often each side of a row is measured.
func (r *run) rounds() int {
	if r.Quick {
		return 3
	}
	return 5
}

// span is how long one measurement takes.
func (r *run) span() time.Duration {
	if r.Quick {
		return 300 * time.Millisecond
	}
	return 10 * time.Second
}

// settle is how long a side has after its turn to finish what it put off, which counts as
// its processor time.
func (r *run) settle() time.Duration { return r.span() / 10 }

// closers ends what a suite has started, the last first.
type closers []func() error

func (c *closers) add(closer func() error) { *c = append(*c, closer) }

// close joins what goes wrong to the error with which a suite ends.
func (c *closers) close(err *error) {
	for _, closer := range slices.Backward(*c) {
		*err = errors.Join(*err, closer())
	}
}
