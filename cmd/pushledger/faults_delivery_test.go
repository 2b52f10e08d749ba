package main

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFaultsOfDelivery(t *testing.T) {
	t.Parallel()
	rows := map[string]func(*testing.T, *sandbox){
		"F14 errors": func(t *testing.T, m *sandbox) {
			d := m.buy(t, 3)
			d.registrar(t, 0, "move", "error", 2)
			d.registrar(t, 1, "facts", "error", 2)
			d.pay(t)
			d.happened(t, "DomainMoved", 3)
			d.ends(t, settled(d))
		},
		"F15 done but timed out": func(t *testing.T, m *sandbox) {
			d := m.buy(t, 2)
			d.registrar(t, 0, "move", "done_but_timeout", 1)
			d.pay(t)
			d.ends(t, settled(d))
			require.Equal(t, 2, d.count(t, "DomainMoved"))
		},
		"F16 pending, then done": func(t *testing.T, m *sandbox) {
			d := halfDelivered(t, m)
			d.registrar(t, 1, "move", "pending", 0)
			d.ends(t, settled(d))
		},
		"F16 pending, then refused": func(t *testing.T, m *sandbox) {
			d := halfDelivered(t, m)
			d.registrar(t, 1, "move", "refuse", 1)
			d.ends(t, undone(d))
			d.because(t, "move_refused", 1)
		},
		"F17 put back by a retry": func(t *testing.T, m *sandbox) {
			d := stuckWithTheBuyer(t, m)
			reply := d.operate("retry", fmt.Sprintf(`"step":"return","domain":%q,"reason":"the lock is off"`, d.domains[0]), t)
			require.True(t, reply.OK, reply.Error)
			d.ends(t, undone(d))
		},
		"F17 put back by a person":      putBackByAPerson,
		"F19 the echo of our own moves": ownEchoes,
		"F30 the last of 500": func(t *testing.T, m *sandbox) {
			d := m.buy(t, 500)
			d.registrar(t, 499, "move", "refuse", 1)
			d.pay(t)
			d.ends(t, undone(d))
			d.because(t, "move_refused", 499)
		},
	}
	for i, place := range []string{"first", "middle", "last"} {
		rows["F13 refused, the "+place] = func(t *testing.T, m *sandbox) {
			d := m.buy(t, 3)
			d.registrar(t, i, "move", "refuse", 1)
			d.pay(t)
			d.ends(t, undone(d))
			d.because(t, "move_refused", i)
		}
	}
	openSandbox(t, t.TempDir(), longWindow).rows(t, rows)
}

// F19: what the ledger itself has ordered changes nothing.
func ownEchoes(t *testing.T, m *sandbox) {
	d := m.buy(t, 3)
	d.pay(t)
	d.ends(t, settled(d))
	echoed := m.offer(t, 1, 1_00) // published after all of those echoes
	echoed.event(t, "blacklisted", 0)
	echoed.ends(t, unsold("Invalidated"))
	require.Zero(t, d.count(t, "MoveReversed"))
}

// halfDelivered is a paid push of two domains, of which the first is with the buyer and
// the move of the second is pending.
func halfDelivered(t *testing.T, m *sandbox) *deal {
	t.Helper()
	d := m.buy(t, 2)
	d.registrar(t, 1, "move", "pending", ever)
	d.pay(t)
	d.happened(t, "DomainMoved", 1)
	d.await(t, books{Status: "Paid", In: []string{d.total}, Owed: d.escrow(), Places: []string{"anna", "bo"}})
	return d
}

// escrow is what the journal holds of a push that is neither settled nor refunded.
func (d *deal) escrow() map[string]string {
	return map[string]string{d.sandbox.provider: "-" + d.total, "push:" + d.id + ":escrow": d.total}
}

// stuckWithTheBuyer is a failed push whose first domain could not be moved back.
func stuckWithTheBuyer(t *testing.T, m *sandbox) *deal {
	t.Helper()
	d := halfDelivered(t, m)
	d.registrar(t, 0, "move", "refuse", 1)
	d.registrar(t, 1, "move", "refuse", 1)
	d.happened(t, "DomainReturnRefused", 1)
	d.await(t, books{Status: "Paid", In: []string{d.total}, Owed: d.escrow(), Places: []string{"anna", "bo"}})
	return d
}

// F17: the refund happens once the registrar itself says that the domain is back.
func putBackByAPerson(t *testing.T, m *sandbox) {
	d := stuckWithTheBuyer(t, m)
	settle := func(place string) outsideReply {
		return d.operate("settle", fmt.Sprintf(
			`"step":"return","domain":%q,"place":%q,"reason":"moved at the desk","reference":"ticket 17"`, d.domains[0], place), t)
	}
	require.Equal(t, "place_differs", settle("returned").Error.Code, "it is still with the buyer")
	require.Equal(t, "place_differs", settle("gone").Error.Code)
	d.control(t, "registrar.set", `{"domain":%q,"account":"anna"}`, d.domains[0])
	require.True(t, settle("returned").OK)
	d.ends(t, undone(d))
	require.Equal(t, 1, d.count(t, "SettledByHand"))
}
