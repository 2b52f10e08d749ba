package audit_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/listing"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/audit"
	"github.com/pushledger/pushledger/eventstore"
	"github.com/pushledger/pushledger/eventstore/memory"
	"github.com/pushledger/pushledger/eventstore/transparency"
	"github.com/pushledger/pushledger/sagas/ledger"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)

// market writes a history as the service does.
type market struct {
	t      testing.TB
	log    eventstore.Store
	ledger *ledger.Ledger
	now    time.Time
}

func newMarket(t *testing.T) *market { return newMarketOn(t, newMemory()) }

func newMemory() eventstore.Store {
	return memory.New(audit.Registry(), func() time.Time { return noon })
}

func newMarketOn(t testing.TB, log eventstore.Store) *market {
	return &market{t: t, log: log, ledger: ledger.New(log), now: noon}
}

func (m *market) offer(id string, domains ...domainname.Name) {
	m.t.Helper()
	var items []push.Item
	for _, name := range domains {
		items = append(items, push.Item{Domain: name, Price: 100_00})
	}
	_, err := m.ledger.Offer(m.t.Context(), by("anna"), id, domains, func(current ledger.Push, held map[domainname.Name]string) ([]push.Event, error) {
		return push.DecideOffer(current.State, push.Offer{PushID: id, Seller: "anna", Buyer: "bo", Items: items, FeeRate: 50_000}, push.OfferFacts{
			CheckedAt: m.now, HeldBy: held, Buyer: push.AccountFacts{Exists: true},
			Seller: push.AccountFacts{Exists: true, RealNameVerified: true, AlipayAccount: "anna@example.com"},
		}, m.now)
	})
	require.NoError(m.t, err)
}

// sellable is that the seller meets rule T7; what the registrar says is left out.
var sellable = push.AcceptFacts{Seller: push.AccountFacts{Exists: true, RealNameVerified: true, AlipayAccount: "bound"}}

func (m *market) accept(id string) {
	m.t.Helper()
	_, err := m.ledger.Decide(m.t.Context(), by("bo"), id, func(current ledger.Push) ([]push.Event, error) {
		return push.DecideAccept(current.State, push.Accept{Actor: "bo", Total: current.State.Total, Window: time.Hour}, sellable, m.now)
	})
	require.NoError(m.t, err)
}

func (m *market) record(id string, decide func(push.State) []push.Event) {
	m.t.Helper()
	outcome, err := m.ledger.Record(m.t.Context(), id, decide)
	require.NoError(m.t, err)
	require.NotZero(m.t, outcome.Sequence)
}

func (m *market) pay(id string) {
	m.t.Helper()
	m.record(id, func(state push.State) []push.Event {
		return push.DecideReceipt(state, push.Receipt{
			TradeNo: push.TradeNo(id), Amount: state.Total, Channels: []string{"ALIPAYACCOUNT"}, PaidAt: m.now,
		}, m.now)
	})
}

// complete is a whole purchase.
func (m *market) complete(id string, domains ...domainname.Name) {
	m.t.Helper()
	m.offer(id, domains...)
	m.accept(id)
	m.record(id, func(state push.State) []push.Event { return push.DecideOpened(state, m.now) })
	m.pay(id)
	holds := make([]push.HoldOutcome, len(domains))
	for i, name := range domains {
		holds[i] = push.HoldOutcome{Domain: name, Held: true}
	}
	for _, name := range domains {
		m.record(id, func(state push.State) []push.Event {
			return push.DecideDelivery(state, holds, []push.MoveOutcome{{Domain: name, Moved: true}}, m.now)
		})
	}
	m.record(id, func(state push.State) []push.Event { return push.DecidePaidOut(state, "9001", m.now) })
	m.record(id, func(state push.State) []push.Event { return push.DecideReleased(state, m.now) })
}

// events is everything that was written.
func (m *market) events() []eventstore.Recorded {
	m.t.Helper()
	var all []eventstore.Recorded
	ctx, cancel := context.WithCancel(m.t.Context())
	defer cancel()
	err := m.log.Follow(ctx, 0, func(recorded eventstore.Recorded) error {
		all = append(all, recorded)
		return nil
	}, cancel)
	require.ErrorIs(m.t, err, context.Canceled)
	return all
}

func by(actor string) eventstore.Metadata {
	return eventstore.Metadata{Actor: actor, CommandID: "c", CommandHash: "h"}
}

func replay(events []eventstore.Recorded) (*audit.History, error) {
	history := audit.NewHistory(false)
	for _, recorded := range events {
		if err := history.Add(recorded); err != nil {
			return history, err
		}
	}
	return history, history.Finish()
}

