package push

import (
	"time"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/money"
)

// The facts of a purchase. Each call to a partner is preceded by the fact that says
// it is intended and followed by the fact that says what came of it, so a crash
// anywhere leaves enough to ask the partner and go on.

// PaymentOpened says that the payment page could be opened. There is no trade before the buyer
// has signed in there.
type PaymentOpened struct {
	At      time.Time `json:"at"`
	TradeNo string    `json:"trade_no"`
}

// PaymentClosed says that the trade can never be paid any more.
type PaymentClosed struct {
	At      time.Time `json:"at"`
	TradeNo string    `json:"trade_no"`
}

// StrayReceived says that money came in that does not pay the push: late, twice, of
// another amount or from a channel that is not allowed. It goes back under RequestNo, but
// with StraySourcesUntold only once a person has decided so.
type StrayReceived struct {
	At              time.Time  `json:"at"`
	TradeNo         string     `json:"trade_no"`
	ProviderTradeNo string     `json:"provider_trade_no,omitzero"`
	Amount          money.Fen  `json:"amount"`
	Channels        []string   `json:"channels,omitempty"`
	Payer           Payer      `json:"payer,omitzero"`
	Cause           StrayCause `json:"cause"`
	RequestNo       string     `json:"request_no"`
	From            string     `json:"from,omitzero"` // journal account, if not that of the provider
}

// StrayCause tells why money did not pay the push.
type StrayCause string

// Causes of StrayReceived.
const (
	StrayLate           StrayCause = "late"            // the push had ended or its payment window was over
	StrayDuplicate      StrayCause = "duplicate"       // a second trade of a push that is paid
	StrayAmountMismatch StrayCause = "amount_mismatch" // not the total
	StrayCreditFunding  StrayCause = "credit_funding"  // from a credit channel (rule T6)
	StrayOtherTrade     StrayCause = "other_trade"     // a trade that this push never asked for
	StrayUnknownChannel StrayCause = "unknown_channel" // from a channel that is not known to be money (rule T6)
	StrayOtherPayer     StrayCause = "other_payer"     // from another account than the buyer's own, where that is demanded
	StraySourcesUntold  StrayCause = "sources_untold"  // the provider does not say from where; a person decides (rule T6)
)

// StrayRefunded says that stray money is back with whoever paid it.
type StrayRefunded struct {
	At        time.Time `json:"at"`
	TradeNo   string    `json:"trade_no"`
	RequestNo string    `json:"request_no"`
	Amount    money.Fen `json:"amount"`
	To        string    `json:"to,omitzero"` // journal account, if not that of the provider
}

// DeliveryStarted is the intention to move every domain to the buyer.
type DeliveryStarted struct {
	At time.Time `json:"at"`
}

// HoldStarted is the intention to have the registrar hold every domain until the push has
// ended (rule B4). It goes with DeliveryStarted, but in purchases that are older than holds.
type HoldStarted struct {
	At time.Time `json:"at"`
}

// DomainsHeld says which domains the registrar holds; it cannot hold the others.
type DomainsHeld struct {
	At   time.Time         `json:"at"`
	Held []domainname.Name `json:"held,omitempty"`
}

// HoldsReleased says that the registrar holds no domain for this push any more.
type HoldsReleased struct {
	At time.Time `json:"at"`
}

// BuyerActed says that the buyer has moved a delivered domain on, or done something else
// with it, before the push was delivered as a whole. Nothing goes on by itself: a person
// decides who has the money (rule B5).
type BuyerActed struct {
	At     time.Time       `json:"at"`
	Domain domainname.Name `json:"domain"`
	Code   string          `json:"code"` // what was done, such as account_moved
	Cause  Cause           `json:"cause"`
}

// DomainMoved says that a domain is in the buyer's account.
type DomainMoved struct {
	At       time.Time       `json:"at"`
	Domain   domainname.Name `json:"domain"`
	Revision uint64          `json:"revision,omitzero"` // the registrar's, after the move
}

// DomainMoveRefused says that a domain can not be delivered.
type DomainMoveRefused struct {
	At     time.Time       `json:"at"`
	Domain domainname.Name `json:"domain"`
	Code   string          `json:"code"`
}

// ReturnStarted is the intention to bring every domain back to the seller and the
// money back to the buyer (rule B2).
type ReturnStarted struct {
	At     time.Time       `json:"at"`
	Code   string          `json:"code"`
	Domain domainname.Name `json:"domain,omitzero"`
	Cause  Cause           `json:"cause"`
}

