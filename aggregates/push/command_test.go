package push_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/push"
)

// Which command is answered how in which situation (rules T4, L3, L4, L5, I8). An
// empty code means that the command is carried out.
func TestL3L4T4EveryCommandInEverySituation(t *testing.T) {
	const (
		exists   = push.CodePushExists
		notYours = push.CodeNotYourPush
		taken    = push.CodeAlreadyAccepted
		ended    = push.CodeAlreadyEnded
		final    = push.CodeCompletedIsFinal
	)
	type answers struct{ offer, withdraw, decline, accept, takedown string }
	open := answers{offer: exists}
	underway := answers{exists, taken, taken, taken, ""}
	undoing := answers{exists, taken, taken, taken, ended}
	delivered := answers{exists, taken, taken, taken, final}
	over := answers{exists, ended, ended, ended, ended}
	matrix := map[string]answers{
		"never offered": {"", notYours, notYours, notYours, ended},
		"offered":       open,
		"accepted":      underway, "payment open": underway, "paid too little": underway, "sources untold": underway,
		"delivering": underway, "one moved": underway, "stopped": underway,
		"returning": undoing, "stuck": undoing,
		"delivered": delivered, "payout refused": delivered,
		"completed":       {exists, final, final, ended, final},
		"completed, held": {exists, final, final, ended, final},
		"withdrawn":       over, "declined": over, "expired": over, "unpaid": over, "unpaid and closed": over,
		"ended before payment": over, "taken down": over, "paid by credit": over, "credit refunded": over, "paid from who knows where": over,
		"refund due": over, "refund refused": over, "refunded": over,
	}
	states := situations(t)
	require.Len(t, states, len(matrix))
	for name, want := range matrix {
		t.Run(name, func(t *testing.T) {
			state, known := states[name]
			require.True(t, known)
			offer := threeDomains()
			for _, command := range []struct {
				verb, code string
				decide     func() ([]push.Event, error)
			}{
				{"offer", want.offer, func() ([]push.Event, error) {
					return push.DecideOffer(state, offer, goodFacts(offer), noon)
				}},
				{"withdraw", want.withdraw, func() ([]push.Event, error) {
					return push.DecideWithdraw(state, push.Withdraw{Actor: seller}, noon)
				}},
				{"decline", want.decline, func() ([]push.Event, error) {
					return push.DecideDecline(state, push.Decline{Actor: buyer}, noon)
				}},
				{"accept", want.accept, func() ([]push.Event, error) {
					accept := push.Accept{Actor: buyer, Total: total, Window: window}
					return push.DecideAccept(state, accept, sellable(allHealthy(offer.Items)), noon)
				}},
				{"takedown", want.takedown, func() ([]push.Event, error) {
					return push.DecideTakedown(state, push.Takedown{Actor: "operator", Reason: "r"}, noon)
				}},
			} {
				events, err := command.decide()
				if command.code == "" {
					require.NoError(t, err, command.verb)
					require.NotEmpty(t, events, command.verb)
					continue
				}
				requireRefused(t, command.code, events, err)
			}
		})
	}
}

func TestAnEndedPushSaysHowItEnded(t *testing.T) {
	for name, state := range situations(t) {
		if state.Status.Live() || state.Status == push.StatusNone {
			continue
		}
		err := push.CheckAccept(state, push.Accept{Actor: buyer, Total: total}, noon)
		require.ErrorContains(t, err, string(state.Status), name)
	}
}

func TestL1AnOfferIsOverAtTheInstantOfItsEndThoughNothingRecordedIt(t *testing.T) {
	state := given(t, offered)
	accept := push.Accept{Actor: buyer, Total: total, Window: window}
	facts := allHealthy(threeDomains().Items)

	_, err := push.DecideAccept(state, accept, sellable(facts), state.ExpiresAt.Add(-1))
	require.NoError(t, err)

	for _, now := range []time.Time{state.ExpiresAt, state.ExpiresAt.Add(1)} {
		require.True(t, state.ExpiredBy(now))
		events, err := push.DecideAccept(state, accept, sellable(facts), now)
		requireRefused(t, push.CodeAlreadyEnded, events, err)
		require.ErrorContains(t, err, "Expired")
		events, err = push.DecideWithdraw(state, push.Withdraw{Actor: seller}, now)
		requireRefused(t, push.CodeAlreadyEnded, events, err)
		events, err = push.DecideDecline(state, push.Decline{Actor: buyer}, now)
		requireRefused(t, push.CodeAlreadyEnded, events, err)
		events, err = push.DecideTakedown(state, push.Takedown{Actor: "operator", Reason: "r"}, now)
		requireRefused(t, push.CodeAlreadyEnded, events, err)
	}
}

