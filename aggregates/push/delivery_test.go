package push_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/push"
)

func TestT1TheLastDomainToArriveLeadsToThePayout(t *testing.T) {
	payout := push.PayoutRequested{At: noon, Seller: seller, PayoutNo: push.PayoutNo("p-1"), Amount: total}

	state := given(t, offered, accepted, paid, moved(gamma), moved(alpha))
	require.Equal(t, push.StageDelivering, state.Delivery)
	require.Equal(t,
		[]push.Event{push.DomainMoved{At: noon, Domain: beta, Revision: 2}, payout},
		push.DecideMoves(state, arrivals(beta), noon))

	events := push.DecideMoves(given(t, offered, accepted, paid), arrivals(alpha, beta, gamma), noon)
	require.Len(t, events, 4)
	require.Equal(t, payout, events[3])
}

func TestB2ARefusedMoveUndoesTheWholePush(t *testing.T) {
	for _, refused := range []domainname.Name{alpha, beta, gamma} { // the first, a middle, the last
		t.Run(string(refused), func(t *testing.T) {
			state := given(t, offered, accepted, paid)
			outcomes := arrivals(alpha, beta, gamma)
			for i := range outcomes {
				if outcomes[i].Domain == refused {
					outcomes[i] = refusedMove(refused)
				}
			}

			events := push.DecideMoves(state, outcomes, noon)

			require.Equal(t, push.ReturnStarted{
				At: noon, Code: "move_refused", Domain: refused,
				Cause: push.Cause{Kind: push.CauseMove, Detail: "registry_lock"},
			}, events[len(events)-1])
			undoing := after(state, events)
			require.Equal(t, push.StatusPaid, undoing.Status)
			require.Equal(t, undoing.Domains(), undoing.At(push.DeliveryReturning), "nobody knows yet where each of them is")
		})
	}
}

func TestB2TheFirstOfSeveralRefusalsIsTheReason(t *testing.T) {
	state := given(t, offered, accepted, paid)
	events := push.DecideMoves(state, []push.MoveOutcome{refusedMove(gamma), refusedMove(alpha)}, noon)
	require.Len(t, events, 3)
	require.Equal(t, gamma, events[2].(push.ReturnStarted).Domain)
}

func TestL7ACheckBeforeTheMoveGivesItsOwnCode(t *testing.T) {
	state := given(t, offered, accepted, paid)
	locked := push.MoveOutcome{Domain: beta, Code: push.CodeAccountMoveLocked, Cause: push.CauseCheck}
	events := push.DecideMoves(state, []push.MoveOutcome{locked}, noon)
	require.Equal(t, push.CodeAccountMoveLocked, events[1].(push.ReturnStarted).Code)
}

// A domain may be with the buyer, and a refused move may still have an order on the way:
// nobody knows before it has been looked for.
func TestB2ADomainThatCouldNotBeMovedIsLookedFor(t *testing.T) {
	for _, code := range []string{push.CodeDomainGone, push.CodeAccountMoved, push.CodeAuthCodeIssued, "registry_lock"} {
		state := given(t, offering(oneDomain(alpha, 88_00)), accepted, paid)
		events := push.DecideMoves(state, []push.MoveOutcome{{Domain: alpha, Code: code, Cause: push.CauseCheck}}, noon)
		undoing := after(state, events)
		require.Equal(t, []domainname.Name{alpha}, undoing.At(push.DeliveryReturning))
		require.Nil(t, undoing.Refund)
		require.Equal(t, []push.Step{{Kind: push.StepReturn}}, push.Next(undoing))
	}
}

