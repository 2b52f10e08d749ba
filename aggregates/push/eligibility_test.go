package push_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/push"
)

const (
	day  = 24 * time.Hour
	week = 7 * day
)

// eligibilityCases are the rules P1–P8: one domain's facts and the code they earn.
var eligibilityCases = map[string]struct {
	rule, code string
	change     func(*push.DomainFacts)
}{
	"P1 another's":            {"P1", "not_owner", func(f *push.DomainFacts) { f.Account = stranger }},
	"P1 not there":            {"P1", "not_owner", func(f *push.DomainFacts) { *f = push.DomainFacts{Domain: f.Domain} }},
	"P2 too young":            {"P2", "too_young", func(f *push.DomainFacts) { f.RegisteredAt = noon.Add(-day + 1) }},
	"P2 old enough":           {"", "", func(f *push.DomainFacts) { f.RegisteredAt = noon.Add(-day) }},
	"P3 expired just now":     {"P3", "domain_expired", func(f *push.DomainFacts) { f.ExpiresAt = noon }},
	"P3 expired long ago":     {"P3", "domain_expired", func(f *push.DomainFacts) { f.ExpiresAt = noon.Add(-week) }},
	"P3 about to expire":      {"", "", func(f *push.DomainFacts) { f.ExpiresAt = noon.Add(1) }},
	"P4 locked":               {"P4", "account_move_locked", func(f *push.DomainFacts) { f.AccountMoveLocked = true }},
	"P5 micro-site":           {"P5", "product_not_tradable", func(f *push.DomainFacts) { f.Product = "microsite" }},
	"P5 micro-poster":         {"P5", "product_not_tradable", func(f *push.DomainFacts) { f.Product = "microposter" }},
	"P5 xin":                  {"P5", "product_not_tradable", func(f *push.DomainFacts) { f.Product = "xin" }},
	"P5 a product unheard of": {"P5", "product_not_tradable", func(f *push.DomainFacts) { f.Product = "lottery" }},
	"P6 change of registrant": {"P6", "pending_operation", func(f *push.DomainFacts) { f.Pending = []string{"registrant_change"} }},
	"P6 transfer out":         {"P6", "pending_operation", func(f *push.DomainFacts) { f.Pending = []string{"transfer_out"} }},
	"P6 on its way out":       {"P6", "pending_operation", func(f *push.DomainFacts) { f.RegistrarOK = false }},
	"P7 arbitration":          {"P7", "publishing_restricted", func(f *push.DomainFacts) { f.Restrictions = []string{"arbitration"} }},
	"P7 any other":            {"P7", "publishing_restricted", func(f *push.DomainFacts) { f.Restrictions = []string{"?"} }},
	"P8 fixed price":          {"P8", "already_on_sale", func(f *push.DomainFacts) { f.Sale = "fixed_price" }},
	"P8 auction":              {"P8", "already_on_sale", func(f *push.DomainFacts) { f.Sale = "auction" }},
	"I6 a password of old":    {"", "", func(f *push.DomainFacts) { f.AuthCodeIssuedAt = noon.Add(-1) }},
}

func TestP1toP8WhenOffering(t *testing.T) {
	for name, test := range eligibilityCases {
		t.Run(name, func(t *testing.T) {
			offer := threeDomains()
			facts := goodFacts(offer)
			test.change(&facts.Domains[0])
			events, err := push.DecideOffer(push.State{}, offer, facts, noon)
			requireEligible(t, test.rule, test.code, events, err)
		})
	}
}

func TestL7P1toP8AreCheckedAgainWhenAccepting(t *testing.T) {
	for name, test := range eligibilityCases {
		t.Run(name, func(t *testing.T) {
			offer := threeDomains()
			facts := allHealthy(offer.Items)
			test.change(&facts[0])
			events, err := push.DecideAccept(given(t, offered), push.Accept{Actor: buyer, Total: total, Window: window}, sellable(facts), noon)
			requireEligible(t, test.rule, test.code, events, err)
		})
	}
}

func requireEligible(t *testing.T, rule, code string, events []push.Event, err error) {
	t.Helper()
	if code == "" {
		require.NoError(t, err)
		require.NotEmpty(t, events)
		return
	}
	refusal := refusalOf(t, code, events, err)
	require.Equal(t, []breaks{{alpha, rule, code}}, violations(t, refusal))
}

