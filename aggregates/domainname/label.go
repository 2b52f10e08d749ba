package domainname

import (
	"strings"

	"golang.org/x/net/idna"
)

const punycode = "xn--" // what a label in punycode begins with

// sharpS gives the capital ẞ its small letter. The tables of the profile would make it ss,
// and STRAẞE.de another domain than straße.de.
var sharpS = strings.NewReplacer("ẞ", "ß")

// fullStops are what the profile reads as a dot.
var fullStops = strings.NewReplacer("。", ".", "．", ".", "｡", ".")

// spelling maps as the profile does and checks nothing.
var spelling = idna.New(idna.MapForLookup(), idna.ValidateLabels(false), idna.StrictDomainName(false))

// mixesForms reports that a label begins like punycode and holds characters beyond ASCII.
// Decoders disagree about such a label, and it could be read as the name of another domain.
// A letter put before every label has the profile map it without decoding it.
func mixesForms(text string) bool {
	if isASCII(text) {
		return false
	}
	labels := strings.Split(fullStops.Replace(text), ".")
	for i, label := range labels {
		mapped, _ := spelling.ToUnicode("a" + label) // what cannot be mapped is refused by the profile
		labels[i] = strings.TrimPrefix(mapped, "a")
	}
	for label := range strings.SplitSeq(strings.Join(labels, "."), ".") {
		if strings.HasPrefix(label, punycode) && !isASCII(label) {
			return true
		}
	}
	return false
}

// hyphensAreReserved reports that a label beyond ASCII has hyphens in its third and fourth
// place (RFC 5891, 4.2.3.1): once encoded it would be taken for something else.
func hyphensAreReserved(unicode string) bool {
	for label := range strings.SplitSeq(unicode, ".") {
		runes := []rune(label)
		if !isASCII(label) && len(runes) > 3 && runes[2] == '-' && runes[3] == '-' {
			return true
		}
	}
	return false
}

func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= 0x80 {
			return false
		}
	}
	return true
}
