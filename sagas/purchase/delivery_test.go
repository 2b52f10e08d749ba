package purchase_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/sagas/ledger"
)

// Faults of deliveries: F13–F17, F19, F20 and F30.
func TestDeliveries(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, test := range map[string]func(*testing.T){
		"F13 first domain refused":  func(t *testing.T) { refusedMove(t, w, 0) },
		"F13 middle domain refused": func(t *testing.T) { refusedMove(t, w, 1) },
		"F13 last domain refused":   func(t *testing.T) { refusedMove(t, w, 2) },
		"F14 errors, then works":    func(t *testing.T) { unsureMove(t, w, "error", 3) },
		"F14 timeouts, then works":  func(t *testing.T) { unsureMove(t, w, "timeout", 2) },
		"F15 done but timed out":    func(t *testing.T) { unsureMove(t, w, "done_but_timeout", 1) },
		"F16 pending for long":      func(t *testing.T) { unsureMove(t, w, "pending", 4) },
		"F16 pending, then refused": func(t *testing.T) {
			d := w.buy(t, 1)
			d.fault(t, 0, "move", "pending", ever)
			d.pay(t)
			d.await(t, paid)
			d.fault(t, 0, "move", "refuse", 1)
			d.refunded(t, push.StatusRefunded, push.CodeMoveRefused)
			d.places(t, seller)
		},
		"F17 put-back fails for a while": func(t *testing.T) {
			d := halfDelivered(t, w)
			d.fault(t, 0, "move", "error", 2)
			d.takeDown(t)
			d.fault(t, 1, "move", "pending", 0)
			d.refunded(t, push.StatusRefunded, push.CodeTakenDown)
			d.places(t, seller)
		},
		"F17 put-back done but timed out": func(t *testing.T) {
			d := halfDelivered(t, w)
			d.fault(t, 0, "move", "done_but_timeout", 1)
			d.takeDown(t)
			d.fault(t, 1, "move", "pending", 0)
			d.refunded(t, push.StatusRefunded, push.CodeTakenDown)
			d.places(t, seller)
			require.Equal(t, uint64(3), d.Facts(t, d.domains[0])[0].Revision, "there and back once")
		},
		"F17 put-back refused":     func(t *testing.T) { stuck(t, w) },
		"F19 echo of our own move": func(t *testing.T) { echoed(t, w) },
		"F20 events that say nothing new": func(t *testing.T) {
			d := w.offer(t, 1)
			w.Do(t, "registrar.event", `{"domain":"unheard-of.com","kind":"deleted"}`)
			w.Do(t, "registrar.event", `{"domain":%q,"kind":"registrant_changed","at":"-1h"}`, d.domains[0])
			d.reported(t, "registrant_changed", 0)
			d.accept(t, time.Hour)
			d.pay(t)
			d.settled(t)
		},
		"F20 events twice and out of order": func(t *testing.T) {
			d := w.buy(t, 1)
			d.signsIn(t) // else its trade can be closed only once its window is over
			d.happens(t, "auth_code_issued", 0)
			d.happens(t, "registrant_changed", 0)
			w.Do(t, "registrar.event", `{"domain":%q,"kind":"auth_code_issued","at":"-1s"}`, d.domains[0])
			d.unpaid(t, push.StatusInvalidated, push.CodeAuthCodeIssued)
			require.Equal(t, 1, d.count(t, push.Invalidated{}.EventType()))
		},
		"F30 the last of 500 domains fails": func(t *testing.T) {
			d := w.offer(t, push.MaxItems)
			d.accept(t, time.Hour)
			last := push.MaxItems - 1
			d.fault(t, last, "move", "pending", ever)
			d.pay(t)
			d.await(t, delivered(last))
			d.fault(t, last, "move", "refuse", 1)
			state := d.refunded(t, push.StatusRefunded, push.CodeMoveRefused)
			require.Equal(t, d.domains[last], state.EndDomain)
			d.places(t, seller)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t)
		})
	}
}

