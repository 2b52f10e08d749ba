package main

import (
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/projections/pushes"
)

// purchases are those in progress of a state, as an operator is shown them.
func (m *sandbox) purchases(t *testing.T, state string) []pushes.Purchase {
	t.Helper()
	var page pushes.PurchasesPage
	m.read(t, "operator", "/v1/purchases?state="+state, &page)
	return page.Purchases
}

func (m *sandbox) metrics(t *testing.T) string {
	t.Helper()
	response, err := http.Get(m.ready.HTTPURL + "/metrics")
	require.NoError(t, err)
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return string(text)
}

// A contract that is wrong shows to operators at once, and an operator who has seen to it
// has the payout made at once.
func TestAWrongContractIsShownAndSeenTo(t *testing.T) {
	t.Parallel()
	m := openSandbox(t, t.TempDir(), longWindow)
	d := m.buy(t, 1)
	m.control(t, "alipay.fault", `{"api":"payout","mode":"business_error","code":"40006","sub_code":"isv.insufficient-isv-permissions","times":%d}`, ever)
	d.pay(t)
	require.Eventually(t, func() bool {
		alarmed := m.purchases(t, "alarm")
		return len(alarmed) == 1 && alarmed[0].Step == push.StepPayout
	}, time.Minute, 50*time.Millisecond)
	shown := m.purchases(t, "stuck")[0]
	require.Equal(t, pushes.WorkAlarm, shown.State)
	require.Contains(t, shown.LastError, "isv.insufficient-isv-permissions")
	require.NotZero(t, shown.Since)
	require.Empty(t, m.purchases(t, "running"))
	require.Contains(t, m.metrics(t), `pushledger_alipay_misconfigured{api="alipay.fund.trans.uni.transfer",code="isv.insufficient-isv-permissions"} 1`)
	require.Equal(t, "not_waiting", d.byHand(t, "payout").Error.Code, "nobody knows what became of it")
	m.control(t, "alipay.fault", `{"api":"payout","mode":"business_error","times":0}`)
	require.True(t, d.operate("retry", `"step":"payout","reason":"signed the contract"`, t).OK)
	d.ends(t, settled(d))
	require.NotContains(t, m.metrics(t), "pushledger_alipay_misconfigured{")
}

// A seller who has corrected its account is paid under another number, once.
func TestASellerWhoCorrectsItsAccount(t *testing.T) {
	t.Parallel()
	m := openSandbox(t, t.TempDir(), longWindow)
	m.control(t, "alipay.payee", `{"account":"anna@example.com","exists":false}`)
	d := m.buy(t, 1)
	d.pay(t)
	d.owesTheSeller(t, "anna")
	m.control(t, "accounts.set", `{"account":"anna","alipay_account":"anna.right@example.com"}`)
	require.True(t, d.operate("retry", `"step":"payout","reason":"corrected"`, t).OK)
	d.ends(t, settled(d))
	require.Equal(t, 1, d.count(t, "PayoutRenumbered"))
	code, differences := m.reconcile(t, m.bill(t, "signcustomer"))
	require.Zero(t, code, differences)
}
