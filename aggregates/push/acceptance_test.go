package push_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/push"
)

// What facts can show of a domain of an open push, with the violation by which they refuse
// the acceptance and the code by which they end the push; without one it stays open.
var factsAtAcceptance = map[string]struct {
	change              func(*push.DomainFacts)
	rule, refused, ends string
}{
	"gone":             {func(f *push.DomainFacts) { f.Exists = false }, "P1", "not_owner", "domain_gone"},
	"leaving":          {func(f *push.DomainFacts) { f.RegistrarOK = false }, "P6", "pending_operation", "domain_gone"},
	"moved":            {func(f *push.DomainFacts) { f.Account = stranger }, "P1", "not_owner", "account_moved"},
	"blacklisted":      {func(f *push.DomainFacts) { f.Restrictions = []string{"blacklisted"} }, "P7", "publishing_restricted", "blacklisted"},
	"moves locked":     {func(f *push.DomainFacts) { f.AccountMoveLocked = true }, "P4", "account_move_locked", "account_move_locked"},
	"in arbitration":   {func(f *push.DomainFacts) { f.Restrictions = []string{"arbitration"} }, "P7", "publishing_restricted", "publishing_restricted"},
	"password":         {func(f *push.DomainFacts) { f.AuthCodeIssuedAt = noon.Add(1) }, "I6", "auth_code_issued", "auth_code_issued"},
	"policy":           {func(f *push.DomainFacts) { f.Restrictions = []string{"policy_violation"} }, "P7", "publishing_restricted", "policy_violation"},
	"expired":          {func(f *push.DomainFacts) { f.ExpiresAt = noon }, "P3", "domain_expired", ""},
	"on sale":          {func(f *push.DomainFacts) { f.Sale = "auction" }, "P8", "already_on_sale", ""},
	"business pending": {func(f *push.DomainFacts) { f.Pending = []string{"registrant_change"} }, "P6", "pending_operation", ""},
	"a password of old": {
		func(f *push.DomainFacts) { f.AuthCodeIssuedAt = noon.Add(-1) }, "", "", "",
	},
}

func TestL7WhatFactsRefuseAndWhatTheyEnd(t *testing.T) {
	for name, test := range factsAtAcceptance {
		t.Run(name, func(t *testing.T) {
			facts := healthy(beta)
			test.change(&facts)
			for _, steps := range [][]step{{offered}, {offered, accepted}} {
				events := push.DecideFacts(given(t, steps...), facts, noon)
				if test.ends == "" {
					require.Empty(t, events)
					continue
				}
				require.Equal(t, []push.Event{push.Invalidated{
					At: noon, Code: test.ends, Domain: beta, Cause: push.Cause{Kind: push.CauseCheck},
				}}, events)
			}
			broken := push.CheckAcceptable(given(t, offered), sellable([]push.DomainFacts{facts}), noon)
			if test.refused == "" {
				require.Empty(t, broken)
				return
			}
			require.Len(t, broken, 1)
			require.Equal(t, breaks{beta, test.rule, test.refused}, breaks{domainname.Name(broken[0].Domain), broken[0].Rule, broken[0].Code})
		})
	}
}

func TestL7TheSellerIsLookedAtAgain(t *testing.T) {
	facts := sellable(allHealthy(threeDomains().Items))
	facts.Seller.AlipayAccount = ""
	events, err := push.DecideAccept(given(t, offered), push.Accept{Actor: buyer, Total: total, Window: window}, facts, noon)
	refusal := refusalOf(t, push.CodeSellerNoAlipay, events, err)
	require.Equal(t, []breaks{{"", "T7", "seller_no_alipay"}}, violations(t, refusal))
}

// Facts read while domains are on their way are the business of the check before each
// move; those of a delivered one show what the buyer has done.
func TestB5FactsShowWhatTheBuyerHasDone(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*push.DomainFacts)
		code   string
	}{
		"nothing":         {func(*push.DomainFacts) {}, ""},
		"moved on":        {func(f *push.DomainFacts) { f.Account = stranger }, "account_moved"},
		"transferred out": {func(f *push.DomainFacts) { f.RegistrarOK = false }, "domain_gone"},
		"deleted":         {func(f *push.DomainFacts) { f.Exists = false }, "domain_gone"},
		"password":        {func(f *push.DomainFacts) { f.AuthCodeIssuedAt = noon.Add(time.Second) }, "auth_code_issued"},
		"locked":          {func(f *push.DomainFacts) { f.AccountMoveLocked = true }, ""}, // the registrar's doing
	} {
		t.Run(name, func(t *testing.T) {
			state := given(t, offered, accepted, paid, moved(alpha))
			facts := healthy(alpha)
			facts.Account = buyer
			test.change(&facts)
			events := push.DecideFacts(state, facts, noon)
			if test.code == "" {
				require.Empty(t, events)
			} else {
				require.Equal(t, []push.Event{push.BuyerActed{At: noon, Domain: alpha, Code: test.code, Cause: push.Cause{Kind: push.CauseCheck}}}, events)
				require.Empty(t, push.DecideFacts(after(state, events), facts, noon), "once")
			}
			facts.Domain = beta // still on its way
			require.Empty(t, push.DecideFacts(state, facts, noon))
		})
	}
}

func TestAcceptingNamesTheRegistrantOfTheDomains(t *testing.T) {
	command := push.Accept{Actor: buyer, Total: total, Window: window, Registrant: "template-3"}
	events, err := push.DecideAccept(given(t, offered), command, sellable(allHealthy(threeDomains().Items)), noon)
	require.NoError(t, err)
	require.Equal(t, "template-3", after(given(t, offered), events).Registrant)
}

func TestP2TooYoungNamesTheInstantFromWhichItMayBeOffered(t *testing.T) {
	offer := oneDomain("example.cn", 1_00)
	facts := goodFacts(offer)
	facts.Domains[0].RegisteredAt = noon.Add(-day)
	events, err := push.DecideOffer(push.State{}, offer, facts, noon)
	violation := refusalOf(t, push.CodeTooYoung, events, err).Violations[0]
	require.Equal(t, noon.Add(6*day), violation.From)
	require.Contains(t, violation.Message, "2026-11-08 12:00:01 UTC", "never before the instant")
	require.Contains(t, violation.MessageZH, "2026-11-08 20:00:01（北京时间）")

	facts.Domains[0].RegisteredAt = noon.Add(-week)
	_, err = push.DecideOffer(push.State{}, offer, facts, violation.From)
	require.NoError(t, err)
}
