package main

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"
)

// notify has the provider send a notification with changed fields, and demands whether
// it is taken.
func (d *deal) notify(t *testing.T, taken bool, fields map[string]string, more string) {
	t.Helper()
	changed, err := json.Marshal(fields)
	require.NoError(t, err)
	var said struct {
		Status int    `json:"status"`
		Answer string `json:"answer"`
	}
	require.NoError(t, json.Unmarshal(d.control(t, "alipay.notify", `{"push_id":%q,"fields":%s%s}`, d.id, changed, more), &said))
	if taken {
		require.Equal(t, "success", said.Answer, fields)
		return
	}
	require.Equal(t, http.StatusBadRequest, said.Status, fields)
	require.NotEqual(t, "success", said.Answer, fields)
}

func TestFaultsOfPayments(t *testing.T) {
	t.Parallel()
	rows := map[string]func(*testing.T, *sandbox){
		"F1 lost notification": func(t *testing.T, m *sandbox) {
			d := m.buy(t, 2)
			d.pay(t, `"notify":"lost"`)
			d.ends(t, settled(d))
		},
		"F2 notified twice and after the query": func(t *testing.T, m *sandbox) {
			d := m.buy(t, 1)
			d.pay(t, `"notify":"twice"`)
			d.await(t, settled(d))
			d.notify(t, true, nil, "")
			require.Equal(t, 1, d.count(t, "Paid"))
			late := m.buy(t, 1)
			late.pay(t, `"notify":"late"`)
			late.ends(t, settled(late))
			late.notify(t, true, nil, "")
			require.Equal(t, 1, late.count(t, "Paid"))
			d.ends(t, settled(d))
		},
		"F3 notifications out of order": func(t *testing.T, m *sandbox) {
			d := m.buy(t, 1)
			d.signsIn(t)
			d.notify(t, true, map[string]string{"trade_status": "TRADE_CLOSED"}, "")
			d.await(t, unsold("Accepted"))
			d.pay(t)
			d.await(t, settled(d))
			for _, status := range []string{"TRADE_FINISHED", "TRADE_SUCCESS", "TRADE_CLOSED", "WAIT_BUYER_PAY"} {
				d.notify(t, true, map[string]string{"trade_status": status}, "")
			}
			d.ends(t, settled(d))
		},
		"F4 forged notification": forgedNotification,
		"F6 credit": func(t *testing.T, m *sandbox) {
			d := m.buy(t, 1)
			d.pay(t, `"channel":"CREDITCARD"`)
			d.ends(t, undone(d))
			d.because(t, "credit_funding", -1)
		},
		"F8 paid after the end": paidAfterTheEnd,
		"F8 paid after the end on a page opened before": func(t *testing.T, m *sandbox) {
			d := m.buy(t, 1)
			d.happened(t, "PaymentOpened", 1)
			d.takeDown(t)
			d.pay(t)
			want := unsold("Invalidated")
			want.In, want.Back = []string{d.total}, []string{d.total}
			d.ends(t, want)
			require.Zero(t, d.count(t, "PaymentClosed"))
		},
		"F9 paid twice": func(t *testing.T, m *sandbox) {
			d := m.buy(t, 2)
			d.pay(t)
			d.pay(t)
			want := settled(d)
			want.In, want.Back = []string{d.total, d.total}, []string{d.total}
			d.ends(t, want)
		},
		"F12 query fails for long": func(t *testing.T, m *sandbox) {
			d := m.buy(t, 1)
			d.alipay(t, "query", "error", 2)
			d.pay(t, `"notify":"lost"`)
			d.ends(t, settled(d))
		},
	}
	for _, mode := range []string{"error", "timeout", "done_but_timeout", "business_error"} {
		rows["F10 create "+mode] = func(t *testing.T, m *sandbox) {
			d := m.offer(t, 1, 10_00)
			d.alipay(t, "create", mode, 2)
			d.accept(t)
			d.signsIn(t)
			d.pay(t)
			d.ends(t, settled(d))
		}
	}
	for _, mode := range []string{"error", "timeout", "business_error", "done_but_timeout"} {
		rows["F11 close "+mode] = func(t *testing.T, m *sandbox) { closingFails(t, m, mode) }
	}
	openSandbox(t, t.TempDir(), longWindow).rows(t, rows)
}

// F4: nothing changes by it, and the true notification is still taken.
func forgedNotification(t *testing.T, m *sandbox) {
	d := m.buy(t, 1)
	d.signsIn(t)
	paid := func(name, value string) map[string]string {
		fields := map[string]string{"trade_status": "TRADE_SUCCESS", "gmt_payment": time.Now().Format(time.DateTime)}
		fields[name] = value
		return fields
	}
	d.notify(t, false, paid("subject", "another"), `,"forged":true`)
	for name, value := range map[string]string{
		"app_id": "2021000118600002", "seller_id": "2088621993700002",
		"total_amount": "0.01", "out_trade_no": "Tnobodyknows", "passback_params": "no-such-push",
	} {
		d.notify(t, false, paid(name, value), "")
	}
	d.await(t, unsold("Accepted"))
	require.Zero(t, d.count(t, "Paid"))
	require.Zero(t, d.count(t, "StrayReceived"))
	d.pay(t)
	d.ends(t, settled(d))
}

