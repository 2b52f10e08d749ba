package push

import (
	"cmp"
	"time"

	"github.com/pushledger/pushledger/aggregates/domainname"
)

// DomainFacts is what the registrar says of one domain at one moment. The rules
// P1–P8 and the check before each move read nothing else.
type DomainFacts struct {
	Domain domainname.Name `json:"domain"`
	// Canonical is the name under which the registration is known, where several names are
	// one registration (rule B6); empty where the domain is its only name.
	Canonical         domainname.Name `json:"canonical,omitzero"`
	Exists            bool            `json:"exists"`
	Account           string          `json:"account"` // holder; empty when it does not exist
	RegisteredAt      time.Time       `json:"registered_at"`
	ExpiresAt         time.Time       `json:"expires_at"`
	RegistrarOK       bool            `json:"registrar_ok"`                 // false once it is, or is moving, at another registrar
	AccountMoveLocked bool            `json:"account_move_locked"`          // not the ordinary clientTransferProhibited lock
	Product           string          `json:"product"`                      // standard, microsite, microposter, xin
	Pending           []string        `json:"pending"`                      // unfinished business, such as "registrant_change"
	Restrictions      []string        `json:"restrictions"`                 // arbitration, dispute, illegal, blacklisted, …
	Sale              string          `json:"sale"`                         // none, fixed_price, auction, …
	AuthCodeIssuedAt  time.Time       `json:"auth_code_issued_at,omitzero"` // zero: never
	Revision          uint64          `json:"revision"`                     // rises with every change of the domain
	// For the buyer to see; no rule reads them.
	Registrar      string   `json:"registrar,omitzero"`       // its name
	RegistrantHint string   `json:"registrant_hint,omitzero"` // the registrant, masked
	Locks          []string `json:"locks,omitempty"`          // such as "clientTransferProhibited"
}

// Registration is the name by which the domain is reserved and compared (rule B6).
func (f DomainFacts) Registration() domainname.Name { return cmp.Or(f.Canonical, f.Domain) }

// AlipayCompany is the AlipayType of a company's account, which has another limit of payouts;
// every other is a person's.
const AlipayCompany = "company"

// AccountFacts is what the account directory says of one account.
type AccountFacts struct {
	Account          string `json:"account"`
	Exists           bool   `json:"exists"`
	RealNameVerified bool   `json:"real_name_verified"`
	AlipayAccount    string `json:"alipay_account,omitzero"` // login id; empty when none is bound
	AlipayName       string `json:"alipay_name,omitzero"`    // legal name on that Alipay account
	AlipayType       string `json:"alipay_type,omitzero"`    // "real_name", or AlipayCompany
	// The ids by which Alipay names whoever pays from that account; empty where the platform
	// does not know them. Only who demands that a buyer pays itself needs one.
	AlipayUserID string `json:"alipay_user_id,omitzero"`
	AlipayOpenID string `json:"alipay_open_id,omitzero"`
	// IdentityHash is what Alipay compares a payer with before it pays, where the platform
	// demands that a buyer pays itself: 64 hexadecimal digits; empty where it is not known.
	IdentityHash string `json:"identity_hash,omitzero"`
	// AlipayMerchantID is its number as a merchant of the platform's at Alipay (二级商户);
	// empty while it has none. Only who pays sellers by confirming trades needs one.
	AlipayMerchantID string `json:"alipay_merchant_id,omitzero"`
}
