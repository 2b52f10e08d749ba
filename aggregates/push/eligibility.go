package push

import (
	"slices"
	"strings"
	"time"

	"github.com/pushledger/pushledger/aggregates/domainname"
)

// Ages below which a domain cannot be published (rule P2).
const (
	minAgeCN    = 7 * 24 * time.Hour
	minAgeOther = 24 * time.Hour
)

// sevenDayTLDs are .cn .中国 .中國 .公司 .网络, whatever stands before them.
var sevenDayTLDs = []string{"cn", "xn--fiqs8s", "xn--fiqz9s", "xn--55qx5d", "xn--io0a7i"}

// minAge is how long a domain must have been registered (rule P2).
func minAge(name domainname.Name) time.Duration {
	if slices.Contains(sevenDayTLDs, name.TLD()) {
		return minAgeCN
	}
	return minAgeOther
}

// situation is all that the rules P1–P8 look at.
type situation struct {
	facts  DomainFacts
	seller string
	now    time.Time
	// heldBy is the live push that holds the domain, other than the one in question.
	heldBy string
}

// eligibility is the table of the rules that a domain must meet to be published. Those
// behind the first are asked only of a domain that exists and is the seller's.
var eligibility = []struct {
	rule, code string
	broken     func(situation) bool
}{
	{"P1", CodeNotOwner, func(s situation) bool {
		return !owns(s.seller, s.facts)
	}},
	{"P2", CodeTooYoung, func(s situation) bool {
		return s.now.Before(s.facts.RegisteredAt.Add(minAge(s.facts.Domain)))
	}},
	{"P3", CodeDomainExpired, func(s situation) bool {
		return !s.now.Before(s.facts.ExpiresAt)
	}},
	{"P4", CodeAccountMoveLocked, func(s situation) bool { return s.facts.AccountMoveLocked }},
	{"P5", CodeProductNotTradable, func(s situation) bool { return !tradable(s.facts) }},
	{"P6", CodePendingOperation, func(s situation) bool {
		return len(s.facts.Pending) > 0 || !s.facts.RegistrarOK
	}},
	{"P7", CodePublishingRestricted, func(s situation) bool { return len(s.facts.Restrictions) > 0 }},
	{"P8", CodeAlreadyOnSale, func(s situation) bool {
		return s.heldBy != "" || onSale(s.facts)
	}},
}

func owns(seller string, facts DomainFacts) bool { return facts.Exists && facts.Account == seller }

// onSale reports whether a domain is for sale elsewhere on the platform (rule P8).
func onSale(facts DomainFacts) bool { return facts.Sale != "" && facts.Sale != "none" }

// tradable reports whether this kind of domain may be sold (rule P5).
func tradable(facts DomainFacts) bool {
	if facts.Domain.Suffix() == "gov.cn" || strings.HasSuffix(string(facts.Domain), ".gov.cn") {
		return false
	}
	return facts.Product == "" || facts.Product == "standard"
}

// checkEligibility lists every rule P1–P8 that one domain breaks. Of a domain that is not the
// seller's it says only that (P1, the first row): the rest is the business of whoever has it.
func checkEligibility(s situation) []Violation {
	var violations []Violation
	for _, row := range eligibility {
		if !row.broken(s) {
			continue
		}
		violations = append(violations, s.violation(row.rule, row.code))
		if row.code == CodeNotOwner {
			break
		}
	}
	return violations
}

// violation is a broken rule in words; of a domain that is too young also from when on it
// may be offered.
func (s situation) violation(rule, code string) Violation {
	broken := violate(rule, code, s.facts.Domain)
	if code == CodeTooYoung {
		broken.From = s.facts.RegisteredAt.Add(minAge(s.facts.Domain))
		shown := broken.From.Add(time.Second - 1).Truncate(time.Second) // never before the instant
		en, zh := Instant(shown)
		broken.Message += "; it may be offered from " + en
		broken.MessageZH += "，可自 " + zh + "起发起"
	}
	return broken
}

// deliverable reports why a domain must not be moved to the buyer now: the check of
// ownership, expiry and locks right before each move (rule L7). An empty code means it may.
func deliverable(facts DomainFacts, seller string, now time.Time) string {
	switch {
	case !facts.Exists || !facts.RegistrarOK:
		return CodeDomainGone
	case facts.Account != seller:
		return CodeAccountMoved
	case !now.Before(facts.ExpiresAt):
		return CodeDomainExpired
	case facts.AccountMoveLocked:
		return CodeAccountMoveLocked
	case len(facts.Restrictions) > 0:
		return CodePublishingRestricted
	case len(facts.Pending) > 0:
		return CodePendingOperation
	case onSale(facts):
		return CodeAlreadyOnSale
	default:
		return ""
	}
}
