package push_test

import (
	"slices"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates"
	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/money"
	"github.com/pushledger/pushledger/aggregates/push"
)

const (
	seller   = "seller-anna"
	buyer    = "buyer-bo"
	stranger = "carl"
	window   = 30 * time.Minute

	alpha domainname.Name = "alpha.com"
	beta  domainname.Name = "beta.cn"
	gamma domainname.Name = "xn--fsqu00a.xn--fiqs8s"

	total = money.Fen(300_50) // of an offer by threeDomains
)

var payer = push.Payer{UserID: "2088102117900002", LoginMasked: "buy***@example.com"}

var noon = time.Date(2026, 11, 2, 12, 0, 0, 500, time.UTC)

// threeDomains is the offer of most tests.
func threeDomains() push.Offer {
	return push.Offer{PushID: "p-1", Seller: seller, Buyer: buyer, Items: []push.Item{
		{Domain: alpha, Price: 100_00}, {Domain: beta, Price: 200_50}, {Domain: gamma, Price: 0},
	}}
}

func oneDomain(name domainname.Name, price money.Fen) push.Offer {
	return push.Offer{PushID: "p-1", Seller: seller, Buyer: buyer, Items: []push.Item{{Domain: name, Price: price}}}
}

// healthy is a domain of the seller that breaks no rule at noon.
func healthy(name domainname.Name) push.DomainFacts {
	return push.DomainFacts{
		Domain: name, Exists: true, Account: seller, RegistrarOK: true,
		RegisteredAt: noon.AddDate(-1, 0, 0), ExpiresAt: noon.AddDate(1, 0, 0),
		Product: "standard", Sale: "none", Revision: 1,
	}
}

func allHealthy(items []push.Item) []push.DomainFacts {
	facts := make([]push.DomainFacts, len(items))
	for i, item := range items {
		facts[i] = healthy(item.Domain)
	}
	return facts
}

// sellable is that the seller meets rule T7, and these facts.
func sellable(domains []push.DomainFacts) push.AcceptFacts {
	return push.AcceptFacts{Seller: push.AccountFacts{Exists: true, RealNameVerified: true, AlipayAccount: "bound"}, Domains: domains}
}

// goodFacts let an offer be published.
func goodFacts(offer push.Offer) push.OfferFacts {
	return push.OfferFacts{
		CheckedAt: noon,
		Seller:    push.AccountFacts{Account: seller, Exists: true, RealNameVerified: true, AlipayAccount: "anna@example.com"},
		Buyer:     push.AccountFacts{Account: buyer, Exists: true},
		Domains:   allHealthy(offer.Items),
	}
}

func receipt(state push.State) push.Receipt {
	return push.Receipt{
		TradeNo: state.Payment.TradeNo, ProviderTradeNo: "2026110222001", Amount: state.Total,
		Channels: []string{"ALIPAYACCOUNT"}, PaidAt: noon.Truncate(time.Second),
	}
}

// past is a push on its way to the state that a test starts from.
type past struct {
	t     require.TestingT
	now   time.Time
	state push.State
}

type step func(*past)

// given is a push to which the steps have happened, from noon on.
func given(t require.TestingT, steps ...step) push.State {
	p := &past{t: t, now: noon}
	for _, happened := range steps {
		happened(p)
	}
	return p.state
}

func (p *past) record(events []push.Event) {
	require.NotEmpty(p.t, events, "the step does nothing to a push that is %s", p.state.Status)
	p.state = after(p.state, events)
}

func (p *past) decided(events []push.Event, err error) {
	require.NoError(p.t, err)
	p.record(events)
}

func after(state push.State, events []push.Event) push.State {
	return aggregates.Fold(state, push.Evolve, events...)
}

func offering(offer push.Offer) step {
	return func(p *past) { p.decided(push.DecideOffer(p.state, offer, goodFacts(offer), p.now)) }
}

func offered(p *past) { offering(threeDomains())(p) }

func withdrawn(p *past) {
	p.decided(push.DecideWithdraw(p.state, push.Withdraw{Actor: seller}, p.now))
}

func declined(p *past) {
	p.decided(push.DecideDecline(p.state, push.Decline{Actor: buyer, Reason: "too dear"}, p.now))
}

func accepted(p *past) {
	items := make([]push.Item, len(p.state.Lines))
	for i, line := range p.state.Lines {
		items[i] = line.Item
	}
	command := push.Accept{Actor: buyer, Total: p.state.Total, Window: window}
	p.decided(push.DecideAccept(p.state, command, sellable(allHealthy(items)), p.now))
}

