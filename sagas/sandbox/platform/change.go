package platform

import (
	"regexp"
	"slices"
	"time"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/push"
)

// Bounds of facts.
const (
	maxMarks = 32  // pending operations, restrictions, locks or further names of one domain
	maxText  = 128 // bytes of a text in the facts of an account or a domain
)

const (
	ordinaryLock = "clientTransferProhibited" // of every domain, until its holder wants to transfer it
	lockHeld     = "held"                     // shown while there is a hold, see holds
)

var (
	products    = []string{"standard", "microsite", "microposter", "xin"}
	markPattern = regexp.MustCompile(`^[a-z0-9_]{1,64}$`)
	lockPattern = regexp.MustCompile(`^[A-Za-z0-9_]{1,64}$`)
)

// unregistered is what the registrar says of a domain that nobody registered.
func unregistered(name domainname.Name) push.DomainFacts {
	return push.DomainFacts{Domain: name, Product: "standard", Sale: "none"}
}

// registered is a domain of which nothing else is said: an ordinary one in its second
// year, which only lacks a holder.
func registered(name domainname.Name, now time.Time) push.DomainFacts {
	now = now.UTC()
	return push.DomainFacts{
		Domain: name, Exists: true, RegistrarOK: true, Product: "standard", Sale: "none",
		RegisteredAt: now.AddDate(-1, 0, 0), ExpiresAt: now.AddDate(1, 0, 0), Revision: 1,
		Registrar: "sandbox registrar", Locks: []string{ordinaryLock},
	}
}

// domainChange names the facts of a domain to change; what is left out, or null, stays.
// Times are RFC 3339 or relative, such as "-30d"; an empty time means never. A canonical
// name makes the domain another name of that one, and the facts are those of that one.
type domainChange struct {
	Domain            string    `json:"domain"`
	Exists            *bool     `json:"exists"`
	Account           *string   `json:"account"`
	RegisteredAt      *string   `json:"registered_at"`
	ExpiresAt         *string   `json:"expires_at"`
	RegistrarOK       *bool     `json:"registrar_ok"`
	AccountMoveLocked *bool     `json:"account_move_locked"`
	Product           *string   `json:"product"`
	Pending           *[]string `json:"pending"`
	Restrictions      *[]string `json:"restrictions"`
	Sale              *string   `json:"sale"`
	AuthCodeIssuedAt  *string   `json:"auth_code_issued_at"`
	Revision          *uint64   `json:"revision"`
	Canonical         *string   `json:"canonical"`
	Registrar         *string   `json:"registrar"`
	RegistrantHint    *string   `json:"registrant_hint"`
	Locks             *[]string `json:"locks"`
}

// names are the name that is given and the one under which its registration is known,
// which is empty if nothing is said of that.
func (c domainChange) names() (name, canonical domainname.Name, err error) {
	if name, err = parseDomain(c.Domain); err != nil || c.Canonical == nil || *c.Canonical == "" {
		return name, "", err
	}
	canonical, err = parseDomain(*c.Canonical)
	return name, canonical, err
}

// apply changes the facts, or refuses if they would make no sense.
func (c domainChange) apply(facts *push.DomainFacts, now time.Time) error {
	replace(&facts.Exists, c.Exists)
	replace(&facts.Account, c.Account)
	replace(&facts.RegistrarOK, c.RegistrarOK)
	replace(&facts.AccountMoveLocked, c.AccountMoveLocked)
	replace(&facts.Product, c.Product)
	replace(&facts.Pending, c.Pending)
	replace(&facts.Restrictions, c.Restrictions)
	replace(&facts.Sale, c.Sale)
	replace(&facts.Revision, c.Revision)
	replace(&facts.Registrar, c.Registrar)
	replace(&facts.RegistrantHint, c.RegistrantHint)
	replace(&facts.Locks, c.Locks)
	if c.RegistrantHint == nil && facts.RegistrantHint == "" {
		facts.RegistrantHint = masked(facts.Account)
	}
	for _, moment := range []struct {
		fact *time.Time
		text *string
	}{{&facts.RegisteredAt, c.RegisteredAt}, {&facts.ExpiresAt, c.ExpiresAt}, {&facts.AuthCodeIssuedAt, c.AuthCodeIssuedAt}} {
		if moment.text == nil {
			continue
		}
		at, err := parseMoment(*moment.text, now)
		if err != nil {
			return err
		}
		*moment.fact = at
	}
	return checkFacts(*facts)
}

