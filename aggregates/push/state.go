package push

import (
	"slices"
	"time"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/money"
)

// Status is the word for where a push stands.
type Status string

// The statuses. All after Paid are ends; an ended push holds no domain.
const (
	StatusNone        Status = "" // never offered
	StatusOffered     Status = "Offered"
	StatusAccepted    Status = "Accepted"
	StatusPaid        Status = "Paid"
	StatusCompleted   Status = "Completed"
	StatusWithdrawn   Status = "Withdrawn"
	StatusDeclined    Status = "Declined"
	StatusExpired     Status = "Expired"
	StatusInvalidated Status = "Invalidated"
	StatusRefunded    Status = "Refunded"
)

// Live reports whether a push of this status holds its domains.
func (s Status) Live() bool {
	return s == StatusOffered || s == StatusAccepted || s == StatusPaid
}

// State is a push rebuilt from its events. The zero State has never been offered.
type State struct {
	Status Status
	// Version counts the events folded so far.
	Version int

	ID, Seller, Buyer string
	Lines             []Line
	Total             money.Fen
	FeeRate           money.Rate
	Remark            string

	OfferedAt, CheckedAt time.Time
	ExpiresAt            time.Time
	ExpiryReason         ExpiryReason
	AcceptedAt           time.Time
	PaidAt               time.Time
	EndedAt              time.Time
	EndReason            string // code of why it ended, or the words of a buyer who declined; empty for Completed and Withdrawn
	EndDomain            domainname.Name

	Payment    Payment
	Registrant string // the buyer's template
	Hold       HoldStage
	Delivery   Stage
	Return     *Return // set once the push can no longer be delivered
	Refund     *Refund // of the push's own payment
	Payout     *Payout
	Strays     []Stray
}

// Line is one domain of the push and where it is.
type Line struct {
	Item
	Delivery Delivery
	Code     string // the registrar's reason, when refused
	// Refusals counts how often the registrar refused to move it back, RefusedAt is when
	// it last did; zero unless it is stuck.
	Refusals  int
	RefusedAt time.Time
	// ReversedTo is the account to which the registrar has taken it back after it was
	// delivered, since ReversedAt; empty once a person has seen to it.
	ReversedTo string
	ReversedAt time.Time
	// MovedAt is when it was found to be with the buyer; zero if it never was.
	MovedAt time.Time
	// Acted is what the buyer has done with it before the push was delivered, since
	// ActedAt; empty once a person has decided (rule B5).
	Acted   string
	ActedAt time.Time
	// Forgone is set once a person has decided to refund the buyer whatever the buyer has
	// done with this domain (rule B5).
	Forgone bool
	// Upheld is set once a person has decided that the sale goes on whatever the buyer has
	// done with this domain (rule B5).
	Upheld bool
	// Held says that the registrar holds it, or did until the holds were released (rule B4).
	Held bool
}

// Delivery is where one domain of a push is on its way.
type Delivery string

// The deliveries of a Line.
const (
	DeliveryNone      Delivery = ""          // with the seller, nothing asked for
	DeliveryMoving    Delivery = "moving"    // its move may have been asked for
	DeliveryDelivered Delivery = "delivered" // with the buyer
	DeliveryRefused   Delivery = "refused"   // the move was refused
	DeliveryReturning Delivery = "returning" // to be brought back, or found never moved
	DeliveryReturned  Delivery = "returned"  // back with the seller
	DeliveryKept      Delivery = "kept"      // never left the seller
	DeliveryGone      Delivery = "gone"      // with neither seller nor buyer
	DeliveryStuck     Delivery = "stuck"     // could not be brought back; a person must help
)

// Stage is how far delivery as a whole has come.
type Stage int

// The stages of a delivery.
const (
	StageNone Stage = iota
	StageDelivering
	StageReturning
	StageDelivered // every domain is with the buyer; the push can only complete
)

// HoldStage is how far the registrar's holds of the domains have come (rule B4).
type HoldStage int

// The stages of a hold.
const (
	HoldNone        HoldStage = iota // none was ordered
	HoldOrdered                      // any domain may be held
	HoldPlaced                       // every domain is held that can be
	HoldUnsupported                  // the registrar can hold none
	HoldReleased                     // none is held any more
)

