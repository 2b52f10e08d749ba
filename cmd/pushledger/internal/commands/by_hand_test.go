package commands_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/sagas/ledger"
)

const (
	retryPayout  = `{"push_id":"p-1","step":"payout","reason":"account bound anew"}`
	settlePayout = `{"push_id":"p-1","step":"payout","reason":"wired","reference":"bank 4711"}`
)

// record lets the service go on with push p-1.
func (d *desk) record(t *testing.T, decide func(push.State) []push.Event) {
	t.Helper()
	outcome, err := ledger.New(d.log).Record(t.Context(), "p-1", decide)
	require.NoError(t, err)
	require.NotEmpty(t, outcome.CommandID)
}

// paidP1 is a desk at which push p-1 is paid.
func paidP1(t *testing.T) *desk {
	d := newDesk()
	done(t, d.say(anna, "offer", offerP1))
	done(t, d.say(bo, "accept", acceptP1))
	d.record(t, func(state push.State) []push.Event {
		return push.DecideReceipt(state, push.Receipt{
			TradeNo: state.Payment.TradeNo, Amount: state.Total, Channels: []string{"ALIPAYACCOUNT"}, PaidAt: noon,
		}, noon)
	})
	return d
}

// payoutRefused is a desk at which the seller of p-1 could not be paid.
func payoutRefused(t *testing.T) *desk {
	d := paidP1(t)
	d.record(t, func(state push.State) []push.Event {
		return push.DecideMoves(state, []push.MoveOutcome{{Domain: "alpha.com", Moved: true}}, noon)
	})
	d.record(t, func(state push.State) []push.Event {
		return push.DecidePayoutRefused(state, push.PayoutRefusal{PayoutNo: push.PayoutNo(state.ID), Code: "NO", Message: "不"}, noon)
	})
	return d
}

// returnRefused is a desk at which the domain of p-1 could not be moved back.
func returnRefused(t *testing.T) *desk {
	d := paidP1(t)
	d.record(t, func(state push.State) []push.Event {
		return push.Invalidate(state, push.Trigger{Code: push.CodeBlacklisted, Domain: "alpha.com"}, noon)
	})
	d.record(t, func(state push.State) []push.Event {
		return push.DecideReturns(state, []push.ReturnOutcome{{Domain: "alpha.com", Code: "locked"}}, noon)
	})
	return d
}

func TestAnOperatorRetriesAndSettles(t *testing.T) {
	d := payoutRefused(t)
	require.Equal(t, push.StatusPaid, done(t, d.say(operator, "retry", retryPayout)).Status)
	refused(t, push.CodeNotWaiting, d.say(operator, "settle", settlePayout))
	d.record(t, func(state push.State) []push.Event {
		return push.DecidePayoutRefused(state, push.PayoutRefusal{PayoutNo: push.PayoutNo(state.ID), Code: "NO", Message: "不"}, noon)
	})
	require.Equal(t, push.StatusCompleted, done(t, d.say(operator, "settle", settlePayout)).Status)
	refused(t, push.CodeCompletedIsFinal, d.say(operator, "retry", retryPayout))
	refused(t, push.CodeCompletedIsFinal, d.say(operator, "settle", strings.Replace(settlePayout, "payout", "refund", 1)))
}

func TestOnlyOperatorsSeeToWhatWasRefused(t *testing.T) {
	d := payoutRefused(t)
	before := d.length(t)
	for verb, body := range map[string]string{"retry": retryPayout, "settle": settlePayout} {
		refused(t, push.CodeNotYourPush, d.say(anna, verb, body))
		refused(t, push.CodeNotYourPush, d.say(bo, verb, body))
		refused(t, push.CodePushNotFound, d.say(carl, verb, body))
	}
	require.Equal(t, before, d.length(t))
}

func TestADomainIsSettledWhereTheRegistrarSeesIt(t *testing.T) {
	const settleAlpha = `{"push_id":"p-1","step":"return","domain":"ALPHA.com","place":"gone","reason":"moved","reference":"ticket 1"}`
	d := returnRefused(t)
	refused(t, push.CodePlaceDiffers, d.say(operator, "settle", settleAlpha)) // it is anna's
	d.down.Store(true)
	returned := strings.Replace(settleAlpha, "gone", "returned", 1)
	refused(t, push.CodeUnavailable, d.say(operator, "settle", returned))
	d.down.Store(false)
	require.Equal(t, push.StatusInvalidated, done(t, d.say(operator, "settle", returned)).Status)
}

