// Package payment is the port to a payment provider. The purchase saga knows only
// this; package alipay is the provider behind it.
//
// Every call may be repeated with the same numbers and then means the same trade,
// refund or payout. An error that is neither *Refused nor one of the named errors
// means that the outcome is unknown: the call is repeated or asked about, and never
// taken for a failure. *Misconfigured and *Postponed are such errors: they say besides
// why this call came to nothing, and nothing of an earlier one.
package payment

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/pushledger/pushledger/aggregates/money"
	"github.com/pushledger/pushledger/aggregates/push"
)

// Order is a trade that a buyer is asked to pay.
type Order struct {
	TradeNo string    // ours; the provider's out_trade_no
	PushID  string    // comes back in notifications, so that money is never without a push
	Amount  money.Fen // 0.01 to 100,000,000.00 CNY
	Subject string    // shown to the buyer on the payment page
	PayBy   time.Time // the provider refuses to take money after this instant
	// IdentityHash has the provider refuse any payer but the one whose identity it is of; 64
	// hexadecimal digits, or empty: anybody may pay.
	IdentityHash string
	// Merchant has the provider keep the money for the seller of this number, until the trade
	// is confirmed by a payout. Empty: the money is the platform's.
	Merchant string
}

// TradeState is where a trade stands at the provider.
type TradeState string

// The states of a trade.
const (
	TradeWaiting TradeState = "waiting" // the buyer has signed in to pay; no money yet, or none that has reached the merchant
	TradePaid    TradeState = "paid"    // the money is here, refunds are possible
	TradeClosed  TradeState = "closed"  // closed unpaid, or refunded in full
)

// Trade is what the provider knows of a trade.
type Trade struct {
	TradeNo         string
	ProviderTradeNo string
	PushID          string // empty when the answer does not carry it (queries do not)
	State           TradeState
	Amount          money.Fen // what was paid
	// Received is how much of it reaches the merchant, BuyerPaid how much the buyer gave of its
	// own; 0 where the provider does not tell. Amount may hold more: what the merchant gave.
	Received, BuyerPaid money.Fen
	// Channels are the funding channels named by the provider, such as ALIPAYACCOUNT, PCREDIT
	// or BANKCARD, a card followed by its type. Empty means that they were not told, and
	// nothing else: push.FundingOf knows what they are.
	Channels []string
	Payer    push.Payer // as far as it is told
	PaidAt   time.Time  // zero until paid; to the second
}

// Refund asks for money of a paid trade to go back to its buyer.
type Refund struct {
	TradeNo   string
	RequestNo string // the same number is refunded once, however often it is sent
	Amount    money.Fen
	Reason    string
}

// Payout sends money to a seller.
type Payout struct {
	PayoutNo string // the same number is paid once, however often it is sent
	PushID   string
	Account  string // the seller's login id at the provider; without one only an earlier payout counts
	Name     string // its legal name there; the provider compares
	Amount   money.Fen
	Title    string
	// Merchant is that of the order, if it had one: its seller is paid by confirming the trade,
	// out of which the fee goes to the platform. Account, Name and Title do not matter then.
	Merchant        string
	TradeNo         string    // of that order
	ProviderTradeNo string    // the provider's own number of it
	Fee             money.Fen // Amount and Fee together are the whole trade; may be 0
	FeeNo           string    // the same number is taken once, like PayoutNo
}

// Provider is a payment provider. All methods bound their own time.
type Provider interface {
	// PayURL gives the page on which the buyer pays the order, with everything disabled that
	// is not the buyer's own money, as far as the provider lets it be (rule T6). It makes no
	// call.
	PayURL(order Order) (string, error)
	// Open opens a PayURL as a buyer's browser would. nil means that the provider has shown a
	// way to pay, and nothing more: it proves no trade, for there is none before the buyer has
	// signed in. It never returns *Refused, because what is wrong with an order is told to
	// people only.
	Open(ctx context.Context, payURL string) error
	// Clock is what time it is by the provider's clock, as far as its answers have told, and
	// by our own while none has. It makes no call.
	Clock() time.Time
	// Query tells how a trade stands; ErrTradeNotFound if there is none.
	Query(ctx context.Context, tradeNo string) (Trade, error)
	// Close makes sure that an unpaid trade can never be paid any more. ErrTradePaid
	// if it has been paid, ErrTradeNotFound if the provider knows none: then one can still
	// come up until its order's PayBy.
	Close(ctx context.Context, tradeNo string) error
	// Refund returns nil once the money has gone back, by this call or an earlier one.
	Refund(ctx context.Context, refund Refund) error
	// Payout returns the provider's number once the money has gone out, by this call
	// or an earlier one; of an order with a merchant once the fee has come as well.
	Payout(ctx context.Context, payout Payout) (string, error)
	// FindPayout is Payout for one that may have been asked for before: it asks what has become
	// of it and sends nothing. ErrPayoutNotFound if the provider knows none of its number.
	FindPayout(ctx context.Context, payout Payout) (string, error)
	// Notification reads a notification after checking its signature, application
	// and merchant; ErrForged if one of them is wrong. A trade that is not paid has
	// no amount to rely on.
	Notification(form url.Values) (Trade, error)
}

// Refused is the provider's final no. Its code and text are shown as they came (rule T5).
type Refused struct {
	API     string // which call
	Code    string // the provider's code
	Message string // the provider's text
	// FeeOnly is the refusal of a payout by which the seller has been paid: only the fee
	// could not be taken.
	FeeOnly bool
	// Failed says of a payout that its number is used up: the provider itself names it failed,
	// so nothing will ever be paid under it. Without that it may still be, if it is sent again.
	Failed bool
	// Otherwise says of a payout that the number stands for another payee than was asked for
	// now: an earlier call has used it.
	Otherwise bool
}

// Error implements error.
func (r *Refused) Error() string {
	return fmt.Sprintf("payment: %s refused: %s: %s", r.API, r.Code, r.Message)
}

// Misconfigured is the provider's signed answer that the application, its contract or the
// merchant's account is not what the call needs. Nothing changes until somebody changes that.
// What became of an earlier call of the same number stays unknown.
type Misconfigured struct {
	API     string // which call
	Code    string // the provider's code
	Message string // the provider's text
}

// Error implements error.
func (m *Misconfigured) Error() string {
	return fmt.Sprintf("payment: %s: the configuration or the contract is wrong: %s: %s", m.API, m.Code, m.Message)
}

// Postponed is the provider's signed answer that it does not do it now, but will when it is
// asked again later: the merchant's balance, the limit of a day, work that is not done yet.
type Postponed struct {
	API     string // which call
	Code    string // the provider's code
	Message string // the provider's text
}

// Error implements error.
func (p *Postponed) Error() string {
	return fmt.Sprintf("payment: %s is put off: %s: %s", p.API, p.Code, p.Message)
}

// Named outcomes of a Provider.
var (
	ErrPayoutNotFound = errors.New("payment: the provider knows no such payout")
	ErrTradeNotFound  = errors.New("payment: the provider knows no such trade")
	ErrTradePaid      = errors.New("payment: the trade has already been paid")
	ErrForged         = errors.New("payment: the notification was not made by the provider for us")
)
