package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/push"
)

// Where a seller is paid by confirming its trade, the platform's fee is a call of its own.
func TestFaultsOfFees(t *testing.T) {
	t.Parallel()
	m := openConfirming(t, push.FeeSchedule{{Rate: 50_000}})
	rows := map[string]func(*testing.T, *sandbox){
		"the fee is refused, then retried": func(t *testing.T, m *sandbox) {
			d := feeRefused(t, m)
			require.True(t, d.operate("retry", `"step":"payout","reason":"balance topped up"`, t).OK)
			d.ends(t, settledWithFee(d))
		},
		"the fee is refused, settled by hand": func(t *testing.T, m *sandbox) {
			d := feeRefused(t, m)
			require.True(t, d.byHand(t, "payout").OK)
			want := settledWithFee(d)
			want.Out, want.Owed = []string{d.total}, map[string]string{"platform:fee": "0.61", "platform:by_hand": "-0.61"}
			d.ends(t, want)
		},
	}
	for _, api := range []string{"payout", "fee"} {
		for _, mode := range []string{"error", "timeout", "done_but_timeout", "rubbish"} {
			rows[api+" "+mode] = func(t *testing.T, m *sandbox) {
				d := m.buy(t, 1)
				d.alipay(t, api, mode, 2)
				d.pay(t)
				d.ends(t, settledWithFee(d))
			}
		}
	}
	m.rows(t, rows)
}

// settledWithFee is a push over 12.34 of which 0.61 are the platform's.
func settledWithFee(d *deal) books {
	want := settled(d)
	want.Out, want.Owed = []string{"11.73"}, map[string]string{"alipay:clearing": "-0.61", "platform:fee": "0.61"}
	return want
}

// feeRefused is a delivered push whose seller is paid, while Alipay gives the platform no fee.
func feeRefused(t *testing.T, m *sandbox) *deal {
	t.Helper()
	d := m.buy(t, 1)
	d.alipay(t, "fee", "business_error", 1)
	d.pay(t)
	d.happened(t, "PayoutRefused", 1)
	d.await(t, books{
		Status: "Paid", In: []string{d.total}, Out: []string{d.total}, Places: []string{"bo"},
		Owed: map[string]string{"alipay:frozen": "-12.34", "seller:anna:payable": "11.73", "platform:fee": "0.61"},
	})
	var waiting struct {
		Purchases []struct {
			PushID string `json:"push_id"`
			Steps  []struct {
				LastError string `json:"last_error"`
			} `json:"steps"`
		} `json:"purchases"`
	}
	d.read(t, "auditor", "/v1/purchases?state=stuck", &waiting)
	for _, purchase := range waiting.Purchases {
		if purchase.PushID == d.id {
			require.Contains(t, purchase.Steps[0].LastError, "the seller is paid, only the fee did not come")
			return d
		}
	}
	require.Fail(t, "the fee is not in the work list")
	return nil
}
