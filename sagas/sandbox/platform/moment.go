package platform

import (
	"regexp"
	"strconv"
	"time"
)

// relative is a sign, years, days and a Go duration, each of which may be left out.
var relative = regexp.MustCompile(`^([+-]?)(?:([0-9]{1,4})y)?(?:([0-9]{1,6})d)?([0-9][0-9a-zµ.]*)?$`)

// parseMoment reads a time: RFC 3339, or relative to now such as "-30d", "+1y",
// "-7d1h30m" or "0s". A year and a day are those of the calendar, in UTC. An empty text
// is the zero time, which means never.
func parseMoment(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return bounded(at.UTC(), text)
	}
	parts := relative.FindStringSubmatch(text)
	if parts == nil || parts[2]+parts[3]+parts[4] == "" {
		return time.Time{}, invalidTime(text)
	}
	sign := 1
	if parts[1] == "-" {
		sign = -1
	}
	var rest time.Duration
	if parts[4] != "" {
		var err error
		if rest, err = time.ParseDuration(parts[4]); err != nil {
			return time.Time{}, invalidTime(text)
		}
	}
	at := now.UTC().AddDate(sign*number(parts[2]), 0, sign*number(parts[3])).Add(time.Duration(sign) * rest)
	return bounded(at, text)
}

// bounded refuses a time that RFC 3339 cannot tell.
func bounded(at time.Time, text string) (time.Time, error) {
	if at.Year() < 1 || at.Year() > 9999 {
		return time.Time{}, invalidTime(text)
	}
	return at, nil
}

// number reads what the pattern has found to be a few digits or nothing.
func number(digits string) int {
	n, err := strconv.Atoi(digits)
	if err != nil {
		return 0
	}
	return n
}

func invalidTime(text string) error {
	return refuse("invalid_time", `%.60q is neither RFC 3339 nor relative like "-30d"`, text)
}
