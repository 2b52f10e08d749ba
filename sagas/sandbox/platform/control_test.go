package platform_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/sagas/registrar"
	"github.com/pushledger/pushledger/sagas/sandbox/platform"
)

func TestSetChangesOnlyTheGivenFacts(t *testing.T) {
	s := run(t, t.TempDir(), inventory(t, people))
	want := s.facts(t, "a.com")
	said := s.do(t, "registrar.set", `{"domain":"A.COM.","sale":"auction","expires_at":"+10d","pending":["registrant_change"]}`)
	want.Sale, want.Pending, want.ExpiresAt = "auction", []string{"registrant_change"}, start.AddDate(0, 0, 10)
	want.Revision++
	require.Equal(t, want, s.facts(t, "a.com"))
	require.Equal(t, reply{OK: true, Domain: "a.com", Revision: want.Revision}, said)
	s.events(t, 0)
}

func TestSetRegistersAnUnknownDomain(t *testing.T) {
	s := run(t, t.TempDir(), platform.Inventory{})
	s.do(t, "registrar.set", `{"domain":"例子.中国","account":"ann"}`)
	require.Equal(t, push.DomainFacts{
		Domain: "xn--fsqu00a.xn--fiqs8s", Exists: true, Account: "ann",
		RegisteredAt: start.AddDate(-1, 0, 0), ExpiresAt: start.AddDate(1, 0, 0),
		RegistrarOK: true, Product: "standard", Pending: []string{}, Restrictions: []string{}, Sale: "none", Revision: 1,
		Registrar: "sandbox registrar", RegistrantHint: "a***", Locks: []string{"clientTransferProhibited"},
	}, s.facts(t, "xn--fsqu00a.xn--fiqs8s"))
}

func TestSetTakesAnAuthCodeBack(t *testing.T) {
	s := run(t, t.TempDir(), inventory(t, people))
	s.do(t, "registrar.set", `{"domain":"a.com","auth_code_issued_at":"-10s"}`)
	require.Equal(t, start.Add(-10*time.Second), s.facts(t, "a.com").AuthCodeIssuedAt)
	s.do(t, "registrar.set", `{"domain":"a.com","auth_code_issued_at":""}`)
	require.Zero(t, s.facts(t, "a.com").AuthCodeIssuedAt)
}