// F8: the trade is paid although the push has ended, since it could not be closed in time.
func paidAfterTheEnd(t *testing.T, m *sandbox) {
	for _, end := range []func(*deal){
		func(d *deal) { d.takeDown(t) },
		func(d *deal) { d.event(t, "blacklisted", 0) },
	} {
		d := m.buy(t, 1)
		d.signsIn(t)
		d.alipay(t, "close", "error", ever)
		end(d)
		d.await(t, unsold("Invalidated"))
		d.pay(t)
		want := unsold("Invalidated")
		want.In, want.Back = []string{d.total}, []string{d.total}
		d.ends(t, want)
	}
}

// F11: the trade of an ended push is closed in the end, and cannot be paid any more.
func closingFails(t *testing.T, m *sandbox, mode string) {
	d := m.buy(t, 1)
	d.signsIn(t)
	d.alipay(t, "close", mode, 2)
	d.takeDown(t)
	if mode == "done_but_timeout" {
		// The trade is closed, and closing it once more is refused: that says it as well.
		d.alipay(t, "close", "error", 0)
	}
	d.happened(t, "PaymentClosed", 1)
	reply := ask(t, d.operator, "sandbox.alipay.pay", fmt.Sprintf(`{"push_id":%q}`, d.id))
	require.Equal(t, "trade_closed", reply.Error.Code)
	d.ends(t, unsold("Invalidated"))
}

// Rows that wait for the end of the payment window.
func TestFaultsOfThePaymentWindow(t *testing.T) {
	t.Parallel()
	openSandbox(t, t.TempDir(), 4*time.Second).rows(t, map[string]func(*testing.T, *sandbox){
		"F5 another amount": func(t *testing.T, m *sandbox) {
			d := m.buy(t, 1)
			d.pay(t, `"amount":"9.99"`)
			want := unsold("Expired")
			want.In, want.Back = []string{"9.99"}, []string{"9.99"}
			d.ends(t, want)
			d.because(t, "payment_window", -1)
		},
		"F7 paid too late": func(t *testing.T, m *sandbox) {
			d := m.buy(t, 1)
			d.alipay(t, "close", "error", ever)
			d.await(t, unsold("Expired"))
			d.pay(t)
			want := unsold("Expired")
			want.In, want.Back = []string{d.total}, []string{d.total}
			d.ends(t, want)
		},
		"F12 unpaid is never assumed": func(t *testing.T, m *sandbox) {
			d := m.buy(t, 1)
			d.alipay(t, "query", "error", ever)
			d.pay(t, `"notify":"lost"`)
			other := m.buy(t, 1) // whose window ends later
			other.await(t, unsold("Expired"))
			require.Zero(t, d.count(t, "Expired"), "the window is over, and nobody has said that nothing was paid")
			d.alipay(t, "query", "error", 0)
			d.ends(t, settled(d))
			other.ends(t, unsold("Expired"))
		},
		"L5 signed in and never paid": func(t *testing.T, m *sandbox) {
			d := m.buy(t, 1)
			d.signsIn(t)
			d.happened(t, "PaymentClosed", 1)
			d.ends(t, unsold("Expired"))
		},
		"F8 taken down before anybody signed in": func(t *testing.T, m *sandbox) {
			d := m.buy(t, 1)
			d.takeDown(t)
			d.happened(t, "PaymentClosed", 1)
			reply := ask(t, d.operator, "sandbox.alipay.open", fmt.Sprintf(`{"push_id":%q}`, d.id))
			require.Contains(t, []string{"trade_closed", "trade_not_found"}, reply.Error.Code)
			d.ends(t, unsold("Invalidated"))
		},
		"F10 errors for as long as the window lasts": func(t *testing.T, m *sandbox) {
			d := m.offer(t, 1, 10_00)
			d.alipay(t, "create", "business_error", ever)
			d.accept(t)
			d.happened(t, "PaymentClosed", 1)
			require.Zero(t, d.count(t, "PaymentOpened"))
			d.ends(t, unsold("Expired"))
		},
		"L5 never paid": func(t *testing.T, m *sandbox) {
			d := m.buy(t, 2)
			d.happened(t, "PaymentClosed", 1)
			d.ends(t, unsold("Expired"))
			d.because(t, "payment_window", -1)
		},
	})
}

// F36: what is no answer leaves the outcome open, and the call is made again.
func TestFaultsOfAnswers(t *testing.T) {
	t.Parallel()
	rows := make(map[string]func(*testing.T, *sandbox))
	for _, mode := range []string{"rubbish", "half", "redirect", "huge"} {
		rows["F36 settled "+mode] = func(t *testing.T, m *sandbox) {
			d := m.offer(t, 1, 10_00)
			d.alipay(t, "create", mode, 1) // a redirect is how a payment page answers: it is believed, and proves nothing
			d.alipay(t, "query", mode, 1)
			d.alipay(t, "payout", mode, 2)
			d.accept(t)
			d.happened(t, "PaymentOpened", 1)
			d.visit(t)
			d.pay(t, `"notify":"lost"`)
			d.ends(t, settled(d))
		}
		rows["F36 refunded "+mode] = func(t *testing.T, m *sandbox) {
			d := m.buy(t, 1)
			d.alipay(t, "refund", mode, 2)
			d.registrar(t, 0, "move", "refuse", 1)
			d.pay(t)
			d.ends(t, undone(d))
		}
		rows["F36 closed "+mode] = func(t *testing.T, m *sandbox) {
			d := m.buy(t, 1)
			d.signsIn(t)
			d.alipay(t, "close", mode, 2)
			d.takeDown(t)
			d.happened(t, "PaymentClosed", 1)
			d.ends(t, unsold("Invalidated"))
		}
	}
	openSandbox(t, t.TempDir(), longWindow).rows(t, rows)
}
