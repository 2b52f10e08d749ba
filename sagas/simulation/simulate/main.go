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

const shrinking = 30 * time.Second

func main() {
	duration := flag.Duration("duration", 45*time.Second, "how long to play")
	seed := flag.Uint64("seed", uint64(time.Now().UnixNano()), "first seed; the others follow it") // #nosec G115 -- any number does
	seeds := flag.Uint64("seeds", 0, "how many seeds to play instead of a duration")
	acts := flag.String("acts", "", "play only these acts of the one seed, as a violation names them")
	flag.Parse()
	if *acts != "" {
		os.Exit(replay(*seed, *acts))
	}
	os.Exit(simulate(*seed, *seeds, *duration))
}

// totals counts over all histories.
type totals struct{ purchases, faults, seeds atomic.Int64 }

func simulate(first, seeds uint64, duration time.Duration) int {
	var next atomic.Uint64
	var sum totals
	var broken atomic.Pointer[simulation.Result]
	began, until := time.Now(), time.Now().Add(duration)
	var group sync.WaitGroup
	for range runtime.GOMAXPROCS(0) * waiting {
		group.Go(func() {
			for broken.Load() == nil {
				number := next.Add(1) - 1
				if seeds > 0 && number >= seeds || seeds == 0 && time.Now().After(until) {
					return
				}
				result := simulation.Run(first + number)
				sum.purchases.Add(int64(result.Purchases))
				sum.faults.Add(int64(result.Faults))
				sum.seeds.Add(1)
				if result.Broken != nil {
					broken.CompareAndSwap(nil, &result)
				}
			}
		})
	}
	group.Wait()
	took := time.Since(began)
	if result := broken.Load(); result != nil {
		report(simulation.Shrink(*result, shrinking))
	}
	verdict, code := "no invariant broken", 0
	if result := broken.Load(); result != nil {
		verdict, code = fmt.Sprintf("BROKEN by seed %d: %s", result.Seed, result.Broken), 1
	}
	fmt.Printf("%d purchases, %d faults, %d seeds from %d in %s: %s\n",
		sum.purchases.Load(), sum.faults.Load(), sum.seeds.Load(), first, took.Round(time.Millisecond), verdict)
	return code
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