func TestWhatTheServiceWritesObeysTheRules(t *testing.T) {
	m := newMarket(t)
	m.complete("bought", "a.com", "b.com")
	m.offer("open", "a.com")
	history, err := replay(m.events())
	require.NoError(t, err)
	summary := history.Summary()
	require.Equal(t, map[string]int{"Completed": 1, "Offered": 1}, summary.Statuses)
	require.Equal(t, 1, summary.Domains)
	require.Equal(t, 1, summary.Open)
	require.Equal(t, "0.00", summary.Sum)
	require.Equal(t, map[string]string{push.ClearingAccount: "-10.00", push.FeeAccount: "10.00"}, summary.Balances)
}

// A push that is paid by confirming its trade, whose fee a person has collected.
func TestAConfirmedTradeObeysTheRules(t *testing.T) {
	m := newMarket(t)
	m.offer("kept", "a.com")
	facts := sellable
	facts.NeedsMerchant, facts.Seller.AlipayMerchantID = true, "2088000000000107"
	_, err := m.ledger.Decide(t.Context(), by("bo"), "kept", func(current ledger.Push) ([]push.Event, error) {
		return push.DecideAccept(current.State, push.Accept{Actor: "bo", Total: current.State.Total, Window: time.Hour}, facts, m.now)
	})
	require.NoError(t, err)
	m.pay("kept")
	m.record("kept", func(state push.State) []push.Event {
		return push.DecideMoves(state, []push.MoveOutcome{{Domain: "a.com", Moved: true}}, m.now)
	})
	m.record("kept", func(state push.State) []push.Event {
		return push.DecideFeeRefused(state, push.PayoutRefusal{PayoutNo: state.Payout.PayoutNo, Code: "NO_BALANCE", Message: "gone"}, m.now)
	})
	m.command("kept", func(state push.State) ([]push.Event, error) {
		payout := push.Task{Step: push.StepPayout}
		return push.DecideSettle(state, push.Settle{Task: payout, Actor: "olga", Reason: "by bank", Reference: "B-1"}, push.DomainFacts{}, m.now)
	})
	m.record("kept", func(state push.State) []push.Event { return push.DecideReleased(state, m.now) })
	history, err := replay(m.events())
	require.NoError(t, err)
	require.Equal(t, map[string]string{push.ByHandAccount: "-5.00", push.FeeAccount: "5.00"}, history.Summary().Balances)
}

// What an operator decides obeys the rules like everything else.
func TestWhatIsDoneByHandObeysTheRules(t *testing.T) {
	m := newMarket(t)
	m.offer("paid", "a.com")
	m.accept("paid")
	m.pay("paid")
	m.record("paid", func(state push.State) []push.Event {
		return push.DecideMoves(state, []push.MoveOutcome{{Domain: "a.com", Moved: true}}, m.now)
	})
	refuse := func(state push.State) []push.Event {
		return push.DecidePayoutRefused(state, push.PayoutRefusal{PayoutNo: push.PayoutNo(state.ID), Code: "PAYEE_NOT_EXIST", Message: "gone"}, m.now)
	}
	m.record("paid", refuse)
	payout := push.Task{Step: push.StepPayout}
	m.command("paid", func(state push.State) ([]push.Event, error) {
		return push.DecideRetry(state, push.Retry{Task: payout, Actor: "olga", Reason: "a new account"}, m.now)
	})
	m.record("paid", refuse)
	m.command("paid", func(state push.State) ([]push.Event, error) {
		return push.DecideSettle(state, push.Settle{Task: payout, Actor: "olga", Reason: "by bank", Reference: "B-1"}, push.DomainFacts{}, m.now)
	})
	m.record("paid", func(state push.State) []push.Event {
		return push.DecideReport(state, push.Report{EventID: "e", Kind: "account_moved", Domain: "a.com", At: m.now, To: "anna"}, m.now)
	})
	history, err := replay(m.events())
	require.NoError(t, err)
	require.Equal(t, map[string]int{"Completed": 1}, history.Summary().Statuses)
	require.Equal(t, "0.00", history.Summary().Sum)

	forged := m.events()
	for i, recorded := range forged {
		if _, is := recorded.Event.(push.SettledByHand); is {
			forged[i].Metadata.Actor = "mallory"
		}
	}
	_, err = replay(forged)
	require.Error(t, err, "by whom it was done is part of it")
}

func (m *market) command(id string, decide func(push.State) ([]push.Event, error)) {
	m.t.Helper()
	_, err := m.ledger.Decide(m.t.Context(), by("olga"), id, func(current ledger.Push) ([]push.Event, error) { return decide(current.State) })
	require.NoError(m.t, err)
}