func TestSetAccount(t *testing.T) {
	s := run(t, t.TempDir(), inventory(t, people))
	s.do(t, "accounts.set", `{"account":"ann","alipay_account":"ann@example.com","alipay_name":"安"}`)
	s.do(t, "accounts.set", `{"account":"new","real_name_verified":false}`)
	s.do(t, "accounts.set", `{"account":"bob","exists":false}`)
	for _, want := range []push.AccountFacts{
		{Account: "ann", Exists: true, RealNameVerified: true, AlipayAccount: "ann@example.com", AlipayName: "安", AlipayType: "real_name"},
		{Account: "new", Exists: true},
		{Account: "bob", RealNameVerified: true},
	} {
		got, err := s.Account(t.Context(), want.Account)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

func TestRefusedControlsChangeNothing(t *testing.T) {
	s := run(t, t.TempDir(), inventory(t, people))
	before := s.facts(t, "a.com")
	for _, test := range []struct{ control, body, code string }{
		{"registrar.set", `{`, "invalid_json"},
		{"registrar.set", `null`, "invalid_json"},
		{"registrar.set", `{"domain":"a.com","colour":"red"}`, "unknown_field"},
		{"registrar.set", `{"domain":"sub.a.com"}`, "invalid_domain"},
		{"registrar.set", `{"domain":"a.com","account":""}`, "invalid_account"},
		{"registrar.set", `{"domain":"c.com"}`, "invalid_account"},
		{"registrar.set", `{"domain":"a.com","expires_at":"soon"}`, "invalid_time"},
		{"registrar.set", `{"domain":"a.com","expires_at":""}`, "invalid_time"},
		{"registrar.set", `{"domain":"a.com","product":"car"}`, "invalid_product"},
		{"registrar.set", `{"domain":"a.com","sale":""}`, "invalid_sale"},
		{"registrar.set", `{"domain":"a.com","restrictions":["Oh no"]}`, "invalid_list"},
		{"registrar.set", `{"domain":"a.com","locks":["no lock"]}`, "invalid_list"},
		{"registrar.set", `{"domain":"a.com","locks":["held"]}`, "invalid_list"},
		{"registrar.set", `{"domain":"c.com","account":"ann","canonical":"c"}`, "invalid_domain"},
		{"registrar.event", `{"domain":"a.com","kind":"Exploded"}`, "invalid_kind"},
		{"registrar.event", `{"domain":"a.com","kind":"two.tokens"}`, "invalid_kind"},
		{"registrar.event", `{"domain":"a.com","kind":""}`, "invalid_kind"},
		{"registrar.event", `{"domain":"a.com","kind":"restricted","detail":{"restriction":"whim"}}`, "invalid_detail"},
		{"registrar.event", `{"domain":"a.com","kind":"deleted","event_id":"a\r\nb"}`, "invalid_id"},
		{"registrar.event", `{"domain":"a.com","kind":"deleted","at":"noon"}`, "invalid_time"},
		{"registrar.event", `{"domain":"a.com","kind":"account_moved","detail":7}`, "invalid_detail"},
		{"registrar.event", `{"domain":"a.com","kind":"account_moved","detail":{"to":7}}`, "invalid_detail"},
		{"registrar.event", `{"domain":"a.com","kind":"account_moved","detail":{"to":"no one"}}`, "invalid_account"},
		{"registrar.fault", `{"domain":"a.com","op":"move","mode":"explode"}`, "invalid_fault"},
		{"registrar.fault", `{"domain":"a.com","op":"move","mode":"unsupported"}`, "invalid_fault"},
		{"registrar.fault", `{"domain":"a.com","op":"facts","mode":"pending"}`, "invalid_fault"},
		{"registrar.fault", `{"domain":"a.com","op":"move","mode":"error","times":-1}`, "invalid_fault"},
		{"accounts.set", `{"account":"a.b"}`, "invalid_account"},
		{"accounts.set", `{"account":"ann","iban":"x"}`, "unknown_field"},
	} {
		s.control(t, test.control, test.body, test.code)
	}
	require.Equal(t, before, s.facts(t, "a.com"))
	require.False(t, s.facts(t, "c.com").Exists)
	s.events(t, 0)
}

func TestEventsChangeFactsAndArePublished(t *testing.T) {
	s := run(t, t.TempDir(), inventory(t, people))
	for i, test := range []struct {
		kind, detail string
		change       func(*push.DomainFacts)
	}{
		{"registrant_changed", `"new owner"`, func(*push.DomainFacts) {}},
		{"auth_code_issued", `null`, func(facts *push.DomainFacts) { facts.AuthCodeIssuedAt = start.Add(-time.Minute) }},
		{"account_moved", `{"to":"bob"}`, func(facts *push.DomainFacts) { facts.Account = "bob" }},
		{"restricted", `"a court asked for it"`, func(facts *push.DomainFacts) { facts.Restrictions = []string{"arbitration"} }},
		{"restricted", `{"restriction":"dispute"}`, func(facts *push.DomainFacts) { facts.Restrictions = []string{"arbitration", "dispute"} }},
		{"expired", `{}`, func(facts *push.DomainFacts) { facts.ExpiresAt = start.Add(-time.Minute) }},
		{"on_sale", `{}`, func(facts *push.DomainFacts) { facts.Sale = "fixed_price" }},
		{"registrant_changed", `{"registrant":"template-7"}`, func(facts *push.DomainFacts) { facts.RegistrantHint = "template-7" }},
		{"account_moved", `"somewhere"`, func(facts *push.DomainFacts) { facts.Account = "elsewhere" }},
		{"account_move_locked", `{}`, func(facts *push.DomainFacts) { facts.AccountMoveLocked = true }},
		{"blacklisted", `{}`, func(facts *push.DomainFacts) { facts.Restrictions = append(facts.Restrictions, "blacklisted") }},
		{"policy_violation", `{}`, func(facts *push.DomainFacts) { facts.Restrictions = append(facts.Restrictions, "policy_violation") }},
		{"transfer_out_started", `{}`, func(facts *push.DomainFacts) {
			facts.RegistrarOK, facts.Pending = false, []string{"transfer_out"}
		}},
		{"transferred_out", `{}`, func(facts *push.DomainFacts) { facts.Pending = []string{} }},
		{"deleted", `{}`, func(facts *push.DomainFacts) { facts.Exists, facts.Account = false, "" }},
	} {
		want := s.facts(t, "a.com")
		test.change(&want)
		want.Revision++
		said := s.do(t, "registrar.event", `{"domain":"a.com","kind":%q,"at":"-1m","detail":%s}`, test.kind, test.detail)
		require.Equal(t, want, s.facts(t, "a.com"), test.kind)
		require.Equal(t, want.Revision, said.Revision)
		published := s.events(t, i+1)[i]
		require.NotEmpty(t, published.ID)
		require.Equal(t, said.EventID, published.ID)
		require.Equal(t, test.kind, published.Kind)
		require.Equal(t, start.Add(-time.Minute), published.At)
	}
}

func TestAnEventOfAnUnknownKindIsPublishedAlone(t *testing.T) {
	s := run(t, t.TempDir(), inventory(t, people))
	before := s.facts(t, "a.com")
	said := s.do(t, "registrar.event", `{"domain":"a.com","kind":"real_name_check_failed","detail":{"operation_id":"op-1"}}`)
	require.Equal(t, before.Revision, said.Revision)
	require.Equal(t, before, s.facts(t, "a.com"))
	require.Equal(t, registrar.Event{
		ID: said.EventID, Kind: "real_name_check_failed", Domain: "a.com", At: start, OperationID: "op-1",
	}, s.events(t, 1)[0])
}

func TestEventKeepsItsIDAndDefaultsToNow(t *testing.T) {
	s := run(t, t.TempDir(), inventory(t, people))
	said := s.do(t, "registrar.event", `{"event_id":"e-1","domain":"a.com","kind":"blacklisted"}`)
	require.Equal(t, "e-1", said.EventID)
	require.Equal(t, registrar.Event{ID: "e-1", Kind: "blacklisted", Domain: "a.com", At: start}, s.events(t, 1)[0])
}

func TestEventAboutAnUnknownDomainIsPublishedAlone(t *testing.T) {
	s := run(t, t.TempDir(), inventory(t, people))
	s.do(t, "registrar.event", `{"domain":"nobodys.com","kind":"account_moved","detail":{"to":"bob"}}`)
	require.False(t, s.facts(t, "nobodys.com").Exists)
	require.Equal(t, "bob", s.events(t, 1)[0].To)
}

func TestMoveIsEchoedAsEvent(t *testing.T) {
	s := run(t, t.TempDir(), inventory(t, people))
	for range 2 { // the second call moves nothing and says nothing
		_, err := s.Move(t.Context(), sale("op-1"))
		require.NoError(t, err)
	}
	echo := s.events(t, 1)[0]
	require.NotEmpty(t, echo.ID)
	echo.ID = ""
	require.Equal(t, registrar.Event{
		Kind: "account_moved", Domain: "a.com", At: start, OperationID: "op-1", From: "ann", To: "bob",
	}, echo)
}