func replace[T any](fact, wanted *T) {
	if wanted != nil {
		*fact = *wanted
	}
}

// masked shows no more of a name than how it begins.
func masked(name string) string {
	if name == "" {
		return ""
	}
	return name[:1] + "***"
}

func checkFacts(facts push.DomainFacts) error {
	if facts.Exists || facts.Account != "" {
		if err := checkAccount(facts.Account); err != nil {
			return err
		}
	}
	switch {
	case !slices.Contains(products, facts.Product):
		return refuse("invalid_product", "product %.40q is none of %v", facts.Product, products)
	case !markPattern.MatchString(facts.Sale):
		return refuse("invalid_sale", "sale %.40q is no word of [a-z0-9_]", facts.Sale)
	case !areMarks(facts.Pending) || !areMarks(facts.Restrictions):
		return refuse("invalid_list", "pending and restrictions are at most %d words of [a-z0-9_]", maxMarks)
	case len(facts.Locks) > maxMarks || slices.ContainsFunc(facts.Locks, func(lock string) bool { return !lockPattern.MatchString(lock) }):
		return refuse("invalid_list", "locks are at most %d words of [A-Za-z0-9_]", maxMarks)
	case slices.Contains(facts.Locks, lockHeld):
		return refuse("invalid_list", "a domain is held by registrar.v1.hold and not by its facts")
	case len(facts.Registrar) > maxText || len(facts.RegistrantHint) > maxText:
		return refuse("too_large", "registrar and registrant_hint hold at most %d bytes each", maxText)
	case facts.Exists && (facts.RegisteredAt.IsZero() || facts.ExpiresAt.IsZero()):
		return refuse("invalid_time", "a domain that exists is registered and expires")
	default:
		return nil
	}
}

func areMarks(list []string) bool {
	return len(list) <= maxMarks && !slices.ContainsFunc(list, func(mark string) bool { return !markPattern.MatchString(mark) })
}

// newAccount is an account of which nothing else is said.
func newAccount(id string) push.AccountFacts {
	return push.AccountFacts{Account: id, Exists: true, RealNameVerified: true}
}

// accountChange names the facts of an account to change; what is left out stays.
type accountChange struct {
	Account          string  `json:"account"`
	Exists           *bool   `json:"exists"`
	RealNameVerified *bool   `json:"real_name_verified"`
	AlipayAccount    *string `json:"alipay_account"`
	AlipayName       *string `json:"alipay_name"`
	AlipayType       *string `json:"alipay_type"`
	AlipayUserID     *string `json:"alipay_user_id"`
	AlipayOpenID     *string `json:"alipay_open_id"`
	IdentityHash     *string `json:"identity_hash"`
	AlipayMerchantID *string `json:"alipay_merchant_id"`
}

func (c accountChange) apply(facts *push.AccountFacts) error {
	replace(&facts.Exists, c.Exists)
	replace(&facts.RealNameVerified, c.RealNameVerified)
	replace(&facts.AlipayAccount, c.AlipayAccount)
	replace(&facts.AlipayName, c.AlipayName)
	replace(&facts.AlipayType, c.AlipayType)
	replace(&facts.AlipayUserID, c.AlipayUserID)
	replace(&facts.AlipayOpenID, c.AlipayOpenID)
	replace(&facts.IdentityHash, c.IdentityHash)
	replace(&facts.AlipayMerchantID, c.AlipayMerchantID)
	if facts.AlipayAccount != "" && facts.AlipayType == "" {
		facts.AlipayType = "real_name"
	}
	for _, text := range []string{facts.AlipayAccount, facts.AlipayName, facts.AlipayType, facts.AlipayUserID, facts.AlipayOpenID, facts.IdentityHash, facts.AlipayMerchantID} {
		if len(text) > maxText {
			return refuse("too_large", "a text of an account holds at most %d bytes", maxText)
		}
	}
	return nil
}