func TestL1L2AnOfferExpiresAtItsEndAndNeverTwice(t *testing.T) {
	for reason, validFor := range map[push.ExpiryReason]time.Duration{
		push.ExpiryValidity: 0, push.ExpirySellerDeadline: time.Hour,
	} {
		offer := threeDomains()
		offer.ValidFor = validFor
		state := given(t, offering(offer))

		require.Empty(t, push.DecideExpire(state, state.ExpiresAt.Add(-1)))
		events := push.DecideExpire(state, state.ExpiresAt)

		require.Equal(t, []push.Event{push.Expired{At: state.ExpiresAt, Reason: reason}}, events)
		ended := after(state, events)
		require.Equal(t, push.StatusExpired, ended.Status)
		require.Equal(t, string(reason), ended.EndReason)
		require.Empty(t, push.DecideExpire(ended, state.ExpiresAt.Add(week)))
	}
}

func TestL5AcceptingStartsThePayment(t *testing.T) {
	state := given(t, offered)

	events, err := push.DecideAccept(state, push.Accept{Actor: buyer, Total: total, Window: window}, sellable(allHealthy(threeDomains().Items)), noon)

	require.NoError(t, err)
	require.Equal(t, []push.Event{push.Accepted{At: noon, Total: total, TradeNo: push.TradeNo("p-1"), PayBy: noon.Add(window)}}, events)
}

func TestL5ABuyerAcceptsTheTotalThatItSaw(t *testing.T) {
	state := given(t, offered)
	err := push.CheckAccept(state, push.Accept{Actor: buyer, Total: total - 1}, noon)
	requireRefused(t, push.CodeTotalChanged, nil, err)
	require.ErrorContains(t, err, "300.50")
}

func TestL6AnyEndLetsGoOfTheDomains(t *testing.T) {
	for name, state := range situations(t) {
		switch state.Status {
		case push.StatusOffered, push.StatusAccepted, push.StatusPaid:
			require.True(t, state.Status.Live(), name)
		default:
			require.False(t, state.Status.Live(), name)
		}
	}
}

func TestI8ATakedownRecordsWhoAndWhy(t *testing.T) {
	cause := push.Cause{Kind: push.CauseOperator, Actor: "operator", Reason: "court order 17"}
	command := push.Takedown{Actor: "operator", Reason: "court order 17"}

	for _, steps := range [][]step{{offered}, {offered, accepted}, {offered, accepted, opened, paidTooLittle}} {
		events, err := push.DecideTakedown(given(t, steps...), command, noon)
		require.NoError(t, err)
		require.Equal(t, []push.Event{push.Invalidated{At: noon, Code: "taken_down", Cause: cause}}, events)
	}
	events, err := push.DecideTakedown(given(t, offered, accepted, paid), command, noon)
	require.NoError(t, err)
	require.Equal(t, []push.Event{push.ReturnStarted{At: noon, Code: "taken_down", Cause: cause}}, events)
}

// Money may still be on its way after the window: the push has not ended then.
func TestI8APaymentWindowThatIsOverDoesNotKeepAnOperatorAway(t *testing.T) {
	state := given(t, offered, accepted, opened)
	events, err := push.DecideTakedown(state, push.Takedown{Actor: "operator", Reason: "r"}, state.Payment.PayBy.Add(time.Hour))
	require.NoError(t, err)
	require.Equal(t, push.StatusInvalidated, after(state, events).Status)
}

func TestEveryCodeHasWordsInBothLanguages(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "codes.go", nil, 0)
	require.NoError(t, err)
	codes := 0
	ast.Inspect(file, func(node ast.Node) bool {
		spec, is := node.(*ast.ValueSpec)
		if !is || !strings.HasPrefix(spec.Names[0].Name, "Code") {
			return true
		}
		code, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		require.NoError(t, err)
		en, zh := push.Message(code)
		require.NotEmpty(t, en, code)
		require.NotEmpty(t, zh, code)
		require.NotEqual(t, en, zh, code)
		codes++
		return true
	})
	require.Greater(t, codes, 40)
}
