package pushes

import (
	"time"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/money"
	"github.com/pushledger/pushledger/aggregates/push"
)

// View is a push as those who may see it are shown it. The doc tags are its
// description in the HTTP interface.
type View struct {
	PushID     string          `json:"push_id"`
	Status     push.Status     `json:"status" doc:"Offered, Accepted, Paid, or how it ended: Completed, Withdrawn, Declined, Expired, Invalidated, Refunded"`
	Seller     string          `json:"seller"`
	Buyer      string          `json:"buyer"`
	Currency   string          `json:"currency" doc:"always CNY"`
	Total      money.Fen       `json:"total" doc:"in yuan, such as 1999.00"`
	FeeRate    money.Rate      `json:"fee_rate" doc:"share of the total, such as 0.05"`
	Items      []ItemView      `json:"items" nullable:"false"`
	Remark     string          `json:"remark,omitzero" required:"false"`
	OfferedAt  time.Time       `json:"offered_at"`
	ExpiresAt  time.Time       `json:"expires_at" doc:"end of the offer"`
	AcceptedAt time.Time       `json:"accepted_at,omitzero" required:"false"`
	PaidAt     time.Time       `json:"paid_at,omitzero" required:"false"`
	EndedAt    time.Time       `json:"ended_at,omitzero" required:"false"`
	EndReason  string          `json:"end_reason,omitzero" required:"false" doc:"code, or the words of a buyer who declined"`
	EndDomain  domainname.Name `json:"end_domain,omitzero" required:"false" doc:"the domain that is the cause"`
	Payment    PaymentView     `json:"payment"`
	Version    int             `json:"version" doc:"events so far"`
	Seq        uint64          `json:"seq" doc:"sequence of its last event"`
}

// ItemView is one domain of a push.
type ItemView struct {
	Domain        domainname.Name `json:"domain" doc:"A-label"`
	DomainUnicode string          `json:"domain_unicode"`
	Price         money.Fen       `json:"price"`
	Delivery      string          `json:"delivery" doc:"none, moving, delivered, refused, returning, returned, kept, gone or stuck"`
}

// PaymentView is how the buyer's payment stands.
type PaymentView struct {
	State     PaymentState `json:"state" doc:"none, waiting, paid, refunded or closed"`
	Amount    money.Fen    `json:"amount"`
	URL       string       `json:"url,omitzero" required:"false" doc:"where to pay, while it can be paid; never for the seller"`
	ExpiresAt time.Time    `json:"expires_at,omitzero" required:"false" doc:"end of the payment window"`
}

// PaymentState is the word for how a payment stands.
type PaymentState string

// The payment states.
const (
	PaymentNone     PaymentState = "none"     // not accepted, or nothing to pay
	PaymentWaiting  PaymentState = "waiting"  // can be paid
	PaymentPaid     PaymentState = "paid"     // has been received
	PaymentRefunded PaymentState = "refunded" // is back with the buyer
	PaymentClosed   PaymentState = "closed"   // was never paid and must not be any more
)

// view is a push as the viewer is shown it.
func (v Viewer) view(state push.State, sequence uint64) View {
	items := make([]ItemView, len(state.Lines))
	for i, line := range state.Lines {
		items[i] = ItemView{Domain: line.Domain, DomainUnicode: line.Domain.Unicode(), Price: line.Price, Delivery: string(line.Delivery)}
		if line.Delivery == push.DeliveryNone {
			items[i].Delivery = "none"
		}
	}
	return View{
		PushID: state.ID, Status: state.Status, Seller: state.Seller, Buyer: state.Buyer,
		Currency: "CNY", Total: state.Total, FeeRate: state.FeeRate, Items: items, Remark: state.Remark,
		OfferedAt: state.OfferedAt, ExpiresAt: state.ExpiresAt, AcceptedAt: state.AcceptedAt,
		PaidAt: state.PaidAt, EndedAt: state.EndedAt, EndReason: state.EndReason, EndDomain: state.EndDomain,
		Payment: v.payment(state), Version: state.Version, Seq: sequence,
	}
}

// payment shows the page on which to pay to whoever is to pay, and to operators and auditors:
// the seller has no use for an order that may hold a digest of the buyer's identity.
func (v Viewer) payment(state push.State) PaymentView {
	shown := PaymentView{State: paymentState(state), Amount: state.Total, ExpiresAt: state.Payment.PayBy}
	if shown.State == PaymentWaiting && (v.SeesAll || v.Account == state.Buyer) {
		shown.URL = state.Payment.PayURL
	}
	return shown
}

func paymentState(state push.State) PaymentState {
	switch {
	case state.Payment.TradeNo == "":
		return PaymentNone
	case state.Status == push.StatusRefunded:
		return PaymentRefunded
	case state.Payment.Paid:
		return PaymentPaid
	case state.Payment.Closed || !state.Status.Live():
		return PaymentClosed
	default:
		return PaymentWaiting
	}
}
