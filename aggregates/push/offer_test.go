package push_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/money"
	"github.com/pushledger/pushledger/aggregates/push"
)

func TestT1AnOfferNamesOneBuyerAndAPriceForEachDomain(t *testing.T) {
	offer := threeDomains()
	offer.Remark = "三个一起"

	events, err := push.DecideOffer(push.State{}, offer, goodFacts(offer), noon)

	require.NoError(t, err)
	require.Equal(t, []push.Event{push.Offered{
		PushID: "p-1", Seller: seller, Buyer: buyer, Currency: "CNY", Items: offer.Items, Total: total,
		OfferedAt: noon, CheckedAt: noon, ExpiresAt: noon.Add(7 * 24 * time.Hour), ExpiryReason: push.ExpiryValidity,
		Remark: "三个一起",
	}}, events)
}

func TestT1NobodyButItsPartiesActsOnAPush(t *testing.T) {
	state := given(t, offered)
	for _, actor := range []string{stranger, ""} {
		events, err := push.DecideWithdraw(state, push.Withdraw{Actor: actor}, noon)
		requireRefused(t, push.CodeNotYourPush, events, err)
		events, err = push.DecideDecline(state, push.Decline{Actor: actor}, noon)
		requireRefused(t, push.CodeNotYourPush, events, err)
		events, err = push.DecideAccept(state, push.Accept{Actor: actor, Total: total}, push.AcceptFacts{}, noon)
		requireRefused(t, push.CodeNotYourPush, events, err)
	}
	events, err := push.DecideWithdraw(state, push.Withdraw{Actor: buyer}, noon)
	requireRefused(t, push.CodeNotYourPush, events, err)
	events, err = push.DecideDecline(state, push.Decline{Actor: seller}, noon)
	requireRefused(t, push.CodeNotYourPush, events, err)
	events, err = push.DecideAccept(state, push.Accept{Actor: seller, Total: total}, push.AcceptFacts{}, noon)
	requireRefused(t, push.CodeNotYourPush, events, err)
}

func TestT2TheFeeInForceWhenOfferedIsTheFeeOfThePush(t *testing.T) {
	offer := threeDomains()
	offer.FeeRate = 50_000 // 5 %

	state := given(t, offering(offer), accepted, paid, moved(alpha, beta, gamma))

	require.Equal(t, money.Rate(50_000), state.FeeRate)
	require.Equal(t, money.Fen(15_02), state.Payout.Fee, "rounded down in favour of the seller")
	require.Equal(t, total-15_02, state.Payout.Amount)
}

func TestT2WithoutAFeeTheSellerGetsAll(t *testing.T) {
	state := given(t, offered, accepted, paid, moved(alpha, beta, gamma))
	require.Equal(t, total, state.Payout.Amount)
	require.Zero(t, state.Payout.Fee)
}

func TestT7T10TheAccountsOfAnOffer(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*push.Offer, *push.OfferFacts)
		want   []breaks
	}{
		"seller without real name": {
			func(_ *push.Offer, facts *push.OfferFacts) { facts.Seller.RealNameVerified = false },
			[]breaks{{Rule: "T7", Code: "seller_not_verified"}},
		},
		"seller without Alipay": {
			func(_ *push.Offer, facts *push.OfferFacts) { facts.Seller.AlipayAccount = "" },
			[]breaks{{Rule: "T7", Code: "seller_no_alipay"}},
		},
		"seller unknown": {
			func(_ *push.Offer, facts *push.OfferFacts) { facts.Seller = push.AccountFacts{} },
			[]breaks{{Rule: "T7", Code: "seller_not_verified"}, {Rule: "T7", Code: "seller_no_alipay"}},
		},
		"seller is buyer": {
			func(offer *push.Offer, _ *push.OfferFacts) { offer.Buyer = seller },
			[]breaks{{Rule: "T10", Code: "buyer_is_seller"}},
		},
		"buyer unknown": {
			func(_ *push.Offer, facts *push.OfferFacts) { facts.Buyer.Exists = false },
			[]breaks{{Rule: "T10", Code: "buyer_unknown"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			offer := threeDomains()
			facts := goodFacts(offer)
			test.change(&offer, &facts)
			events, err := push.DecideOffer(push.State{}, offer, facts, noon)
			refusal := refusalOf(t, test.want[0].Code, events, err)
			require.Equal(t, test.want, violations(t, refusal))
		})
	}
}

