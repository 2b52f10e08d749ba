package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/pushledger/pushledger/aggregates/push"
)

// bill has the sandbox's Alipay make a bill over everything so far.
func (m *sandbox) bill(t *testing.T, kind string) string {
	t.Helper()
	var said struct {
		Bill string `json:"bill"`
	}
	require.NoError(t, json.Unmarshal(m.control(t, "alipay.bill", `{"type":%q}`, kind), &said))
	return said.Bill
}

// reconcile runs the command on a bill as Alipay writes it, and returns the exit code and
// the kinds of the differences.
func (m *sandbox) reconcile(t *testing.T, text string) (int, []string) {
	t.Helper()
	gbk, err := simplifiedchinese.GBK.NewEncoder().String(text)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "bill.csv")
	require.NoError(t, os.WriteFile(path, []byte(gbk), 0o600))
	return m.reconcileWith(t, "--bill", path)
}

func (m *sandbox) reconcileWith(t *testing.T, flags ...string) (int, []string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := run(append([]string{
		"audit", "reconcile", "-o", "json",
		"--nats-url", m.ready.NATSURL, "--http-url", m.ready.HTTPURL, "--token", m.ready.Tokens["auditor"],
	}, flags...), &stdout, &stderr)
	var answer struct {
		Differences []struct {
			Kind string `json:"kind"`
			What string `json:"what"`
		} `json:"differences"`
	}
	require.NoError(t, json.Unmarshal(stdout.Bytes(), &answer), "%s%s", &stdout, &stderr)
	var kinds []string
	for _, difference := range answer.Differences {
		kinds = append(kinds, difference.Kind+" "+difference.What)
	}
	return code, kinds
}

// without drops the first line of a bill that holds a text.
func without(t *testing.T, text, part string) string {
	t.Helper()
	require.Contains(t, text, part)
	var kept []string
	dropped := false
	for _, line := range strings.Split(text, "\n") {
		if !dropped && strings.Contains(line, part) {
			dropped = true
			continue
		}
		kept = append(kept, line)
	}
	return strings.Join(kept, "\n")
}

func TestTheJournalIsHeldAgainstAlipaysBill(t *testing.T) {
	t.Parallel()
	m := openSandbox(t, t.TempDir(), longWindow)
	bought := m.buy(t, 2)
	bought.pay(t)
	bought.pay(t)
	twice := settled(bought)
	twice.In, twice.Back = []string{bought.total, bought.total}, []string{bought.total}
	bought.ends(t, twice)
	failed := m.buy(t, 1)
	failed.registrar(t, 0, "move", "refuse", 1)
	failed.pay(t)
	failed.ends(t, undone(failed))
	byHand := payoutRefused(t, m)
	require.True(t, byHand.byHand(t, "payout").OK)
	m.eventually(t, "anna", byHand.id, "Completed")
	trades, account := m.bill(t, "trade"), m.bill(t, "signcustomer")

	for name, test := range map[string]struct {
		bill  string
		code  int
		kinds []string
	}{
		"the trades agree":          {trades, 0, nil},
		"the account agrees":        {account, 0, nil},
		"a payment is missing":      {without(t, trades, ",交易,"), 4, []string{"missing payment"}},
		"a refund is missing":       {without(t, trades, ",退款,"), 4, []string{"refund_missing refund"}},
		"a payout is missing":       {without(t, account, ",转账,"), 4, []string{"payout_missing payout"}},
		"a payment comes twice":     {trades + lineWith(trades, ",交易,"), 4, []string{"extra payment"}},
		"a payout nobody ordered":   {account + strings.Replace(lineWith(account, ",转账,"), "\t,P", "\t,Q", 1), 4, []string{"unrelated expense"}},
		"a payment of another size": {strings.Replace(trades, ",12.34,12.34,", ",12.35,12.35,", 1), 4, []string{"wrong_amount payment"}},
	} {
		code, kinds := m.reconcile(t, test.bill)
		require.Equal(t, test.kinds, kinds, name)
		require.Equal(t, test.code, code, name)
	}
}

func lineWith(text, part string) string {
	for _, line := range strings.Split(text, "\n") {
		if strings.Contains(line, part) {
			return line + "\n"
		}
	}
	return ""
}

// Money of a trade that is kept for a seller is none of the platform's, and on none of the
// bills that are read; the platform's own stands on them as ever.
func TestKeptTradesAreOnNoBillOfThePlatform(t *testing.T) {
	t.Parallel()
	m := openConfirming(t, push.FeeSchedule{{Rate: 50_000}})
	sold, failed := m.buy(t, 1), m.buy(t, 1)
	sold.pay(t)
	failed.registrar(t, 0, "move", "refuse", 1)
	failed.pay(t)
	sold.ends(t, settledWithFee(sold))
	failed.ends(t, undone(failed))
	trades, account := m.bill(t, "trade"), m.bill(t, "signcustomer")
	require.NotContains(t, trades, ",交易,")
	require.Contains(t, account, "0.61,,1000000.61,支付宝,分账,")
	for _, bill := range []string{trades, account} {
		code, kinds := m.reconcile(t, bill)
		require.Empty(t, kinds)
		require.Zero(t, code)
	}
	code, kinds := m.reconcile(t, without(t, account, ",分账,"))
	require.Equal(t, []string{"missing royalty"}, kinds)
	require.Equal(t, 4, code)
}
