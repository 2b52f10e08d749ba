package purchase_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/sagas/ledger"
)

// Rule B4: each fault of a hold, where it is placed and where it is released.
func TestHolds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, test := range map[string]func(*testing.T){
		"unsupported": func(t *testing.T) {
			d := w.buy(t, 3)
			w.NeverHold(t, d.domains...)
			d.pay(t)
			d.settled(t)
			require.Equal(t, push.HoldUnsupported, d.state(t).Hold)
			require.Zero(t, d.count(t, push.HoldsReleased{}.EventType()), "there is nothing to release")
		},
		"unsupported for one of them": func(t *testing.T) {
			d := w.buy(t, 3)
			w.NeverHold(t, d.domains[1])
			d.pay(t)
			d.settled(t)
			require.Equal(t, push.HoldReleased, d.state(t).Hold)
		},
		"refused": func(t *testing.T) {
			d := w.buy(t, 3)
			w.HoldFault(t, "refuse", 1, d.domains[2])
			d.pay(t)
			state := d.refunded(t, push.StatusRefunded, push.CodeHoldRefused)
			require.Equal(t, d.domains[2], state.EndDomain)
			require.Zero(t, d.count(t, push.DomainMoved{}.EventType()))
			d.places(t, seller)
		},
		"the buyer has taken what can be taken by itself": func(t *testing.T) {
			d := halfDelivered(t, w)
			require.True(t, w.Held(t, d.domains[0]))
			for _, act := range []string{"transfer_out", "transfer_out_start", "auth_code", "change_registrant", "delete"} {
				require.Equal(t, "held", w.ActRefused(t, buyer, act, d.domains[0]), act)
				require.Equal(t, "held", w.ActRefused(t, seller, act, d.domains[1]), act)
			}
			require.Equal(t, "held", w.ActRefused(t, buyer, "move", d.domains[0], `"to":"eve"`))
			d.fault(t, 1, "move", "pending", 0)
			d.settled(t)
			w.Act(t, buyer, "move", d.domains[0], `"to":"eve"`)
		},
		"a payout that is refused keeps the hold": func(t *testing.T) {
			d := w.buy(t, 1)
			w.Do(t, "alipay.fault", `{"api":"payout","mode":"error","times":%d,"push_id":%q}`, ever, d.id)
			d.pay(t)
			d.await(t, delivered(1))
			require.Equal(t, "held", w.ActRefused(t, buyer, "delete", d.domains[0]), "the push has not ended")
			w.Do(t, "alipay.fault", `{"api":"payout","mode":"error","times":0,"push_id":%q}`, d.id)
			d.settled(t)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t)
		})
	}
	for mode, times := range map[string]int{"error": 2, "timeout": 1, "done_but_timeout": 1, "pending": 2} {
		t.Run(mode+" when it is placed", func(t *testing.T) {
			t.Parallel()
			d := w.buy(t, 2)
			w.HoldFault(t, mode, times, d.domains[1])
			d.pay(t)
			d.settled(t)
			require.False(t, w.Held(t, d.domains[1]))
		})
	}
	for mode, times := range map[string]int{"refuse": 1, "error": 2, "timeout": 1, "done_but_timeout": 1, "pending": 2} {
		for end, move := range map[string]string{"settled": "pending", "undone": "refuse"} {
			t.Run(mode+" when it is released, "+end, func(t *testing.T) {
				t.Parallel()
				d := halfDelivered(t, w)
				w.HoldFault(t, mode, times, d.domains...)
				if end == "settled" {
					d.fault(t, 1, "move", move, 0)
					d.settled(t)
				} else {
					d.fault(t, 1, "move", move, 1)
					d.refunded(t, push.StatusRefunded, push.CodeMoveRefused)
					d.places(t, seller)
				}
				for _, name := range d.domains {
					require.False(t, w.Held(t, name))
				}
			})
		}
	}
}

// buyerActs is a push of two domains that no registrar holds, of which the buyer has done
// something with the first while the second was on its way.
func buyerActs(t *testing.T, w *world, act string, members ...string) *deal {
	t.Helper()
	d := w.buy(t, 2)
	w.NeverHold(t, d.domains...)
	d.fault(t, 1, "move", "pending", ever)
	d.pay(t)
	d.await(t, delivered(1))
	w.Act(t, buyer, act, d.domains[0], members...)
	return d
}