// refusedMove has one domain of three refused for good, once the others are delivered.
func refusedMove(t *testing.T, w *world, domain int) {
	d := w.buy(t, 3)
	d.fault(t, domain, "move", "pending", ever)
	d.pay(t)
	d.await(t, delivered(2))
	d.fault(t, domain, "move", "refuse", 1)
	state := d.refunded(t, push.StatusRefunded, push.CodeMoveRefused)
	require.Equal(t, d.domains[domain], state.EndDomain)
	d.places(t, seller)
}

// unsureMove has the move of one domain of three go wrong for some calls.
func unsureMove(t *testing.T, w *world, mode string, times int) {
	d := w.buy(t, 3)
	d.fault(t, 1, "move", mode, times)
	d.pay(t)
	d.settled(t)
	require.Equal(t, uint64(2), d.Facts(t, d.domains[1])[0].Revision, "it was moved once")
}

// halfDelivered is a paid push whose first domain is with the buyer, while the move of
// the second is pending until its fault is lifted.
func halfDelivered(t *testing.T, w *world) *deal {
	d := w.buy(t, 2)
	d.fault(t, 1, "move", "pending", ever)
	d.pay(t)
	d.await(t, delivered(1))
	return d
}

// stuck has a domain that cannot be put back: the buyer does not get the money as long
// as it has the domain. A person then brings it home.
func stuck(t *testing.T, w *world) {
	d := halfDelivered(t, w)
	d.fault(t, 0, "move", "refuse", 1)
	d.takeDown(t)
	d.fault(t, 1, "move", "pending", 0)
	state := d.await(t, func(state push.State) bool {
		return len(state.At(push.DeliveryStuck)) == 1 && len(push.Next(state)) == 0
	})
	require.Equal(t, push.StatusPaid, state.Status)
	require.Equal(t, d.domains[:1], state.At(push.DeliveryStuck))
	require.Empty(t, d.owes(t, push.EscrowAccount(d.id), d.total).Refunds)

	d.Do(t, "registrar.set", `{"domain":%q,"account":%q}`, d.domains[0], seller)
	_, err := d.ledger.Record(t.Context(), d.id, func(state push.State) []push.Event {
		return push.DecideReturns(state, []push.ReturnOutcome{{Domain: d.domains[0], Place: push.PlaceReturned}}, now())
	})
	require.NoError(t, err)
	d.refunded(t, push.StatusRefunded, push.CodeTakenDown)
	d.places(t, seller)
}

// echoed waits for the registrar's word on our own move before the others are done.
func echoed(t *testing.T, w *world) {
	d := halfDelivered(t, w)
	d.reported(t, "account_moved", 0)
	d.fault(t, 1, "move", "pending", 0)
	d.settled(t)
	d.reported(t, "account_moved", 1)
	d.settled(t)
}

// kinds are the events of the registrar, the code by which each ends a push, and the
// account in which its domain is then.
var kinds = map[string]struct{ code, account string }{
	"deleted":              {push.CodeDomainGone, ""},
	"transferred_out":      {push.CodeDomainGone, seller},
	"transfer_out_started": {push.CodeDomainGone, seller},
	"account_moved":        {push.CodeAccountMoved, "elsewhere"},
	"registrant_changed":   {push.CodeRegistrantChanged, seller},
	"blacklisted":          {push.CodeBlacklisted, seller},
	"account_move_locked":  {push.CodeAccountMoveLocked, seller},
	"auth_code_issued":     {push.CodeAuthCodeIssued, seller},
	"policy_violation":     {push.CodePolicyViolation, seller},
}

