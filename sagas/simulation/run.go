package simulation

import (
	"slices"
	"time"
)

// Violation is a broken invariant.
type Violation struct {
	Invariant string // in words
	Detail    string // which push, and what of it
}

// Error implements error.
func (v *Violation) Error() string { return v.Invariant + ": " + v.Detail }

// Result is what a history came to.
type Result struct {
	Seed      uint64
	Purchases int        // pushes that were accepted
	Faults    int        // calls that went wrong, restarts, clocks set, and the like
	Broken    *Violation // nil if every invariant held
	Acts      []int      // numbers of the acts that were played, nil for all
	Trace     []string   // what happened, if asked for
}

// Run plays the history of a seed.
func Run(seed uint64) Result { return play(seed, plan(seed), false) }

// Replay plays only the acts of these numbers of the history of a seed, and keeps what
// happened. A number below 0 means the act -(number+1) undisturbed. No numbers mean all.
func Replay(seed uint64, numbers []int) Result {
	acts := plan(seed)
	if len(numbers) > 0 {
		acts = choose(acts, numbers)
	}
	result := play(seed, acts, true)
	result.Acts = numbers
	return result
}

func choose(acts []act, numbers []int) []act {
	var chosen []act
	for _, number := range numbers {
		calm := number < 0
		if calm {
			number = -number - 1
		}
		if number < len(acts) {
			next := acts[number]
			next.calm = calm
			chosen = append(chosen, next)
		}
	}
	return chosen
}

func play(seed uint64, acts []act, tracing bool) Result {
	w := newWorld(tracing)
	for _, next := range acts {
		w.step(next)
		if w.violation != nil {
			break
		}
	}
	if w.violation == nil {
		w.step(act{number: len(acts) + plannedActs, kind: tick, salt: seed, calm: true})
		w.calm()
	}
	result := Result{Seed: seed, Faults: w.faults, Broken: w.violation, Trace: w.trace}
	for _, known := range w.books.order {
		if !known.accepted.At.IsZero() {
			result.Purchases++
		}
	}
	return result
}

// Shrink cuts a broken history down until every act that is left is needed to break the
// same invariant, or the time is up, and plays what is left.
func Shrink(broken Result, within time.Duration) Result {
	acts := plan(broken.Seed)
	until := time.Now().Add(within)
	fails := func(some []act) bool {
		again := play(broken.Seed, some, false).Broken
		return again != nil && again.Invariant == broken.Broken.Invariant
	}
	for size := len(acts) / 2; size > 0 && time.Now().Before(until); {
		smaller, cut := without(acts, size, fails)
		if acts = smaller; !cut || size > 1 {
			size /= 2
		}
	}
	for i := range acts {
		calmer := slices.Clone(acts)
		if calmer[i].calm = true; time.Now().Before(until) && fails(calmer) {
			acts = calmer
		}
	}
	return Replay(broken.Seed, numbersOf(acts))
}

// without leaves out every run of so many acts that is not needed.
func without(acts []act, size int, fails func([]act) bool) (left []act, cut bool) {
	for from := 0; from < len(acts); {
		fewer := slices.Concat(acts[:from], acts[min(from+size, len(acts)):])
		if fails(fewer) {
			acts, cut = fewer, true
		} else {
			from += size
		}
	}
	return acts, cut
}

func numbersOf(acts []act) []int {
	numbers := make([]int, len(acts))
	for i, next := range acts {
		numbers[i] = next.number
		if next.calm {
			numbers[i] = -next.number - 1
		}
	}
	return numbers
}
