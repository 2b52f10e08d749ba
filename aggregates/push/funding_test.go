package push_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/money"
	"github.com/pushledger/pushledger/aggregates/push"
)

// What is known to be money is taken, and nothing else.
func TestT6EverySource(t *testing.T) {
	for _, test := range []struct {
		channels []string
		want     push.Funding
	}{
		{[]string{"ALIPAYACCOUNT"}, push.FundingMoney},
		{[]string{"balance"}, push.FundingMoney},
		{[]string{"FINANCEACCOUNT"}, push.FundingMoney},
		{[]string{"moneyFund"}, push.FundingMoney},
		{[]string{"MONEYFUND"}, push.FundingMoney},
		{[]string{"COUPON"}, push.FundingMoney},
		{[]string{"POINT"}, push.FundingMoney},
		{[]string{"DISCOUNT"}, push.FundingMoney},
		{[]string{"PCARD"}, push.FundingMoney},
		{[]string{"debitCardExpress"}, push.FundingMoney},
		{[]string{"BANKCARD", "DEBIT_CARD"}, push.FundingMoney},
		{[]string{"bankcard", "debit_card"}, push.FundingMoney},
		{[]string{"POINT", "BANKCARD", "DEBIT_CARD", "ALIPAYACCOUNT"}, push.FundingMoney},

		{[]string{"BANKCARD", "CREDIT_CARD"}, push.FundingCredit},
		{[]string{"BANKCARD", "MIXED_CARD"}, push.FundingCredit},
		{[]string{"MIXED_CARD"}, push.FundingCredit},
		{[]string{"CREDITCARD"}, push.FundingCredit},
		{[]string{"creditCard"}, push.FundingCredit},
		{[]string{"credit_card"}, push.FundingCredit},
		{[]string{"CREDIT-CARD"}, push.FundingCredit},
		{[]string{"creditCardExpress"}, push.FundingCredit},
		{[]string{"creditCardCartoon"}, push.FundingCredit},
		{[]string{"credit_group"}, push.FundingCredit},
		{[]string{"pcredit"}, push.FundingCredit},
		{[]string{"PCREDIT"}, push.FundingCredit},
		{[]string{"PCREDITPAY"}, push.FundingCredit},
		{[]string{"pcreditpayInstallment"}, push.FundingCredit},
		{[]string{"HUABEI"}, push.FundingCredit},
		{[]string{"JIEBEI"}, push.FundingCredit},
		{[]string{"honeyPay"}, push.FundingCredit},
		{[]string{"creditAdvanceV2"}, push.FundingCredit},
		{[]string{push.CreditPayMode, "a mode of tomorrow"}, push.FundingCredit},
		{[]string{"ALIPAYACCOUNT", "PCREDIT"}, push.FundingCredit},
		{[]string{"TMARKETING", "MCOUPON", "PCREDIT"}, push.FundingCredit},

		{[]string{"MCARD"}, push.FundingMerchant},
		{[]string{"MDISCOUNT"}, push.FundingMerchant},
		{[]string{"MCOUPON"}, push.FundingMerchant},
		{[]string{"ALIPAYACCOUNT", "MCOUPON"}, push.FundingMerchant},

		{[]string{"BANKCARD"}, push.FundingUnknown},
		{[]string{"BANKCARD", "ALIPAYACCOUNT"}, push.FundingUnknown},
		{[]string{"BANKCARD", "PREPAID_CARD"}, push.FundingUnknown},
		{[]string{"TMARKETING"}, push.FundingUnknown},
		{[]string{"CORPORATE"}, push.FundingUnknown},
		{[]string{"bankPay"}, push.FundingUnknown},
		{[]string{"ALIPAYACCOUNT", "MCOUPON", "VOUCHER"}, push.FundingUnknown},
		{[]string{""}, push.FundingUnknown},

		{nil, push.FundingUntold},
		{[]string{}, push.FundingUntold},
	} {
		require.Equal(t, test.want, push.FundingOf(test.channels), test.channels)
	}
}

func TestT6AnUnknownChannelEndsThePushAndGoesBack(t *testing.T) {
	state := given(t, offered, accepted, opened)
	money := receipt(state)
	money.Channels, money.Payer = []string{"ALIPAYACCOUNT", "CORPORATE"}, payer

	events := push.DecideReceipt(state, money, noon)

	require.Equal(t, []push.Event{
		push.Invalidated{At: noon, Code: "unknown_channel", Cause: push.Cause{Kind: push.CausePayment, Detail: "ALIPAYACCOUNT,CORPORATE"}},
		push.StrayReceived{
			At: noon, TradeNo: money.TradeNo, ProviderTradeNo: money.ProviderTradeNo, Amount: total, Channels: money.Channels,
			Payer: payer, Cause: push.StrayUnknownChannel, RequestNo: push.RefundNo("p-1", money.TradeNo),
		},
	}, events)
	ended := given(t, offered, accepted, opened, paidFrom("CORPORATE"), refunded)
	require.Equal(t, push.StatusRefunded, ended.Status)
	require.Equal(t, "unknown_channel", ended.EndReason)
}

