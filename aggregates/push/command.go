package push

import (
	"time"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/money"
)

// Bounds of a push.
const (
	MaxItems    = 500                // domains in one push (rule B3)
	MaxValidity = 7 * 24 * time.Hour // of an offer (rules L1, L2)
	MaxText     = 200                // characters of a remark or reason
	MinPayout   = money.Fen(10)      // 0.10, what Alipay pays out at the least (rule T11)
)

// Offer is the seller's command to publish a push. Its items are already normalised.
type Offer struct {
	PushID    string
	Seller    string
	Buyer     string
	Items     []Item
	ValidFor  time.Duration // 0: not given
	ExpiresAt time.Time     // zero: not given
	Remark    string
	FeeRate   money.Rate // in force now (rule T2)
}

// PayoutLimits are the most that one payout to a seller may be over, as the provider's contract
// has it (rule T11); 0 is no limit.
type PayoutLimits struct{ Person, Company money.Fen }

// of is the limit for an account.
func (l PayoutLimits) of(seller AccountFacts) money.Fen {
	if seller.AlipayType == AlipayCompany {
		return l.Company
	}
	return l.Person
}

// OfferFacts is what the outside says while an offer is decided.
type OfferFacts struct {
	CheckedAt time.Time // when the questions were sent
	Seller    AccountFacts
	Buyer     AccountFacts
	Domains   []DomainFacts              // one for each item, in its order
	HeldBy    map[domainname.Name]string // live pushes that hold one of the registrations
	// NeedsMerchant says that sellers are paid by confirming trades, for which the seller needs
	// its own number as a merchant at Alipay (rule T7).
	NeedsMerchant bool
	Limits        PayoutLimits // none where the seller is not paid by payouts
}

// Withdraw is the seller's command to take an open offer back (rule L3).
type Withdraw struct{ Actor string }

// Decline is the buyer's command to turn an open offer down (rule L4).
type Decline struct{ Actor, Reason string }

// Accept is the buyer's command to buy at the total it saw (rule L5).
type Accept struct {
	Actor      string
	Total      money.Fen
	Window     time.Duration // how long the payment may take
	Registrant string        // the buyer's template at the registrar; may be empty
	OwnAccount bool          // the platform demands that the money comes from the buyer's own Alipay account
}

// AcceptFacts is what the outside says while an acceptance is decided.
type AcceptFacts struct {
	Seller  AccountFacts
	Buyer   AccountFacts  // where Accept demands that it pays itself
	Domains []DomainFacts // one for each domain of the push, in its order
	// NeedsMerchant says that the seller is to be paid by confirming the trade (rule T7).
	NeedsMerchant bool
	Limits        PayoutLimits // as of OfferFacts
}

// Takedown is an operator's command to end a push (rule I8).
type Takedown struct{ Actor, Reason string }

// payoutLimit is the most that the seller can be paid at once; 0: none, as where it is paid by
// confirming trades.
func (f OfferFacts) payoutLimit() money.Fen { return limitOf(f.Limits, f.Seller, f.NeedsMerchant) }

func (f AcceptFacts) payoutLimit() money.Fen { return limitOf(f.Limits, f.Seller, f.NeedsMerchant) }

func limitOf(limits PayoutLimits, seller AccountFacts, needsMerchant bool) money.Fen {
	if needsMerchant {
		return 0
	}
	return limits.of(seller)
}
