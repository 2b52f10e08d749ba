package platform_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/sagas/registrar"
)

func (s sandbox) hold(t *testing.T, operation string, held bool) registrar.HoldResult {
	t.Helper()
	result, err := s.Hold(t.Context(), registrar.Hold{OperationID: operation, Domain: "a.com", Held: held})
	require.NoError(t, err)
	return result
}

// everyAct is what the holder of a.com can try.
var everyAct = map[string]struct {
	members string
	event   registrar.Event
	change  func(*push.DomainFacts)
}{
	"move":         {`,"to":"bob"`, registrar.Event{Kind: "account_moved", From: "ann", To: "bob"}, func(facts *push.DomainFacts) { facts.Account = "bob" }},
	"transfer_out": {``, registrar.Event{Kind: "transferred_out"}, func(facts *push.DomainFacts) { facts.RegistrarOK = false }},
	"transfer_out_start": {``, registrar.Event{Kind: "transfer_out_started"}, func(facts *push.DomainFacts) {
		facts.RegistrarOK, facts.Pending = false, []string{"transfer_out"}
	}},
	"auth_code":         {``, registrar.Event{Kind: "auth_code_issued"}, func(facts *push.DomainFacts) { facts.AuthCodeIssuedAt = start }},
	"change_registrant": {`,"to":"template-9"`, registrar.Event{Kind: "registrant_changed"}, func(facts *push.DomainFacts) { facts.RegistrantHint = "template-9" }},
	"delete":            {``, registrar.Event{Kind: "deleted"}, func(facts *push.DomainFacts) { facts.Exists, facts.Account = false, "" }},
}

func TestWhatTheHolderDoesIsDoneAndPublished(t *testing.T) {
	for act, test := range everyAct {
		for _, silent := range []bool{false, true} {
			s := run(t, t.TempDir(), inventory(t, people))
			want := s.facts(t, "a.com")
			test.change(&want)
			want.Revision++
			said := s.do(t, "registrar.act", `{"domain":"a.com","account":"ann","act":%q,"silent":%t%s}`, act, silent, test.members)
			require.Equal(t, want, s.facts(t, "a.com"), act)
			require.Equal(t, want.Revision, said.Revision)
			require.Equal(t, act == "auth_code", said.AuthCode != "")
			if silent {
				require.Empty(t, said.EventID)
				s.events(t, 0)
				continue
			}
			test.event.ID, test.event.Domain, test.event.At = said.EventID, "a.com", start
			require.Equal(t, test.event, s.events(t, 1)[0])
		}
	}
}

func TestAHeldDomainIsClosedToEverybody(t *testing.T) {
	s := run(t, t.TempDir(), inventory(t, people))
	password := s.do(t, "registrar.act", `{"domain":"a.com","account":"ann","act":"auth_code","silent":true}`).AuthCode
	s.hold(t, "hold-1", true)
	s.hold(t, "hold-2", true)
	before := s.facts(t, "a.com")
	for range 2 {
		for act, test := range everyAct {
			s.control(t, "registrar.act", `{"domain":"a.com","account":"ann","act":"`+act+`"`+test.members+`}`, "held")
		}
		s.control(t, "registrar.act", `{"domain":"a.com","act":"transfer_out","auth_code":"`+password+`"}`, "held")
		require.Equal(t, before, s.facts(t, "a.com"))
		s.hold(t, "hold-1", false) // the other one is still there
	}
	s.events(t, 0)
	s.do(t, "registrar.event", `{"domain":"a.com","kind":"transfer_out_started"}`)
	require.False(t, s.facts(t, "a.com").RegistrarOK, "the registry itself asks nobody")
	s.do(t, "registrar.event", `{"domain":"a.com","kind":"deleted"}`)
	s.do(t, "registrar.set", `{"domain":"a.com","account":"bob","exists":true,"registrar_ok":true,"pending":[]}`)
	s.control(t, "registrar.act", `{"domain":"a.com","account":"bob","act":"delete"}`, "held")
	s.hold(t, "hold-2", false)
	s.do(t, "registrar.act", `{"domain":"a.com","account":"bob","act":"delete"}`)
}