func TestT8T11WhatAPushMayCost(t *testing.T) {
	for name, test := range map[string]struct {
		prices []money.Fen
		fee    money.Rate
		code   string
	}{
		"nothing":                          {[]money.Fen{0, 0}, 0, ""},
		"one fen":                          {[]money.Fen{1}, 0, "below_payout_minimum"},
		"nine fen":                         {[]money.Fen{4, 5}, 0, "below_payout_minimum"},
		"ten fen":                          {[]money.Fen{4, 6}, 0, ""},
		"ten fen less fee":                 {[]money.Fen{10}, 100_000, "below_payout_minimum"},
		"eleven fen less one":              {[]money.Fen{11}, 100_000, ""},
		"all of it is fee":                 {[]money.Fen{100_00}, money.Whole, "below_payout_minimum"},
		"the maximum":                      {[]money.Fen{money.Max - 1, 1}, 0, ""},
		"a fen above it":                   {[]money.Fen{money.Max, 1}, 0, "above_payment_maximum"},
		"a sum that would overflow nobody": {slices.Repeat([]money.Fen{money.Max}, 500), 0, "above_payment_maximum"},
	} {
		t.Run(name, func(t *testing.T) {
			offer := threeDomains()
			offer.Items, offer.FeeRate = numbered(len(test.prices)), test.fee
			for i, price := range test.prices {
				offer.Items[i].Price = price
			}
			events, err := push.DecideOffer(push.State{}, offer, goodFacts(offer), noon)
			if test.code == "" {
				require.NoError(t, err)
				return
			}
			refusal := refusalOf(t, test.code, events, err)
			require.Equal(t, []breaks{{Rule: "T11", Code: test.code}}, violations(t, refusal))
		})
	}
}

func TestT11WhatOnePayoutMayBeOver(t *testing.T) {
	limits := push.PayoutLimits{Person: 50_000_00, Company: 100_000_00}
	for name, test := range map[string]struct {
		price  money.Fen
		fee    money.Rate
		kind   string
		limits push.PayoutLimits
		above  bool
	}{
		"a person's limit":          {50_000_00, 0, "real_name", limits, false},
		"a fen above it":            {50_000_01, 0, "real_name", limits, true},
		"what the seller gets":      {50_000_01, 1_000, "real_name", limits, false},
		"a kind that nobody tells":  {50_000_01, 0, "", limits, true},
		"a company's limit":         {100_000_00, 0, push.AlipayCompany, limits, false},
		"a fen above a company's":   {100_000_01, 0, push.AlipayCompany, limits, true},
		"no limit":                  {money.Max, 0, "real_name", push.PayoutLimits{}, false},
		"a company without a limit": {money.Max, 0, push.AlipayCompany, push.PayoutLimits{Person: 1}, false},
	} {
		t.Run(name, func(t *testing.T) {
			offer := threeDomains()
			offer.Items, offer.FeeRate = numbered(1), test.fee
			offer.Items[0].Price = test.price
			facts := goodFacts(offer)
			facts.Seller.AlipayType = test.kind
			made, err := push.DecideOffer(push.State{}, offer, facts, noon)
			require.NoError(t, err, "no limit, no refusal")
			facts.Limits = test.limits
			events, err := push.DecideOffer(push.State{}, offer, facts, noon)
			accepting := push.AcceptFacts{Seller: facts.Seller, Domains: facts.Domains, Limits: test.limits}
			again := push.CheckAcceptable(after(push.State{}, made), accepting, noon)
			if !test.above {
				require.NoError(t, err)
				require.Empty(t, again)
				return
			}
			refusal := refusalOf(t, push.CodeAbovePayout, events, err)
			require.Equal(t, []breaks{{Rule: "T11", Code: "above_payout_maximum"}}, violations(t, refusal))
			require.Equal(t, refusal.Violations, again, "and when it is accepted")
		})
	}
}

