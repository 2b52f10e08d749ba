package push_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/money"
	"github.com/pushledger/pushledger/aggregates/push"
)

const operator = "operator"

func retry(task push.Task) push.Retry {
	return push.Retry{Task: task, Actor: operator, Reason: "balance topped up"}
}

func settle(task push.Task) push.Settle {
	return push.Settle{Task: task, Actor: operator, Reason: "wired", Reference: "bank 4711"}
}

// refusedStray is a completed push for which money came twice and cannot go back.
func refusedStray(t *testing.T) push.State {
	return given(t, offered, accepted, paid, moved(alpha, beta, gamma), completed, released,
		received(push.Receipt{TradeNo: "T2", Amount: 7}),
		func(p *past) {
			p.record(push.DecideRefundRefused(p.state, push.RefundNo("p-1", "T2"), "NO_MONEY", "余额不足", p.now))
		})
}

func TestTheWorkListNamesWhatNeedsAPersonAndNothingElse(t *testing.T) {
	want := map[string]push.Work{
		"payout refused": {Task: push.Task{Step: push.StepPayout}, Code: "PAYEE_NOT_EXIST", Message: "收款账号不存在"},
		"stuck":          {Task: push.Task{Step: push.StepReturn, Domain: alpha}, Code: "locked"},
		"refund refused": {
			Task: push.Task{Step: push.StepRefund, RequestNo: push.RefundNo("p-1", push.TradeNo("p-1"))},
			Code: "TRADE_HAS_FINISHED", Message: "交易已完结",
		},
		"sources untold": {
			Task: push.Task{Step: push.StepCheckFunding, RequestNo: push.RefundNo("p-1", push.TradeNo("p-1"))}, Code: push.CodeSourcesUntold,
		},
		"stopped": {Task: push.Task{Step: push.StepBuyerAct, Domain: alpha}, Code: push.CodeBuyerActed, Message: push.CodeAccountMoved},
	}
	for name, state := range situations(t) {
		work, waits := want[name]
		if !waits {
			require.Empty(t, push.WorkList(state), name)
			continue
		}
		if work.Since = noon; work.Step != push.StepBuyerAct && work.Step != push.StepCheckFunding {
			work.Refusals = 1
		}
		require.Equal(t, []push.Work{work}, push.WorkList(state), name)
		require.Empty(t, push.Next(state), "%s is not tried again by itself", name)
	}
	require.Equal(t, []push.Work{{
		Task: push.Task{Step: push.StepRefund, RequestNo: push.RefundNo("p-1", "T2")},
		Code: "NO_MONEY", Message: "余额不足", Since: noon, Refusals: 1,
	}}, push.WorkList(refusedStray(t)))
}

func TestARetryGoesOnWhereTheRefusalStopped(t *testing.T) {
	states := situations(t)
	for name, test := range map[string]struct {
		state push.State
		task  push.Task
		next  push.Step
	}{
		"payout refused": {states["payout refused"], push.Task{Step: push.StepPayout}, push.Step{Kind: push.StepPayout}},
		"stuck":          {states["stuck"], push.Task{Step: push.StepReturn, Domain: alpha}, push.Step{Kind: push.StepReturn}},
		"refund refused": {
			states["refund refused"],
			push.Task{Step: push.StepRefund},
			push.Step{Kind: push.StepRefund, RequestNo: push.RefundNo("p-1", push.TradeNo("p-1"))},
		},
		"stray": {
			refusedStray(t),
			push.Task{Step: push.StepRefund, RequestNo: push.RefundNo("p-1", "T2")},
			push.Step{Kind: push.StepRefund, RequestNo: push.RefundNo("p-1", "T2")},
		},
	} {
		t.Run(name, func(t *testing.T) {
			events, err := push.DecideRetry(test.state, retry(test.task), noon)
			require.NoError(t, err)
			require.Equal(t, []push.Event{push.RetryOrdered{
				At: noon, Step: test.task.Step, RequestNo: test.next.RequestNo, Domain: test.task.Domain,
				By: operator, Reason: "balance topped up",
			}}, events)
			tried := after(test.state, events)
			require.Equal(t, test.state.Status, tried.Status)
			require.Equal(t, []push.Step{test.next}, push.Next(tried))
			require.Empty(t, push.WorkList(tried))
			_, err = push.DecideRetry(tried, retry(test.task), noon)
			requireRefused(t, push.CodeNotWaiting, nil, err)
		})
	}
}