// DomainReturned says where a domain of a failed push has come to rest.
type DomainReturned struct {
	At       time.Time       `json:"at"`
	Domain   domainname.Name `json:"domain"`
	Place    Place           `json:"place"`
	Revision uint64          `json:"revision,omitzero"`
}

// Place is where a domain of a failed push is.
type Place string

// Places of DomainReturned. A domain that is still with the buyer is none of them.
const (
	PlaceReturned       Place = "returned"        // moved back to the seller
	PlaceKept           Place = "kept"            // it never left the seller
	PlaceTransferredOut Place = "transferred_out" // it has left for another registrar
	PlaceDeleted        Place = "deleted"         // it is registered no more
	PlaceGone           Place = "gone"            // in the account of neither seller nor buyer
)

// Gone reports that a domain is out of reach of both parties.
func (p Place) Gone() bool {
	return p == PlaceGone || p == PlaceTransferredOut || p == PlaceDeleted
}

// DomainReturnRefused says that a domain could not be moved back; it needs a person.
type DomainReturnRefused struct {
	At     time.Time       `json:"at"`
	Domain domainname.Name `json:"domain"`
	Code   string          `json:"code"`
}

// RefundRequested is the intention to give the buyer the money of a failed push back.
type RefundRequested struct {
	At        time.Time `json:"at"`
	Buyer     string    `json:"buyer"`
	TradeNo   string    `json:"trade_no"`
	RequestNo string    `json:"request_no"`
	Amount    money.Fen `json:"amount"`
}

// RefundRefused says that the provider will not refund; it needs a person.
type RefundRefused struct {
	At        time.Time `json:"at"`
	RequestNo string    `json:"request_no"`
	Code      string    `json:"code"`    // the provider's, as it came (rule T5)
	Message   string    `json:"message"` // the provider's, as it came (rule T5)
}

// PayoutRequested is the intention to pay the seller. From here on the push can
// only complete: every domain is with the buyer.
type PayoutRequested struct {
	At       time.Time `json:"at"`
	Seller   string    `json:"seller"`
	PayoutNo string    `json:"payout_no"`
	Amount   money.Fen `json:"amount"` // total less fee
	Fee      money.Fen `json:"fee"`
}

// PaidOut says that the seller has the money.
type PaidOut struct {
	At         time.Time `json:"at"`
	Seller     string    `json:"seller"`
	PayoutNo   string    `json:"payout_no"`
	ProviderNo string    `json:"provider_no,omitzero"`
	Amount     money.Fen `json:"amount"`
	To         string    `json:"to,omitzero"` // journal account, if not that of the provider
	// Fee has reached the platform with it, out of money that was frozen for the seller: from
	// the provider, or from the journal account FeeFrom.
	Fee     money.Fen `json:"fee,omitzero"`
	FeeFrom string    `json:"fee_from,omitzero"`
}

// PayoutRefused says that the provider will not pay out; it needs a person.
type PayoutRefused struct {
	At       time.Time `json:"at"`
	PayoutNo string    `json:"payout_no"`
	Code     string    `json:"code"`    // the provider's, as it came (rule T5)
	Message  string    `json:"message"` // the provider's, as it came (rule T5)
	// FeeOnly says that the seller has been paid: only the platform's fee did not come.
	FeeOnly bool `json:"fee_only,omitzero"`
	// Failed says that nothing will ever be paid under the number, by the provider's own word.
	Failed bool `json:"failed,omitzero"`
	// Payee is the PayeeDigest of the account that was refused, for operators and auditors
	// only; empty where none was asked to be paid, or it is not known which.
	Payee string `json:"payee,omitzero"`
}

// PayoutRenumbered is the intention to pay the seller under another number: the seller's account
// at the provider has changed, and the payout of the number before has failed for good.
type PayoutRenumbered struct {
	At       time.Time `json:"at"`
	From     string    `json:"from"`
	PayoutNo string    `json:"payout_no"`
}

// MoveReversed says that the registrar has taken back a move of a push that could only
// complete, or had. The money stays where it is; it needs a person (fault F43).
type MoveReversed struct {
	At      time.Time       `json:"at"`
	Domain  domainname.Name `json:"domain"`
	EventID string          `json:"event_id"` // of the registrar's event
	To      string          `json:"to"`       // account that has the domain now
}

// RetryOrdered says that a person had a step tried again that was refused for good.
type RetryOrdered struct {
	At        time.Time       `json:"at"`
	Step      StepKind        `json:"step"`
	RequestNo string          `json:"request_no,omitzero"` // of StepRefund
	Domain    domainname.Name `json:"domain,omitzero"`     // of StepReturn
	By        string          `json:"by"`
	Reason    string          `json:"reason"`
}

