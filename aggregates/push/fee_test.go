package push_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/money"
	"github.com/pushledger/pushledger/aggregates/push"
)

func TestT2TheRateInForceIsThatOfTheLatestPeriodBegun(t *testing.T) {
	require.Zero(t, push.FeeSchedule(nil).RateAt(noon), "no fee without a schedule")
	schedule := push.FeeSchedule{ // in no order
		{From: noon.Add(day), Rate: 30_000}, {From: noon.Add(-week), Rate: 10_000}, {From: noon, Rate: 20_000},
	}
	require.Equal(t, money.Rate(0), schedule.RateAt(noon.Add(-week-1)))
	require.Equal(t, money.Rate(10_000), schedule.RateAt(noon.Add(-week)))
	require.Equal(t, money.Rate(10_000), schedule.RateAt(noon.Add(-1)))
	require.Equal(t, money.Rate(20_000), schedule.RateAt(noon))
	require.Equal(t, money.Rate(30_000), schedule.RateAt(noon.Add(week)))
}
