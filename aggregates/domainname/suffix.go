package domainname

import (
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// publicSuffix finds the suffix under which registrars sell the name. Suffixes that
// belong to a company, such as github.io, do not count: there the company's own domain
// is what can be sold. The list answers with the longest rule of either kind, so the
// name is cut from the left until a rule of a registry answers.
func publicSuffix(ascii string) (suffix string, listed bool) {
	for rest, more := ascii, true; more; _, rest, more = strings.Cut(rest, ".") {
		if suffix, icann := publicsuffix.PublicSuffix(rest); icann {
			return suffix, true
		}
	}
	return "", false
}

// unregistrable is why a normalised name cannot be what a registrar sells; empty if it can.
func unregistrable(ascii string) string {
	suffix, listed := publicSuffix(ascii)
	if !listed {
		return "its ending is no public suffix"
	}
	if ascii == suffix {
		return "it is a public suffix itself"
	}
	label := strings.TrimSuffix(ascii, "."+suffix)
	if strings.Contains(label, ".") {
		return "it is a subdomain: name the domain right below " + suffix
	}
	return ""
}

// specialUseEndings are top-level names that are set aside (RFC 6761 and its successors):
// nobody registers anything below them, though the list of public suffixes has some.
var specialUseEndings = []string{
	"alt", "arpa", "example", "internal", "invalid", "local", "localhost", "onion", "test",
}

// specialUse is why nothing like the name can be sold at all; empty if it can.
func specialUse(name Name) string {
	if slices.Contains(specialUseEndings, name.TLD()) {
		return "nobody sells names below " + name.TLD()
	}
	return ""
}
