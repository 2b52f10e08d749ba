package purchase

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/sagas/payment"
)

var (
	payout = push.Step{Kind: push.StepPayout}
	noon   = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

	errWrong   = &payment.Misconfigured{API: "transfer", Code: "isv.missing-app-cert-sn", Message: "缺少应用公钥证书序列号"}
	errLater   = &payment.Postponed{API: "transfer", Code: "PAYER_BALANCE_NOT_ENOUGH", Message: "付款方余额不足"}
	errRefused = &payment.Refused{API: "transfer", Code: "PAYEE_NOT_EXIST", Message: "收款账号不存在"}
	errUnheard = errors.New("no answer")
)

const pause = 10 * time.Minute

func TestAClosedCircuitAdmitsEverybody(t *testing.T) {
	var c circuit
	for _, err := range []error{nil, errRefused, errLater, errUnheard} {
		_, admitted := c.admit(noon, pause)
		require.True(t, admitted)
		require.False(t, c.heard(err, noon, pause), "%v", err)
	}
}

func TestAnOpenCircuitAdmitsOneInAWhile(t *testing.T) {
	var c circuit
	require.True(t, c.heard(errWrong, noon, pause))
	at, admitted := c.admit(noon, pause)
	require.False(t, admitted)
	require.Equal(t, noon.Add(pause), at)
	_, admitted = c.admit(at, pause)
	require.True(t, admitted, "the probe")
	again, admitted := c.admit(at, pause)
	require.False(t, admitted, "one at a time")
	require.Equal(t, at.Add(pause), again)
	require.False(t, c.heard(errWrong, at.Add(time.Second), pause), "it is open already")
	require.Equal(t, noon, c.since)
}

func TestOnlyAnAnswerFromBehindTheGatewayCloses(t *testing.T) {
	for name, test := range map[string]struct {
		err    error
		closes bool
	}{
		"done": {nil, true}, "refused": {errRefused, true}, "put off": {errLater, true}, "no answer": {errUnheard, false},
	} {
		var c circuit
		c.heard(errWrong, noon, pause)
		require.Equal(t, test.closes, c.heard(test.err, noon.Add(pause), pause), name)
		_, admitted := c.admit(noon.Add(time.Minute), pause)
		require.Equal(t, test.closes, admitted, name)
	}
}

func TestWhoWaitedForACircuitGoesOnWithIt(t *testing.T) {
	a := newAlarms()
	_, freed := a.heard("p1", payout, errWrong, noon, pause)
	require.Empty(t, freed)
	for _, id := range []string{"p3", "p2"} {
		_, admitted := a.admit(id, payout, noon, pause)
		require.False(t, admitted)
	}
	_, admitted := a.admit("p4", refund("R1"), noon, pause)
	require.True(t, admitted, "another API")
	require.Equal(t, []string{"p1", "p2", "p3"}, a.pushes())
	since, wrong := a.told("p2", payout)
	require.Equal(t, noon, since)
	require.Equal(t, errWrong, wrong)
	_, admitted = a.admit("p2", payout, noon.Add(pause), pause)
	require.True(t, admitted)
	_, freed = a.heard("p2", payout, nil, noon.Add(pause), pause)
	require.Equal(t, []alarmed{{"p1", payout}, {"p3", payout}}, freed)
	require.Empty(t, a.pushes())
}

func TestAnOperatorNeedNotWaitForTheProbe(t *testing.T) {
	a := newAlarms()
	a.heard("p1", payout, errWrong, noon, pause)
	a.probe(push.StepPayout)
	_, admitted := a.admit("p1", payout, noon, pause)
	require.True(t, admitted)
	_, admitted = a.admit("p2", payout, noon, pause)
	require.False(t, admitted)
}

func TestWhatIsPutOffIsListedUntilItIsDone(t *testing.T) {
	a := newAlarms()
	a.heard("p1", payout, errLater, noon, pause)
	a.heard("p1", payout, errUnheard, noon.Add(time.Hour), pause)
	since, wrong := a.told("p1", payout)
	require.Equal(t, noon, since, "an answer that was lost changes nothing")
	require.Nil(t, wrong)
	a.heard("p1", payout, nil, noon.Add(2*time.Hour), pause)
	require.Empty(t, a.pushes())
	a.heard("p1", payout, errLater, noon, pause)
	a.keep("p1", nil)
	require.Empty(t, a.pushes(), "nothing is left to do for it")
}

func TestAStepThatIsPutOffHasPausesOfItsOwn(t *testing.T) {
	p := pace{steady: true}
	for range 10 {
		p.wait(payout, noon, time.Second, time.Minute)
	}
	require.Equal(t, noon.Add(time.Hour), p.wait(payout, noon, time.Hour, 2*time.Hour))
	require.Equal(t, noon.Add(2*time.Hour), p.wait(payout, noon, time.Hour, 2*time.Hour))
	require.Equal(t, noon.Add(time.Second), p.wait(payout, noon, time.Second, time.Minute))
}
