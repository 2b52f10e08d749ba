package main

import (
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// dayOf reads a date without a time, in the zone of this machine.
func dayOf(text string) (time.Time, bool) {
	day, err := time.ParseInLocation(time.DateOnly, text, time.Local)
	return day, err == nil
}

// nextDay is the first instant behind the day, which may have 23 or 25 hours.
func nextDay(day time.Time) time.Time { return day.AddDate(0, 0, 1) }

// between are --from and --to as the service reads them: of a date from begins with its first
// instant, and to ends with its last. What was made of dates is printed.
func between(note io.Writer, from, to string) (first, end string) {
	first, end = from, to
	var understood []string
	if day, is := dayOf(from); is {
		first = day.Format(time.RFC3339)
		understood = append(understood, "from "+first)
	}
	if day, is := dayOf(to); is {
		end = nextDay(day).Format(time.RFC3339)
		understood = append(understood, "to before "+end)
	}
	if len(understood) > 0 {
		fmt.Fprintln(note, "note:", strings.Join(understood, " "))
	}
	return first, end
}

// asOf is --as-of as the service reads it: of a date its last instant. What was made of a date
// is printed.
func asOf(note io.Writer, text string) string {
	day, is := dayOf(text)
	if !is {
		return text
	}
	last := nextDay(day).Add(-1).Format(time.RFC3339Nano)
	fmt.Fprintln(note, "note: as of", last)
	return last
}

var daysPattern = regexp.MustCompile(`^([0-9]{1,4})d(.*)$`)

// durationOf is a duration as the service reads it: days become hours, and what was made of
// them is printed. What cannot be read is left to the service to refuse.
func durationOf(note io.Writer, text string) string {
	found := daysPattern.FindStringSubmatch(text)
	if found == nil {
		return text
	}
	days, err := strconv.Atoi(found[1])
	if err != nil {
		return text
	}
	rest := time.Duration(0)
	if found[2] != "" {
		if rest, err = time.ParseDuration(found[2]); err != nil || rest < 0 {
			return text
		}
	}
	understood := (time.Duration(days)*24*time.Hour + rest).String()
	fmt.Fprintln(note, "note: valid for", understood)
	return understood
}
