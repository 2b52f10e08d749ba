// Command simulate plays simulated purchases with faults until its time is up. It exits
// 1 if an invariant is broken, with the seed and the shortest trace that it finds.
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
	acts := flag.String("acts", "", "play only these acts of the one seed, as a violation names them")
	shrink := flag.Duration("shrink", 30*time.Second, "how long to look for a shorter trace of a violation")
	flag.Parse()
	if *acts != "" {
		os.Exit(replay(*seed, *acts))
	}
	os.Exit(simulate(*seed, *seeds, *duration, *shrink))
}

// game is what all histories came to.
type game struct {
	next, seeds       atomic.Uint64
	purchases, faults atomic.Int64

	mu     sync.Mutex
	broken *simulation.Result // of the lowest seed
}

func simulate(first, seeds uint64, duration, shrink time.Duration) int {
	var g game
	began := time.Now()
	var group sync.WaitGroup
	for range runtime.GOMAXPROCS(0) * waiting {
		group.Go(func() {
			for g.found() == nil {
				number := g.next.Add(1) - 1
				if seeds > 0 && number >= seeds || seeds == 0 && time.Since(began) > duration {
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
	fmt.Printf("%d purchases, %d faults, %d seeds from %d in %s: %s\n",
		g.purchases.Load(), g.faults.Load(), g.seeds.Load(), first, took, verdict)
	return code
}

func (g *game) add(result simulation.Result) {
	g.purchases.Add(int64(result.Purchases))
	g.faults.Add(int64(result.Faults))
	g.seeds.Add(1)
	g.mu.Lock()
	defer g.mu.Unlock()
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
