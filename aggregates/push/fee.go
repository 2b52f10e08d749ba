package push

import (
	"time"

	"github.com/pushledger/pushledger/aggregates/money"
)

// FeePeriod is a fee rate that holds from an instant on, until the next period.
type FeePeriod struct {
	From time.Time  `json:"from"`
	Rate money.Rate `json:"rate"`
}

// FeeSchedule is the platform's fee over time. The empty schedule is no fee (rule T2).
type FeeSchedule []FeePeriod

// RateAt is the rate in force at an instant: that of the latest period that has begun.
func (s FeeSchedule) RateAt(at time.Time) money.Rate {
	var inForce FeePeriod
	for _, period := range s {
		if !period.From.After(at) && !period.From.Before(inForce.From) {
			inForce = period
		}
	}
	return inForce.Rate
}
