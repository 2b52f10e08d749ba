package purchase_test

import (
	"cmp"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/money"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/sagas/ledger"
	"github.com/pushledger/pushledger/sagas/payment"
	"github.com/pushledger/pushledger/sagas/sandbox/sandboxtest"
)

// deal is one push from offer to end.
type deal struct {
	*world
	id      string
	seller  string
	domains []domainname.Name
	total   money.Fen
}

// offer publishes a push of so many domains at 100.00 each.
func (w *world) offer(t *testing.T, count int) *deal { return w.offerOf(t, seller, count, 0) }

func (w *world) offerOf(t *testing.T, seller string, count int, validFor time.Duration) *deal {
	t.Helper()
	var names []domainname.Name
	for i := range count {
		name := domainname.Name(fmt.Sprintf("%s-%d.com", newID(), i))
		w.Do(t, "registrar.set", `{"domain":%q,"account":%q}`, name, seller)
		names = append(names, name)
	}
	return w.offerNamed(t, seller, validFor, names...)
}

// offerNamed publishes a push of domains that the seller has, at 100.00 each.
func (w *world) offerNamed(t *testing.T, seller string, validFor time.Duration, names ...domainname.Name) *deal {
	t.Helper()
	d := &deal{world: w, id: newID(), seller: seller, domains: names, total: money.Fen(len(names)) * 100_00}
	made := push.Offer{PushID: d.id, Seller: seller, Buyer: buyer, ValidFor: validFor}
	for _, name := range names {
		made.Items = append(made.Items, push.Item{Domain: name, Price: 100_00})
	}
	facts := push.OfferFacts{
		CheckedAt: now(), Domains: w.Facts(t, d.domains...),
		Seller: push.AccountFacts{Exists: true, RealNameVerified: true, AlipayAccount: "bound"}, Buyer: push.AccountFacts{Exists: true},
	}
	_, err := w.ledger.Offer(t.Context(), command(seller), d.id, d.domains,
		func(known ledger.Push, held map[domainname.Name]string) ([]push.Event, error) {
			facts.HeldBy = held
			return push.DecideOffer(known.State, made, facts, now())
		})
	require.NoError(t, err)
	return d
}

// buy is an offer that has been accepted.
func (w *world) buy(t *testing.T, count int) *deal {
	t.Helper()
	d := w.offer(t, count)
	d.accept(t, time.Hour)
	return d
}

// accept starts the purchase with a payment window.
func (d *deal) accept(t *testing.T, window time.Duration) {
	t.Helper()
	facts := push.AcceptFacts{
		Seller:  push.AccountFacts{Exists: true, RealNameVerified: true, AlipayAccount: "bound", AlipayMerchantID: d.merchant},
		Domains: d.Facts(t, d.domains...), NeedsMerchant: d.merchant != "",
	}
	_, err := d.ledger.Decide(t.Context(), command(buyer), d.id, func(known ledger.Push) ([]push.Event, error) {
		events, err := push.DecideAccept(known.State, push.Accept{Actor: buyer, Total: d.total, Window: window}, facts, now())
		if err != nil {
			return nil, err
		}
		accepted := events[0].(push.Accepted)
		accepted.PayURL, err = d.Provider.PayURL(payment.Order{
			TradeNo: accepted.TradeNo, PushID: d.id, Amount: accepted.Total, Subject: "push " + d.id, PayBy: accepted.PayBy,
			Merchant: accepted.Merchant,
		})
		return []push.Event{accepted}, err
	})
	require.NoError(t, err)
}

func (d *deal) takeDown(t *testing.T) {
	t.Helper()
	_, err := d.ledger.Decide(t.Context(), command("operator"), d.id, func(known ledger.Push) ([]push.Event, error) {
		return push.DecideTakedown(known.State, push.Takedown{Actor: "operator", Reason: "court order 17"}, now())
	})
	require.NoError(t, err)
}

func (d *deal) pay(t *testing.T, members ...string) { d.Pay(t, d.id, members...) }

// fault has the registrar misbehave for a domain; times 0 lifts it.
func (d *deal) fault(t *testing.T, domain int, op, mode string, times int) {
	t.Helper()
	d.Do(t, "registrar.fault", `{"domain":%q,"op":%q,"mode":%q,"times":%d}`, d.domains[domain], op, mode, times)
}

// happens has the registrar report an event, and waits until it has been handled.
func (d *deal) happens(t *testing.T, kind string, domain int) {
	t.Helper()
	d.Do(t, "registrar.event", `{"domain":%q,"kind":%q}`, d.domains[domain], kind)
	d.reported(t, kind, domain)
}

func (d *deal) reported(t *testing.T, kind string, domain int) {
	t.Helper()
	require.Eventually(t, func() bool {
		_, handled := d.handled.Load(kind + " " + string(d.domains[domain]))
		return handled
	}, patience, 5*time.Millisecond)
}

func (d *deal) state(t *testing.T) push.State {
	t.Helper()
	loaded, err := d.ledger.Load(t.Context(), d.id)
	require.NoError(t, err)
	return loaded.State
}

// await waits for the push to stand as wanted and returns it.
func (d *deal) await(t *testing.T, wanted func(push.State) bool) push.State {
	t.Helper()
	var state push.State
	if !eventually(func() bool { state = d.state(t); return wanted(state) }) {
		require.Fail(t, "the push does not get there", "%+v", state)
	}
	return state
}

func eventually(condition func() bool) bool {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if condition() {
			return true
		}
	}
	return condition()
}

