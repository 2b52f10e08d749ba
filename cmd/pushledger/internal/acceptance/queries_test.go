package acceptance_test

import (
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/acceptance"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/acceptance/acceptancetest"
	"github.com/pushledger/pushledger/projections/pushes"
	"github.com/pushledger/pushledger/projections/pushes/pushestest"
	"github.com/pushledger/pushledger/sagas/registrar"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	alpha domainname.Name = "alpha.com"
	lizi  domainname.Name = "xn--fsqu00a.xn--fiqs8s" // 例子.中国
)

var (
	noon = pushestest.Offered("p-1", "anna", "bo").OfferedAt // when everything is offered
	now  = noon.Add(time.Hour)

	anna = pushes.Viewer{Account: "anna"}
	bo   = pushes.Viewer{Account: "bo"}
	op   = pushes.Viewer{Account: "op", SeesAll: true}
)

// desk is a ledger in which anna offers both domains to bo, and a platform to ask.
type desk struct {
	*acceptance.Queries
	ledger   *pushestest.Fixture
	platform *acceptancetest.Platform
}

func open(t *testing.T, after ...push.Event) desk {
	t.Helper()
	d := desk{ledger: pushestest.Start(t), platform: acceptancetest.New("anna")}
	d.Queries = d.platform.Queries(d.ledger.Queries, now)
	d.ledger.Show(t, "p-1", append([]push.Event{pushestest.Offered("p-1", "anna", "bo", alpha, lizi)}, after...)...)
	return d
}

func (d desk) facts(t *testing.T, viewer pushes.Viewer) acceptance.Facts {
	t.Helper()
	facts, err := d.Facts(t.Context(), viewer, acceptance.FactsRequest{PushID: "p-1"})
	require.NoError(t, err)
	require.Equal(t, "p-1", facts.PushID)
	require.Equal(t, now, facts.CheckedAt)
	require.Len(t, facts.Domains, 2)
	require.Equal(t, []domainname.Name{alpha, lizi}, []domainname.Name{facts.Domains[0].Domain, facts.Domains[1].Domain})
	require.Equal(t, "例子.中国", facts.Domains[1].DomainUnicode)
	return facts
}

func codes(violations []push.Violation) (all []string) {
	for _, violation := range violations {
		all = append(all, violation.Code)
	}
	return all
}

func requireRefused(t *testing.T, code string, err error) {
	t.Helper()
	var refusal *push.Refusal
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, code, refusal.Code)
}

func TestAHealthyOpenPushCanBeAccepted(t *testing.T) {
	d := open(t)
	for _, viewer := range []pushes.Viewer{anna, bo, op} {
		facts := d.facts(t, viewer)
		require.True(t, facts.Open)
		require.True(t, facts.Acceptable)
		require.Empty(t, facts.Violations)
		for _, domain := range facts.Domains {
			require.False(t, domain.Withheld)
			require.True(t, domain.WithSeller)
			require.Equal(t, "林*", domain.RegistrantHint)
			require.Empty(t, domain.Violations)
		}
	}
}

func TestTheAnswerHasExactlyTheMembersOfTheInterface(t *testing.T) {
	d := open(t)
	foreign := acceptancetest.Healthy(lizi, "eve")
	foreign.Canonical, foreign.ExpiresAt = "xn--fsqu00b.xn--fiqs8s", now
	d.platform.Set(foreign)
	d.platform.SetAccount(push.AccountFacts{Account: "anna", Exists: true, RealNameVerified: true})
	body, err := json.Marshal(d.facts(t, bo))
	require.NoError(t, err)
	require.JSONEq(t, `{
		"push_id": "p-1", "checked_at": "2026-11-02T13:00:00.0000005Z", "open": true, "acceptable": false,
		"domains": [
			{"domain": "alpha.com", "domain_unicode": "alpha.com", "exists": true,
			 "registered_at": "2020-01-01T00:00:00Z", "expires_at": "2030-01-01T00:00:00Z", "withheld": false, "with_seller": true,
			 "registrar": "Example Registrar", "registrant_hint": "林*", "locks": ["clientTransferProhibited"], "account_move_locked": false,
			 "pending": [], "restrictions": [], "sale": "none", "violations": []},
			{"domain": "xn--fsqu00a.xn--fiqs8s", "domain_unicode": "例子.中国", "canonical": "xn--fsqu00b.xn--fiqs8s", "exists": true,
			 "registered_at": "2020-01-01T00:00:00Z", "expires_at": "2026-11-02T13:00:00.0000005Z", "withheld": true, "violations": [
				{"domain": "xn--fsqu00a.xn--fiqs8s", "domain_unicode": "例子.中国", "rule": "P1", "code": "not_owner",
				 "message": "the domain is not in the seller's account", "message_zh": "域名不在卖家账户下"}]}],
		"violations": [{"rule": "T7", "code": "seller_no_alipay", "message": "the seller has no Alipay account bound", "message_zh": "卖家尚未绑定支付宝账户"}]
	}`, string(body))
}

