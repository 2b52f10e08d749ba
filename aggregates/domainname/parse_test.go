package domainname_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/domainname"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]domainname.Name{
		"example.com":                    "example.com",
		"example.com.":                   "example.com",
		"EXAMPLE.Com":                    "example.com",
		"example.cn":                     "example.cn",
		"example.com.cn":                 "example.com.cn",
		"example.gov.cn":                 "example.gov.cn",
		"example.xyz":                    "example.xyz",
		"123.xyz":                        "123.xyz",
		"a-b.com":                        "a-b.com",
		"0---5.com":                      "0---5.com",
		"ab--cd.com":                     "ab--cd.com",
		"例子.中国":                          "xn--fsqu00a.xn--fiqs8s",
		"例子.中國":                          "xn--fsqu00a.xn--fiqz9s",
		"例子.公司":                          "xn--fsqu00a.xn--55qx5d",
		"例子.网络":                          "xn--fsqu00a.xn--io0a7i",
		"例子.com.cn":                      "xn--fsqu00a.com.cn",
		"例子。中国":                          "xn--fsqu00a.xn--fiqs8s",
		"例子。中国。":                         "xn--fsqu00a.xn--fiqs8s",
		"例子．中国．":                         "xn--fsqu00a.xn--fiqs8s",
		"例子｡中国｡":                         "xn--fsqu00a.xn--fiqs8s",
		"XN--FSQU00A.XN--FIQS8S.":        "xn--fsqu00a.xn--fiqs8s",
		"例子.xn--fiqs8s":                  "xn--fsqu00a.xn--fiqs8s",
		"ｅｘａｍｐｌｅ.com":                    "example.com",
		"BÜCHER.de":                      "xn--bcher-kva.de",
		"bu\u0308cher.de":                "xn--bcher-kva.de", // the mark on its own
		"faß.de":                         "xn--fa-hia.de",    // not fass.de
		strings.Repeat("a", 63) + ".com": domainname.Name(strings.Repeat("a", 63) + ".com"),
	} {
		t.Run(text, func(t *testing.T) {
			name, err := domainname.Parse(text)
			require.NoError(t, err)
			require.Equal(t, want, name)
		})
	}
}

func TestParseRefuses(t *testing.T) {
	for name, test := range map[string]struct{ text, reason string }{
		"nothing":                    {"", "empty"},
		"a dot":                      {".", ""},
		"no ending":                  {"localhost", "no public suffix"},
		"an ending alone":            {"com", "public suffix itself"},
		"a second-level ending":      {"com.cn", "public suffix itself"},
		"an unlisted ending":         {"example.notlisted", "no public suffix"},
		"a subdomain":                {"www.example.com", "right below com"},
		"a subdomain of an SLD":      {"www.example.com.cn", "right below com.cn"},
		"two trailing dots":          {"example.com..", ""},
		"a leading dot":              {".example.com", ""},
		"an empty label":             {"example..com", ""},
		"an empty wide label":        {"例子。。中国", ""},
		"an underscore":              {"a_b.com", "U+005F"},
		"a space":                    {"a b.com", "U+0020"},
		"a space around":             {" example.com", "U+0020"},
		"a line end":                 {"example.com\n", "U+000A"},
		"a wildcard":                 {"*.com", "wildcard"},
		"a subject wildcard":         {">.com", "U+003E"},
		"a URL":                      {"https://example.com", "U+003A"},
		"a port":                     {"example.com:80", "U+003A"},
		"an IPv4 address":            {"192.0.2.1", "IP address"},
		"an IPv4 address and a dot":  {"192.0.2.1.", "IP address"},
		"an IPv4 address in wide":    {"１９２.0.2.1", "no public suffix"},
		"an IPv6 address":            {"2001:db8::1", "IP address"},
		"an IPv6 address in a URL":   {"[2001:db8::1]", "IP address"},
		"a leading hyphen":           {"-a.com", "-a"},
		"a trailing hyphen":          {"a-.com", "a-"},
		"hyphens where punycode has": {"例a--b.com", "ambiguous"},
		"a label of 64":              {strings.Repeat("a", 64) + ".com", ""},
		"a name of 254":              {strings.Repeat("a.", 125) + "abcd", ""},
		"a long input":               {strings.Repeat("a", 2000) + ".com", "too long"},
		"bad UTF-8":                  {"a\xff.com", "UTF-8"},
		"empty punycode":             {"xn--.com", ""},
		"punycode of plain ASCII":    {"xn--abc-.com", ""},
		"broken punycode":            {"xn--a.com", ""},
		"punycode of a capital":      {"xn--nung-fna.com", ""},
		"an invisible joiner":        {"a\u200db.com", ""},
		"mixed writing direction":    {"1א.com", ""},
		"a mark that begins a label": {"\u0301a.com", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := domainname.Parse(test.text)
			require.ErrorIs(t, err, domainname.ErrInvalid)
			require.ErrorContains(t, err, test.reason)
			require.Empty(t, got)
		})
	}
}

// A company's own suffix is not where a registrar sells names, in whichever way its
// rule is written in the list.
func TestOnlyRegistrySuffixesCount(t *testing.T) {
	for text, suffix := range map[string]string{
		"blogspot.com":         "com",
		"github.io":            "io",
		"amazonaws.com":        "com", // companies' rules only below it
		"www.ck":               "ck",  // an exception from *.ck
		"example.co.ck":        "co.ck",
		"city.kawasaki.jp":     "kawasaki.jp",
		"example.city.kobe.jp": "",
		"foo.blogspot.com":     "",
		"foo.github.io":        "",
		"s3.amazonaws.com":     "",
		"co.ck":                "",
	} {
		name, err := domainname.Parse(text)
		if suffix == "" {
			require.ErrorIs(t, err, domainname.ErrInvalid, text)
			continue
		}
		require.NoError(t, err, text)
		require.Equal(t, suffix, name.Suffix())
	}
}

// Letters that only look the same make another domain, and both forms show it.
func TestHomographsAreOtherDomains(t *testing.T) {
	latin, err := domainname.Parse("apple.com")
	require.NoError(t, err)
	cyrillic, err := domainname.Parse("аpple.com")
	require.NoError(t, err)
	require.NotEqual(t, latin, cyrillic)
	require.Equal(t, domainname.Name("xn--pple-43d.com"), cyrillic)
	require.Equal(t, "аpple.com", cyrillic.Unicode())
}

func FuzzParse(f *testing.F) {
	f.Fuzz(func(t *testing.T, text string) {
		name, err := domainname.Parse(text)
		if err != nil {
			require.ErrorIs(t, err, domainname.ErrInvalid)
			return
		}
		known, err := domainname.ParseRegistered(text)
		require.NoError(t, err)
		require.Equal(t, name, known)
		requireSame(t, name, string(name))
		requireSame(t, name, string(name)+".")
		requireSame(t, name, name.Unicode())

		var decoded domainname.Name
		require.NoError(t, decoded.UnmarshalText([]byte(name)))
		require.Equal(t, name, decoded)
		require.NotContains(t, name.Token(), ".")
		fromToken, err := domainname.FromToken(name.Token())
		require.NoError(t, err)
		require.Equal(t, name, fromToken)

		label, suffix, found := strings.Cut(string(name), ".")
		require.True(t, found)
		require.NotEmpty(t, label)
		require.Equal(t, suffix, name.Suffix())
	})
}

func requireSame(t *testing.T, name domainname.Name, spelling string) {
	t.Helper()
	again, err := domainname.Parse(spelling)
	require.NoError(t, err, spelling)
	require.Equal(t, name, again, spelling)
}
