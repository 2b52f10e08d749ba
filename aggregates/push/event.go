package push

import (
	"cmp"
	"time"

	"github.com/pushledger/pushledger/aggregates"
	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/money"
)

// Event is a fact in the life of one push. The facts of the offer stand in this
// file, those of its purchase in purchase_event.go.
//
//sumtype:decl
type Event interface {
	aggregates.Event
	push()
}

// Item is one domain of a push and its price.
type Item struct {
	Domain domainname.Name `json:"domain"`
	Price  money.Fen       `json:"price"`
	// Canonical is set where the registrar knows the registration by another name (rule B6).
	Canonical domainname.Name `json:"canonical,omitzero"`
}

// Registration is the name by which the domain is reserved and compared (rule B6).
func (i Item) Registration() domainname.Name { return cmp.Or(i.Canonical, i.Domain) }

// Offered opens a push (rule T1). Every domain in it is reserved by the same append.
type Offered struct {
	PushID    string     `json:"push_id"`
	Seller    string     `json:"seller"`
	Buyer     string     `json:"buyer"`
	Currency  string     `json:"currency"` // always CNY
	Items     []Item     `json:"items"`    // 1 to 500 (rule B3)
	Total     money.Fen  `json:"total"`
	FeeRate   money.Rate `json:"fee_rate"` // in force now, for this push for ever (rule T2)
	OfferedAt time.Time  `json:"offered_at"`
	// CheckedAt is when the registrar was asked; what happened to a domain before
	// that was part of its answer.
	CheckedAt    time.Time    `json:"checked_at"`
	ExpiresAt    time.Time    `json:"expires_at"`
	ExpiryReason ExpiryReason `json:"expiry_reason"`
	Remark       string       `json:"remark,omitzero"`
}

// Withdrawn ends an open offer by its seller (rule L3).
type Withdrawn struct {
	At time.Time `json:"at"`
}

// Declined ends an open offer by its buyer (rule L4).
type Declined struct {
	At     time.Time `json:"at"`
	Reason string    `json:"reason,omitzero"`
}

// Accepted starts the payment (rule L5). At a total of 0 there is none and Paid
// follows in the same append (rule T8).
type Accepted struct {
	At      time.Time `json:"at"`
	Total   money.Fen `json:"total"`             // the total that the buyer agreed to
	TradeNo string    `json:"trade_no,omitzero"` // of the provider's trade to be paid
	PayBy   time.Time `json:"pay_by,omitzero"`   // end of the payment window
	PayURL  string    `json:"pay_url,omitzero"`  // the provider's payment page
	// Payer is who alone may pay, where the platform demands that it is the buyer itself.
	Payer Payer `json:"payer,omitzero"`
	// Merchant is the seller's number as a merchant at the provider: the trade is made for it,
	// its money is frozen there and goes to the seller once the trade is confirmed. Empty: the
	// money is the platform's until the seller is paid by a transfer.
	Merchant string `json:"merchant,omitzero"`
	// Registrant is the buyer's template that the registrar registers the domains with.
	Registrant string `json:"registrant,omitzero"`
}

// Paid says that the whole total is in escrow.
type Paid struct {
	At              time.Time `json:"at"`
	Amount          money.Fen `json:"amount"`
	TradeNo         string    `json:"trade_no,omitzero"`
	ProviderTradeNo string    `json:"provider_trade_no,omitzero"`
	Channels        []string  `json:"channels,omitempty"`
	Payer           Payer     `json:"payer,omitzero"`   // for operators and auditors only
	PaidAt          time.Time `json:"paid_at,omitzero"` // the provider's time, to the second
	// From is the journal account that held the money if it had come in before: it waited
	// for a person to decide whether it pays the push (rule T6).
	From string `json:"from,omitzero"`
}

// Expired ends a push whose time is over (rules L1, L2, L5).
type Expired struct {
	At     time.Time    `json:"at"`
	Reason ExpiryReason `json:"reason"`
}

// Invalidated ends a push by a trigger of the table I1–I8, by a domain that could
// not be delivered (rule B2) or by the sources of its payment (rule T6).
type Invalidated struct {
	At     time.Time       `json:"at"`
	Code   string          `json:"code"`
	Domain domainname.Name `json:"domain,omitzero"` // empty when no single domain is the cause
	Cause  Cause           `json:"cause"`
}

// Completed ends a push: every domain is with the buyer, the seller is paid. It is
// final (rule T4).
type Completed struct {
	At time.Time `json:"at"`
}

// Refunded says that the money of a failed push is back with its buyer.
type Refunded struct {
	At        time.Time `json:"at"`
	TradeNo   string    `json:"trade_no"`
	RequestNo string    `json:"request_no"`
	Amount    money.Fen `json:"amount"`
	// From is the journal account that held the money: what was owed to the buyer,
	// or the suspense account of a payment that never counted.
	From string `json:"from"`
	To   string `json:"to,omitzero"` // journal account, if not that of the provider
}

// ExpiryReason tells which limit ended a push.
type ExpiryReason string

// Reasons of Expired.
const (
	ExpiryValidity       ExpiryReason = "validity"        // 7×24 h are over (L1)
	ExpirySellerDeadline ExpiryReason = "seller_deadline" // the seller's own earlier end (L2)
	ExpiryPaymentWindow  ExpiryReason = "payment_window"  // accepted but not paid in time (L5)
)

// Cause says where an invalidation came from, for whoever asks why.
type Cause struct {
	Kind    string `json:"kind"`              // registrar_event, operator, check, hold, move, payment
	EventID string `json:"event_id,omitzero"` // of the registrar's event
	Actor   string `json:"actor,omitzero"`    // the operator (rule I8)
	Reason  string `json:"reason,omitzero"`   // the operator's words (rule I8)
	Detail  string `json:"detail,omitzero"`   // the partner's own code, as it came
}

// Kinds of Cause.
const (
	CauseRegistrarEvent = "registrar_event" // the registrar reported it
	CauseOperator       = "operator"        // an operator took the push down
	CauseCheck          = "check"           // facts that were read again show it (rule L7)
	CauseHold           = "hold"            // the registrar refused to hold a domain (rule B4)
	CauseMove           = "move"            // the registrar refused a move for good
	CausePayment        = "payment"         // the payment broke a rule
)

// EventType implements aggregates.Event.
func (Offered) EventType() string { return "Offered" }

// EventType implements aggregates.Event.
func (Withdrawn) EventType() string { return "Withdrawn" }

// EventType implements aggregates.Event.
func (Declined) EventType() string { return "Declined" }

// EventType implements aggregates.Event.
func (Accepted) EventType() string { return "Accepted" }

// EventType implements aggregates.Event.
func (Paid) EventType() string { return "Paid" }

// EventType implements aggregates.Event.
func (Expired) EventType() string { return "Expired" }

// EventType implements aggregates.Event.
func (Invalidated) EventType() string { return "Invalidated" }

// EventType implements aggregates.Event.
func (Completed) EventType() string { return "Completed" }

// EventType implements aggregates.Event.
func (Refunded) EventType() string { return "Refunded" }

func (Offered) push()     {}
func (Withdrawn) push()   {}
func (Declined) push()    {}
func (Accepted) push()    {}
func (Paid) push()        {}
func (Expired) push()     {}
func (Invalidated) push() {}
func (Completed) push()   {}
func (Refunded) push()    {}
