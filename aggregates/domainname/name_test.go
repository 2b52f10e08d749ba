package domainname_test

import (
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/domainname"
)

func TestNameTellsItsParts(t *testing.T) {
	for name, want := range map[domainname.Name]struct{ unicode, tld, suffix, token string }{
		"example.com":             {"example.com", "com", "com", "example_com"},
		"example.com.cn":          {"example.com.cn", "cn", "com.cn", "example_com_cn"},
		"xn--fsqu00a.xn--fiqs8s":  {"例子.中国", "xn--fiqs8s", "xn--fiqs8s", "xn--fsqu00a_xn--fiqs8s"},
		"xn--fsqu00a.gov.cn":      {"例子.gov.cn", "cn", "gov.cn", "xn--fsqu00a_gov_cn"},
		"xn--a.com":               {"xn--a.com", "com", "com", "xn--a_com"}, // undecodable
		"example.no-such-ending":  {"example.no-such-ending", "no-such-ending", "", "example_no-such-ending"},
		"left.label.blogspot.com": {"left.label.blogspot.com", "com", "com", "left_label_blogspot_com"},
	} {
		require.Equal(t, want.unicode, name.Unicode())
		require.Equal(t, want.tld, name.TLD())
		require.Equal(t, want.suffix, name.Suffix())
		require.Equal(t, want.token, name.Token())
		again, err := domainname.FromToken(want.token)
		require.NoError(t, err)
		require.Equal(t, name, again)
	}
}

func TestATokenIsRefusedUnlessANameWroteIt(t *testing.T) {
	for _, token := range []string{"", "_", "example", "example.com", "example.com_cn", "_com", "a__com", "EXAMPLE_com", "a*_com", ">_com"} {
		_, err := domainname.FromToken(token)
		require.ErrorIs(t, err, domainname.ErrInvalid, token)
	}
}

func TestJSONTakesNormalisedNamesOnly(t *testing.T) {
	for _, text := range []string{"example.com", "xn--fsqu00a.xn--fiqs8s", "a.b.c", "1.cn", strings.Repeat("a", 63) + ".com"} {
		body, err := json.Marshal(domainname.Name(text))
		require.NoError(t, err)
		require.Equal(t, `"`+text+`"`, string(body))
		var name domainname.Name
		require.NoError(t, json.Unmarshal(body, &name))
		require.Equal(t, domainname.Name(text), name)
	}
	for _, text := range []string{
		"", "com", "Example.com", "example.com.", ".com", "a..com", "例子.中国", "a_b.com", "-a.com", "a-.com", "a b.com",
		"a.com\n", strings.Repeat("a", 64) + ".com", strings.Repeat("a.", 126) + "com",
	} {
		body, err := json.Marshal(text)
		require.NoError(t, err)
		name := domainname.Name("before.com")
		require.ErrorIs(t, json.Unmarshal(body, &name), domainname.ErrInvalid, text)
		require.Equal(t, domainname.Name("before.com"), name)
	}
}

func TestADomainIsShownInBothForms(t *testing.T) {
	require.Equal(t, "例子.中国 (xn--fsqu00a.xn--fiqs8s)", domainname.Name("xn--fsqu00a.xn--fiqs8s").Both())
	require.Equal(t, "paypal.com", domainname.Name("paypal.com").Both())
	require.Empty(t, domainname.Name("").Both())
}
