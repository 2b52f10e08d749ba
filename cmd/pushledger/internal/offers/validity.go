package offers

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// days is a number of days or hours as people write it.
var days = regexp.MustCompile(`^(\d{1,4})\s*(d|day|days|天|日|h|hour|hours|小时)$`)

// parseValidity reads how long an offer stands: a Go duration, "7d", "3 days", "7天", "72小时",
// or when it ends, as parseEnd reads it.
func parseValidity(text string, zone *time.Location) (validFor string, end time.Time, err error) {
	if parts := days.FindStringSubmatch(strings.ToLower(text)); parts != nil {
		count, _ := strconv.Atoi(parts[1]) // four digits
		unit := 24 * time.Hour
		if strings.HasPrefix(parts[2], "h") || parts[2] == "小时" {
			unit = time.Hour
		}
		return positive(time.Duration(count) * unit)
	}
	if lasts, err := time.ParseDuration(text); err == nil {
		return positive(lasts)
	}
	end, err = parseEnd(text, zone)
	if err != nil {
		return "", end, fmt.Errorf("the validity %.80q is neither a time such as 72h, 7d or 7天 nor a date", text)
	}
	return "", end, nil
}

func positive(lasts time.Duration) (string, time.Time, error) {
	if lasts <= 0 {
		return "", time.Time{}, fmt.Errorf("the validity %s is not above 0", lasts)
	}
	return lasts.String(), time.Time{}, nil
}

// instants and dates are the layouts of an end. A date is the whole day.
var (
	instants = []string{"2006-01-02 15:04:05", "2006-01-02 15:04", "2006/1/2 15:04:05", "2006/1/2 15:04", "2006年1月2日 15:04"}
	dates    = []string{"2006-01-02", "2006/1/2", "2006年1月2日"}
)

// parseEnd reads when an offer ends: RFC 3339, or a date with or without a time in a zone.
func parseEnd(text string, zone *time.Location) (time.Time, error) {
	if end, err := time.Parse(time.RFC3339, text); err == nil {
		return storable(end, text)
	}
	for _, layout := range instants {
		if end, err := time.ParseInLocation(layout, text, zone); err == nil {
			return storable(end, text)
		}
	}
	for _, layout := range dates {
		if day, err := time.ParseInLocation(layout, text, zone); err == nil {
			return storable(day.AddDate(0, 0, 1), text)
		}
	}
	return time.Time{}, fmt.Errorf("the end %.80q is no date such as 2026-12-01 and no time such as 2026-12-01T12:00:00+08:00", text)
}

func storable(end time.Time, text string) (time.Time, error) {
	end = end.UTC()
	if end.Year() < 1 || end.Year() > 9999 {
		return time.Time{}, fmt.Errorf("the end %.80q is too far away", text)
	}
	return end, nil
}
