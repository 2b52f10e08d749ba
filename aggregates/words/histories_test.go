package words_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates"
	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/money"
	"github.com/pushledger/pushledger/aggregates/push"
)

const (
	seller = "seller-chen"
	buyer  = "buyer-bo"
	window = 30 * time.Minute

	qinghe  domainname.Name = "xn--2lzs91d.xn--io0a7i" // 青禾.网络
	shanhai domainname.Name = "shanhai.com"
	yunfan  domainname.Name = "xn--9kqs09a.xn--fiqs8s" // 云帆.中国
)

var start = time.Date(2026, 11, 2, 4, 30, 0, 0, time.UTC)

// history is a push to which the rules let things happen, and all its events.
type history struct {
	t      testing.TB
	now    time.Time
	state  push.State
	events []push.Event
}

// then records what a decision gave, a minute after what was before.
func (h *history) then(events []push.Event) {
	h.t.Helper()
	require.NotEmpty(h.t, events, "nothing happens to a push that is %s", h.state.Status)
	h.events = append(h.events, events...)
	h.state = aggregates.Fold(h.state, push.Evolve, events...)
	h.now = h.now.Add(time.Minute)
}

func (h *history) decided(events []push.Event, err error) {
	h.t.Helper()
	require.NoError(h.t, err)
	h.then(events)
}

type step func(*history)

// told is a heading and what happens under it.
type told struct {
	heading string
	steps   []step
}

func lived(t testing.TB, steps []step) *history {
	t.Helper()
	h := &history{t: t, now: start}
	for _, happens := range steps {
		happens(h)
	}
	return h
}

func with(before []step, more ...step) []step {
	return append(before[:len(before):len(before)], more...)
}

func item(name domainname.Name, price money.Fen) push.Item {
	return push.Item{Domain: name, Price: price}
}

func offering(change func(*push.Offer), items ...push.Item) step {
	return func(h *history) {
		offer := push.Offer{PushID: "p-1", Seller: seller, Buyer: buyer, Items: items}
		if change != nil {
			change(&offer)
		}
		facts := push.OfferFacts{
			CheckedAt: h.now, Seller: push.AccountFacts{Exists: true, RealNameVerified: true, AlipayAccount: "chen@example.com"},
			Buyer: push.AccountFacts{Exists: true}, Domains: h.facts(items, seller),
		}
		h.decided(push.DecideOffer(h.state, offer, facts, h.now))
	}
}

func (h *history) facts(items []push.Item, account string) []push.DomainFacts {
	facts := make([]push.DomainFacts, len(items))
	for i, item := range items {
		facts[i] = push.DomainFacts{
			Domain: item.Domain, Exists: true, Account: account, RegistrarOK: true,
			RegisteredAt: start.AddDate(-1, 0, 0), ExpiresAt: start.AddDate(1, 0, 0),
		}
	}
	return facts
}

func accepted(h *history) { accept(h, false) }

// acceptedForMerchant is an acceptance where sellers are paid by confirming trades.
func acceptedForMerchant(h *history) {
	facts := push.AcceptFacts{
		Seller:        push.AccountFacts{Exists: true, RealNameVerified: true, AlipayAccount: "chen@example.com", AlipayMerchantID: "2088000000000107"},
		NeedsMerchant: true, Domains: h.facts([]push.Item{h.state.Lines[0].Item}, seller),
	}
	h.decided(push.DecideAccept(h.state, push.Accept{Actor: buyer, Total: h.state.Total, Window: window}, facts, h.now))
}

func feeRefused(code, message string) step {
	return func(h *history) {
		h.then(push.DecideFeeRefused(h.state, push.PayoutRefusal{PayoutNo: h.state.Payout.PayoutNo, Code: code, Message: message}, h.now))
	}
}

// bound is an acceptance by a buyer who must pay from its own account.
func bound(h *history) { accept(h, true) }

func accept(h *history, own bool) {
	items := make([]push.Item, len(h.state.Lines))
	for i, line := range h.state.Lines {
		items[i] = line.Item
	}
	command := push.Accept{Actor: buyer, Total: h.state.Total, Window: window, OwnAccount: own}
	facts := push.AcceptFacts{
		Seller:  push.AccountFacts{Exists: true, RealNameVerified: true, AlipayAccount: "chen@example.com"},
		Buyer:   push.AccountFacts{AlipayUserID: "2088-own"},
		Domains: h.facts(items, seller),
	}
	h.decided(push.DecideAccept(h.state, command, facts, h.now))
}

func withdrawn(h *history) {
	h.decided(push.DecideWithdraw(h.state, push.Withdraw{Actor: seller}, h.now))
}

func declining(reason string) step {
	return func(h *history) {
		h.decided(push.DecideDecline(h.state, push.Decline{Actor: buyer, Reason: reason}, h.now))
	}
}

func expired(h *history) {
	h.now = h.state.ExpiresAt
	h.then(push.DecideExpire(h.state, h.now))
}

func opened(h *history) { h.then(push.DecideOpened(h.state, h.now)) }

func unpaid(h *history) {
	h.now = h.state.Payment.PayBy
	h.then(push.DecideUnpaid(h.state, h.now))
}

func closed(h *history) { h.then(push.DecideClosed(h.state, h.now)) }

