// Command simulate plays simulated purchases with faults until its time is up, or until it
// has played so many: then the same seed always means the same. It exits 1 if an invariant is broken, with the seed and the shortest trace that it finds.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pushledger/pushledger/sagas/simulation"
)

// waiting is how many histories a processor has at the same time: some of them sleep for
// a moment after a lost race for the log.
const waiting = 8

func main() {
	duration := flag.Duration("duration", 45*time.Second, "how long to play")
	seed := flag.Uint64("seed", uint64(time.Now().UnixNano()), "first seed; the others follow it") // #nosec G115 -- any number does
	seeds := flag.Uint64("seeds", 0, "how many seeds to play instead of a duration")
	purchases := flag.Int64("purchases", 0, "how many purchases to play, at least, instead of a duration")
	acts := flag.String("acts", "", "play only these acts of the one seed, as a violation names them")
	shrink := flag.Duration("shrink", 30*time.Second, "how long to look for a shorter trace of a violation")
	flag.Parse()
	if *acts != "" {
		os.Exit(replay(*seed, *acts))
	}
	os.Exit(simulate(*seed, bounds{*seeds, *purchases, *duration}, *shrink))
}

// game is what all histories came to.
type game struct {
	next      atomic.Uint64
	purchases atomic.Int64

	mu     sync.Mutex
	played map[uint64]simulation.Result // by seed, without traces
	broken *simulation.Result           // of the lowest seed
}

// bounds say when it is enough: after so many seeds or purchases, or else after a time.
type bounds struct {
	seeds     uint64
	purchases int64
	duration  time.Duration
}

// reached reports whether the history of this number is not to be played.
func (b bounds) reached(g *game, number uint64, began time.Time) bool {
	switch {
	case b.seeds > 0:
		return number >= b.seeds
	case b.purchases > 0:
		return g.purchases.Load() >= b.purchases
	default:
		return time.Since(began) > b.duration
	}
}

func simulate(first uint64, enough bounds, shrink time.Duration) int {
	g := game{played: make(map[uint64]simulation.Result)}
	began := time.Now()
	var group sync.WaitGroup
	for range runtime.GOMAXPROCS(0) * waiting {
		group.Go(func() {
			for g.found() == nil {
				number := g.next.Add(1) - 1
				if enough.reached(&g, number, began) {
					return
				}
				g.add(simulation.Run(first + number))
			}
		})
	}
	group.Wait()
	took := time.Since(began).Round(time.Millisecond)
	verdict, code := "no invariant broken", 0
	if broken := g.found(); broken != nil {
		report(simulation.Shrink(*broken, shrink))
		verdict, code = fmt.Sprintf("BROKEN by seed %d: %s", broken.Seed, broken.Broken), 1
	}
	seeds, purchases, faults := g.count(first, enough.purchases)
	fmt.Printf("%d purchases, %d faults, %d seeds from %d in %s: %s\n", purchases, faults, seeds, first, took, verdict)
	return code
}

// count adds up what was played, in the order of the seeds and up to the one with which it
// was enough. Others were under way then; how many is for chance to say.
func (g *game) count(first uint64, enough int64) (seeds uint64, purchases, faults int64) {
	for enough == 0 || purchases < enough {
		result, played := g.played[first+seeds]
		if !played {
			break
		}
		seeds++
		purchases += int64(result.Purchases)
		faults += int64(result.Faults)
	}
	return seeds, purchases, faults
}

func (g *game) add(result simulation.Result) {
	g.purchases.Add(int64(result.Purchases))
	g.mu.Lock()
	defer g.mu.Unlock()
	g.played[result.Seed] = simulation.Result{Purchases: result.Purchases, Faults: result.Faults}
	if result.Broken != nil && (g.broken == nil || result.Seed < g.broken.Seed) {
		g.broken = &result
	}
}

func (g *game) found() *simulation.Result {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.broken
}

// report prints the trace of a violation and how to see it again.
func report(result simulation.Result) {
	for _, line := range result.Trace {
		fmt.Println(line)
	}
	numbers := make([]string, len(result.Acts))
	for i, number := range result.Acts {
		numbers[i] = strconv.Itoa(number)
	}
	fmt.Printf("\nplay this again: go run ./sagas/simulation/simulate -seed %d -acts %s\n", result.Seed, strings.Join(numbers, ","))
}

func replay(seed uint64, acts string) int {
	var numbers []int
	for text := range strings.SplitSeq(acts, ",") {
		number, err := strconv.Atoi(text)
		if err != nil {
			fmt.Fprintln(os.Stderr, "simulate: -acts:", err)
			return 2
		}
		numbers = append(numbers, number)
	}
	result := simulation.Replay(seed, numbers)
	report(result)
	if result.Broken != nil {
		fmt.Println("BROKEN:", result.Broken)
		return 1
	}
	fmt.Println("no invariant broken")
	return 0
}
