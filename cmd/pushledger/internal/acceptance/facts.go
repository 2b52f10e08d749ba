package acceptance

import (
	"time"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/projections/pushes"
)

// Facts is what the registrar said of the domains of a push at one moment, and what
// would have refused its acceptance then. The doc tags are its description in the HTTP
// interface.
type Facts struct {
	PushID     string           `json:"push_id"`
	CheckedAt  time.Time        `json:"checked_at" doc:"when registrar and account directory were asked"`
	Open       bool             `json:"open" doc:"whether the push waits for its buyer: offered, and not past its end"`
	Acceptable bool             `json:"acceptable" doc:"whether it is open and nothing would refuse the acceptance"`
	Domains    []DomainFacts    `json:"domains" nullable:"false" doc:"in the order of the push"`
	Violations []push.Violation `json:"violations" nullable:"false" doc:"of the push as a whole; empty unless it is open"`
}

// DomainFacts is what the registrar says of one domain of a push.
type DomainFacts struct {
	Domain        domainname.Name `json:"domain" doc:"A-label"`
	DomainUnicode string          `json:"domain_unicode"`
	Canonical     domainname.Name `json:"canonical,omitzero" required:"false" doc:"the name under which the registration is known, when that is another"`
	Exists        bool            `json:"exists"`
	RegisteredAt  time.Time       `json:"registered_at,omitzero" required:"false" doc:"absent of one that does not exist"`
	ExpiresAt     time.Time       `json:"expires_at,omitzero" required:"false" doc:"absent of one that does not exist"`
	Withheld      bool            `json:"withheld" doc:"the rest is not yours to know: the members from with_seller to auth_code_issued_at are absent"`
	*Particulars
	Violations []push.Violation `json:"violations" nullable:"false" doc:"what of this domain would refuse the acceptance; empty unless the push is open"`
}

// Particulars are the facts of a domain that are the business of whoever has it, and of
// those who are about to trade it.
type Particulars struct {
	WithSeller        bool      `json:"with_seller" required:"false" doc:"whether it is in the seller's account"`
	Registrar         string    `json:"registrar,omitzero" required:"false" doc:"its name"`
	RegistrantHint    string    `json:"registrant_hint,omitzero" required:"false" doc:"the registrant, masked"`
	Locks             []string  `json:"locks" required:"false" nullable:"false" doc:"such as clientTransferProhibited"`
	AccountMoveLocked bool      `json:"account_move_locked" required:"false" doc:"moves between accounts are restricted"`
	Pending           []string  `json:"pending" required:"false" nullable:"false" doc:"unfinished business, such as registrant_change"`
	Restrictions      []string  `json:"restrictions" required:"false" nullable:"false" doc:"arbitration, dispute and the like"`
	Sale              string    `json:"sale" required:"false" doc:"none, fixed_price, auction, …"`
	AuthCodeIssuedAt  time.Time `json:"auth_code_issued_at,omitzero" required:"false" doc:"when its transfer password was last obtained; absent if never"`
}

// show tells a viewer of facts what is its business.
func show(viewer pushes.Viewer, state push.State, facts push.AcceptFacts, now time.Time) Facts {
	shown := Facts{PushID: state.ID, CheckedAt: now, Open: open(state, now)}
	broken := make(map[string][]push.Violation)
	if shown.Open {
		violations := push.CheckAcceptable(state, facts, now)
		shown.Acceptable = len(violations) == 0
		for _, violation := range violations {
			broken[violation.Domain] = append(broken[violation.Domain], named(violation))
		}
	}
	shown.Violations = broken[""]
	for _, domain := range facts.Domains {
		told := DomainFacts{
			Domain: domain.Domain, DomainUnicode: domain.Domain.Unicode(), Canonical: domain.Canonical, Exists: domain.Exists,
			RegisteredAt: domain.RegisteredAt, ExpiresAt: domain.ExpiresAt, Violations: broken[string(domain.Domain)],
		}
		if concerns(viewer, state, domain, now) {
			told.Particulars = particulars(state, domain)
		}
		told.Withheld = told.Particulars == nil
		shown.Domains = append(shown.Domains, told)
	}
	return shown
}

// concerns reports whether the particulars of a domain are a viewer's business (rule T1).
// While a push lives they are that of both parties, as long as one of them has the domain.
// Once it has ended neither has anything to do with the other's domains any more.
func concerns(viewer pushes.Viewer, state push.State, facts push.DomainFacts, now time.Time) bool {
	switch {
	case viewer.SeesAll, !facts.Exists, facts.Account == viewer.Account:
		return true
	case facts.Account == state.Seller, facts.Account == state.Buyer:
		return open(state, now) || state.Status.Live() && state.Status != push.StatusOffered
	default:
		return false
	}
}

// open reports whether a push can still be accepted as far as it alone tells.
func open(state push.State, now time.Time) bool {
	return state.Status == push.StatusOffered && !state.ExpiredBy(now)
}

func particulars(state push.State, facts push.DomainFacts) *Particulars {
	return &Particulars{
		WithSeller: facts.Exists && facts.Account == state.Seller, Registrar: facts.Registrar, RegistrantHint: facts.RegistrantHint,
		Locks: facts.Locks, AccountMoveLocked: facts.AccountMoveLocked, Pending: facts.Pending, Restrictions: facts.Restrictions,
		Sale: facts.Sale, AuthCodeIssuedAt: facts.AuthCodeIssuedAt,
	}
}

// named adds the Unicode form of a domain that has another one.
func named(violation push.Violation) push.Violation {
	if unicode := domainname.Name(violation.Domain).Unicode(); unicode != violation.Domain {
		violation.DomainUnicode = unicode
	}
	return violation
}