func expired(p *past) {
	p.now = p.state.ExpiresAt
	p.record(push.DecideExpire(p.state, p.now))
}

func opened(p *past) { p.record(push.DecideOpened(p.state, p.now)) }

func unpaid(p *past) {
	p.now = p.state.Payment.PayBy
	p.record(push.DecideUnpaid(p.state, p.now))
}

func closed(p *past) { p.record(push.DecideClosed(p.state, p.now)) }

func paid(p *past) { received(receipt(p.state))(p) }

func received(money push.Receipt) step {
	return func(p *past) { p.record(push.DecideReceipt(p.state, money, p.now)) }
}

func paidByCredit(p *past) {
	money := receipt(p.state)
	money.Channels = []string{"PCREDIT"}
	received(money)(p)
}

func paidFrom(channels ...string) step {
	return func(p *past) {
		money := receipt(p.state)
		money.Channels = channels
		received(money)(p)
	}
}

// untold is a payment of which the provider has not told the sources for too long.
func untold(p *past) {
	money := receipt(p.state)
	money.Channels, money.Insisted, money.Payer = nil, true, payer
	received(money)(p)
}

func checkedFunding(decision push.Decision) step {
	return func(p *past) {
		command := settle(push.Task{Step: push.StepCheckFunding})
		command.Decision = decision
		p.decided(push.DecideSettle(p.state, command, push.DomainFacts{}, p.now))
	}
}

func paidTooLittle(p *past) {
	money := receipt(p.state)
	money.Amount--
	received(money)(p)
}

func moved(names ...domainname.Name) step {
	return func(p *past) { p.record(push.DecideMoves(p.state, arrivals(names...), p.now)) }
}

func arrivals(names ...domainname.Name) []push.MoveOutcome {
	outcomes := make([]push.MoveOutcome, len(names))
	for i, name := range names {
		outcomes[i] = push.MoveOutcome{Domain: name, Moved: true, Revision: 2}
	}
	return outcomes
}

func refusedMove(name domainname.Name) push.MoveOutcome {
	return push.MoveOutcome{Domain: name, Code: "registry_lock", Cause: push.CauseMove}
}

func moveRefused(name domainname.Name) step {
	return func(p *past) {
		p.record(push.DecideMoves(p.state, []push.MoveOutcome{refusedMove(name)}, p.now))
	}
}

// held has the registrar hold the given domains of the push, and no other.
func held(names ...domainname.Name) step {
	return func(p *past) { p.record(push.DecideHolds(p.state, holds(p.state, names...), p.now)) }
}

func holds(state push.State, names ...domainname.Name) []push.HoldOutcome {
	outcomes := make([]push.HoldOutcome, len(state.Lines))
	for i, line := range state.Lines {
		outcomes[i] = push.HoldOutcome{Domain: line.Domain, Held: slices.Contains(names, line.Domain)}
	}
	return outcomes
}

func released(p *past) { p.record(push.DecideReleased(p.state, p.now)) }

// acted is that the buyer moves a delivered domain on.
func acted(name domainname.Name) step {
	return func(p *past) {
		event := report("account_moved", name)
		event.To = stranger
		p.record(push.DecideReport(p.state, event, p.now))
	}
}

// decidedFor is that an operator settles what the buyer has done with a domain.
func decidedFor(decision push.Decision, name domainname.Name) step {
	return func(p *past) {
		command := settle(push.Task{Step: push.StepBuyerAct, Domain: name})
		command.Decision = decision
		p.decided(push.DecideSettle(p.state, command, push.DomainFacts{}, p.now))
	}
}

func placed(place push.Place, names ...domainname.Name) step {
	return func(p *past) {
		outcomes := make([]push.ReturnOutcome, len(names))
		for i, name := range names {
			outcomes[i] = push.ReturnOutcome{Domain: name, Place: place, Revision: 3}
		}
		p.record(push.DecideReturns(p.state, outcomes, p.now))
	}
}

func stuck(name domainname.Name) step {
	return func(p *past) {
		p.record(push.DecideReturns(p.state, []push.ReturnOutcome{{Domain: name, Code: "locked"}}, p.now))
	}
}

func reported(kind string, name domainname.Name) step {
	return func(p *past) { p.record(push.DecideReport(p.state, report(kind, name), p.now)) }
}

func report(kind string, name domainname.Name) push.Report {
	return push.Report{EventID: "e-1", Kind: kind, Domain: name, At: noon.Add(time.Minute)}
}

func takenDown(p *past) {
	p.decided(push.DecideTakedown(p.state, push.Takedown{Actor: "operator", Reason: "court order 17"}, p.now))
}