// F18: every kind of event, at every stage of a purchase.
func TestTheRegistrarReportsAnEvent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for kind, want := range kinds {
		for stage, test := range map[string]func(*testing.T){
			"before the accept": func(t *testing.T) {
				d := w.offer(t, 2)
				d.happens(t, kind, 1)
				state := d.ends(t, push.StatusInvalidated)
				require.Equal(t, want.code, state.EndReason)
				require.Equal(t, d.domains[1], state.EndDomain)
				d.places(t, seller, want.account)
			},
			"between accept and payment": func(t *testing.T) {
				d := w.buy(t, 2)
				d.signsIn(t)
				d.happens(t, kind, 1)
				state := d.ends(t, push.StatusInvalidated)
				require.Equal(t, want.code, state.EndReason)
				require.True(t, state.Payment.Closed)
				require.Equal(t, "trade_closed", d.Refused(t, "alipay.pay", `{"push_id":%q}`, d.id))
				require.Empty(t, d.balanced(t).Trades)
				d.places(t, seller, want.account)
			},
			"between payment and first move": func(t *testing.T) {
				d := w.buy(t, 2)
				d.fault(t, 0, "facts", "error", ever)
				d.pay(t)
				d.await(t, paid)
				d.happens(t, kind, 1)
				d.fault(t, 0, "facts", "error", 0)
				state := d.refunded(t, push.StatusRefunded, want.code)
				require.Equal(t, d.domains[1], state.EndDomain)
				d.places(t, seller, want.account)
				if want.account == seller && kind != "transferred_out" { // kept, or there and back if a move was just being ordered
					require.Empty(t, state.At(push.DeliveryGone))
				} else {
					require.Equal(t, d.domains[1:], state.At(push.DeliveryGone))
				}
			},
			"after completion": func(t *testing.T) {
				d := w.buy(t, 1)
				d.pay(t)
				d.settled(t)
				before := d.state(t)
				d.happens(t, kind, 0)
				require.Equal(t, before, d.state(t))
				d.balanced(t)
			},
		} {
			t.Run(kind+" "+stage, func(t *testing.T) {
				t.Parallel()
				test(t)
			})
		}
	}
}

// F18 between two moves: the event hits what has not been delivered, or is the registrar's
// own doing. What the buyer does with a delivered domain is in holds_test.go.
func TestTheRegistrarReportsAnEventBetweenTwoMoves(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, test := range map[string]struct {
		kind   string
		domain int
		places []string
	}{
		"the delivered domain was blacklisted":     {"blacklisted", 0, []string{seller}},
		"the other domain got another registrant":  {"registrant_changed", 1, []string{seller}},
		"the other domain was deleted":             {"deleted", 1, []string{seller, ""}},
		"the other domain went to a third account": {"account_moved", 1, []string{seller, "elsewhere"}},
		"the other domain was locked":              {"account_move_locked", 1, []string{seller}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := halfDelivered(t, w)
			d.reported(t, "account_moved", 0) // the echo, so that the event to come is told from it
			d.handled.Delete("account_moved " + string(d.domains[0]))
			d.happens(t, test.kind, test.domain)
			d.fault(t, 1, "move", "pending", 0)
			state := d.refunded(t, push.StatusRefunded, kinds[test.kind].code)
			require.Equal(t, d.domains[test.domain], state.EndDomain)
			d.places(t, test.places...)
		})
	}
}

// F18 after the last move: the purchase can only be completed any more.
func TestTheRegistrarReportsAnEventAfterTheLastMove(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Do(t, "alipay.fault", `{"api":"payout","mode":"error","times":%d}`, ever)
	var deals []*deal
	for _, kind := range []string{"registrant_changed", "auth_code_issued", "blacklisted", "transfer_out_started"} {
		d := w.buy(t, 2)
		d.pay(t)
		d.await(t, delivered(2))
		d.happens(t, kind, 1)
		deals = append(deals, d)
	}
	late := w.buy(t, 1)
	late.pay(t)
	late.await(t, delivered(1))
	_, err := late.ledger.Decide(t.Context(), command("operator"), late.id, func(known ledger.Push) ([]push.Event, error) {
		return push.DecideTakedown(known.State, push.Takedown{Actor: "operator", Reason: "court order 17"}, now())
	})
	require.ErrorContains(t, err, push.CodeCompletedIsFinal)
	w.Do(t, "alipay.fault", `{"api":"payout","mode":"error","times":0}`)
	for _, d := range append(deals, late) {
		d.settled(t)
	}
}
