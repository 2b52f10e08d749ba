package domainname

import (
	"net/netip"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// maxInput is a name of the greatest length in which every character takes four bytes,
// and a trailing dot.
const maxInput = 4*maxName + 4

// profile maps case, width and the ideographic full stop, and refuses what is malformed.
// Built by hand because none of the ready-made profiles is this strict. It leaves hyphens
// to isLabel and hyphensAreReserved: 0---5.com is registered, and names like it.
var profile = idna.New(
	idna.MapForLookup(),
	idna.Transitional(false),
	idna.StrictDomainName(true),
	idna.ValidateLabels(true),
	idna.CheckHyphens(false),
	idna.CheckJoiners(true),
	idna.BidiRule(),
	idna.VerifyDNSLength(true),
)

// Parse reads a domain name that is to be sold, written in Unicode or punycode, in any
// case, with or without one trailing dot. The name must stand exactly one label below a
// public suffix, for that is what a registrar sells, and hold nothing that IDNA2008 forbids.
// It returns ErrInvalid with the reason.
func Parse(text string) (Name, error) {
	name, err := ParseRegistered(text)
	if err != nil {
		return "", err
	}
	if reason := specialUse(name); reason != "" {
		return "", refuse(text, reason)
	}
	for label := range strings.SplitSeq(name.Unicode(), ".") {
		if reason := forbidden(label); reason != "" {
			return "", refuse(text, reason)
		}
	}
	return name, nil
}

// ParseRegistered reads a domain name as Parse does, also one that exists and could not be
// offered today, such as ☕.com. It is for what a registrar says and for looking up what the
// ledger holds: names may have been sold under earlier rules. It returns ErrInvalid with the
// reason.
func ParseRegistered(text string) (Name, error) {
	if reason := unreadable(text); reason != "" {
		return "", refuse(text, reason)
	}
	spelled := sharpS.Replace(trimDot(text))
	if mixesForms(spelled) {
		return "", refuse(text, "write a label in Unicode or in punycode: behind xn-- there is ASCII only")
	}
	ascii, err := profile.ToASCII(spelled)
	if err != nil {
		return "", refuse(text, err.Error())
	}
	if !isNormal(ascii) || !isStable(ascii) {
		return "", refuse(text, "its spelling is ambiguous or malformed")
	}
	if reason := unregistrable(ascii); reason != "" {
		return "", refuse(text, reason)
	}
	return Name(ascii), nil
}

// unreadable is why a text is not worth reading as a name; empty if it is.
func unreadable(text string) string {
	switch {
	case text == "":
		return "it is empty"
	case len(text) > maxInput:
		return "it is too long"
	case !utf8.ValidString(text):
		return "it is not valid UTF-8"
	case strings.Contains(text, "*"):
		return "name one domain, not a wildcard"
	case isAddress(text):
		return "it is an IP address"
	default:
		return ""
	}
}

func isAddress(text string) bool {
	_, err := netip.ParseAddr(strings.TrimSuffix(strings.Trim(text, "[]"), "."))
	return err == nil
}

// trimDot takes off one trailing dot, in any of the forms that the profile reads as one.
func trimDot(text string) string {
	for _, dot := range []string{".", "。", "．", "｡"} {
		if rest, found := strings.CutSuffix(text, dot); found {
			return rest
		}
	}
	return text
}

// isStable reports that both forms of a name lead back to it. A punycode label can be
// made by hand that decodes to something which encodes differently: two spellings of one
// name would then be two domains here.
func isStable(ascii string) bool {
	unicode, err := profile.ToUnicode(ascii)
	if err != nil {
		return false
	}
	if hyphensAreReserved(unicode) {
		return false
	}
	for _, form := range []string{ascii, unicode} {
		again, err := profile.ToASCII(form)
		if err != nil || again != ascii {
			return false
		}
	}
	return true
}