// What the merchant has given is nothing that the seller could be paid.
func TestT6WhatTheMerchantFundsIsNotTheTotal(t *testing.T) {
	state := given(t, offered, accepted, opened)
	const less = total - 5_00
	for name, test := range map[string]struct {
		channels       []string
		received, paid money.Fen
		back           money.Fen // 0: it pays
	}{
		"less is received":              {[]string{"ALIPAYACCOUNT"}, less, less, less},
		"it is not told who paid":       {[]string{"ALIPAYACCOUNT"}, less, 0, less},
		"the buyer paid more than that": {[]string{"ALIPAYACCOUNT"}, less, total, total},
		"less, and no sources":          {nil, less, less, less},
		"less, and by credit":           {[]string{"PCREDIT"}, less, less, less},
		"a channel names it":            {[]string{"ALIPAYACCOUNT", "MCOUPON"}, less, less, less},
		"only a channel names it":       {[]string{"ALIPAYACCOUNT", "MDISCOUNT"}, 0, 0, total},
		"and what the buyer paid":       {[]string{"ALIPAYACCOUNT", "MCARD"}, 0, less, less},
		"all is received":               {[]string{"ALIPAYACCOUNT", "COUPON"}, total, less, 0},
		"it is not told":                {[]string{"ALIPAYACCOUNT"}, 0, 0, 0},
	} {
		got := receipt(state)
		got.Channels, got.Received, got.BuyerPaid = test.channels, test.received, test.paid
		events := push.DecideReceipt(state, got, noon)
		if test.back == 0 {
			require.Equal(t, "pays", effect(events), name)
			continue
		}
		require.Len(t, events, 1, name)
		require.Equal(t, push.StrayAmountMismatch, events[0].(push.StrayReceived).Cause, name)
		require.Equal(t, test.back, events[0].(push.StrayReceived).Amount, name)
	}
}

// Nor is it money that came in, for whatever reason the rest goes back.
func TestWhatTheMerchantFundsDoesNotGoBack(t *testing.T) {
	for name, state := range map[string]push.State{
		"late": given(t, offered, accepted, unpaid), "duplicate": given(t, offered, accepted, paid), "other_trade": given(t, offered),
	} {
		got := push.Receipt{TradeNo: "T2", Amount: total, Received: total - 5_00, Channels: []string{"ALIPAYACCOUNT", "MCOUPON"}, PaidAt: noon}
		if name == "late" {
			got.TradeNo = state.Payment.TradeNo
		}
		events := push.DecideReceipt(state, got, noon)
		require.Equal(t, name, effect(events))
		require.Equal(t, total-5_00, events[0].(push.StrayReceived).Amount)
	}
}

// Silence about the sources is neither money nor its absence: the provider is asked again,
// and then a person decides.
func TestT6UntoldSourcesWaitForAPerson(t *testing.T) {
	state := given(t, offered, accepted, opened)
	got := receipt(state)
	got.Channels, got.Payer = nil, payer
	require.Empty(t, push.DecideReceipt(state, got, noon), "asked again")
	require.Empty(t, push.DecideReceipt(state, got, state.Payment.PayBy.Add(time.Hour)), "even beyond the window")
	got.Insisted = true

	events := push.DecideReceipt(state, got, noon)

	require.Equal(t, []push.Event{push.StrayReceived{
		At: noon, TradeNo: got.TradeNo, ProviderTradeNo: got.ProviderTradeNo, Amount: total,
		Payer: payer, Cause: push.StraySourcesUntold, RequestNo: push.RefundNo("p-1", got.TradeNo),
	}}, events)
	waiting := after(state, events)
	require.Equal(t, push.StatusAccepted, waiting.Status, "nothing is decided")
	require.Empty(t, push.Next(waiting))
	require.Empty(t, push.DecideUnpaid(waiting, waiting.Payment.PayBy.Add(week)), "money is there: the window is no reason to end")
	require.Empty(t, push.DecideRefunded(waiting, refundNo(waiting), noon))
	_, err := push.DecideRetry(waiting, retry(push.Task{Step: push.StepCheckFunding}), noon)
	requireRefused(t, push.CodeInvalidStep, nil, err)
}

