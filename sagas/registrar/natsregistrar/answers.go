package natsregistrar

import (
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/sagas/registrar"
)

// Bounds of what an answer may hold.
const (
	maxText = 256 // bytes of one text
	maxList = 64  // entries of one list
)

// decodeAnswer reads an answer of the contract. What it does not know it skips; a member
// given twice or bad UTF-8 is an error.
func decodeAnswer(data []byte, answer any) error {
	if len(data) > maxAnswer {
		return fmt.Errorf("an answer of %d bytes", len(data))
	}
	return json.Unmarshal(data, answer)
}

type factsAnswer struct {
	Facts []domainAnswer `json:"facts"`
}

// domainAnswer is one domain's facts as they come. Its booleans are pointers, so that one
// that was left out does not pass for false.
type domainAnswer struct {
	Domain            string    `json:"domain"`
	Exists            *bool     `json:"exists"`
	Account           string    `json:"account"`
	RegisteredAt      time.Time `json:"registered_at"`
	ExpiresAt         time.Time `json:"expires_at"`
	RegistrarOK       *bool     `json:"registrar_ok"`
	AccountMoveLocked *bool     `json:"account_move_locked"`
	Product           string    `json:"product"`
	Pending           []string  `json:"pending"`
	Restrictions      []string  `json:"restrictions"`
	Sale              string    `json:"sale"`
	AuthCodeIssuedAt  time.Time `json:"auth_code_issued_at"`
	Revision          uint64    `json:"revision"`
	Canonical         string    `json:"canonical"`
	Registrar         string    `json:"registrar"`
	RegistrantHint    string    `json:"registrant_hint"`
	Locks             []string  `json:"locks"`
}

// inOrderOf checks that every domain asked for is answered once and nothing else is.
func (a factsAnswer) inOrderOf(domains []domainname.Name) ([]push.DomainFacts, error) {
	if len(a.Facts) > len(domains) {
		return nil, fmt.Errorf("%d domains asked for, %d answered", len(domains), len(a.Facts))
	}
	known := make(map[domainname.Name]push.DomainFacts, len(a.Facts))
	for _, answer := range a.Facts {
		facts, err := answer.facts()
		if err != nil {
			return nil, err
		}
		if _, twice := known[facts.Domain]; twice {
			return nil, fmt.Errorf("%s is answered twice", facts.Domain)
		}
		known[facts.Domain] = facts
	}
	ordered := make([]push.DomainFacts, len(domains))
	asked := make(map[domainname.Name]struct{}, len(domains))
	for i, name := range domains {
		facts, answered := known[name]
		if !answered {
			return nil, fmt.Errorf("%s is not answered", name)
		}
		ordered[i], asked[name] = facts, struct{}{}
	}
	if len(asked) != len(known) {
		return nil, errors.New("domains are answered that were not asked for")
	}
	return ordered, nil
}

func (a domainAnswer) facts() (push.DomainFacts, error) {
	name, err := domainname.ParseRegistered(a.Domain)
	if err != nil {
		return push.DomainFacts{}, err
	}
	if reason := a.malformed(); reason != "" {
		return push.DomainFacts{}, fmt.Errorf("%s: %s", name, reason)
	}
	canonical := name
	if a.Canonical != "" {
		if canonical, err = domainname.ParseRegistered(a.Canonical); err != nil {
			return push.DomainFacts{}, fmt.Errorf("%s: canonical: %w", name, err)
		}
	}
	if canonical == name {
		canonical = "" // it is its only name
	}
	return push.DomainFacts{
		Domain: name, Exists: *a.Exists, Account: a.Account,
		RegisteredAt: a.RegisteredAt.UTC(), ExpiresAt: a.ExpiresAt.UTC(),
		RegistrarOK: isTrue(a.RegistrarOK), AccountMoveLocked: isTrue(a.AccountMoveLocked),
		Product: a.Product, Pending: a.Pending, Restrictions: a.Restrictions, Sale: a.Sale,
		AuthCodeIssuedAt: a.AuthCodeIssuedAt.UTC(), Revision: a.Revision,
		Canonical: canonical, Registrar: a.Registrar, RegistrantHint: a.RegistrantHint, Locks: a.Locks,
	}, nil
}

// malformed is why the facts cannot be used; empty if they can.
func (a domainAnswer) malformed() string {
	switch {
	case a.Exists == nil:
		return "it is not said whether it exists"
	case !bounded(a.Account, a.Product, a.Sale, a.Registrar, a.RegistrantHint) ||
		!boundedList(a.Pending) || !boundedList(a.Restrictions) || !boundedList(a.Locks):
		return "a text or a list is too long"
	case !storable(a.RegisteredAt, a.ExpiresAt, a.AuthCodeIssuedAt):
		return "a time is out of all bounds"
	case !*a.Exists:
		return ""
	case a.Account == "":
		return "it has no holder"
	case a.RegistrarOK == nil || a.AccountMoveLocked == nil:
		return "it is not said whether it may be moved"
	case a.RegisteredAt.IsZero() || a.ExpiresAt.IsZero():
		return "the time of its registration or expiry is missing"
	default:
		return ""
	}
}