// ends waits until the push has a status and nothing is left to do for it.
func (d *deal) ends(t *testing.T, status push.Status) push.State {
	t.Helper()
	return d.await(t, func(state push.State) bool { return state.Status == status && len(push.Next(state)) == 0 })
}

func opened(state push.State) bool { return state.Payment.Opened }
func paid(state push.State) bool   { return state.Status == push.StatusPaid }

// signsIn has the buyer sign in on the page and not pay yet: from then on there is a trade,
// which can be closed before its time is over.
func (d *deal) signsIn(t *testing.T) push.State {
	t.Helper()
	state := d.await(t, opened)
	d.Do(t, "alipay.open", `{"push_id":%q}`, d.id)
	return state
}

// delivered is that so many domains are with the buyer.
func delivered(count int) func(push.State) bool {
	return func(state push.State) bool { return len(state.At(push.DeliveryDelivered)) == count }
}

// settled demands the good end in all three books: every domain with the buyer, the
// seller paid once, nothing left in between.
func (d *deal) settled(t *testing.T) {
	t.Helper()
	d.ends(t, push.StatusCompleted)
	d.places(t, buyer)
	moved := d.balanced(t)
	require.Len(t, moved.Payouts, 1)
	require.Equal(t, d.total, moved.Payouts[0].Amount)
	require.Equal(t, cmp.Or(d.state(t).Payment.Merchant, d.seller+"@example.com"), moved.Payouts[0].Payee)
	require.Len(t, moved.Refunds, len(moved.Trades)-1, "only what was paid too much went back")
	require.Equal(t, 1, d.count(t, push.Paid{}.EventType()))
}

// refunded demands the other end: the buyer has its money, and the seller its domains.
func (d *deal) refunded(t *testing.T, status push.Status, reason string) push.State {
	t.Helper()
	state := d.ends(t, status)
	require.Equal(t, reason, state.EndReason)
	moved := d.balanced(t)
	require.Empty(t, moved.Payouts)
	require.NotEmpty(t, moved.Trades)
	require.Len(t, moved.Refunds, len(moved.Trades), "each trade went back once and in full")
	return state
}

// unpaid demands an end before any money came.
func (d *deal) unpaid(t *testing.T, status push.Status, reason string) {
	t.Helper()
	state := d.ends(t, status)
	require.Equal(t, reason, state.EndReason)
	d.places(t, d.seller)
	require.Empty(t, d.balanced(t).Trades)
	if state.Payment.TradeNo != "" { // on a slow machine it was never opened
		require.Contains(t, []string{"trade_closed", "trade_not_found"}, d.Refused(t, "alipay.pay", `{"push_id":%q}`, d.id))
	}
}

// places demands the account in which the registrar has each domain; the last one given
// stands for all that follow, an empty one for a domain that is nobody's.
func (d *deal) places(t *testing.T, accounts ...string) {
	t.Helper()
	for i, facts := range d.Facts(t, d.domains...) {
		require.Equal(t, accounts[min(i, len(accounts)-1)], facts.Account, "domain %d", i)
	}
	held, err := d.ledger.Holders(t.Context(), d.domains)
	require.NoError(t, err)
	require.Empty(t, held)
}

// journal is the balance of every account, by the postings of this push alone.
func (d *deal) journal(t *testing.T) map[string]money.Fen {
	t.Helper()
	history, err := d.store.Load(t.Context(), ledger.PushStream(d.id))
	require.NoError(t, err)
	balances := make(map[string]money.Fen)
	for _, recorded := range history {
		for _, posting := range push.Postings(d.id, recorded.Event.(push.Event)) {
			balances[posting.From] -= posting.Amount
			balances[posting.To] += posting.Amount
		}
	}
	return balances
}

// balanced demands that no account holds anything of this push any more.
func (d *deal) balanced(t *testing.T) (moved sandboxtest.Moved) {
	t.Helper()
	return d.owes(t, "", 0)
}

// owes demands that the one account holds the amount, that all others are empty, and
// that Alipay's own books say the same of the money that it holds for us.
func (d *deal) owes(t *testing.T, account string, amount money.Fen) (moved sandboxtest.Moved) {
	t.Helper()
	var sum money.Fen
	for name, balance := range d.journal(t) {
		sum += balance
		switch name {
		case account:
			require.Equal(t, amount, balance, name)
		case d.provider(t):
			require.Equal(t, -amount, balance, name)
		default:
			require.Zero(t, balance, name)
		}
	}
	require.Zero(t, sum)
	moved = d.Moved(t, d.id)
	require.Equal(t, amount, moved.Held())
	return moved
}

// provider is the journal's account for the push's money at Alipay.
func (d *deal) provider(t *testing.T) string {
	t.Helper()
	if d.state(t).Payment.Merchant != "" {
		return push.FrozenAccount
	}
	return push.ClearingAccount
}

// count is how many events of a type the push has.
func (d *deal) count(t *testing.T, eventType string) int {
	t.Helper()
	history, err := d.store.Load(t.Context(), ledger.PushStream(d.id))
	require.NoError(t, err)
	number := 0
	for _, recorded := range history {
		if recorded.Type == eventType {
			number++
		}
	}
	return number
}

// placeOf is where a domain of a failed push has come to rest, as it was recorded.
func (d *deal) placeOf(t *testing.T, domain int) push.Place {
	t.Helper()
	history, err := d.store.Load(t.Context(), ledger.PushStream(d.id))
	require.NoError(t, err)
	for _, recorded := range history {
		if returned, is := recorded.Event.(push.DomainReturned); is && returned.Domain == d.domains[domain] {
			return returned.Place
		}
	}
	return ""
}
