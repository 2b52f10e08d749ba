package main

import (
	"bytes"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/daybill"
	"github.com/pushledger/pushledger/aggregates/money"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/app"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/commands"
	"github.com/pushledger/pushledger/projections/pushes"
	"github.com/pushledger/pushledger/sagas/ledger"
)

const feesOnBill = "#起始日期:[20260102] 终止日期:[20260102]\n业务流水号,商户订单号,发生时间,收入金额(+元),支出金额(-元),业务类型\n" +
	"2026	,T1	,2026-01-02 10:00:00,,-12.00,收费\n"

// A service that reconciles every day says so in its metrics, and the fees that it books
// are seen by everybody who looks at its books.
func TestAServiceReconcilesEveryDay(t *testing.T) {
	t.Parallel()
	midnight := time.Duration(0)
	service, err := app.Start(t.Context(), app.Config{
		Data: t.TempDir(), NATSListen: "127.0.0.1:0", HTTPListen: "127.0.0.1:0", SyncAlways: true, PaymentWindow: longWindow,
		Limit: commands.Limit{PerSecond: 1e6, Burst: 1e6}, Reconcile: &midnight, Sandbox: true, Inventory: writeInventory(t, 0), Version: version,
		Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, service.Close()) })
	m := &sandbox{doors: doors{
		ready: readyFile{NATSURL: service.Ready.NATSURL, HTTPURL: service.Ready.HTTPURL, Tokens: service.Ready.Tokens}, stderr: &lockedBuffer{},
	}}
	require.Eventually(t, func() bool {
		metrics := m.metrics(t)
		return strings.Contains(metrics, "pushledger_reconcile_success_seconds 1.") && strings.Contains(metrics, "pushledger_reconcile_differences 0\n") &&
			strings.Contains(metrics, "pushledger_reconcile_waiting_days 0\n") && strings.Contains(metrics, "pushledger_reconcile_last_day_seconds 1.")
	}, readyPatience, lookAgain)

	_, err = ledger.New(service.Log()).RecordBill(t.Context(), "2026-01-02", func(state daybill.State) ([]daybill.Event, error) {
		return daybill.Decide(state, daybill.Found{Day: "2026-01-02", Fees: money.Fen(12_00), Payments: 1, Digest: strings.Repeat("a", 64)}, time.Now().UTC())
	})
	require.NoError(t, err)
	var listed struct {
		Bills []daybill.Found `json:"bills"`
	}
	require.Eventually(t, func() bool {
		code, err := m.get("auditor", "/v1/bills", &listed)
		return err == nil && code == http.StatusOK && len(listed.Bills) == 1
	}, readyPatience, lookAgain)
	require.Equal(t, money.Fen(12_00), listed.Bills[0].Fees)
	var balances pushes.Balances
	_, err = m.get("auditor", "/v1/journal/balances", &balances)
	require.NoError(t, err)
	require.Equal(t, "0.00", balances.Sum)
	require.Contains(t, balances.Balances, pushes.Balance{Account: "platform:channel_fee", Balance: "-12.00"})
	code, err := m.get("anna", "/v1/bills", nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusForbidden, code)

	for _, command := range []string{"verify", "diff", "replay"} {
		var stdout, stderr bytes.Buffer
		code := run([]string{
			"audit", command, "--nats-url", m.ready.NATSURL, "--http-url", m.ready.HTTPURL, "--token", m.ready.Tokens["auditor"],
		}, &stdout, &stderr)
		require.Zero(t, code, "%s: %s", command, &stderr)
	}
	code, kinds := m.reconcile(t, feesOnBill)
	require.Empty(t, kinds)
	require.Zero(t, code)
	code, kinds = m.reconcile(t, strings.Replace(feesOnBill, "12.00", "12.01", 1))
	require.Equal(t, []string{"wrong_amount fee"}, kinds)
	require.Equal(t, exitVerify, code)
}
