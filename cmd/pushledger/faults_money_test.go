package main

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFaultsOfRefundsAndPayouts(t *testing.T) {
	t.Parallel()
	openSandbox(t, t.TempDir(), longWindow).rows(t, faultsOfMoney())
}

// The same, and F19 and F20, where sellers are paid by confirming trades.
func TestFaultsOfConfirmations(t *testing.T) {
	t.Parallel()
	rows := faultsOfMoney()
	rows["F19 the echo of our own moves"] = ownEchoes
	rows["F20 late, twice, out of order, unknown"] = oddEvents
	rows["T7 a seller that is no merchant"] = func(t *testing.T, m *sandbox) {
		d := m.draft(t, 1, 1_00)
		m.control(t, "registrar.set", `{"domain":%q,"account":"eve"}`, d.domains[0])
		m.control(t, "accounts.set", `{"account":"eve","alipay_merchant_id":""}`)
		reply := ask(t, m.connect(t, "eve"), "push.cmd.eve.offer", d.body(1_00))
		require.Equal(t, "seller_no_merchant", reply.Error.Code)
		require.NotEmpty(t, reply.Error.MessageZH)
	}
	for _, mode := range []string{"error", "timeout", "done_but_timeout", "business_error"} {
		rows["fee "+mode] = func(t *testing.T, m *sandbox) { // without a fee nobody asks for one
			d := m.buy(t, 1)
			d.alipay(t, "fee", mode, ever)
			d.pay(t)
			d.ends(t, settled(d))
		}
	}
	openConfirming(t, nil).rows(t, rows)
}

// faultsOfMoney are the rows of F21 to F24 and F44.
func faultsOfMoney() map[string]func(*testing.T, *sandbox) {
	rows := map[string]func(*testing.T, *sandbox){
		"F22 refund refused, then retried": func(t *testing.T, m *sandbox) {
			d := refundRefused(t, m)
			require.True(t, d.operate("retry", `"step":"refund","reason":"balance topped up"`, t).OK)
			d.ends(t, undone(d))
		},
		"F22 refund refused, settled by hand": func(t *testing.T, m *sandbox) {
			d := refundRefused(t, m)
			require.True(t, d.byHand(t, "refund").OK)
			want := undone(d)
			want.Back, want.Owed = nil, map[string]string{d.sandbox.provider: "-" + d.total, "platform:by_hand": d.total}
			d.await(t, want)
			require.Equal(t, "already_ended", d.byHand(t, "refund").Error.Code)
			require.Equal(t, "already_ended", d.byHand(t, "payout").Error.Code)
			d.ends(t, want)
		},
		"F22 refund of stray money refused, then retried": strayRefundRefused,
		"F24 payout refused, then retried": func(t *testing.T, m *sandbox) {
			d := payoutRefused(t, m)
			require.True(t, d.operate("retry", `"step":"payout","reason":"account bound anew"`, t).OK)
			d.ends(t, settled(d))
		},
		"F24 payout refused, settled by hand": func(t *testing.T, m *sandbox) {
			d := payoutRefused(t, m)
			require.True(t, d.byHand(t, "payout").OK)
			want := settled(d)
			want.Out, want.Owed = nil, map[string]string{d.sandbox.provider: "-" + d.total, "platform:by_hand": d.total}
			d.await(t, want)
			require.Equal(t, "completed_is_final", d.byHand(t, "payout").Error.Code)
			require.Equal(t, "completed_is_final", d.byHand(t, "refund").Error.Code)
			d.ends(t, want)
		},
		"F44 never more back than was paid": neverMoreBack,
	}
	for _, mode := range []string{"error", "timeout", "done_but_timeout"} {
		rows["F21 refund "+mode] = func(t *testing.T, m *sandbox) {
			d := m.buy(t, 1)
			d.alipay(t, "refund", mode, 2)
			d.registrar(t, 0, "move", "refuse", 1)
			d.pay(t)
			d.ends(t, undone(d))
		}
		rows["F23 payout "+mode] = func(t *testing.T, m *sandbox) {
			d := m.buy(t, 2)
			d.alipay(t, "payout", mode, 2)
			d.pay(t)
			d.ends(t, settled(d))
		}
	}
	return rows
}