// stopped waits until the push stands still for a person to decide.
func (d *deal) stopped(t *testing.T) {
	t.Helper()
	state := d.await(t, func(state push.State) bool { return len(push.WorkList(state)) > 0 && len(push.Next(state)) == 0 })
	require.Equal(t, push.StatusPaid, state.Status)
	require.Equal(t, push.CodeBuyerActed, push.WorkList(state)[0].Code)
	d.owes(t, push.EscrowAccount(d.id), d.total)
}

func (d *deal) settle(t *testing.T, task push.Task, change func(*push.Settle)) {
	t.Helper()
	order := push.Settle{Task: task, Actor: "operator", Reason: "agreed", Reference: "ticket 5"}
	change(&order)
	facts := d.Facts(t, task.Domain)[0]
	_, err := d.ledger.Decide(t.Context(), command("operator"), d.id, func(known ledger.Push) ([]push.Event, error) {
		return push.DecideSettle(known.State, order, facts, now())
	})
	require.NoError(t, err)
}

func (d *deal) decide(t *testing.T, decision push.Decision) {
	t.Helper()
	d.settle(t, push.Task{Step: push.StepBuyerAct, Domain: d.domains[0]}, func(order *push.Settle) { order.Decision = decision })
}

// Rule B5: where nothing is held, nobody keeps both, and a person decides.
func TestWhatTheBuyerDoesWithADeliveredDomain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	acts := map[string][]string{
		"move": {`"to":"eve"`}, "transfer_out": nil, "transfer_out_start": nil, "auth_code": nil, "change_registrant": nil, "delete": nil,
	}
	for act, members := range acts {
		t.Run(act+", for the seller", func(t *testing.T) {
			t.Parallel()
			d := buyerActs(t, w, act, members...)
			d.stopped(t)
			d.decide(t, push.DecisionPaySeller)
			d.fault(t, 1, "move", "pending", 0)
			d.ends(t, push.StatusCompleted)
			require.Len(t, d.balanced(t).Payouts, 1)
		})
		t.Run(act+", for the buyer", func(t *testing.T) {
			t.Parallel()
			d := buyerActs(t, w, act, members...)
			d.stopped(t)
			d.decide(t, push.DecisionRefundBuyer)
			d.fault(t, 1, "move", "pending", 0)
			if act == "transfer_out_start" { // it may still come to nothing, so where the domain is must be seen
				d.await(t, func(state push.State) bool { return len(state.At(push.DeliveryStuck)) == 1 })
				w.Do(t, "registrar.event", `{"domain":%q,"kind":"transferred_out"}`, d.domains[0])
				d.settle(t, push.Task{Step: push.StepReturn, Domain: d.domains[0]}, func(order *push.Settle) { order.Place = push.PlaceGone })
			}
			state := d.refunded(t, push.StatusRefunded, push.CodeBuyerActed)
			require.Equal(t, d.domains[0], state.EndDomain)
		})
	}
	t.Run("nobody was told", func(t *testing.T) { // and the push is undone for another reason
		t.Parallel()
		d := buyerActs(t, w, "move", `"to":"eve"`, `"silent":true`)
		d.fault(t, 1, "move", "refuse", 1)
		d.stopped(t)
		d.settle(t, push.Task{Step: push.StepReturn, Domain: d.domains[0]}, func(order *push.Settle) { order.Place = push.PlaceGone })
		d.refunded(t, push.StatusRefunded, push.CodeMoveRefused)
		d.places(t, "eve", seller)
	})
	t.Run("a password is void after the return", func(t *testing.T) {
		t.Parallel()
		d := w.buy(t, 2)
		w.NeverHold(t, d.domains...)
		d.fault(t, 1, "move", "pending", ever)
		d.pay(t)
		d.await(t, delivered(1))
		password := w.Act(t, buyer, "auth_code", d.domains[0], `"silent":true`).AuthCode
		d.fault(t, 1, "move", "refuse", 1)
		d.refunded(t, push.StatusRefunded, push.CodeMoveRefused)
		d.places(t, seller)
		require.Equal(t, "auth_code_invalid", w.ActRefused(t, "", "transfer_out", d.domains[0], fmt.Sprintf(`"auth_code":%q`, password)))
	})
	t.Run("so is the seller's after the sale", func(t *testing.T) {
		t.Parallel()
		name := newID() + ".com"
		w.Do(t, "registrar.set", `{"domain":%q,"account":%q}`, name, seller)
		password := w.Act(t, seller, "auth_code", domainname.Name(name)).AuthCode
		time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(time.Second))) // the offer comes after it
		d := w.offerNamed(t, seller, 0, domainname.Name(name))
		d.accept(t, time.Hour)
		d.pay(t)
		d.settled(t)
		require.Equal(t, "auth_code_invalid", w.ActRefused(t, "", "transfer_out", d.domains[0], fmt.Sprintf(`"auth_code":%q`, password)))
	})
}