func TestP2TheAgeOfADomainByItsEnding(t *testing.T) {
	for name, period := range map[domainname.Name]time.Duration{
		"example.cn":              week,
		"example.com.cn":          week,
		"example.org.cn":          week,
		"xn--fsqu00a.cn":          week,
		"xn--fsqu00a.xn--fiqs8s":  week, // .中国
		"xn--fsqu00a.xn--fiqz9s":  week, // .中國
		"xn--fsqu00a.xn--55qx5d":  week, // .公司
		"xn--fsqu00a.xn--io0a7i":  week, // .网络
		"example.com":             day,
		"cn.com":                  day,
		"example.xyz":             day,
		"example.net":             day,
		"xn--fsqu00a.xn--ses554g": day, // .网址
	} {
		t.Run(name.Unicode(), func(t *testing.T) {
			for offset, young := range map[time.Duration]bool{-1: true, 0: false, 1: false} {
				offer := oneDomain(name, 1_00)
				facts := goodFacts(offer)
				facts.Domains[0].RegisteredAt = noon.Add(-period - offset)
				events, err := push.DecideOffer(push.State{}, offer, facts, noon)
				if young {
					requireRefused(t, push.CodeTooYoung, events, err)
				} else {
					require.NoError(t, err)
				}
			}
		})
	}
}

func TestP5GovernmentDomainsAreNotSold(t *testing.T) {
	for name, refused := range map[domainname.Name]bool{
		"example.gov.cn": true, "www.example.gov.cn": true, "gov.cn": true,
		"examplegov.cn": false, "gov.com": false, "example.com.cn": false,
	} {
		offer := oneDomain(name, 1_00)
		events, err := push.DecideOffer(push.State{}, offer, goodFacts(offer), noon)
		if refused {
			requireRefused(t, push.CodeProductNotTradable, events, err)
		} else {
			require.NoError(t, err, name)
		}
	}
}

func TestP8ADomainIsInOneLivePush(t *testing.T) {
	offer := threeDomains()
	facts := goodFacts(offer)
	facts.HeldBy = map[domainname.Name]string{beta: "p-0"}

	events, err := push.DecideOffer(push.State{}, offer, facts, noon)

	refusal := refusalOf(t, push.CodeAlreadyOnSale, events, err)
	require.Equal(t, []breaks{{beta, "P8", "already_on_sale"}}, violations(t, refusal))
}

func TestL7OwnershipAndLocksBeforeEachMove(t *testing.T) {
	state := given(t, offered, accepted, paid)
	for name, test := range map[string]struct {
		code   string
		change func(*push.DomainFacts)
	}{
		"nothing":            {"", func(*push.DomainFacts) {}},
		"gone":               {"domain_gone", func(f *push.DomainFacts) { f.Exists = false }},
		"at another":         {"domain_gone", func(f *push.DomainFacts) { f.RegistrarOK = false }},
		"another's":          {"account_moved", func(f *push.DomainFacts) { f.Account = stranger }},
		"locked":             {"account_move_locked", func(f *push.DomainFacts) { f.AccountMoveLocked = true }},
		"restricted":         {"publishing_restricted", func(f *push.DomainFacts) { f.Restrictions = []string{"dispute"} }},
		"pending":            {"pending_operation", func(f *push.DomainFacts) { f.Pending = []string{"transfer_out"} }},
		"password after":     {"auth_code_issued", func(f *push.DomainFacts) { f.AuthCodeIssuedAt = noon.Add(1) }},
		"password that same": {"auth_code_issued", func(f *push.DomainFacts) { f.AuthCodeIssuedAt = noon }},
		"password before":    {"", func(f *push.DomainFacts) { f.AuthCodeIssuedAt = noon.Add(-1) }},
		"password that second": {
			"auth_code_issued", func(f *push.DomainFacts) { f.AuthCodeIssuedAt = noon.Truncate(time.Second) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			facts := healthy(alpha)
			test.change(&facts)
			require.Equal(t, test.code, push.CheckMove(state, facts, noon))
		})
	}
}
