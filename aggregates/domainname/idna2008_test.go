package domainname_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/domainname"
)

// A label that begins like punycode and goes on beyond ASCII is no spelling of any domain,
// in whichever way its beginning is written.
func TestALabelIsUnicodeOrPunycodeAndNeverBoth(t *testing.T) {
	for _, text := range []string{
		"xn--中国-.cn", "xn--が-.com", "XN--中国-.cn", "ｘｎ－－中国-.cn", "x\u00adn--中国-.cn", "xn--\u200b中国-.cn",
		"xn--中国.cn", "xn--é-.com", "xn--ａé-.com", "例子.xn--中国-", "例子。xn--中国-", "xn--中国-｡cn", "xn--xn--中国--.cn",
	} {
		for _, parse := range []func(string) (domainname.Name, error){domainname.Parse, domainname.ParseRegistered} {
			name, err := parse(text)
			require.ErrorIs(t, err, domainname.ErrInvalid, text)
			require.Empty(t, name)
		}
	}
	for _, text := range []string{"xn--fsqu00a.cn", "ｘｎ－－ｆｓｑｕ００ａ.cn", "XN--FSQU00A。cn"} {
		name, err := domainname.Parse(text)
		require.NoError(t, err, text)
		require.Equal(t, domainname.Name("xn--fsqu00a.cn"), name)
	}
}

func TestTheCapitalSharpSIsTheSmallOne(t *testing.T) {
	for _, text := range []string{"STRAẞE.de", "straße.de", "StraßE.de", "STRAẞE.DE.", "xn--strae-oqa.de"} {
		name, err := domainname.Parse(text)
		require.NoError(t, err, text)
		require.Equal(t, domainname.Name("xn--strae-oqa.de"), name, text)
	}
}

// What IDNA2008 does not permit was never registered under it: it cannot be sold. Where it
// exists all the same it can be looked up, and what the ledger holds of it stays readable.
func TestWhatIDNA2008ForbidsIsNotSold(t *testing.T) {
	for text, reason := range map[string]string{
		"a–b.com":          "U+2013", // a dash
		"☕.com":            "U+2615",
		"10⁄2.com":         "U+2044", // a fraction slash
		"♥爱.com":           "U+2665",
		"i❤.ws":            "U+2764",
		"√2.com":           "U+221A",
		"“云帆”.com":         "U+201C",
		"云，帆.com":          "U+FF0C",
		"a·b.com":          "U+00B7", // it stands between two l only
		"a・b.com":          "U+30FB",
		"ـعرب.com":         "U+0640",
		"ᄒ\u119e.com":      "U+1112",
		"xn--53h.com":      "U+2615",
		"xn--a1.com":       "",
		"ab\u20d0.com":     "U+20D0",
		"ا٠۰.com":          "",
		"example.onion":    "nobody sells",
		"example.arpa":     "nobody sells",
		"EXAMPLE.ONION.":   "nobody sells",
		"例子.onion":         "nobody sells",
		"example.test":     "",
		"example.invalid":  "",
		"example.internal": "",
	} {
		name, err := domainname.Parse(text)
		require.ErrorIs(t, err, domainname.ErrInvalid, text)
		require.ErrorContains(t, err, reason, text)
		require.Empty(t, name)
	}
}

// Characters that look as if they were forbidden, and those that are permitted in company.
func TestWhatIDNA2008PermitsIsSold(t *testing.T) {
	for _, text := range []string{
		"l·l.cat", "〇一.com", "ςοφία.gr", "א׳ב.com", "א״ב.com", "日本ー・の車.jp", "क्\u200dष.com", "ᏣᎳᎩ.com", "龘靐齉.中国",
	} {
		_, err := domainname.Parse(text)
		require.NoError(t, err, text)
	}
}

func TestANameOfEarlierRulesIsStillRead(t *testing.T) {
	for text, unicode := range map[string]string{
		"xn--53h.com": "☕.com", "xn--ab-41t.com": "a–b.com", "example.onion": "example.onion",
	} {
		name, err := domainname.ParseRegistered(text)
		require.NoError(t, err, text)
		require.Equal(t, domainname.Name(text), name)
		require.Equal(t, unicode, name.Unicode())
		again, err := domainname.ParseRegistered(unicode)
		require.NoError(t, err, text)
		require.Equal(t, name, again)

		var decoded domainname.Name
		require.NoError(t, decoded.UnmarshalText([]byte(text)))
		require.Equal(t, name, decoded)
	}
}