func TestT6APersonTakesMoneyOfUntoldSources(t *testing.T) {
	state := given(t, offered, accepted, opened, untold)
	command := settle(push.Task{Step: push.StepCheckFunding})
	command.Decision = push.DecisionAcceptPayment

	events, err := push.DecideSettle(state, command, push.DomainFacts{}, noon)

	require.NoError(t, err)
	require.Equal(t, []push.Event{
		push.SettledByHand{
			At: noon, Step: push.StepCheckFunding, RequestNo: refundNo(state), Decision: push.DecisionAcceptPayment,
			By: operator, Reason: "wired", Reference: "bank 4711",
		},
		push.Paid{
			At: noon, Amount: total, TradeNo: push.TradeNo("p-1"), ProviderTradeNo: "2026110222001", Payer: payer,
			From: push.SuspenseAccount(push.TradeNo("p-1")),
		},
		push.DeliveryStarted{At: noon},
		push.HoldStarted{At: noon},
	}, events)
	paid := after(state, events)
	require.Equal(t, push.StatusPaid, paid.Status)
	require.Equal(t, payer, paid.Payment.Payer)
	require.Empty(t, push.WorkList(paid))
	require.Equal(t, []push.Step{{Kind: push.StepDeliver}}, push.Next(paid))
}

func TestT6APersonSendsMoneyOfUntoldSourcesBack(t *testing.T) {
	state := given(t, offered, accepted, opened, untold, checkedFunding(push.DecisionRefundBuyer))
	require.Equal(t, push.StatusInvalidated, state.Status)
	require.Equal(t, push.CodeSourcesUntold, state.EndReason)
	require.Equal(t, []push.Step{{Kind: push.StepRefund, RequestNo: refundNo(state)}}, push.Next(state))
	require.Equal(t, push.StatusRefunded, given(t, offered, accepted, opened, untold, checkedFunding(push.DecisionRefundBuyer), refunded).Status)
}

// A push that ends from outside meanwhile leaves nothing to decide: the money goes back.
func TestT6MoneyOfUntoldSourcesGoesBackWithThePush(t *testing.T) {
	state := given(t, offered, accepted, opened, untold, reported("deleted", beta))
	require.Equal(t, push.StatusInvalidated, state.Status)
	require.Empty(t, push.WorkList(state))
	require.Equal(t, []push.Step{{Kind: push.StepRefund, RequestNo: refundNo(state)}}, push.Next(state))
	require.Equal(t, push.CodeDomainGone, given(t, offered, accepted, opened, untold, reported("deleted", beta), refunded).EndReason)
}

// Where the platform demands it, only the buyer's own account pays.
func TestT6TheBuyerItselfPays(t *testing.T) {
	accept := push.Accept{Actor: buyer, Total: total, Window: window, OwnAccount: true}
	facts := sellable(nil)
	_, err := push.DecideAccept(given(t, offered), accept, facts, noon)
	requireRefused(t, push.CodeBuyerNoAlipay, nil, err)
	facts.Buyer = push.AccountFacts{AlipayUserID: "2088-own", AlipayOpenID: "open-own"}
	events, err := push.DecideAccept(given(t, offered), accept, facts, noon)
	require.NoError(t, err)
	state := after(given(t, offered), events)
	require.Equal(t, push.Payer{UserID: "2088-own", OpenID: "open-own"}, state.Payment.Bound)
	for name, test := range map[string]struct {
		payer    push.Payer
		insisted bool
		want     string
	}{
		"itself":               {payer: push.Payer{UserID: "2088-own"}, want: "pays"},
		"itself, by open id":   {payer: push.Payer{OpenID: "open-own"}, want: "pays"},
		"another":              {payer: push.Payer{UserID: "2088-other"}, want: "other_payer"},
		"another, by open id":  {payer: push.Payer{OpenID: "open-other"}, want: "other_payer"},
		"one id is another's":  {payer: push.Payer{UserID: "2088-own", OpenID: "open-other"}, want: "other_payer"},
		"nobody says":          {payer: push.Payer{LoginMasked: "b***"}},
		"nobody says for long": {insisted: true, want: "sources_untold"},
	} {
		got := receipt(state)
		got.Payer, got.Insisted = test.payer, test.insisted
		require.Equal(t, test.want, effect(push.DecideReceipt(state, got, noon)), name)
	}
	anybody := given(t, offered, accepted)
	got := receipt(anybody)
	got.Payer = push.Payer{UserID: "2088-other"}
	require.Equal(t, "pays", effect(push.DecideReceipt(anybody, got, noon)), "where it is not demanded")
}