func TestT8AtATotalOfZeroAcceptingIsPaying(t *testing.T) {
	state := given(t, offering(oneDomain(alpha, 0)))

	events, err := push.DecideAccept(state, push.Accept{Actor: buyer, Window: window}, sellable(allHealthy(oneDomain(alpha, 0).Items)), noon)

	require.NoError(t, err)
	require.Equal(t, []push.Event{push.Accepted{At: noon}, push.Paid{At: noon}, push.DeliveryStarted{At: noon}, push.HoldStarted{At: noon}}, events)
	state = after(state, events)
	require.Empty(t, state.Payment.TradeNo)
	require.Equal(t, []push.Event{
		push.DomainMoved{At: noon, Domain: alpha, Revision: 2}, push.Completed{At: noon},
	}, push.DecideMoves(state, arrivals(alpha), noon), "no payout of nothing")
}

// T1: what a foreign domain is, is told to its owner alone.
func TestP1OfAForeignDomainNothingElseIsSaid(t *testing.T) {
	offer := oneDomain(beta, 100_00)
	foreign, gone := worst(beta), worst(beta)
	foreign.Account = stranger
	gone.Exists = false
	for _, facts := range []push.DomainFacts{foreign, gone, {Domain: beta}} {
		given := goodFacts(offer)
		given.Domains, given.HeldBy = []push.DomainFacts{facts}, map[domainname.Name]string{beta: "p-0"}
		events, err := push.DecideOffer(push.State{}, offer, given, noon)
		require.Equal(t, []breaks{{beta, "P1", "not_owner"}}, violations(t, refusalOf(t, push.CodeNotOwner, events, err)))
	}
}

func TestB1EveryViolationOfEveryDomainIsNamedAtOnce(t *testing.T) {
	offer := threeDomains()
	offer.Items = append(offer.Items, push.Item{Domain: alpha, Price: money.Max}) // B3 and T11
	offer.ValidFor = 7*24*time.Hour + 1
	facts := goodFacts(offer)
	facts.Seller, facts.Buyer = push.AccountFacts{}, push.AccountFacts{}
	facts.HeldBy = map[domainname.Name]string{gamma: "p-0"}
	facts.Domains = []push.DomainFacts{healthy(alpha), worst(beta), healthy(gamma)}

	events, err := push.DecideOffer(push.State{}, offer, facts, noon)

	refusal := refusalOf(t, push.CodeDuplicateDomain, events, err)
	require.Equal(t, []breaks{
		{alpha, "B3", "duplicate_domain"},
		{"", "L2", "validity_too_long"},
		{"", "T11", "above_payment_maximum"},
		{"", "T7", "seller_not_verified"},
		{"", "T7", "seller_no_alipay"},
		{"", "T10", "buyer_unknown"},
		{beta, "P2", "too_young"},
		{beta, "P3", "domain_expired"},
		{beta, "P4", "account_move_locked"},
		{beta, "P5", "product_not_tradable"},
		{beta, "P6", "pending_operation"},
		{beta, "P7", "publishing_restricted"},
		{beta, "P8", "already_on_sale"},
		{gamma, "P8", "already_on_sale"},
	}, violations(t, refusal))
	require.ErrorContains(t, err, "beta.cn: too_young")
}