// What the provider puts off goes on by itself; an operator who has seen to it need not wait.
func TestWhatIsPutOffCanBeRetriedWhileItIsUnderWay(t *testing.T) {
	for name, task := range map[string]push.Task{
		"payout refused": {Step: push.StepPayout},
		"refund refused": {Step: push.StepRefund},
	} {
		state := situations(t)[name]
		events, err := push.DecideRetry(state, retry(task), noon)
		require.NoError(t, err, name)
		underway := after(state, events)
		_, err = push.DecideRetry(underway, retry(task), noon)
		requireRefused(t, push.CodeNotWaiting, nil, err)
		put := retry(task)
		put.Alarmed = true
		events, err = push.DecideRetry(underway, put, noon)
		require.NoError(t, err, name)
		require.Equal(t, push.Next(underway), push.Next(after(underway, events)), "the step and its number stay")
		_, err = push.DecideSettle(underway, settle(task), push.DomainFacts{}, noon)
		requireRefused(t, push.CodeNotWaiting, nil, err)
	}
	put := retry(push.Task{Step: push.StepPayout})
	put.Alarmed = true
	_, err := push.DecideRetry(situations(t)["refund refused"], put, noon)
	requireRefused(t, push.CodeNotWaiting, nil, err)
}

func TestARetriedStepCanBeRefusedAgain(t *testing.T) {
	for name, test := range map[string]struct {
		task   push.Task
		refuse step
	}{
		"payout refused": {push.Task{Step: push.StepPayout}, payoutRefused},
		"refund refused": {push.Task{Step: push.StepRefund}, refundRefused},
		"stuck":          {push.Task{Step: push.StepReturn, Domain: alpha}, stuck(alpha)},
	} {
		state := situations(t)[name]
		events, err := push.DecideRetry(state, retry(test.task), noon)
		require.NoError(t, err)
		p := &past{t: t, now: noon.Add(window), state: after(state, events)}
		test.refuse(p)
		work := push.WorkList(p.state)
		require.Len(t, work, 1)
		require.Equal(t, 2, work[0].Refusals, name)
		require.Equal(t, noon.Add(window), work[0].Since, name)
	}
}

// A retried payout or refund is the same call to the provider; a retried return must not
// be, or the registrar would only repeat its no.
func TestARetryKeepsTheNumbersOfMoneyAndChangesThatOfAReturn(t *testing.T) {
	state := situations(t)["payout refused"]
	events, err := push.DecideRetry(state, retry(push.Task{Step: push.StepPayout}), noon)
	require.NoError(t, err)
	require.Equal(t, state.Payout.PayoutNo, after(state, events).Payout.PayoutNo)
	require.Equal(t, 1, situations(t)["stuck"].Refusals(alpha))
	require.NotEqual(t, push.ReturnNo("p-1", alpha, 0), push.ReturnNo("p-1", alpha, 1))
}

