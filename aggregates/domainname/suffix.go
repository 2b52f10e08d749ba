package domainname

import (
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
