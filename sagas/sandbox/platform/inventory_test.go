package platform

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/push"
)

var noon = time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)

func TestParseInventory(t *testing.T) {
	parsed, err := ParseInventory([]byte(`{"accounts":[
		{"account":"ann","exists":true,"real_name_verified":true,"alipay_account":"ann@example.com","alipay_name":"安","alipay_type":"real_name"},
		{"account":"bob","real_name_verified":false}],
	"domains":[
		{"domain":"例子.CN","account":"ann","registered_at":"-30d","expires_at":"+1y","pending":["x"],"auth_code_issued_at":"-7d1h30m","revision":5},
		{"domain":"b.com","account":"bob"}]}`), noon)
	require.NoError(t, err)
	require.Equal(t, []push.AccountFacts{
		{Account: "ann", Exists: true, RealNameVerified: true, AlipayAccount: "ann@example.com", AlipayName: "安", AlipayType: "real_name"},
		{Account: "bob", Exists: true},
	}, parsed.Accounts())
	plain := push.DomainFacts{
		Domain: "b.com", Exists: true, Account: "bob", RegisteredAt: noon.AddDate(-1, 0, 0), ExpiresAt: noon.AddDate(1, 0, 0),
		RegistrarOK: true, Product: "standard", Sale: "none", Revision: 1,
		Registrar: "sandbox registrar", RegistrantHint: "b***", Locks: []string{"clientTransferProhibited"},
	}
	busy := plain
	busy.Domain, busy.Account, busy.RegisteredAt = "xn--fsqu00a.cn", "ann", noon.AddDate(0, 0, -30)
	busy.RegistrantHint = "a***"
	busy.Pending, busy.AuthCodeIssuedAt, busy.Revision = []string{"x"}, noon.AddDate(0, 0, -7).Add(-90*time.Minute), 5
	require.Equal(t, []push.DomainFacts{busy, plain}, parsed.domains)
}

func TestParseInventoryKnowsOneRegistrationByItsNames(t *testing.T) {
	parsed, err := ParseInventory([]byte(`{"domains":[
		{"domain":"例.中國","canonical":"例.中国","sale":"auction"},
		{"domain":"樂.中國","canonical":"乐.中国","account":"bob"},
		{"domain":"例.中国","account":"ann","canonical":"例.中国"}]}`), noon)
	require.NoError(t, err)
	require.Len(t, parsed.domains, 2)
	require.Equal(t, "例.中国", parsed.domains[0].Domain.Unicode())
	require.Equal(t, "auction", parsed.domains[0].Sale, "facts given under another name are of the same registration")
	require.Equal(t, "乐.中国", parsed.domains[1].Domain.Unicode(), "the registration is made if it is not there")
	require.Equal(t, "bob", parsed.domains[1].Account)
	require.Equal(t, []variant{
		{"xn--fsq.xn--fiqz9s", "xn--fsq.xn--fiqs8s"}, {parsed.variants[1].name, parsed.domains[1].Domain},
	}, parsed.variants)
}

func TestParseInventoryRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"no JSON":           `{`,
		"an unknown member": `{"pets":[]}`,
		"an unknown fact":   `{"domains":[{"domain":"a.com","account":"ann","colour":"red"}]}`,
		"no domain name":    `{"domains":[{"domain":"a","account":"ann"}]}`,
		"no holder":         `{"domains":[{"domain":"a.com"}]}`,
		"a wrong time":      `{"domains":[{"domain":"a.com","account":"ann","expires_at":"-30 days"}]}`,
		"a domain twice":    `{"domains":[{"domain":"a.com","account":"ann"},{"domain":"A.com","account":"ann"}]}`,
		"a wrong canonical": `{"domains":[{"domain":"a.com","account":"ann","canonical":"b"}]}`,
		"two registrations": `{"domains":[{"domain":"a.com","account":"ann","canonical":"b.com"},{"domain":"a.com","account":"ann","canonical":"c.com"}]}`,
		"its own and other": `{"domains":[{"domain":"a.com","account":"ann","canonical":"b.com"},{"domain":"a.com","account":"ann"}]}`,
		"names in a chain":  `{"domains":[{"domain":"a.com","account":"ann","canonical":"b.com"},{"domain":"c.com","account":"ann","canonical":"a.com"}]}`,
		"names in a circle": `{"domains":[{"domain":"a.com","account":"ann","canonical":"b.com"},{"domain":"b.com","account":"ann","canonical":"a.com"}]}`,
		"a hold as a fact":  `{"domains":[{"domain":"a.com","account":"ann","locks":["held"]}]}`,
		"an account twice":  `{"accounts":[{"account":"ann"},{"account":"ann"}]}`,
		"a wrong account":   `{"accounts":[{"account":"a b"}]}`,
	} {
		_, err := ParseInventory([]byte(text), noon)
		require.Error(t, err, name)
	}
	_, err := LoadInventory("does-not-exist.json")
	require.Error(t, err)
}

func TestParseMoment(t *testing.T) {
	for text, want := range map[string]time.Time{
		"":                          {},
		"2026-01-02T03:04:05.5Z":    time.Date(2026, 1, 2, 3, 4, 5, 500_000_000, time.UTC),
		"2026-01-02T08:00:00+08:00": time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC),
		"0s":                        noon,
		"-10s":                      noon.Add(-10 * time.Second),
		"-30d":                      noon.AddDate(0, 0, -30),
		"+1y":                       noon.AddDate(1, 0, 0),
		"1y2d":                      noon.AddDate(1, 0, 2),
		"-7d1h30m":                  noon.AddDate(0, 0, -7).Add(-90 * time.Minute),
		"+1.5h":                     noon.Add(90 * time.Minute),
	} {
		at, err := parseMoment(text, noon)
		require.NoError(t, err, text)
		require.Equal(t, want, at, text)
	}
	for _, text := range []string{"-", "now", "30", "-1d-1h", "9999y", "1d1y", "--1d", "1h ", "2026-01-02", "9999-12-31T23:59:59-23:59", "0000-06-01T00:00:00Z"} {
		_, err := parseMoment(text, noon)
		require.Error(t, err, text)
	}
}