// paying brings money in: the push's own payment, with changes.
func paying(change func(*push.Receipt)) step {
	return func(h *history) {
		receipt := push.Receipt{
			TradeNo: h.state.Payment.TradeNo, ProviderTradeNo: "2026110222001", Amount: h.state.Total,
			Channels: []string{"ALIPAYACCOUNT"}, PaidAt: h.now,
		}
		if change != nil {
			change(&receipt)
		}
		h.then(push.DecideReceipt(h.state, receipt, h.now))
	}
}

func paid(h *history) { paying(nil)(h) }

// held says of which domains the registrar takes a hold; a code refuses the first.
func held(code string, names ...domainname.Name) step {
	return func(h *history) {
		outcomes := make([]push.HoldOutcome, len(h.state.Lines))
		for i, line := range h.state.Lines {
			outcomes[i].Domain = line.Domain
			for _, name := range names {
				outcomes[i].Held = outcomes[i].Held || name == line.Domain
			}
		}
		if code != "" {
			outcomes[0].Code, outcomes[0].Cause = code, push.CauseHold
		}
		h.then(push.DecideHolds(h.state, outcomes, h.now))
	}
}

func released(h *history) { h.then(push.DecideReleased(h.state, h.now)) }

func moved(names ...domainname.Name) step {
	return func(h *history) {
		outcomes := make([]push.MoveOutcome, len(names))
		for i, name := range names {
			outcomes[i] = push.MoveOutcome{Domain: name, Moved: true, Revision: 2}
		}
		h.then(push.DecideMoves(h.state, outcomes, h.now))
	}
}

func moveRefused(name domainname.Name, code, cause string) step {
	return func(h *history) {
		h.then(push.DecideMoves(h.state, []push.MoveOutcome{{Domain: name, Code: code, Cause: cause}}, h.now))
	}
}

func placed(place push.Place, names ...domainname.Name) step {
	return func(h *history) {
		outcomes := make([]push.ReturnOutcome, len(names))
		for i, name := range names {
			outcomes[i] = push.ReturnOutcome{Domain: name, Place: place}
		}
		h.then(push.DecideReturns(h.state, outcomes, h.now))
	}
}

func stuck(name domainname.Name, code string) step {
	return func(h *history) {
		h.then(push.DecideReturns(h.state, []push.ReturnOutcome{{Domain: name, Code: code}}, h.now))
	}
}

func reported(kind string, name domainname.Name) step {
	return func(h *history) {
		h.then(push.DecideReport(h.state, push.Report{EventID: "e-1", Kind: kind, Domain: name, At: h.now, To: "carl"}, h.now))
	}
}

// reversed is a move that the registrar takes back.
func reversed(name domainname.Name, to string) step {
	return func(h *history) {
		report := push.Report{
			EventID: "e-2", Kind: "account_moved", Domain: name, At: h.now, To: to, OperationID: push.MoveNo(h.state.ID, name),
		}
		h.then(push.DecideReport(h.state, report, h.now))
	}
}

func takenDown(reason string) step {
	return func(h *history) {
		h.decided(push.DecideTakedown(h.state, push.Takedown{Actor: "operator", Reason: reason}, h.now))
	}
}

func paidOut(h *history) { h.then(push.DecidePaidOut(h.state, "pay-9", h.now)) }

func payoutFailed(code, message string) step {
	return func(h *history) {
		h.then(push.DecidePayoutRefused(h.state, push.PayoutRefusal{
			PayoutNo: push.PayoutNo(h.state.ID), Code: code, Message: message, Failed: true, Payee: push.PayeeDigest(h.state.Payout.PayoutNo, "wrong@example.com", "安娜"),
		}, h.now))
	}
}

func payoutRenumbered(h *history) {
	h.then(push.DecidePayoutRenumbered(h.state, "anna@example.com", "安娜", h.now))
}

func payoutRefused(code, message string) step {
	return func(h *history) {
		h.then(push.DecidePayoutRefused(h.state, push.PayoutRefusal{PayoutNo: push.PayoutNo(h.state.ID), Code: code, Message: message}, h.now))
	}
}

func refunded(h *history) { h.then(push.DecideRefunded(h.state, h.refundNo(), h.now)) }

func refundRefused(code, message string) step {
	return func(h *history) { h.then(push.DecideRefundRefused(h.state, h.refundNo(), code, message, h.now)) }
}

// refundNo is that of the newest stray money, or else of the push's own payment.
func (h *history) refundNo() string {
	if last := len(h.state.Strays) - 1; last >= 0 {
		return h.state.Strays[last].RequestNo
	}
	return h.state.Refund.RequestNo
}

func retried(task push.Task, reason string) step {
	return func(h *history) {
		h.decided(push.DecideRetry(h.state, push.Retry{Task: task, Actor: "operator", Reason: reason}, h.now))
	}
}

func settled(task push.Task, change func(*push.Settle), account string) step {
	return func(h *history) {
		command := push.Settle{Task: task, Actor: "operator", Reason: "银行转账", Reference: "4711"}
		if change != nil {
			change(&command)
		}
		facts := push.DomainFacts{Domain: task.Domain, Exists: true, RegistrarOK: true, Account: account}
		h.decided(push.DecideSettle(h.state, command, facts, h.now))
	}
}