// An expired domain is not delivered (rule L7).
func TestADomainThatExpiresIsNotDelivered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := w.buy(t, 2)
	d.Do(t, "registrar.set", `{"domain":%q,"expires_at":"-1s"}`, d.domains[1])
	d.pay(t)
	state := d.refunded(t, push.StatusRefunded, push.CodeDomainExpired)
	require.Equal(t, d.domains[1], state.EndDomain)
	d.places(t, seller)
}

// Where a domain has come to rest is told as it is.
func TestPlacesAreToldAsTheyAre(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for kind, place := range map[string]push.Place{
		"transferred_out": push.PlaceTransferredOut, "deleted": push.PlaceDeleted, "account_moved": push.PlaceGone, "blacklisted": push.PlaceKept,
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			d := w.buy(t, 2)
			d.fault(t, 0, "facts", "error", ever)
			d.pay(t)
			d.await(t, paid)
			d.happens(t, kind, 1)
			d.fault(t, 0, "facts", "error", 0)
			d.refunded(t, push.StatusRefunded, kinds[kind].code)
			require.Equal(t, place, d.placeOf(t, 1))
		})
	}
}

// What the buyer itself gives back has been voided by no order: it may have kept the
// transfer password, and then it would have both domain and money.
func TestADomainThatTheBuyerGaveBackWaitsForAPersonIfItsPasswordIsOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := w.buy(t, 2)
	w.NeverHold(t, d.domains...)
	d.fault(t, 1, "move", "pending", ever)
	d.pay(t)
	d.await(t, delivered(1))
	w.Act(t, buyer, "auth_code", d.domains[0], `"silent":true`)
	w.Act(t, buyer, "move", d.domains[0], `"to":"anna"`, `"silent":true`)
	d.fault(t, 1, "move", "refuse", 1)
	state := d.await(t, func(state push.State) bool { return len(push.WorkList(state)) > 0 })
	require.Equal(t, push.CodeBuyerActed, push.WorkList(state)[0].Code)
	require.Nil(t, state.Refund)
}

// The way back that forestalls a move voids the password as any other.
func TestForestallingAMoveVoidsThePassword(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := w.buy(t, 1)
	w.NeverHold(t, d.domains...)
	d.fault(t, 0, "facts", "error", ever)
	d.pay(t)
	d.await(t, paid)
	w.Act(t, seller, "move", d.domains[0], `"to":"bo"`, `"silent":true`)
	password := w.Act(t, buyer, "auth_code", d.domains[0], `"silent":true`).AuthCode
	d.fault(t, 0, "facts", "error", 0)
	d.ends(t, push.StatusRefunded)
	d.places(t, seller)
	require.Equal(t, "auth_code_invalid", w.ActRefused(t, "", "transfer_out", d.domains[0], fmt.Sprintf(`"auth_code":%q`, password)))
}

// A registrar may say so while what holds domains is only starting there.
func TestADomainThatIsHeldIsReleasedThoughThatIsUnsupportedAtFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := w.buy(t, 1)
	d.fault(t, 0, "move", "pending", ever)
	d.pay(t)
	d.await(t, func(state push.State) bool { return state.Delivery == push.StageDelivering })
	require.Eventually(t, func() bool { return w.Held(t, d.domains[0]) }, patience, time.Millisecond)
	d.await(t, func(state push.State) bool { return state.Hold == push.HoldPlaced })
	w.HoldFault(t, "unsupported", 1, d.domains[0])
	d.fault(t, 0, "move", "pending", 0)
	d.settled(t)
	require.Eventually(t, func() bool { return !w.Held(t, d.domains[0]) }, patience, time.Millisecond)
}