// byHand settles a step of money.
func (d *deal) byHand(t *testing.T, step string) outsideReply {
	t.Helper()
	return d.operate("settle", fmt.Sprintf(`"step":%q,"reason":"wired","reference":"bank 4711"`, step), t)
}

// refundRefused is a failed push whose buyer the provider does not refund.
func refundRefused(t *testing.T, m *sandbox) *deal {
	t.Helper()
	d := m.buy(t, 1)
	d.alipay(t, "refund", "business_error", 1)
	d.registrar(t, 0, "move", "refuse", 1)
	d.pay(t)
	d.happened(t, "RefundRefused", 1)
	d.await(t, books{
		Status: "Invalidated", In: []string{d.total}, Places: []string{"anna"},
		Owed: map[string]string{d.sandbox.provider: "-" + d.total, "buyer:bo:refund_due": d.total},
	})
	return d
}

// payoutRefused is a delivered push whose seller the provider does not pay. It is not
// completed, and can be neither undone nor refunded.
func payoutRefused(t *testing.T, m *sandbox) *deal {
	t.Helper()
	d := m.buy(t, 2)
	d.alipay(t, "payout", "business_error", 1)
	d.pay(t)
	d.owesTheSeller(t, "anna")
	return d
}

func (d *deal) owesTheSeller(t *testing.T, seller string) {
	t.Helper()
	d.happened(t, "PayoutRefused", 1)
	d.await(t, books{
		Status: "Paid", In: []string{d.total}, Places: []string{"bo"},
		Owed: map[string]string{d.sandbox.provider: "-" + d.total, "seller:" + seller + ":payable": d.total},
	})
	require.Equal(t, "not_waiting", d.byHand(t, "refund").Error.Code)
	require.Equal(t, "completed_is_final", d.operate("takedown", `"reason":"late"`, t).Error.Code)
}

func strayRefundRefused(t *testing.T, m *sandbox) {
	d := m.buy(t, 1)
	d.alipay(t, "refund", "business_error", 1)
	d.pay(t)
	d.await(t, settled(d))
	d.pay(t)
	d.happened(t, "RefundRefused", 1)
	number := ""
	for _, event := range d.timeline(t) {
		if event.Type == "RefundRefused" {
			number = event.Body["request_no"].(string)
		}
	}
	require.Equal(t, "completed_is_final", d.operate("retry", `"step":"refund","reason":"balance topped up"`, t).Error.Code)
	require.True(t, d.operate("retry", fmt.Sprintf(`"step":"refund","request_no":%q,"reason":"balance topped up"`, number), t).OK)
	want := settled(d)
	want.In, want.Back = []string{d.total, d.total}, []string{d.total}
	d.ends(t, want)
}

// F24: the account to which the payout goes is that which is bound when it is made. The
// seller has a sandbox of its own, since all of its pushes feel that.
func TestASellerWhoseAccountIsGone(t *testing.T) {
	t.Parallel()
	m := openSandbox(t, t.TempDir(), longWindow)
	d := m.buy(t, 1)
	d.registrar(t, 0, "move", "pending", ever)
	d.pay(t)
	d.happened(t, "Paid", 1)
	m.control(t, "accounts.set", `{"account":"anna","alipay_account":""}`)
	d.registrar(t, 0, "move", "pending", 0)
	d.owesTheSeller(t, "anna")
	m.control(t, "accounts.set", `{"account":"anna","alipay_account":"anna@example.com"}`)
	require.True(t, d.operate("retry", `"step":"payout","reason":"bound again"`, t).OK)
	d.ends(t, settled(d))
}

// F44: whatever is said after the refund, the provider is not even asked for another.
func neverMoreBack(t *testing.T, m *sandbox) {
	d := m.buy(t, 1)
	d.registrar(t, 0, "move", "refuse", 1)
	d.pay(t)
	d.await(t, undone(d))
	d.notify(t, true, map[string]string{"trade_status": "TRADE_SUCCESS"}, "")
	for _, verb := range []string{"retry", "settle"} {
		members := `"step":"refund","reason":"again"`
		if verb == "settle" {
			members += `,"reference":"x"`
		}
		require.Equal(t, "already_ended", d.operate(verb, members, t).Error.Code)
	}
	require.Equal(t, 1, d.count(t, "RefundRequested"))
	require.Zero(t, d.count(t, "StrayReceived"))
	d.ends(t, undone(d))
}
