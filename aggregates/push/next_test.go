package push_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/push"
)

func TestNextInEverySituation(t *testing.T) {
	payBy, own := noon.Add(window), push.RefundNo("p-1", push.TradeNo("p-1"))
	want := map[string][]push.Step{
		"never offered":             nil,
		"offered":                   {{Kind: push.StepExpire, Due: noon.Add(week)}},
		"accepted":                  {{Kind: push.StepOpenPayment}, {Kind: push.StepAwaitPayment, Due: payBy}},
		"payment open":              {{Kind: push.StepAwaitPayment, Due: payBy}},
		"paid too little":           {{Kind: push.StepAwaitPayment, Due: payBy}, {Kind: push.StepRefund, RequestNo: own}},
		"unpaid":                    {{Kind: push.StepClosePayment}},
		"ended before payment":      {{Kind: push.StepClosePayment}},
		"paid from who knows where": {{Kind: push.StepRefund, RequestNo: own}},
		"paid by credit":            {{Kind: push.StepRefund, RequestNo: own}},
		"delivering":                {{Kind: push.StepDeliver}},
		"one moved":                 {{Kind: push.StepDeliver}},
		"delivered":                 {{Kind: push.StepPayout}},
		"returning":                 {{Kind: push.StepReturn}},
		"refund due":                {{Kind: push.StepRefund, RequestNo: own}},
		// these wait for a person
		"payout refused": nil, "stuck": nil, "refund refused": nil, "stopped": nil, "sources untold": nil,
		"completed, held": {{Kind: push.StepRelease}},
		// these are over
		"withdrawn": nil, "declined": nil, "expired": nil, "unpaid and closed": nil, "taken down": nil,
		"credit refunded": nil, "completed": nil, "refunded": nil,
	}
	states := situations(t)
	require.Len(t, states, len(want))
	for name, steps := range want {
		state, known := states[name]
		require.True(t, known, name)
		require.Equal(t, steps, push.Next(state), name)
	}
}

func TestNextGivesEveryStrayBackWhateverElseIsToBeDone(t *testing.T) {
	state := given(t, offered, accepted, paid,
		received(push.Receipt{TradeNo: "T2", Amount: 1}), received(push.Receipt{TradeNo: "T3", Amount: 2}))
	require.Equal(t, []push.Step{
		{Kind: push.StepDeliver},
		{Kind: push.StepRefund, RequestNo: push.RefundNo("p-1", "T2")},
		{Kind: push.StepRefund, RequestNo: push.RefundNo("p-1", "T3")},
	}, push.Next(state))
	state = after(state, push.DecideRefunded(state, push.RefundNo("p-1", "T2"), noon))
	require.Len(t, push.Next(state), 2)
}

// A trade that was never paid and is not closed yet is closed, even when other money
// has to go back as well.
func TestNextClosesTheTradeOfAnEndedPushBesideRefunds(t *testing.T) {
	state := given(t, offered, accepted, received(push.Receipt{TradeNo: "T2", Amount: 1}), unpaid)
	require.Equal(t, []push.Step{
		{Kind: push.StepClosePayment}, {Kind: push.StepRefund, RequestNo: push.RefundNo("p-1", "T2")},
	}, push.Next(state))
}