func completed(p *past) { p.record(push.DecidePaidOut(p.state, "pay-9", p.now)) }

func payoutRefused(p *past) {
	p.record(push.DecidePayoutRefused(p.state, push.PayoutRefusal{PayoutNo: push.PayoutNo(p.state.ID), Code: "PAYEE_NOT_EXIST", Message: "收款账号不存在"}, p.now))
}

func refunded(p *past) {
	p.record(push.DecideRefunded(p.state, refundNo(p.state), p.now))
}

func refundRefused(p *past) {
	p.record(push.DecideRefundRefused(p.state, refundNo(p.state), "TRADE_HAS_FINISHED", "交易已完结", p.now))
}

// refundNo is the number of the only refund there can be of the push's own trade.
func refundNo(state push.State) string { return push.RefundNo(state.ID, state.Payment.TradeNo) }

// situations are all the places in which a push can stand.
func situations(t require.TestingT) map[string]push.State {
	delivering := []step{offered, accepted, opened, paid}
	returning := append(delivering[:4:4], moved(alpha), moveRefused(beta))
	all := map[string][]step{
		"never offered":             nil,
		"offered":                   {offered},
		"withdrawn":                 {offered, withdrawn},
		"declined":                  {offered, declined},
		"expired":                   {offered, expired},
		"accepted":                  {offered, accepted},
		"payment open":              {offered, accepted, opened},
		"paid too little":           {offered, accepted, opened, paidTooLittle},
		"unpaid":                    {offered, accepted, opened, unpaid},
		"unpaid and closed":         {offered, accepted, opened, unpaid, closed},
		"ended before payment":      {offered, accepted, opened, reported("deleted", beta)},
		"taken down":                {offered, takenDown},
		"paid by credit":            {offered, accepted, opened, paidByCredit},
		"sources untold":            {offered, accepted, opened, untold},
		"paid from who knows where": {offered, accepted, opened, paidFrom("TMARKETING")},
		"credit refunded":           {offered, accepted, opened, paidByCredit, refunded},
		"delivering":                delivering,
		"one moved":                 append(delivering[:4:4], moved(alpha)),
		"delivered":                 append(delivering[:4:4], moved(alpha, beta, gamma)),
		"payout refused":            append(delivering[:4:4], moved(alpha, beta, gamma), payoutRefused),
		"stopped":                   append(delivering[:4:4], held(), moved(alpha), acted(alpha)),
		"completed":                 append(delivering[:4:4], moved(alpha, beta, gamma), completed, released),
		"completed, held":           append(delivering[:4:4], held(alpha, beta), moved(alpha, beta, gamma), completed),
		"returning":                 returning,
		"stuck":                     append(returning[:6:6], stuck(alpha), placed(push.PlaceKept, beta, gamma)),
		"refund due":                append(returning[:6:6], placed(push.PlaceReturned, alpha), placed(push.PlaceKept, beta, gamma), released),
		"refund refused":            append(returning[:6:6], placed(push.PlaceReturned, alpha), placed(push.PlaceKept, beta, gamma), released, refundRefused),
		"refunded":                  append(returning[:6:6], placed(push.PlaceReturned, alpha), placed(push.PlaceKept, beta, gamma), released, refunded),
	}
	states := make(map[string]push.State, len(all))
	for name, steps := range all {
		states[name] = given(t, steps...)
	}
	return states
}

// requireRefused demands a refusal of the code, with words in both languages.
func requireRefused(t require.TestingT, code string, events []push.Event, err error) {
	require.Equal(t, code, refusalOf(t, code, events, err).Code)
}

// refusalOf is requireRefused for who looks further into the refusal.
func refusalOf(t require.TestingT, code string, events []push.Event, err error) *push.Refusal {
	var refusal *push.Refusal
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, code, refusal.Code)
	require.NotEmpty(t, refusal.Message)
	require.NotEmpty(t, refusal.MessageZH)
	require.ErrorContains(t, err, code)
	require.Empty(t, events)
	return refusal
}

// breaks is what a violation is compared by.
type breaks struct {
	Domain     domainname.Name
	Rule, Code string
}

func violations(t require.TestingT, refusal *push.Refusal) []breaks {
	list := make([]breaks, len(refusal.Violations))
	for i, violation := range refusal.Violations {
		require.NotEmpty(t, violation.Message)
		require.NotEmpty(t, violation.MessageZH)
		list[i] = breaks{domainname.Name(violation.Domain), violation.Rule, violation.Code}
	}
	return list
}