func TestActsOfOthersAreRefused(t *testing.T) {
	s := run(t, t.TempDir(), inventory(t, people))
	before := s.facts(t, "a.com")
	for _, test := range []struct{ body, code string }{
		{`{"domain":"a.com","account":"bob","act":"delete"}`, "not_owner"},
		{`{"domain":"nobodys.com","account":"ann","act":"delete"}`, "not_owner"},
		{`{"domain":"a.com","act":"delete"}`, "invalid_account"},
		{`{"domain":"a.com","account":"ann","act":"paint"}`, "invalid_act"},
		{`{"domain":"a.com","account":"ann","act":"move"}`, "invalid_account"},
		{`{"domain":"a.com","account":"ann","act":"delete","to":"bob"}`, "invalid_act"},
		{`{"domain":"a.com","account":"ann","act":"change_registrant","to":"no template"}`, "invalid_registrant"},
		{`{"domain":"a.com","account":"ann","act":"move","to":"bob","auth_code":"x"}`, "invalid_act"},
		{`{"domain":"a.com","account":"ann","act":"transfer_out","auth_code":"x"}`, "auth_code_invalid"},
		{`{"domain":"a","account":"ann","act":"delete"}`, "invalid_domain"},
		{`{"domain":"a.com","account":"ann","act":"delete","loud":true}`, "unknown_field"},
	} {
		s.control(t, "registrar.act", test.body, test.code)
	}
	require.Equal(t, before, s.facts(t, "a.com"))
	s.do(t, "registrar.act", `{"domain":"a.com","account":"ann","act":"transfer_out_start"}`)
	s.do(t, "registrar.act", `{"domain":"a.com","account":"ann","act":"transfer_out"}`)
	s.control(t, "registrar.act", `{"domain":"a.com","account":"ann","act":"delete"}`, "not_owner") // it is elsewhere
	s.events(t, 2)
}

// Who knows a transfer password has the domain, until the password is void.
func TestATransferPasswordOpensUntilItIsVoid(t *testing.T) {
	dir := t.TempDir()
	s := run(t, dir, inventory(t, people))
	issue := func() string {
		return s.do(t, "registrar.act", `{"domain":"a.com","account":"ann","act":"auth_code"}`).AuthCode
	}
	transfer := func(password, code string) {
		t.Helper()
		s.control(t, "registrar.act", `{"domain":"a.com","act":"transfer_out","auth_code":"`+password+`"}`, code)
	}
	first, second := issue(), issue()
	require.NotEqual(t, first, second)
	transfer(first, "auth_code_invalid")
	move := func(operation, from, to string, void bool) {
		t.Helper()
		result, err := s.Move(t.Context(), registrar.Move{OperationID: operation, Domain: "a.com", From: from, To: to, VoidAuthCode: void})
		require.NoError(t, err)
		require.Equal(t, registrar.MoveDone, result.State)
	}
	move("op-1", "ann", "bob", true)
	transfer(second, "auth_code_invalid")
	move("op-2", "bob", "ann", false)
	third := issue()
	s.do(t, "registrar.set", `{"domain":"a.com","auth_code_issued_at":""}`)
	s.do(t, "registrar.event", `{"domain":"a.com","kind":"auth_code_issued"}`) // of a password that nobody here knows
	transfer(third, "auth_code_invalid")
	fourth := issue()
	move("op-3", "ann", "bob", false)
	s.stop()
	s = run(t, dir, inventory(t, people))
	transfer(fourth, "")
	require.False(t, s.facts(t, "a.com").RegistrarOK)
	transfer(fourth, "auth_code_invalid") // it is gone already
}
