package alipaygateway

import (
	"errors"
	"time"
)

// TooEarly is the code with which the bill of a day is refused.
func TooEarly(day, now time.Time) string {
	var refused *status
	if errors.As(tooEarly(day, now), &refused) {
		return refused.SubCode
	}
	return ""
}
