package push_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/money"
	"github.com/pushledger/pushledger/aggregates/push"
)

const merchantID = "2088000000000107"

// merchantFacts are those of a seller for whom trades are made.
func merchantFacts() push.AcceptFacts {
	facts := sellable(nil)
	facts.NeedsMerchant, facts.Seller.AlipayMerchantID = true, merchantID
	return facts
}

func acceptedForMerchant(p *past) {
	command := push.Accept{Actor: buyer, Total: p.state.Total, Window: window}
	p.decided(push.DecideAccept(p.state, command, merchantFacts(), p.now))
}

func withFee(p *past) {
	offer := threeDomains()
	offer.FeeRate = 50_000
	p.decided(push.DecideOffer(push.State{}, offer, goodFacts(offer), p.now))
}

func TestT7ASellerWithoutAMerchantNumberIsNotPublished(t *testing.T) {
	facts := goodFacts(threeDomains())
	facts.NeedsMerchant = true
	_, err := push.DecideOffer(push.State{}, threeDomains(), facts, noon)
	requireRefused(t, push.CodeSellerNoMerchant, nil, err)
	facts.Seller.AlipayMerchantID = merchantID
	_, err = push.DecideOffer(push.State{}, threeDomains(), facts, noon)
	require.NoError(t, err)
	facts.NeedsMerchant, facts.Seller.AlipayMerchantID = false, ""
	_, err = push.DecideOffer(push.State{}, threeDomains(), facts, noon)
	require.NoError(t, err, "where sellers are paid by transfers")
}

func TestL7TheMerchantNumberIsCheckedAgainWhenAccepting(t *testing.T) {
	facts := merchantFacts()
	facts.Seller.AlipayMerchantID = ""
	_, err := push.DecideAccept(given(t, offered), push.Accept{Actor: buyer, Total: total, Window: window}, facts, noon)
	requireRefused(t, push.CodeSellerNoMerchant, nil, err)
}

// How a purchase is settled is decided when it is accepted, whatever is configured later.
func TestAnAcceptedPushKnowsItsMerchant(t *testing.T) {
	require.Equal(t, merchantID, given(t, offered, acceptedForMerchant).Payment.Merchant)
	require.Empty(t, given(t, offered, accepted).Payment.Merchant)
	facts := merchantFacts()
	facts.NeedsMerchant = false
	events, err := push.DecideAccept(given(t, offered), push.Accept{Actor: buyer, Total: total, Window: window}, facts, noon)
	require.NoError(t, err)
	require.Empty(t, after(given(t, offered), events).Payment.Merchant, "a merchant that is not asked for")
}

// journalOf is what a history leaves on the accounts that do not stand at zero.
func journalOf(t *testing.T, state push.State, decisions ...func(push.State) []push.Event) map[string]money.Fen {
	t.Helper()
	balances := make(map[string]money.Fen)
	for _, decide := range decisions {
		events := decide(state)
		require.NotEmpty(t, events)
		books(balances, events)
		state = after(state, events)
	}
	sum := money.Fen(0)
	for account, balance := range balances {
		if sum += balance; balance == 0 {
			delete(balances, account)
		}
	}
	require.Zero(t, sum)
	return balances
}