// T7, where sellers are paid by confirming trades.
func TestASellerThatIsNoMerchantIsSaid(t *testing.T) {
	d := open(t)
	d.ByMerchant = true
	require.Equal(t, []string{push.CodeSellerNoMerchant}, codes(d.facts(t, bo).Violations))
	d.platform.SetAccount(push.AccountFacts{
		Account: "anna", Exists: true, RealNameVerified: true, AlipayAccount: "anna@example.com", AlipayMerchantID: "2088000000000107",
	})
	require.True(t, d.facts(t, bo).Acceptable)
}

func TestWhatWouldRefuseTheAcceptanceIsSaid(t *testing.T) {
	for name, c := range map[string]struct {
		change    func(*push.DomainFacts)
		account   push.AccountFacts
		want      []string // of the domain
		wantWhole []string // of the push
	}{
		"expired":                          {change: func(f *push.DomainFacts) { f.ExpiresAt = now }, want: []string{push.CodeDomainExpired}},
		"transfer password since offer":    {change: func(f *push.DomainFacts) { f.AuthCodeIssuedAt = noon.Add(time.Minute) }, want: []string{push.CodeAuthCodeIssued}},
		"transfer password from before":    {change: func(f *push.DomainFacts) { f.AuthCodeIssuedAt = noon.Add(-time.Minute) }},
		"locked and under dispute":         {change: func(f *push.DomainFacts) { f.AccountMoveLocked, f.Restrictions = true, []string{"dispute"} }, want: []string{push.CodeAccountMoveLocked, push.CodePublishingRestricted}},
		"gone":                             {change: func(f *push.DomainFacts) { *f = push.DomainFacts{Domain: alpha} }, want: []string{push.CodeNotOwner}},
		"seller without Alipay":            {account: push.AccountFacts{Account: "anna", Exists: true, RealNameVerified: true}, wantWhole: []string{push.CodeSellerNoAlipay}},
		"seller not verified, no Alipay":   {account: push.AccountFacts{Account: "anna", Exists: true}, wantWhole: []string{push.CodeSellerNotVerified, push.CodeSellerNoAlipay}},
		"seller without account and asset": {account: push.AccountFacts{Account: "anna"}, change: func(f *push.DomainFacts) { f.Sale = "auction" }, want: []string{push.CodeAlreadyOnSale}, wantWhole: []string{push.CodeSellerNotVerified, push.CodeSellerNoAlipay}},
	} {
		t.Run(name, func(t *testing.T) {
			d := open(t)
			if c.change != nil {
				facts := acceptancetest.Healthy(alpha, "anna")
				c.change(&facts)
				d.platform.Set(facts)
			}
			if c.account.Account != "" {
				d.platform.SetAccount(c.account)
			}
			facts := d.facts(t, bo)
			require.True(t, facts.Open)
			require.Equal(t, c.want == nil && c.wantWhole == nil, facts.Acceptable)
			require.Equal(t, c.want, codes(facts.Domains[0].Violations))
			require.Empty(t, facts.Domains[1].Violations)
			require.Equal(t, c.wantWhole, codes(facts.Violations))
		})
	}
}

func TestT1AStrangerIsNotTellableFromNoPush(t *testing.T) {
	d := open(t)
	for _, ask := range []struct {
		viewer pushes.Viewer
		id     string
	}{{pushes.Viewer{Account: "carl"}, "p-1"}, {bo, "nothing"}, {op, ""}} {
		_, err := d.Facts(t.Context(), ask.viewer, acceptance.FactsRequest{PushID: ask.id})
		requireRefused(t, push.CodePushNotFound, err)
	}
	asked, people := d.platform.Asked()
	require.Zero(t, asked+people, "nobody is asked for a stranger")
}