func TestTheFormOfRetryAndSettle(t *testing.T) {
	d := payoutRefused(t)
	long := strings.Repeat("好", push.MaxText+1)
	for name, test := range map[string]struct {
		verb, body, code string
	}{
		"no reason":          {"retry", `{"push_id":"p-1","step":"payout"}`, push.CodeReasonRequired},
		"a long reason":      {"retry", `{"push_id":"p-1","step":"payout","reason":"` + long + `"}`, push.CodeTooLarge},
		"no step":            {"retry", `{"push_id":"p-1","reason":"x"}`, push.CodeInvalidStep},
		"an unknown step":    {"retry", `{"push_id":"p-1","step":"deliver","reason":"x"}`, push.CodeInvalidStep},
		"no domain":          {"retry", `{"push_id":"p-1","step":"return","reason":"x"}`, push.CodeInvalidStep},
		"a bad domain":       {"retry", `{"push_id":"p-1","step":"return","domain":"*","reason":"x"}`, push.CodeInvalidDomain},
		"a bad request":      {"retry", `{"push_id":"p-1","step":"refund","request_no":"a.>","reason":"x"}`, push.CodeInvalidStep},
		"a reference":        {"retry", `{"push_id":"p-1","step":"payout","reason":"x","reference":"y"}`, push.CodeUnknownField},
		"no reference":       {"settle", `{"push_id":"p-1","step":"payout","reason":"x"}`, push.CodeReferenceRequired},
		"a long reference":   {"settle", `{"push_id":"p-1","step":"payout","reason":"x","reference":"` + long + `"}`, push.CodeTooLarge},
		"no place":           {"settle", `{"push_id":"p-1","step":"return","domain":"a.com","reason":"x","reference":"y"}`, push.CodeInvalidPlace},
		"no word on funding": {"settle", `{"push_id":"p-1","step":"check_funding","reason":"x","reference":"y"}`, push.CodeInvalidDecision},
		"another's decision": {"settle", `{"push_id":"p-1","step":"check_funding","decision":"pay_seller","reason":"x","reference":"y"}`, push.CodeInvalidDecision},
		"nothing to check":   {"settle", `{"push_id":"p-1","step":"check_funding","decision":"accept_payment","reason":"x","reference":"y"}`, push.CodeNotWaiting},
		"a place of money":   {"settle", `{"push_id":"p-1","step":"payout","place":"gone","reason":"x","reference":"y"}`, push.CodeInvalidPlace},
		"a bad push":         {"settle", `{"push_id":"*","step":"payout","reason":"x","reference":"y"}`, push.CodeInvalidPushID},
		"no such push":       {"retry", `{"push_id":"p-9","step":"payout","reason":"x"}`, push.CodePushNotFound},
		"a doubled member":   {"settle", `{"push_id":"p-1","push_id":"p-1"}`, push.CodeInvalidJSON},
		"a step not refused": {"retry", `{"push_id":"p-1","step":"refund","reason":"x"}`, push.CodeNotWaiting},
	} {
		t.Run(name, func(t *testing.T) {
			refused(t, test.code, d.say(operator, test.verb, test.body))
		})
	}
}

func TestARepeatedSettlementSettlesOnce(t *testing.T) {
	d := payoutRefused(t)
	const id = "0b6a5cb2-6a5c-4e3c-9b7f-1c4b7a0e8d11"
	first := done(t, d.repeat(id, operator, "settle", settlePayout))
	again := done(t, d.repeat(id, operator, "settle", settlePayout))
	require.Equal(t, encoded(t, first), encoded(t, again))
	require.Equal(t, []bool{false, true}, []bool{first.Repeated, again.Repeated})
	require.Equal(t, first.Seq, d.length(t))
	other := d.repeat(id, operator, "settle", strings.Replace(settlePayout, "4711", "4712", 1))
	refused(t, push.CodeCommandIDReused, other)
}
