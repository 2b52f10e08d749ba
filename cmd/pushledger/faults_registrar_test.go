package main

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/push"
)

// triggers are the registrar's events with the code of the end that they cause, and the
// account that holds the domain then.
var triggers = map[string]struct{ code, place string }{
	"deleted":              {"domain_gone", ""},
	"transferred_out":      {"domain_gone", "anna"},
	"transfer_out_started": {"domain_gone", "anna"},
	"account_moved":        {"account_moved", "elsewhere"},
	"registrant_changed":   {"registrant_changed", "anna"},
	"blacklisted":          {"blacklisted", "anna"},
	"account_move_locked":  {"account_move_locked", "anna"},
	"auth_code_issued":     {"auth_code_issued", "anna"},
	"policy_violation":     {"policy_violation", "anna"},
}

func TestFaultsOfTheRegistrar(t *testing.T) {
	t.Parallel()
	rows := map[string]func(*testing.T, *sandbox){
		"F20 late, twice, out of order, unknown": oddEvents,
		"F43 a finished move is reversed":        reversedMove,
	}
	for kind := range triggers {
		rows["F18 before accept "+kind] = func(t *testing.T, m *sandbox) {
			d := m.offer(t, 1, 10_00)
			d.event(t, kind, 0)
			d.ends(t, after(kind, unsold("Invalidated")))
			d.because(t, triggers[kind].code, 0)
		}
		rows["F18 before pay "+kind] = func(t *testing.T, m *sandbox) {
			d := m.buy(t, 1)
			d.signsIn(t)
			d.event(t, kind, 0)
			d.happened(t, "PaymentClosed", 1)
			d.ends(t, after(kind, unsold("Invalidated")))
			d.because(t, triggers[kind].code, 0)
		}
		rows["F18 before the first move "+kind] = func(t *testing.T, m *sandbox) {
			d := m.buy(t, 1)
			d.registrar(t, 0, "move", "error", ever)
			d.pay(t)
			d.happened(t, "Paid", 1)
			d.event(t, kind, 0)
			d.happened(t, "ReturnStarted", 1)
			d.registrar(t, 0, "move", "error", 0) // where the domain is becomes certain only then
			d.ends(t, after(kind, undone(d)))
			// The check before the move may have seen it before the event came, in words of its own.
			require.Contains(t, []string{triggers[kind].code, "publishing_restricted"}, d.reason(t).Reason)
			require.Equal(t, d.domains[0], d.reason(t).Domain)
		}
		rows["F18 between two moves "+kind] = func(t *testing.T, m *sandbox) { betweenTwoMoves(t, m, kind) }
		rows["F18 after the last move "+kind] = func(t *testing.T, m *sandbox) { afterTheLastMove(t, m, kind) }
	}
	openSandbox(t, t.TempDir(), longWindow).rows(t, rows)
}

// after is how the books look if the only domain of a push, never delivered, has met with
// an event.
func after(kind string, want books) books {
	want.Places = []string{triggers[kind].place}
	return want
}

func betweenTwoMoves(t *testing.T, m *sandbox, kind string) {
	d := halfDelivered(t, m)
	d.event(t, kind, 1)
	d.happened(t, "ReturnStarted", 1)
	d.registrar(t, 1, "move", "pending", 0)
	want := undone(d)
	if place := triggers[kind].place; place != "anna" {
		want.Places = sorted("anna", place)
	}
	d.ends(t, want)
	d.because(t, triggers[kind].code, 1)
}

func sorted(a, b string) []string {
	if b < a {
		return []string{b, a}
	}
	return []string{a, b}
}

// Once every domain is with the buyer nothing that happens to one of them matters, be
// the seller paid or not.
func afterTheLastMove(t *testing.T, m *sandbox, kind string) {
	d := m.buy(t, 1)
	d.alipay(t, "payout", "error", ever)
	d.pay(t)
	d.happened(t, "PayoutRequested", 1)
	d.event(t, kind, 0)
	m.heard(t)
	require.Zero(t, d.count(t, "ReturnStarted"))
	d.alipay(t, "payout", "error", 0)
	want := settled(d)
	switch kind {
	case "deleted", "account_moved":
		want.Places = []string{triggers[kind].place} // by the buyer's own doing
	}
	d.await(t, want)
	d.event(t, kind, 0)
	m.heard(t)
	require.Zero(t, d.count(t, "Invalidated"))
	require.Zero(t, d.count(t, "MoveReversed"))
	d.ends(t, want)
}

// heard waits until the events sent so far have been dealt with: they are taken in order.
func (m *sandbox) heard(t *testing.T) {
	t.Helper()
	d := m.offer(t, 1, 1_00)
	d.event(t, "blacklisted", 0)
	d.ends(t, unsold("Invalidated"))
}

func oddEvents(t *testing.T, m *sandbox) {
	d := m.offer(t, 1, 1_00)
	m.control(t, "registrar.event", `{"kind":"auth_code_issued","domain":%q,"at":"-1h"}`, d.domains[0]) // older than the facts
	m.control(t, "registrar.event", `{"kind":"deleted","domain":"nobody-sells-this.com"}`)
	m.heard(t)
	d.await(t, unsold("Offered"))
	for _, id := range []string{"twice-" + d.id, "twice-" + d.id, "another-" + d.id} {
		m.control(t, "registrar.event", `{"event_id":%q,"kind":"blacklisted","domain":%q}`, id, d.domains[0])
	}
	m.heard(t)
	require.Equal(t, 1, d.count(t, "Invalidated"))
	d.ends(t, unsold("Invalidated"))
}

// F43: the money stays where the books say, and a person is told.
func reversedMove(t *testing.T, m *sandbox) {
	d := m.buy(t, 1)
	d.pay(t)
	d.await(t, settled(d))
	operation := push.MoveNo(d.id, domainname.Name(d.domains[0]))
	m.control(t, "registrar.event", `{"kind":"account_moved","domain":%q,"detail":{"operation_id":%q,"from":"bo","to":"anna"}}`,
		d.domains[0], operation)
	d.happened(t, "MoveReversed", 1)
	want := settled(d)
	want.Places = []string{"anna"}
	d.await(t, want)
	require.Eventually(t, func() bool { return d.inWorkList(t) == "reversal of "+d.domains[0] }, readyPatience, lookAgain)
	reply := d.operate("settle", fmt.Sprintf(`"step":"reversal","domain":%q,"reason":"bo agreed","reference":"ticket 43"`, d.domains[0]), t)
	require.True(t, reply.OK, reply.Error)
	require.Equal(t, "Completed", reply.Status)
	d.ends(t, want)
	require.Eventually(t, func() bool { return d.inWorkList(t) == "" }, readyPatience, lookAgain)
}

// inWorkList is what the work list says of the push, if it is in it.
func (d *deal) inWorkList(t *testing.T) string {
	t.Helper()
	for cursor := ""; ; {
		var page struct {
			Purchases []struct {
				PushID string `json:"push_id"`
				Step   string `json:"step"`
				Domain string `json:"domain"`
			} `json:"purchases"`
			NextCursor string `json:"next_cursor"`
		}
		d.read(t, "operator", "/v1/purchases?state=stuck&limit=200&cursor="+cursor, &page)
		for _, purchase := range page.Purchases {
			if purchase.PushID == d.id {
				return purchase.Step + " of " + purchase.Domain
			}
		}
		if cursor = page.NextCursor; cursor == "" {
			return ""
		}
	}
}