// Rule T1: who has a domain, and what it does with it, is nobody else's business.
func TestT1ParticularsOfADomainAreForThoseWhomItConcerns(t *testing.T) {
	offered := pushestest.Offered("p-1", "anna", "bo", alpha, lizi)
	paid, declined := pushestest.Payment(offered), []push.Event{push.Declined{At: noon}}
	late := []push.Event{push.Expired{At: noon, Reason: push.ExpiryValidity}}
	for name, c := range map[string]struct {
		after  []push.Event
		holder string
		told   map[string]bool
	}{
		"open, with the seller":         {nil, "anna", map[string]bool{"anna": true, "bo": true, "op": true}},
		"open, with a stranger":         {nil, "eve", map[string]bool{"anna": false, "bo": false, "op": true}},
		"paid, with the buyer":          {paid, "bo", map[string]bool{"anna": true, "bo": true, "op": true}},
		"paid, with a stranger":         {paid, "eve", map[string]bool{"anna": false, "bo": false, "op": true}},
		"completed, with the buyer":     {pushestest.Purchase(offered), "bo", map[string]bool{"anna": false, "bo": true, "op": true}},
		"declined, with the seller":     {declined, "anna", map[string]bool{"anna": true, "bo": false, "op": true}},
		"expired, with a later buyer":   {late, "eve", map[string]bool{"anna": false, "bo": false, "op": true}},
		"declined, registered no more":  {declined, "", map[string]bool{"anna": true, "bo": true, "op": true}},
		"completed, back with a seller": {pushestest.Purchase(offered), "anna", map[string]bool{"anna": true, "bo": false, "op": true}},
	} {
		t.Run(name, func(t *testing.T) {
			d := open(t, c.after...)
			facts := acceptancetest.Healthy(alpha, c.holder)
			if c.holder == "" {
				facts = push.DomainFacts{Domain: alpha}
			}
			d.platform.Set(facts)
			for _, viewer := range []pushes.Viewer{anna, bo, op} {
				shown := d.facts(t, viewer)
				domain := shown.Domains[0]
				require.Equal(t, c.after == nil, shown.Open)
				require.Equal(t, c.told[viewer.Account], !domain.Withheld, viewer.Account)
				require.Equal(t, domain.Withheld, domain.Particulars == nil)
				require.Equal(t, facts.RegisteredAt, domain.RegisteredAt)
				require.Equal(t, facts.ExpiresAt, domain.ExpiresAt)
				require.Equal(t, facts.Exists, domain.Exists)
				text, err := json.Marshal(shown)
				require.NoError(t, err)
				require.NotContains(t, string(text), "eve", "nobody learns who has it")
			}
		})
	}
}

func TestNothingRefusesAPushThatIsNotOpen(t *testing.T) {
	offered := pushestest.Offered("p-1", "anna", "bo", alpha, lizi)
	for name, after := range map[string][]push.Event{
		"accepted": pushestest.Payment(offered)[:1], "paid": pushestest.Payment(offered), "completed": pushestest.Purchase(offered),
		"withdrawn": {push.Withdrawn{At: noon}},
	} {
		t.Run(name, func(t *testing.T) {
			d := open(t, after...)
			d.platform.Set(push.DomainFacts{Domain: alpha})
			facts := d.facts(t, bo)
			require.False(t, facts.Open)
			require.False(t, facts.Acceptable)
			require.Empty(t, facts.Domains[0].Violations)
			_, people := d.platform.Asked()
			require.Zero(t, people, "the seller is asked about for a rule alone")
		})
	}
}

// Rule L1: it has ended at the instant of its end, whether or not that has been recorded.
func TestAnOfferPastItsEndIsNotOpen(t *testing.T) {
	d := open(t)
	d.Queries = d.platform.Queries(d.ledger.Queries, noon.Add(push.MaxValidity))
	facts, err := d.Facts(t.Context(), bo, acceptance.FactsRequest{PushID: "p-1"})
	require.NoError(t, err)
	require.False(t, facts.Open)
	require.False(t, facts.Acceptable)
	require.True(t, facts.Domains[0].Withheld, "it is the seller's business alone")
	sold, err := d.Facts(t.Context(), anna, acceptance.FactsRequest{PushID: "p-1"})
	require.NoError(t, err)
	require.False(t, sold.Domains[0].Withheld)
}

func TestWhileThePlatformIsAwayNothingIsSaid(t *testing.T) {
	d := open(t)
	d.platform.Leave()
	_, err := d.Facts(t.Context(), bo, acceptance.FactsRequest{PushID: "p-1"})
	require.ErrorIs(t, err, registrar.ErrUnavailable)
	require.Equal(t, push.CodeUnavailable, pushes.Explain(err).Code)
}

func TestOneAccountDoesNotHammerTheRegistrar(t *testing.T) {
	d := open(t)
	var refused error
	asked := 0
	for refused == nil {
		_, refused = d.Facts(t.Context(), bo, acceptance.FactsRequest{PushID: "p-1"})
		asked++
	}
	requireRefused(t, push.CodeRateLimited, refused)
	told, _ := d.platform.Asked()
	require.Equal(t, asked-1, told)
	require.Equal(t, push.MaxItems, told, "a pause is worth two of the largest pushes, or so many of two domains")
	_, err := d.Facts(t.Context(), anna, acceptance.FactsRequest{PushID: "p-1"})
	require.NoError(t, err, "others are served")
	_, err = d.Facts(t.Context(), pushes.Viewer{Account: "carl"}, acceptance.FactsRequest{PushID: "p-1"})
	requireRefused(t, push.CodePushNotFound, err)
}