func TestMoneySettledByHandEndsThePushAndIsBookedApart(t *testing.T) {
	states := situations(t)
	for name, test := range map[string]struct {
		state  push.State
		task   push.Task
		status push.Status
		from   string
		amount money.Fen
	}{
		"payout": {states["payout refused"], push.Task{Step: push.StepPayout}, push.StatusCompleted, push.PayableAccount(seller), total},
		"refund": {states["refund refused"], push.Task{Step: push.StepRefund}, push.StatusRefunded, push.RefundDueAccount(buyer), total},
		"stray": {
			refusedStray(t),
			push.Task{Step: push.StepRefund, RequestNo: push.RefundNo("p-1", "T2")},
			push.StatusCompleted, push.SuspenseAccount("T2"), 7,
		},
		"credit": {
			given(t, offered, accepted, opened, paidByCredit, refundRefused),
			push.Task{Step: push.StepRefund, RequestNo: push.RefundNo("p-1", push.TradeNo("p-1"))},
			push.StatusRefunded, push.SuspenseAccount(push.TradeNo("p-1")), total,
		},
	} {
		t.Run(name, func(t *testing.T) {
			events, err := push.DecideSettle(test.state, settle(test.task), push.DomainFacts{}, noon)
			require.NoError(t, err)
			record := events[0].(push.SettledByHand)
			require.Equal(t, []string{operator, "wired", "bank 4711"}, []string{record.By, record.Reason, record.Reference})
			done := after(test.state, events)
			require.Equal(t, test.status, done.Status)
			require.Empty(t, push.WorkList(done))
			require.Empty(t, push.Next(after(done, push.DecideReleased(done, noon))))
			var booked []push.Posting
			for _, event := range events {
				booked = append(booked, push.Postings("p-1", event)...)
			}
			require.Len(t, booked, 1)
			require.Equal(t, test.from, booked[0].From)
			require.Equal(t, push.ByHandAccount, booked[0].To)
			require.Equal(t, test.amount, booked[0].Amount)
			_, err = push.DecideSettle(done, settle(test.task), push.DomainFacts{}, noon)
			require.Error(t, err)
		})
	}
}

func TestADomainSettledByHandEndsThePushAndStartsTheRefund(t *testing.T) {
	state := situations(t)["stuck"]
	for place, facts := range map[push.Place]push.DomainFacts{
		push.PlaceReturned:       {Domain: alpha, Exists: true, RegistrarOK: true, Account: seller, Revision: 9},
		push.PlaceGone:           {Domain: alpha, Exists: true, RegistrarOK: true, Account: stranger, Revision: 9},
		push.PlaceTransferredOut: {Domain: alpha, Exists: true, Account: buyer, Revision: 9},
		push.PlaceDeleted:        {Domain: alpha, Account: buyer, Revision: 9},
	} {
		command := settle(push.Task{Step: push.StepReturn, Domain: alpha})
		if command.Place = push.PlaceGone; place == push.PlaceReturned {
			command.Place = place
		}
		events, err := push.DecideSettle(state, command, facts, noon)
		require.NoError(t, err)
		done := after(state, events)
		require.Equal(t, push.StatusInvalidated, done.Status)
		require.Equal(t, place, events[1].(push.DomainReturned).Place)
		require.Equal(t, []domainname.Name{alpha}, done.At(push.Delivery(command.Place)))
		require.Equal(t, []push.Step{{Kind: push.StepRefund, RequestNo: refundNo(done)}, {Kind: push.StepRelease}}, push.Next(done))
	}
}

// The buyer is never refunded while it holds a domain, whatever an operator says.
func TestADomainIsNotSettledWhereTheRegistrarDoesNotSeeIt(t *testing.T) {
	state := situations(t)["stuck"]
	for account, places := range map[string][]push.Place{
		buyer:    {push.PlaceReturned, push.PlaceGone},
		seller:   {push.PlaceGone},
		stranger: {push.PlaceReturned},
	} {
		for _, place := range places {
			command := settle(push.Task{Step: push.StepReturn, Domain: alpha})
			command.Place = place
			facts := push.DomainFacts{Domain: alpha, Exists: true, RegistrarOK: true, Account: account}
			events, err := push.DecideSettle(state, command, facts, noon)
			requireRefused(t, push.CodePlaceDiffers, events, err)
		}
	}
}

func TestOnlyWhatWaitsCanBeRetriedOrSettled(t *testing.T) {
	tasks := []push.Task{
		{Step: push.StepPayout},
		{Step: push.StepRefund},
		{Step: push.StepRefund, RequestNo: "Rother"},
		{Step: push.StepReturn, Domain: alpha},
		{Step: push.StepReversal, Domain: alpha},
		{Step: push.StepBuyerAct, Domain: alpha},
	}
	waits := map[string]push.StepKind{
		"payout refused": push.StepPayout, "stuck": push.StepReturn, "refund refused": push.StepRefund, "stopped": push.StepBuyerAct,
	}
	for name, state := range situations(t) {
		for _, task := range tasks {
			if waits[name] == task.Step && task.RequestNo == "" {
				continue
			}
			code := push.CodeNotWaiting
			switch {
			case state.Status == push.StatusRefunded:
				code = push.CodeAlreadyEnded
			case state.Status == push.StatusCompleted && task.RequestNo == "" && task.Step != push.StepReversal:
				code = push.CodeCompletedIsFinal // T4
			}
			events, err := push.DecideRetry(state, retry(task), noon)
			requireRefused(t, code, events, err)
			events, err = push.DecideSettle(state, settle(task), push.DomainFacts{}, noon)
			requireRefused(t, code, events, err)
		}
	}
}

