package bench

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// machine is how busy this machine is at an instant.
type machine struct {
	at   time.Time
	load string        // averages over 1, 5 and 15 minutes
	busy time.Duration // of all cores since it was started
	ours time.Duration // of this process and all that it has started
}

func lookAtMachine() (machine, error) {
	averages, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return machine{}, err
	}
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return machine{}, err
	}
	busy, err := parseBusy(string(text))
	if err != nil {
		return machine{}, err
	}
	table, err := processTable()
	if err != nil {
		return machine{}, err
	}
	ours := table.withChildren(os.Getpid())
	return machine{
		at: time.Now(), load: strings.Join(strings.Fields(string(averages))[:3], " "), busy: busy, ours: ours.user + ours.system,
	}, nil
}

// until says what happened between two looks.
func (m machine) until(later machine) string {
	others := (later.busy - m.busy - (later.ours - m.ours)).Seconds() / later.at.Sub(m.at).Seconds()
	return fmt.Sprintf("%d cores, of which others used %.2f; load average %s before, %s after", runtime.NumCPU(), max(others, 0), m.load, later.load)
}

// parseBusy sums what all cores did in /proc/stat, what was stolen from them included.
func parseBusy(text string) (time.Duration, error) {
	first, _, _ := strings.Cut(text, "\n")
	fields := strings.Fields(first)
	if len(fields) < 9 || fields[0] != "cpu" {
		return 0, errors.New("the system does not tell how busy it is in /proc/stat")
	}
	const idle, wait = 4, 5
	total := time.Duration(0)
	for at := 1; at <= 8; at++ {
		if at == idle || at == wait {
			continue
		}
		ticks, err := strconv.ParseInt(fields[at], 10, 64)
		if err != nil {
			return 0, err
		}
		total += tick * time.Duration(ticks)
	}
	return total, nil
}