func TestMovesThatAreNoNewsChangeNothing(t *testing.T) {
	for name, state := range situations(t) {
		if state.Delivery == push.StageDelivering {
			require.Empty(t, push.DecideMoves(state, arrivals("other.com"), noon), name)
			continue
		}
		require.Empty(t, push.DecideMoves(state, arrivals(alpha, beta, gamma), noon), name)
		require.Empty(t, push.DecideMoves(state, []push.MoveOutcome{refusedMove(alpha)}, noon), name)
	}
	oneMoved := situations(t)["one moved"]
	require.Empty(t, push.DecideMoves(oneMoved, arrivals(alpha), noon))
	require.Empty(t, push.DecideMoves(oneMoved, []push.MoveOutcome{refusedMove(alpha)}, noon))
	require.Len(t, push.DecideMoves(oneMoved, arrivals(beta, beta), noon), 1, "the same domain twice")
}

func TestB2TheLastDomainAtRestEndsThePushAndRefundsIt(t *testing.T) {
	state := given(t, offered, accepted, paid, moved(alpha), moveRefused(beta))

	events := push.DecideReturns(state, []push.ReturnOutcome{{Domain: alpha, Place: push.PlaceReturned, Revision: 3}}, noon)
	require.Equal(t, []push.Event{push.DomainReturned{At: noon, Domain: alpha, Place: push.PlaceReturned, Revision: 3}}, events)

	events = push.DecideReturns(after(state, events), []push.ReturnOutcome{{Domain: beta, Place: push.PlaceKept}, {Domain: gamma, Place: push.PlaceKept}}, noon)
	require.Equal(t, []push.Event{
		push.DomainReturned{At: noon, Domain: beta, Place: push.PlaceKept},
		push.DomainReturned{At: noon, Domain: gamma, Place: push.PlaceKept},
		push.Invalidated{At: noon, Code: "move_refused", Domain: beta, Cause: push.Cause{Kind: push.CauseMove, Detail: "registry_lock"}},
		push.RefundRequested{At: noon, Buyer: buyer, TradeNo: push.TradeNo("p-1"), RequestNo: refundNo(state), Amount: total},
	}, events)
}

func TestB2APushWithoutMoneyEndsWithoutARefund(t *testing.T) {
	free := threeDomains()
	for i := range free.Items {
		free.Items[i].Price = 0
	}
	state := given(t, offering(free), accepted, moveRefused(beta), placed(push.PlaceKept, alpha, beta, gamma))
	require.Equal(t, push.StatusInvalidated, state.Status)
	require.Nil(t, state.Refund)
	require.Equal(t, []push.Step{{Kind: push.StepRelease}}, push.Next(state))
}

func TestB2ADomainThatIsGoneHoldsNoRefundBack(t *testing.T) {
	state := given(t, offered, accepted, paid, moved(alpha), reported("transferred_out", beta),
		placed(push.PlaceReturned, alpha), placed(push.PlaceGone, beta), placed(push.PlaceKept, gamma))
	require.Equal(t, push.StatusInvalidated, state.Status)
	require.Equal(t, total, state.Refund.Amount)
}

func TestNoRefundWhileADomainIsStuckWithTheBuyer(t *testing.T) {
	state := situations(t)["stuck"]
	require.Equal(t, push.StatusPaid, state.Status)
	require.Nil(t, state.Refund)
	require.Empty(t, push.Next(state), "it waits for a person")
	require.Empty(t, push.DecideReturns(state, []push.ReturnOutcome{{Domain: alpha, Code: "locked"}}, noon))

	events := push.DecideReturns(state, []push.ReturnOutcome{{Domain: alpha, Place: push.PlaceReturned}}, noon)

	settled := after(state, events)
	require.Equal(t, push.StatusInvalidated, settled.Status)
	require.Equal(t, total, settled.Refund.Amount)
}

func TestReturnsThatAreNoNewsChangeNothing(t *testing.T) {
	for name, state := range situations(t) {
		outcomes := []push.ReturnOutcome{{Domain: beta, Place: push.PlaceReturned}, {Domain: "other.com", Place: push.PlaceGone}, {Domain: beta}}
		if name == "returning" {
			outcomes = outcomes[1:2] // beta is awaited there
		}
		require.Empty(t, push.DecideReturns(state, outcomes, noon), name)
	}
}
