package bench

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// tick is the unit in which Linux tells processor time (USER_HZ).
const tick = 10 * time.Millisecond

// processorTime is what a process has used.
type processorTime struct{ user, system time.Duration }

func (t processorTime) plus(other processorTime) processorTime {
	return processorTime{user: t.user + other.user, system: t.system + other.system}
}

func (t processorTime) since(before processorTime) processorTime {
	return processorTime{user: t.user - before.user, system: t.system - before.system}
}

// nameOfLoad is this process among those whose time is told.
const nameOfLoad = "load"

// timeOfEach gives the time of this process, alone, and of others with their children.
func timeOfEach(processes []*process) (map[string]processorTime, error) {
	table, err := processTable()
	if err != nil {
		return nil, err
	}
	all := map[string]processorTime{nameOfLoad: table[os.Getpid()].own}
	for _, one := range processes {
		if _, runs := table[one.pid()]; !runs {
			return nil, fmt.Errorf("%s has ended by itself: %s", one.name, one.lastWords())
		}
		all[one.name] = all[one.name].plus(table.withChildren(one.pid()))
	}
	return all, nil
}

// timeSince is what each has used since they were looked at.
func timeSince(before map[string]processorTime, processes []*process) (map[string]processorTime, error) {
	after, err := timeOfEach(processes)
	if err != nil {
		return nil, err
	}
	for name, used := range after {
		after[name] = used.since(before[name])
	}
	return after, nil
}

// processNames are all that are told of in a series, the load last.
func processNames(s series) []string {
	known := make(map[string]bool)
	for _, one := range s {
		for name := range one.time {
			known[name] = true
		}
	}
	loaded := known[nameOfLoad]
	delete(known, nameOfLoad)
	names := slices.Sorted(maps.Keys(known))
	if loaded {
		names = append(names, nameOfLoad)
	}
	return names
}

// processState is what the system says of a process.
type processState struct {
	parent int
	own    processorTime
	reaped processorTime // of its children that have ended
}

type processes map[int]processState

// processTable is every process of the machine. One that ends meanwhile is left out.
func processTable() (processes, error) {
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("the system does not tell the time of processes below /proc: %w", err)
	}
	table := make(processes, len(files))
	for _, file := range files {
		text, err := os.ReadFile(file) // #nosec G304 -- below /proc
		if err != nil {
			continue // it has ended
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err != nil {
			return nil, err
		}
		if table[pid], err = parseState(string(text)); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
	}
	return table, nil
}

// withChildren is the time of a process and all below it, those that have ended included.
func (p processes) withChildren(pid int) processorTime {
	total := p[pid].own.plus(p[pid].reaped)
	for child, state := range p {
		if state.parent == pid {
			total = total.plus(p.withChildren(child))
		}
	}
	return total
}

// parseState reads /proc/<pid>/stat. A program's name stands in parentheses and may itself
// hold anything, parentheses and spaces included.
func parseState(text string) (processState, error) {
	_, rest, _ := cutLast(text, ")")
	fields := strings.Fields(rest)
	const parent, user, system, reapedUser, reapedSystem = 1, 11, 12, 13, 14 // after the name
	if len(fields) <= reapedSystem {
		return processState{}, fmt.Errorf("%d fields after the name", len(fields))
	}
	var failed error
	number := func(at int) int64 {
		value, err := strconv.ParseInt(fields[at], 10, 64)
		if err != nil {
			failed = err
		}
		return value
	}
	state := processState{
		parent: int(number(parent)),
		own:    processorTime{user: tick * time.Duration(number(user)), system: tick * time.Duration(number(system))},
		reaped: processorTime{user: tick * time.Duration(number(reapedUser)), system: tick * time.Duration(number(reapedSystem))},
	}
	return state, failed
}

func cutLast(text, separator string) (before, after string, found bool) {
	at := strings.LastIndex(text, separator)
	if at < 0 {
		return "", text, false
	}
	return text[:at], text[at+len(separator):], true
}