// Each case changes one thing in a history that is good without it.
func TestWhatBreaksARuleIsNamed(t *testing.T) {
	for name, broken := range map[string]struct {
		change func(t *testing.T, events []eventstore.Recorded) []eventstore.Recorded
		bad    uint64
	}{
		"a domain reserved twice (P8)": {func(_ *testing.T, events []eventstore.Recorded) []eventstore.Recorded {
			return slices.Concat(events[:3], reserveAgain(events[:3]))
		}, 4},
		"an end that keeps a domain (L6)": {func(t *testing.T, events []eventstore.Recorded) []eventstore.Recorded {
			return without(t, events, "Released", 0)
		}, 14},
		"an offer that reserves nothing": {func(t *testing.T, events []eventstore.Recorded) []eventstore.Recorded {
			return without(t, events, "Reserved", 0)
		}, 2},
		"a release in the middle of a purchase": {func(t *testing.T, events []eventstore.Recorded) []eventstore.Recorded {
			released := events[find(t, events, "Released", 0)]
			return slices.Insert(events, find(t, events, "PaymentOpened", 0), released)
		}, 5},
		"an acceptance by another account": {edited("Accepted", func(recorded *eventstore.Recorded) {
			recorded.Metadata.Actor = "eve"
		}), 4},
		"an acceptance at another total": {edited("Accepted", func(recorded *eventstore.Recorded) {
			accepted := recorded.Event.(push.Accepted)
			accepted.Total++
			recorded.Event = accepted
		}), 4},
		"an offer in another's name": {edited("Offered", func(recorded *eventstore.Recorded) {
			offered := recorded.Event.(push.Offered)
			offered.Seller = "eve"
			recorded.Event = offered
		}), 3},
		"an offer whose lines do not make the total (T8)": {edited("Offered", func(recorded *eventstore.Recorded) {
			offered := recorded.Event.(push.Offered)
			offered.Total++
			recorded.Event = offered
		}), 3},
		"a validity beyond a week (L2)": {edited("Offered", func(recorded *eventstore.Recorded) {
			offered := recorded.Event.(push.Offered)
			offered.ExpiresAt = offered.ExpiresAt.Add(time.Second)
			offered.ExpiryReason = push.ExpirySellerDeadline
			recorded.Event = offered
		}), 3},
		"a payment of less": {edited("Paid", func(recorded *eventstore.Recorded) {
			paid := recorded.Event.(push.Paid)
			paid.Amount--
			recorded.Event = paid
		}), 6},
		"a payment by credit (T6)": {edited("Paid", func(recorded *eventstore.Recorded) {
			paid := recorded.Event.(push.Paid)
			paid.Channels = []string{"CREDITCARD"}
			recorded.Event = paid
		}), 6},
		"a payout of more than is in escrow": {edited("PayoutRequested", func(recorded *eventstore.Recorded) {
			requested := recorded.Event.(push.PayoutRequested)
			requested.Amount += 100
			recorded.Event = requested
		}), 11},
		"a completion without a payout": {func(t *testing.T, events []eventstore.Recorded) []eventstore.Recorded {
			return without(t, events, "PaidOut", 0)
		}, 15},
		"an event after the end": {func(t *testing.T, events []eventstore.Recorded) []eventstore.Recorded {
			return append(events, events[find(t, events, "PaymentOpened", 0)])
		}, 18},
		"half a change": {func(_ *testing.T, events []eventstore.Recorded) []eventstore.Recorded {
			return events[:1]
		}, 1},
		"an event of another push in the change": {edited("DeliveryStarted", func(recorded *eventstore.Recorded) {
			recorded.Stream.Key = "other"
		}), 7},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMarket(t)
			m.complete("bought", "a.com", "b.com")
			events := m.events()
			_, err := replay(events)
			require.NoError(t, err)
			_, err = replay(renumber(broken.change(t, slices.Clone(events))))
			var found *transparency.Damage
			require.True(t, errors.As(err, &found), "%v", err)
			require.Equal(t, broken.bad, found.Sequence, found.Reason)
		})
	}
}

// reserveAgain is the same offer as another push, in a change of its own.
func reserveAgain(offer []eventstore.Recorded) []eventstore.Recorded {
	again := slices.Clone(offer)
	for i := range again {
		switch event := again[i].Event.(type) {
		case listing.Reserved:
			event.PushID = "thief"
			again[i].Event = event
		case push.Offered:
			event.PushID = "thief"
			again[i].Event, again[i].Stream.Key = event, "thief"
		}
	}
	return again
}

func find(t *testing.T, events []eventstore.Recorded, name string, nth int) int {
	t.Helper()
	for i, recorded := range events {
		if recorded.Type == name {
			if nth == 0 {
				return i
			}
			nth--
		}
	}
	require.FailNow(t, "no "+name)
	return 0
}

func without(t *testing.T, events []eventstore.Recorded, name string, nth int) []eventstore.Recorded {
	at := find(t, events, name, nth)
	return slices.Delete(events, at, at+1)
}

func edited(name string, edit func(*eventstore.Recorded)) func(*testing.T, []eventstore.Recorded) []eventstore.Recorded {
	return func(t *testing.T, events []eventstore.Recorded) []eventstore.Recorded {
		edit(&events[find(t, events, name, 0)])
		return events
	}
}

func renumber(events []eventstore.Recorded) []eventstore.Recorded {
	for i := range events {
		events[i].Sequence = uint64(i + 1)
	}
	return events
}