// SettledByHand says that a person has done outside the ledger what a step could not.
// The facts that follow in the same append say what came of it.
type SettledByHand struct {
	At        time.Time       `json:"at"`
	Step      StepKind        `json:"step"`
	RequestNo string          `json:"request_no,omitzero"` // of StepRefund and StepCheckFunding
	Domain    domainname.Name `json:"domain,omitzero"`     // of StepReturn, StepReversal and StepBuyerAct
	Decision  Decision        `json:"decision,omitzero"`   // of StepBuyerAct and StepCheckFunding
	By        string          `json:"by"`
	Reason    string          `json:"reason"`
	Reference string          `json:"reference"` // where it is documented, such as a bank's number
}

// Decision is what becomes of money about which only a person can decide.
type Decision string

// Decisions of StepBuyerAct (rule B5) and of StepCheckFunding (rule T6).
const (
	DecisionPaySeller Decision = "pay_seller" // of StepBuyerAct: delivery goes on, and the seller is paid after it
	// DecisionRefundBuyer has whatever can be brought back be so, and the buyer refunded.
	DecisionRefundBuyer Decision = "refund_buyer"
	// DecisionAcceptPayment takes money whose sources were never told for the payment.
	DecisionAcceptPayment Decision = "accept_payment"
)

// EventType implements aggregates.Event.
func (PaymentOpened) EventType() string { return "PaymentOpened" }

// EventType implements aggregates.Event.
func (PaymentClosed) EventType() string { return "PaymentClosed" }

// EventType implements aggregates.Event.
func (StrayReceived) EventType() string { return "StrayReceived" }

// EventType implements aggregates.Event.
func (StrayRefunded) EventType() string { return "StrayRefunded" }

// EventType implements aggregates.Event.
func (DeliveryStarted) EventType() string { return "DeliveryStarted" }

// EventType implements aggregates.Event.
func (HoldStarted) EventType() string { return "HoldStarted" }

// EventType implements aggregates.Event.
func (DomainsHeld) EventType() string { return "DomainsHeld" }

// EventType implements aggregates.Event.
func (HoldsReleased) EventType() string { return "HoldsReleased" }

// EventType implements aggregates.Event.
func (BuyerActed) EventType() string { return "BuyerActed" }

// EventType implements aggregates.Event.
func (DomainMoved) EventType() string { return "DomainMoved" }

// EventType implements aggregates.Event.
func (DomainMoveRefused) EventType() string { return "DomainMoveRefused" }

// EventType implements aggregates.Event.
func (ReturnStarted) EventType() string { return "ReturnStarted" }

// EventType implements aggregates.Event.
func (DomainReturned) EventType() string { return "DomainReturned" }

// EventType implements aggregates.Event.
func (DomainReturnRefused) EventType() string { return "DomainReturnRefused" }

// EventType implements aggregates.Event.
func (RefundRequested) EventType() string { return "RefundRequested" }

// EventType implements aggregates.Event.
func (RefundRefused) EventType() string { return "RefundRefused" }

// EventType implements aggregates.Event.
func (PayoutRequested) EventType() string { return "PayoutRequested" }

// EventType implements aggregates.Event.
func (PaidOut) EventType() string { return "PaidOut" }

// EventType implements aggregates.Event.
func (PayoutRefused) EventType() string { return "PayoutRefused" }

// EventType implements aggregates.Event.
func (PayoutRenumbered) EventType() string { return "PayoutRenumbered" }

// EventType implements aggregates.Event.
func (MoveReversed) EventType() string { return "MoveReversed" }

// EventType implements aggregates.Event.
func (RetryOrdered) EventType() string { return "RetryOrdered" }

// EventType implements aggregates.Event.
func (SettledByHand) EventType() string { return "SettledByHand" }

func (PaymentOpened) push()       {}
func (PaymentClosed) push()       {}
func (StrayReceived) push()       {}
func (StrayRefunded) push()       {}
func (DeliveryStarted) push()     {}
func (HoldStarted) push()         {}
func (DomainsHeld) push()         {}
func (HoldsReleased) push()       {}
func (BuyerActed) push()          {}
func (DomainMoved) push()         {}
func (DomainMoveRefused) push()   {}
func (ReturnStarted) push()       {}
func (DomainReturned) push()      {}
func (DomainReturnRefused) push() {}
func (RefundRequested) push()     {}
func (RefundRefused) push()       {}
func (PayoutRequested) push()     {}
func (PaidOut) push()             {}
func (PayoutRefused) push()       {}
func (PayoutRenumbered) push()    {}
func (MoveReversed) push()        {}
func (RetryOrdered) push()        {}
func (SettledByHand) push()       {}
