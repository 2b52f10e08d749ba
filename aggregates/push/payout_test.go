package push_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/push"
)

func TestNumbersOfPayouts(t *testing.T) {
	first := push.PayoutNo("p-1")
	second := push.PayoutNoAfter(first)
	require.Equal(t, first+"_2", second)
	require.Equal(t, first+"_3", push.PayoutNoAfter(second))
	require.Equal(t, first+"_2147483648", push.PayoutNoAfter(first+"_2147483647"))
	require.Equal(t, first+"_2", push.PayoutNoAfter(first+"_"+strings.Repeat("9", 40)), "whatever stands there, the number stays short")
}

func TestADigestTellsPayeesApartAndNothingElse(t *testing.T) {
	one := push.PayeeDigest("P1", "ann@example.com", "安")
	require.Len(t, one, 64)
	for name, other := range map[string]string{
		"another login":  push.PayeeDigest("P1", "anna@example.com", "安"),
		"another name":   push.PayeeDigest("P1", "ann@example.com", "安娜"),
		"another payout": push.PayeeDigest("P2", "ann@example.com", "安"),
		"moved between":  push.PayeeDigest("P1", "ann@example.com安", ""),
	} {
		require.NotEqual(t, one, other, name)
	}
}

func TestTheWayOfAPayout(t *testing.T) {
	refused := push.PayeeDigest("P1", "wrong@example.com", "安")
	for name, test := range map[string]struct {
		payout push.Payout
		login  string
		want   push.PayoutWay
	}{
		"the first try":                              {push.Payout{PayoutNo: "P1"}, "wrong@example.com", push.PayoutSend},
		"refused, the same account":                  {push.Payout{PayoutNo: "P1", Payee: refused}, "wrong@example.com", push.PayoutSend},
		"failed, the same account":                   {push.Payout{PayoutNo: "P1", Payee: refused, Failed: true}, "wrong@example.com", push.PayoutSend},
		"failed, another account":                    {push.Payout{PayoutNo: "P1", Payee: refused, Failed: true}, "right@example.com", push.PayoutRenumber},
		"failed, it is not known to whom":            {push.Payout{PayoutNo: "P1", Failed: true}, "right@example.com", push.PayoutRenumber},
		"refused, another account":                   {push.Payout{PayoutNo: "P1", Payee: refused}, "right@example.com", push.PayoutAsk},
		"refused of old, when nothing else was kept": {push.Payout{PayoutNo: "P1"}, "right@example.com", push.PayoutSend},
		"no account":                                 {push.Payout{PayoutNo: "P1", Payee: refused}, "", push.PayoutAsk},
		"failed, no account":                         {push.Payout{PayoutNo: "P1", Payee: refused, Failed: true}, "", push.PayoutAsk},
	} {
		require.Equal(t, test.want, push.WayOfPayout(test.payout, test.login, "安"), name)
	}
}

// A new number is taken only after the provider's own word that the old one has failed.
func TestAPayoutIsRenumberedOnlyAfterItHasFailed(t *testing.T) {
	state := situations(t)["payout refused"]
	number := state.Payout.PayoutNo
	payee := push.PayeeDigest(number, "wrong@example.com", "安")
	for name, failed := range map[string]bool{"refused": false, "failed": true} {
		events, err := push.DecideRetry(state, retry(push.Task{Step: push.StepPayout}), noon)
		require.NoError(t, err)
		again := after(state, events)
		refusal := push.PayoutRefusal{PayoutNo: number, Code: "PAYEE_NOT_EXIST", Message: "收款账号不存在", Failed: failed, Payee: payee}
		again = after(again, push.DecidePayoutRefused(again, refusal, noon))
		require.Empty(t, push.DecidePayoutRenumbered(again, "right@example.com", "安", noon), "%s: nobody has ordered a retry", name)
		events, err = push.DecideRetry(again, retry(push.Task{Step: push.StepPayout}), noon)
		require.NoError(t, err)
		again = after(again, events)
		require.Empty(t, push.DecidePayoutRenumbered(again, "wrong@example.com", "安", noon), "%s: the same account", name)
		renumbered := push.DecidePayoutRenumbered(again, "right@example.com", "安", noon)
		if !failed {
			require.Empty(t, renumbered)
			require.Len(t, push.DecidePayoutFailed(again, refusal, "right@example.com", "安", noon), 1, "it stands")
			continue
		}
		require.Equal(t, []push.Event{push.PayoutRenumbered{At: noon, From: number, PayoutNo: number + "_2"}}, renumbered)
		next := after(again, renumbered)
		require.Equal(t, []push.Step{{Kind: push.StepPayout}}, push.Next(next))
		require.Empty(t, push.DecidePayoutRefused(next, refusal, noon), "that says nothing of the new number")
		paid := push.DecidePaidOut(next, "pay-9", noon)
		require.Equal(t, number+"_2", paid[0].(push.PaidOut).PayoutNo)
	}
}

// Asked about an account that the seller has no more, the provider may say that it has failed:
// then it goes on at once.
func TestAFailureThatIsFoundOutGoesOnUnderTheNextNumber(t *testing.T) {
	state := situations(t)["payout refused"]
	number := state.Payout.PayoutNo
	events, err := push.DecideRetry(state, retry(push.Task{Step: push.StepPayout}), noon)
	require.NoError(t, err)
	refusal := push.PayoutRefusal{PayoutNo: number, Code: "PAYEE_NOT_EXIST", Failed: true, Payee: push.PayeeDigest(number, "wrong@example.com", "安")}
	events = push.DecidePayoutFailed(after(state, events), refusal, "right@example.com", "安", noon.Add(time.Minute))
	require.Len(t, events, 2)
	require.Equal(t, number+"_2", events[1].(push.PayoutRenumbered).PayoutNo)
}