// worst is a domain that breaks each of the rules P1–P8.
func worst(name domainname.Name) push.DomainFacts {
	facts := healthy(name)
	facts.RegisteredAt, facts.ExpiresAt = noon.Add(-time.Hour), noon.Add(-time.Minute)
	facts.AccountMoveLocked, facts.Product = true, "microposter"
	facts.Pending, facts.Restrictions = []string{"registrant_change"}, []string{"dispute"}
	facts.Sale = "auction"
	return facts
}

func TestB3OneToFiveHundredDomainsEachOnce(t *testing.T) {
	for count, code := range map[int]string{0: "batch_empty", 1: "", 500: "", 501: "batch_too_large"} {
		offer := threeDomains()
		offer.Items = numbered(count)
		events, err := push.DecideOffer(push.State{}, offer, goodFacts(offer), noon)
		if code == "" {
			require.NoError(t, err)
			require.Len(t, given(t, offering(offer)).Lines, count)
			continue
		}
		refusal := refusalOf(t, code, events, err)
		require.Equal(t, []breaks{{Rule: "B3", Code: code}}, violations(t, refusal))
	}
}

func TestB3ADomainThatStandsThriceIsNamedOnce(t *testing.T) {
	items := []push.Item{{Domain: alpha}, {Domain: beta, Price: 5}, {Domain: alpha, Price: 1}, {Domain: alpha}, {Domain: beta}}
	found := push.CheckItems(items)
	require.Len(t, found, 2)
	require.Equal(t, string(alpha), found[0].Domain)
	require.Equal(t, string(beta), found[1].Domain)
}

func numbered(count int) []push.Item {
	items := make([]push.Item, count)
	for i := range items {
		items[i] = push.Item{Domain: domainname.Name(fmt.Sprintf("domain-%d.com", i)), Price: 1_00}
	}
	return items
}

func TestL1L2TheEndOfAnOffer(t *testing.T) {
	week := 7 * 24 * time.Hour
	for name, test := range map[string]struct {
		validFor time.Duration
		until    time.Time
		want     time.Time
		reason   push.ExpiryReason
		code     string
	}{
		"none given":            {want: noon.Add(week), reason: push.ExpiryValidity},
		"an hour":               {validFor: time.Hour, want: noon.Add(time.Hour), reason: push.ExpirySellerDeadline},
		"exactly a week":        {validFor: week, want: noon.Add(week), reason: push.ExpiryValidity},
		"a nanosecond less":     {validFor: week - 1, want: noon.Add(week - 1), reason: push.ExpirySellerDeadline},
		"a nanosecond more":     {validFor: week + 1, code: "validity_too_long"},
		"less than nothing":     {validFor: -1, code: "invalid_validity"},
		"until tomorrow":        {until: noon.Add(24 * time.Hour), want: noon.Add(24 * time.Hour), reason: push.ExpirySellerDeadline},
		"until a week from now": {until: noon.Add(week), want: noon.Add(week), reason: push.ExpiryValidity},
		"until a bit later":     {until: noon.Add(week + 1), code: "validity_too_long"},
		"until now":             {until: noon, code: "invalid_validity"},
		"until just after now":  {until: noon.Add(1), want: noon.Add(1), reason: push.ExpirySellerDeadline},
		"both":                  {validFor: time.Hour, until: noon.Add(time.Hour), code: "invalid_validity"},
	} {
		t.Run(name, func(t *testing.T) {
			offer := threeDomains()
			offer.ValidFor, offer.ExpiresAt = test.validFor, test.until
			events, err := push.DecideOffer(push.State{}, offer, goodFacts(offer), noon)
			if test.code != "" {
				refusal := refusalOf(t, test.code, events, err)
				require.Equal(t, []breaks{{Rule: "L2", Code: test.code}}, violations(t, refusal))
				return
			}
			require.NoError(t, err)
			event := events[0].(push.Offered)
			require.Equal(t, test.want, event.ExpiresAt)
			require.Equal(t, test.reason, event.ExpiryReason)
		})
	}
}
