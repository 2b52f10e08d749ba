package platform

import (
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/domainname"
)

// FuzzParseInventory holds that an inventory which is read has each account and domain
// once, in its one spelling, and only facts that can be told.
func FuzzParseInventory(f *testing.F) {
	f.Add([]byte(`{"accounts":[{"account":"ann"}],"domains":[{"domain":"例子.CN","account":"ann","expires_at":"+1y","pending":["x"]}]}`))
	f.Add([]byte(`{"accounts":[{"account":"ann"},{"account":"ann"}]}`))
	f.Add([]byte(`{"domains":[{"domain":"a.com","account":"ann","registered_at":"9999-12-31T23:59:59-23:59"}]}`))
	f.Add([]byte(`{"domains":[{"domain":"a.com","account":"ann","registered_at":"0000-01-01T00:00:00+23:59"}]}`))
	f.Add([]byte(`{"domains":[{"domain":"a.com","account":"ann","expires_at":"-9999y","revision":1e999}]}`))
	f.Add([]byte(`{"domains":[{"domain":"a.com","domain":"b.com","account":"ann\r\n"}]}`))
	f.Add([]byte(`{"accounts":` + strings.Repeat("[", 10_000)))
	f.Add([]byte(`{"domains":[{"domain":"例.中國","canonical":"例.中国","account":"ann","locks":["held"]},{"domain":"例.中国","account":"ann"}]}`))
	f.Add([]byte("\ufeff{}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		parsed, err := ParseInventory(data, noon)
		if err != nil {
			return
		}
		accounts := make(map[string]bool)
		for _, account := range parsed.Accounts() {
			require.Regexp(t, accountPattern, account.Account)
			require.False(t, accounts[account.Account])
			accounts[account.Account] = true
		}
		domains := make(map[domainname.Name]bool)
		for _, facts := range parsed.domains {
			again, err := domainname.Parse(string(facts.Domain))
			require.NoError(t, err)
			require.Equal(t, facts.Domain, again)
			require.False(t, domains[facts.Domain])
			domains[facts.Domain] = true
			require.NoError(t, checkFacts(facts))
			require.Empty(t, facts.Canonical)
			_, err = json.Marshal([]time.Time{facts.RegisteredAt, facts.ExpiresAt, facts.AuthCodeIssuedAt})
			require.NoError(t, err)
		}
		for _, other := range parsed.variants {
			require.False(t, domains[other.name])
			require.True(t, domains[other.canonical])
		}
	})
}

// FuzzParseMoment holds that a time which is read can be written.
func FuzzParseMoment(f *testing.F) {
	for _, text := range []string{"", "-30d", "+1y2d3h", "9999-12-31T23:59:59-23:59", "0000-01-01T00:00:00Z", "-9999y", "+999999d", "9223372036s"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		at, err := parseMoment(text, noon)
		if err != nil {
			return
		}
		written, err := json.Marshal(at)
		require.NoError(t, err)
		var again time.Time
		require.NoError(t, json.Unmarshal(written, &again))
		require.True(t, at.Equal(again))
	})
}