// Payment is the trade by which the buyer pays.
type Payment struct {
	TradeNo string // empty at a total of 0
	PayURL  string
	PayBy   time.Time
	Opened  bool // the payment page could be opened once; that makes no trade
	Paid    bool
	Closed  bool  // can never be paid any more
	Payer   Payer // who paid it, once it is paid
	Bound   Payer // who alone may pay it; zero: anybody
	// Merchant is the seller's number as a merchant at the provider, where its money is frozen
	// until the trade is confirmed; empty: the seller is paid by a transfer.
	Merchant string
	// ProviderTradeNo is the provider's own number of the trade, once it is paid.
	ProviderTradeNo string
}

// Return is why a paid push is being undone.
type Return struct {
	Code   string
	Domain domainname.Name
	Cause  Cause
}

// Progress of a call that moves money.
type Progress int

// The progress of a refund or payout.
const (
	Requested Progress = iota
	Done
	Refused // by the provider, for good; a person must help
	// Undecided is stray money of which a person must say whether it goes back (rule T6).
	Undecided
)

// Refund is money going back to the buyer of a failed push.
type Refund struct {
	TradeNo, RequestNo string
	Amount             money.Fen
	Progress           Progress
	Code, Message      string    // the provider's, when refused
	Refusals           int       // how often it was refused
	RefusedAt          time.Time // zero unless it is refused
}

// Payout is money going to the seller.
type Payout struct {
	PayoutNo      string
	Amount, Fee   money.Fen
	Progress      Progress
	FeeOnly       bool      // when refused: the seller has been paid, only the fee did not come
	Code, Message string    // the provider's, when refused
	Refusals      int       // how often it was refused
	RefusedAt     time.Time // zero unless it is refused
	// Failed and Payee are what the last refusal of this number said: whether anything can still
	// be paid under it, and the PayeeDigest of whom; false and empty if there was none.
	Failed bool
	Payee  string
}

// Stray is money that came in without paying the push.
type Stray struct {
	TradeNo, RequestNo string
	ProviderTradeNo    string
	Amount             money.Fen
	Cause              StrayCause
	Payer              Payer
	ReceivedAt         time.Time
	Progress           Progress
	Code, Message      string    // the provider's, when refused
	Refusals           int       // how often it was refused
	RefusedAt          time.Time // zero unless it is refused
}

// Domains lists the domains of the push in its order.
func (s State) Domains() []domainname.Name {
	names := make([]domainname.Name, len(s.Lines))
	for i, line := range s.Lines {
		names[i] = line.Domain
	}
	return names
}

// At lists the domains whose delivery is the given one.
func (s State) At(delivery Delivery) []domainname.Name {
	var names []domainname.Name
	for _, line := range s.Lines {
		if line.Delivery == delivery {
			names = append(names, line.Domain)
		}
	}
	return names
}

// Refusals counts how often the registrar has refused to move a domain back.
func (s State) Refusals(name domainname.Name) int {
	line, _ := s.Line(name)
	return line.Refusals
}

// ExpiredBy reports whether the time of an offer or of a payment is over at now, even
// if nothing has recorded it yet. The instant of the end itself is over.
func (s State) ExpiredBy(now time.Time) bool {
	switch s.Status {
	case StatusOffered:
		return !now.Before(s.ExpiresAt)
	case StatusAccepted:
		return !now.Before(s.Payment.PayBy)
	default:
		return false
	}
}

// stopped reports that a person must decide before delivery goes on (rule B5).
func (s State) stopped() bool {
	return s.Delivery == StageDelivering && slices.ContainsFunc(s.Lines, func(line Line) bool { return line.Acted != "" })
}

// Line finds a domain of the push by the name in it or by that of its registration.
func (s State) Line(name domainname.Name) (Line, bool) {
	for _, line := range s.Lines {
		if line.Domain == name || line.Canonical == name {
			return line, true
		}
	}
	return Line{}, false
}

// undecided reports that a person must say whether money that has come in pays the push.
func (s State) undecided() bool {
	return slices.ContainsFunc(s.Strays, func(stray Stray) bool { return stray.Progress == Undecided })
}

func (s State) stray(tradeNo string) (Stray, bool) {
	for _, stray := range s.Strays {
		if stray.TradeNo == tradeNo {
			return stray, true
		}
	}
	return Stray{}, false
}