type moveAnswer struct {
	State    registrar.MoveState `json:"state"`
	Code     string              `json:"code"`
	Revision uint64              `json:"revision"`
}

func (a moveAnswer) result() (registrar.MoveResult, error) {
	if !bounded(a.Code) {
		return registrar.MoveResult{}, errors.New("the code is too long")
	}
	switch a.State {
	case registrar.MoveDone, registrar.MovePending, registrar.MoveUnknown:
	case registrar.MoveRefused:
		if a.Code == "" {
			return registrar.MoveResult{}, errors.New("refused without a code")
		}
	default:
		return registrar.MoveResult{}, fmt.Errorf("state %.40q is none of the contract", a.State)
	}
	return registrar.MoveResult(a), nil
}

type holdAnswer struct {
	State registrar.HoldState `json:"state"`
	Code  string              `json:"code"`
}

func (a holdAnswer) result() (registrar.HoldResult, error) {
	if !bounded(a.Code) {
		return registrar.HoldResult{}, errors.New("the code is too long")
	}
	switch a.State {
	case registrar.HoldDone, registrar.HoldPending, registrar.HoldRefused, registrar.HoldUnsupported:
		return registrar.HoldResult(a), nil
	default:
		return registrar.HoldResult{}, fmt.Errorf("state %.40q is none of the contract", a.State)
	}
}

// identityHash is what a SHA-256 looks like.
var identityHash = regexp.MustCompile(`^[0-9a-f]{64}$`)

// merchantPattern is what a number of Alipay's can look like. It goes into orders as it is.
var merchantPattern = regexp.MustCompile(`^[0-9A-Za-z_-]{1,32}$`)

type accountAnswer struct {
	Account          string `json:"account"`
	Exists           *bool  `json:"exists"`
	RealNameVerified bool   `json:"real_name_verified"`
	AlipayAccount    string `json:"alipay_account"`
	AlipayName       string `json:"alipay_name"`
	AlipayType       string `json:"alipay_type"`
	AlipayUserID     string `json:"alipay_user_id"`
	AlipayOpenID     string `json:"alipay_open_id"`
	IdentityHash     string `json:"identity_hash"`
	AlipayMerchantID string `json:"alipay_merchant_id"`
}

func (a accountAnswer) facts(asked string) (push.AccountFacts, error) {
	switch {
	case a.Account != asked:
		return push.AccountFacts{}, fmt.Errorf("asked for account %.80q, answered for %.80q", asked, a.Account)
	case a.Exists == nil:
		return push.AccountFacts{}, errors.New("it is not said whether the account exists")
	case !bounded(a.AlipayAccount, a.AlipayName, a.AlipayType, a.AlipayUserID, a.AlipayOpenID, a.AlipayMerchantID):
		return push.AccountFacts{}, errors.New("a text is too long")
	case a.IdentityHash != "" && !identityHash.MatchString(a.IdentityHash):
		return push.AccountFacts{}, errors.New("identity_hash is not of 64 hexadecimal digits")
	case a.AlipayMerchantID != "" && !merchantPattern.MatchString(a.AlipayMerchantID):
		return push.AccountFacts{}, fmt.Errorf("%.40q is no number of a merchant", a.AlipayMerchantID)
	}
	return push.AccountFacts{
		Account: a.Account, Exists: *a.Exists, RealNameVerified: a.RealNameVerified,
		AlipayAccount: a.AlipayAccount, AlipayName: a.AlipayName, AlipayType: a.AlipayType,
		AlipayUserID: a.AlipayUserID, AlipayOpenID: a.AlipayOpenID, IdentityHash: a.IdentityHash, AlipayMerchantID: a.AlipayMerchantID,
	}, nil
}

// storable reports that times can be written in UTC again: RFC 3339 has years of four
// digits, and a time at the edge of them has another year elsewhere.
func storable(times ...time.Time) bool {
	for _, at := range times {
		if year := at.UTC().Year(); year < 1 || year > 9999 {
			return false
		}
	}
	return true
}

func isTrue(said *bool) bool { return said != nil && *said }

func bounded(texts ...string) bool {
	for _, text := range texts {
		if len(text) > maxText {
			return false
		}
	}
	return true
}

func boundedList(list []string) bool { return len(list) <= maxList && bounded(list...) }