func TestMoneyOfAMerchantsTradeIsNeverThePlatforms(t *testing.T) {
	ordered := given(t, withFee, acceptedForMerchant)
	pays := func(s push.State) []push.Event { return push.DecideReceipt(s, receipt(s), noon) }
	arrive := func(s push.State) []push.Event { return push.DecideMoves(s, arrivals(alpha, beta, gamma), noon) }
	paidOut := func(s push.State) []push.Event { return push.DecidePaidOut(s, "A1", noon) }
	feeRefused := func(s push.State) []push.Event { return push.DecideFeeRefused(s, noFee(s), noon) }
	refused := func(s push.State) []push.Event { return push.DecidePayoutRefused(s, noFee(s), noon) }
	byHand := func(s push.State) []push.Event {
		events, err := push.DecideSettle(s, push.Settle{Task: push.Task{Step: push.StepPayout}, Actor: "op", Reason: "r", Reference: "4711"}, push.DomainFacts{}, noon)
		require.NoError(t, err)
		return events
	}
	const escrow, payable = "push:p-1:escrow", "seller:seller-anna:payable"
	for name, test := range map[string]struct {
		happened []func(push.State) []push.Event
		want     map[string]money.Fen
	}{
		"paid":       {[]func(push.State) []push.Event{pays}, map[string]money.Fen{"alipay:frozen": -total, escrow: total}},
		"delivered":  {[]func(push.State) []push.Event{pays, arrive}, map[string]money.Fen{"alipay:frozen": -total, payable: total - 15_02, "platform:fee": 15_02}},
		"settled":    {[]func(push.State) []push.Event{pays, arrive, paidOut}, map[string]money.Fen{"alipay:clearing": -15_02, "platform:fee": 15_02}},
		"no fee yet": {[]func(push.State) []push.Event{pays, arrive, feeRefused}, map[string]money.Fen{"alipay:frozen": -total, payable: total - 15_02, "platform:fee": 15_02}},
		"the fee came at a retry": {
			[]func(push.State) []push.Event{pays, arrive, feeRefused, retries, paidOut}, map[string]money.Fen{"alipay:clearing": -15_02, "platform:fee": 15_02},
		},
		"the fee came by hand": {
			[]func(push.State) []push.Event{pays, arrive, feeRefused, byHand}, map[string]money.Fen{"platform:by_hand": -15_02, "platform:fee": 15_02},
		},
		"the seller is paid by hand": {
			[]func(push.State) []push.Event{pays, arrive, refused, byHand},
			map[string]money.Fen{"alipay:frozen": -total, "platform:by_hand": total - 15_02, "platform:fee": 15_02},
		},
		"the fee was refused and then the rest": {
			[]func(push.State) []push.Event{pays, arrive, feeRefused, retries, refused, byHand},
			map[string]money.Fen{"alipay:frozen": -total, "platform:by_hand": total - 15_02, "platform:fee": 15_02},
		},
	} {
		require.Equal(t, test.want, journalOf(t, ordered, test.happened...), name)
	}
}

func retries(s push.State) []push.Event {
	events, _ := push.DecideRetry(s, push.Retry{Task: push.Task{Step: push.StepPayout}, Actor: "op", Reason: "r"}, noon)
	return events
}

func TestFrozenMoneyGoesBackToTheBuyer(t *testing.T) {
	ordered := given(t, offered, acceptedForMerchant)
	none := map[string]money.Fen{}
	back := func(s push.State) []push.Event { return push.DecideRefunded(s, refundNo(s), noon) }
	stray := func(change func(*push.Receipt)) func(push.State) []push.Event {
		return func(s push.State) []push.Event {
			got := receipt(s)
			change(&got)
			return push.DecideReceipt(s, got, noon)
		}
	}
	require.Equal(t, none, journalOf(t, ordered, stray(func(r *push.Receipt) { r.Amount++ }), back))
	require.Equal(t, none, journalOf(t, ordered, stray(func(r *push.Receipt) { r.Channels = []string{"PCREDIT"} }), back))
	untoldFor := stray(func(r *push.Receipt) { r.Channels, r.Insisted = nil, true })
	require.Equal(t, map[string]money.Fen{"alipay:frozen": -total, "suspense:" + ordered.Payment.TradeNo: total}, journalOf(t, ordered, untoldFor))
	accepts := func(s push.State) []push.Event {
		events, err := push.DecideSettle(s, push.Settle{
			Task: push.Task{Step: push.StepCheckFunding}, Decision: push.DecisionAcceptPayment, Actor: "op", Reason: "r", Reference: "4711",
		}, push.DomainFacts{}, noon)
		require.NoError(t, err)
		return events
	}
	require.Equal(t, map[string]money.Fen{"alipay:frozen": -total, "push:p-1:escrow": total}, journalOf(t, ordered, untoldFor, accepts))
}

func TestAFeeThatDidNotComeSaysThatTheSellerIsPaid(t *testing.T) {
	state := given(t, withFee, acceptedForMerchant, opened, paid, moved(alpha, beta, gamma))
	state = after(state, push.DecideFeeRefused(state, noFee(state), noon))
	work := push.WorkList(state)
	require.Len(t, work, 1)
	require.Equal(t, push.StepPayout, work[0].Step)
	require.Contains(t, work[0].Message, "the seller is paid, only the fee did not come")
	require.Empty(t, push.Next(state))
}

func TestNumbersOfAFeeFitAlipay(t *testing.T) {
	require.Len(t, push.FeeNo("p-1"), 32)
	require.NotEqual(t, push.FeeNo("p-1"), push.FeeNo("p-2"))
}

// noFee is the refusal of the fee of a push's payout.
func noFee(state push.State) push.PayoutRefusal {
	return push.PayoutRefusal{PayoutNo: push.PayoutNo(state.ID), Code: "NO_BALANCE", Message: "余额不足"}
}
