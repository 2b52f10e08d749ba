package words

import (
	"fmt"
	"time"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/money"
	"github.com/pushledger/pushledger/aggregates/push"
)

// Story is what the sentences about a push need of all that happened to it before. It is
// small, however many domains the push has, so that many can be remembered. The zero Story
// is of a push that has not been offered yet.
type Story struct {
	Seller, Buyer string
	Domain        domainname.Name // the first
	Domains       int             // how many there are
	Total, Fee    money.Fen
	ExpiresAt     time.Time // end of the offer

	accepted bool
	frozen   bool      // the provider keeps the money for the seller; it is never the platform's
	payBy    time.Time // end of the payment window
	paid     bool      // delivery has begun, at a total of 0 as well
	ended    Text      // why it ended without a purchase
	refundNo string    // of the refund of the push's own payment
}

// Open is the story of a push that is still open to its buyer.
func Open(state push.State) Story {
	story := Story{
		Seller: state.Seller, Buyer: state.Buyer, Domains: len(state.Lines),
		Total: state.Total, Fee: state.FeeRate.Of(state.Total), ExpiresAt: state.ExpiresAt,
	}
	if len(state.Lines) > 0 {
		story.Domain = state.Lines[0].Domain
	}
	return story
}

// Tell says what an event means for the push whose story it goes on with.
func (s Story) Tell(event push.Event) (Story, Text) {
	after := s.after(event)
	return after, tidy(after.sentence(event))
}

// after keeps of an event what later sentences speak of.
func (s Story) after(event push.Event) Story {
	switch e := event.(type) {
	case push.Offered:
		return Open(push.Evolve(push.State{}, e))
	case push.Accepted:
		s.accepted, s.payBy, s.frozen = true, e.PayBy, e.Merchant != ""
	case push.Paid:
		s.paid = true
	case push.Expired:
		s.ended = s.expiry(e)
	case push.Invalidated:
		s.ended = cause(e.Code, e.Domain, e.Cause)
	case push.RefundRequested:
		s.refundNo = e.RequestNo
	default: // no sentence looks back at any other
	}
	return s
}

// free reports that there is nothing to pay, so that no sentence speaks of money.
func (s Story) free() bool { return s.Total == 0 }

// domains names the first domain and says how many more there are.
func (s Story) domains() Text { return s.list(s.Domain.Unicode()) }

// precisely is domains where they are told for the first time: there a name that looks like
// another must not be taken for it in Chinese either.
func (s Story) precisely() Text { return s.list(s.Domain.Both()) }

func (s Story) list(first string) Text {
	switch s.Domains {
	case 0: // as no rule allows
		return Text{EN: "no domain", ZH: "0 个域名"}
	case 1:
		return Text{EN: s.Domain.Both(), ZH: " " + first + " "}
	default:
		return Text{
			EN: fmt.Sprintf("%s and %d more", s.Domain.Both(), s.Domains-1),
			ZH: fmt.Sprintf(" %s 等 %d 个域名", first, s.Domains),
		}
	}
}

// price is what all domains cost together.
func (s Story) price() Text {
	if s.Domains > 1 {
		return say("%s CNY in all", "转让价格共 %s 元", s.Total)
	}
	return say("%s CNY", "转让价格 %s 元", s.Total)
}

// deadline is until when the offer stood, or until when it had to be paid once accepted.
func (s Story) deadline() Text {
	if s.accepted && !s.payBy.IsZero() {
		return fill("to be paid by {0}", "付款时限至{0}", instant(s.payBy))
	}
	return fill("open until {0}", "有效期至{0}", instant(s.ExpiresAt))
}

// verb is the one of two English forms that goes with the domains.
func (s Story) verb(one, several string) Text {
	if s.Domains == 1 {
		return Text{EN: one}
	}
	return Text{EN: several}
}