func TestF43AReversedMoveIsNotedAndChangesNoMoney(t *testing.T) {
	reversal := report("account_moved", alpha)
	reversal.OperationID, reversal.To = push.MoveNo("p-1", alpha), seller
	for _, name := range []string{"delivered", "payout refused", "completed"} {
		state := situations(t)[name]
		events := push.DecideReport(state, reversal, noon)
		require.Equal(t, []push.Event{push.MoveReversed{At: noon, Domain: alpha, EventID: "e-1", To: seller}}, events)
		noted := after(state, events)
		require.Equal(t, state.Status, noted.Status)
		require.Equal(t, push.Next(state), push.Next(noted))
		require.Empty(t, push.DecideReport(noted, reversal, noon), "seen twice")
		require.Contains(t, push.WorkList(noted), push.Work{
			Task: push.Task{Step: push.StepReversal, Domain: alpha}, Code: push.CodeAccountMoved, Since: noon,
		})

		events, err := push.DecideRetry(noted, retry(push.Task{Step: push.StepReversal, Domain: alpha}), noon)
		requireRefused(t, push.CodeInvalidStep, events, err)
		events, err = push.DecideSettle(noted, settle(push.Task{Step: push.StepReversal, Domain: alpha}), push.DomainFacts{}, noon)
		require.NoError(t, err)
		require.Equal(t, push.WorkList(state), push.WorkList(after(noted, events)))
	}
	own := reversal
	own.OperationID = "of the buyer's own business"
	require.Empty(t, push.DecideReport(situations(t)["completed"], own, noon))
}

func TestTheFormOfATask(t *testing.T) {
	for _, good := range []push.Task{
		{Step: push.StepPayout},
		{Step: push.StepRefund},
		{Step: push.StepRefund, RequestNo: "R1"},
		{Step: push.StepReturn, Domain: alpha},
		{Step: push.StepReversal, Domain: alpha},
		{Step: push.StepBuyerAct, Domain: alpha},
	} {
		require.NoError(t, push.CheckTask(good))
	}
	for _, bad := range []push.Task{
		{},
		{Step: push.StepDeliver},
		{Step: push.StepReturn},
		{Step: push.StepPayout, Domain: alpha},
		{Step: push.StepPayout, RequestNo: "R1"},
		{Step: push.StepReturn, Domain: alpha, RequestNo: "R1"},
	} {
		requireRefused(t, push.CodeInvalidStep, nil, push.CheckTask(bad))
	}
	require.NoError(t, push.CheckPlace(push.StepReturn, push.PlaceGone))
	require.NoError(t, push.CheckPlace(push.StepPayout, ""))
	requireRefused(t, push.CodeInvalidPlace, nil, push.CheckPlace(push.StepReturn, ""))
	requireRefused(t, push.CodeInvalidPlace, nil, push.CheckPlace(push.StepReturn, push.PlaceKept))
	requireRefused(t, push.CodeInvalidPlace, nil, push.CheckPlace(push.StepPayout, push.PlaceGone))
	require.NoError(t, push.CheckDecision(push.StepBuyerAct, push.DecisionRefundBuyer))
	require.NoError(t, push.CheckDecision(push.StepPayout, ""))
	requireRefused(t, push.CodeInvalidDecision, nil, push.CheckDecision(push.StepBuyerAct, ""))
	requireRefused(t, push.CodeInvalidDecision, nil, push.CheckDecision(push.StepBuyerAct, "keep"))
	requireRefused(t, push.CodeInvalidDecision, nil, push.CheckDecision(push.StepPayout, push.DecisionPaySeller))
}
