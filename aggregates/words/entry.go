package words

import (
	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/money"
)

// Entry is a line of a statement of account, as the party whose statement it is sees it.
type Entry struct {
	Event   string // type of the event that moved the money
	Selling bool   // the statement is the seller's of this push
	Other   string // account of the other party
	Domain  domainname.Name
	Domains int
	Fee     money.Fen // the platform's share
}

// Text says what the line is.
func (e Entry) Text() Text {
	what, party := bought[e.Event], Text{EN: "seller", ZH: "卖家"}
	if e.Selling {
		what, party = sold[e.Event], Text{EN: "buyer", ZH: "买家"}
	}
	if e.Fee != 0 {
		what = fill("{0} less the fee of {1}", "{0}（已扣手续费{1}）", what, yuan(e.Fee))
	}
	return tidy(fill(
		"{0}: {1}, {2} {3}", "{0}：{1}，{2}{3}",
		known(what, e.Event), Story{Domain: e.Domain, Domains: e.Domains}.domains(), party, say("%s", " %s ", e.Other),
	))
}

// sold is what happens to money of a push on its seller's statement.
var sold = map[string]Text{
	"PayoutRequested": {EN: "price of what was delivered", ZH: "域名已交割，应付您的转让款"},
	"PaidOut":         {EN: "payout received", ZH: "收到转让款"},
}

// bought is what happens to it on its buyer's.
var bought = map[string]Text{
	"Paid":            {EN: "payment", ZH: "付款"},
	"PayoutRequested": {EN: "price of what was delivered, to the seller", ZH: "域名已交割，转让款付给卖家"},
	"Refunded":        {EN: "refund", ZH: "退款"},
	"StrayReceived":   {EN: "payment that pays nothing, to be refunded", ZH: "误入款，待退回"},
	"StrayRefunded":   {EN: "refund of a payment that paid nothing", ZH: "误入款退款"},
}
