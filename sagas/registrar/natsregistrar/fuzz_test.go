package natsregistrar_test

import (
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/sagas/registrar"
	"github.com/pushledger/pushledger/sagas/registrar/natsregistrar"
)

// Facts with a time that cannot be stored are no facts: found out later, they would stop
// whoever wants to write them down.
func TestFactsWithATimeThatCannotBeStoredAreUnusable(t *testing.T) {
	for _, at := range []string{"9999-12-31T23:59:59-23:59", "0000-01-01T00:00:00+23:59", "0000-12-31T00:00:00Z"} {
		_, err := natsregistrar.DecodeFacts([]byte(`{"facts":[`+fact("a.com", "2030-01-01T00:00:00Z", at)+`]}`), []domainname.Name{"a.com"})
		require.Error(t, err, at)
	}
	_, err := natsregistrar.DecodeFacts([]byte(`{"facts":[`+fact("a.com")+`]}`), []domainname.Name{"a.com"})
	require.NoError(t, err)
}

// FuzzDecodeAnswer holds that facts, the outcome of a move or a hold and an account are of
// the form of the contract and bounded, or nothing.
func FuzzDecodeAnswer(f *testing.F) {
	asked := []domainname.Name{"a.com", "xn--fsqu00a.cn"}
	f.Add([]byte(`{"facts":[` + fact("A.com.") + `,` + fact("例子.cn") + `]}`))
	f.Add([]byte(`{"facts":[` + fact("a.com") + `,` + fact("a.com") + `]}`))
	f.Add([]byte(`{"facts":[` + fact("a.com", "2030", "9999") + `,` + fact("例子.cn", "2025-01-01T00:00:00Z", "0000-01-01T00:00:00+23:59") + `]}`))
	f.Add([]byte(`{"facts":[` + fact("a.com", `"sale"`, `"canonical":"A.com","locks":["held"],"sale"`) + `,` + fact("例子.cn", `"sale"`, `"canonical":"例子.中国","sale"`) + `]}`))
	f.Add([]byte(`{"facts":[],"facts":[]}`))
	f.Add([]byte(`{"state":"done","code":"","revision":18446744073709551615}`))
	f.Add([]byte(`{"state":"refused","code":"locked"}`))
	f.Add([]byte(`{"state":"done","revision":1e999}`))
	f.Add([]byte(`{"state":"unsupported"}`))
	f.Add([]byte(`{"state":"refused","code":"hold_ended","State":"done"}`))
	f.Add([]byte(`{"state":"pending","state":"unsupported","code":null}`))
	f.Add([]byte(`{"account":"ann","exists":true,"real_name_verified":true,"alipay_account":"ann@example.com"}`))
	f.Add([]byte(`{"account":"ann","exists":true,"Exists":false,"alipay_name":"\ud800"}`))
	f.Add([]byte(`{"x":` + strings.Repeat("[", 10_000)))
	f.Add([]byte("\ufeff{}\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if facts, err := natsregistrar.DecodeFacts(data, asked); err == nil {
			require.Len(t, facts, len(asked))
			for i, fact := range facts {
				require.Equal(t, asked[i], fact.Domain)
				requireFacts(t, fact)
			}
		}
		if result, err := natsregistrar.DecodeMove(data); err == nil {
			require.LessOrEqual(t, len(result.Code), 256)
			require.True(t, result.State != registrar.MoveRefused || result.Code != "")
		}
		if result, err := natsregistrar.DecodeHold(data); err == nil {
			require.LessOrEqual(t, len(result.Code), 256)
			require.Contains(t, holdStates, result.State)
		}
		if account, err := natsregistrar.DecodeAccount(data, "ann"); err == nil {
			require.Equal(t, "ann", account.Account)
			require.LessOrEqual(t, len(account.AlipayAccount)+len(account.AlipayName)+len(account.AlipayType), 3*256)
		}
	})
}

var holdStates = []registrar.HoldState{registrar.HoldDone, registrar.HoldPending, registrar.HoldRefused, registrar.HoldUnsupported}

func requireFacts(t *testing.T, facts push.DomainFacts) {
	t.Helper()
	requireCanonical(t, facts.Domain)
	if facts.Canonical != "" {
		requireCanonical(t, facts.Canonical)
		require.NotEqual(t, facts.Domain, facts.Canonical)
	}
	requireStorable(t, facts.RegisteredAt)
	requireStorable(t, facts.ExpiresAt)
	requireStorable(t, facts.AuthCodeIssuedAt)
	require.LessOrEqual(t, len(facts.Account), 256)
	require.LessOrEqual(t, len(facts.Registrar)+len(facts.RegistrantHint), 2*256)
	require.LessOrEqual(t, len(facts.Locks), 64)
	require.LessOrEqual(t, len(facts.Pending), 64)
	require.LessOrEqual(t, len(facts.Restrictions), 64)
}

func requireCanonical(t *testing.T, name domainname.Name) {
	t.Helper()
	again, err := domainname.Parse(string(name))
	require.NoError(t, err)
	require.Equal(t, again, name)
}

// requireStorable holds that a time is written and read again as the same one.
func requireStorable(t *testing.T, at time.Time) {
	t.Helper()
	text, err := json.Marshal(at)
	require.NoError(t, err)
	var again time.Time
	require.NoError(t, json.Unmarshal(text, &again))
	require.True(t, at.Equal(again))
}
