package purchase_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/push"
)

// A purchase is settled in the way that was recorded when it was accepted, whatever is
// configured since.
func TestAPurchaseFinishesInItsOwnWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := halfDelivered(t, w)
	w.merchant = "2088000000000107"
	after := halfDelivered(t, w)
	w.merchant = ""
	for _, d := range []*deal{before, after} {
		d.fault(t, 1, "move", "pending", 0)
		d.settled(t)
	}
	require.Equal(t, "anna@example.com", before.Moved(t, before.id).Payouts[0].Payee)
	require.Equal(t, "2088000000000107", after.Moved(t, after.id).Payouts[0].Payee)
}

// F24: the seller of a kept trade is paid though it has unbound its Alipay account since, and
// stays owed where Alipay refuses the confirmation.
func TestAConfirmationIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.merchant = "2088000000000107"
	w.Do(t, "alipay.fault", `{"api":"payout","mode":"business_error","times":%d}`, ever)
	refused := w.buy(t, 2)
	refused.pay(t)
	refused.owed(t, "ACQ.SETTLE_ACCOUNT_NOT_EXIST")

	w.Do(t, "alipay.fault", `{"api":"payout","mode":"business_error","times":0}`)
	w.Do(t, "accounts.set", `{"account":"anna","alipay_account":""}`)
	unbound := w.buy(t, 1)
	unbound.pay(t)
	unbound.settled(t)
}

// Money that does not pay the push goes back out of what is frozen.
func TestStrayMoneyOfAKeptTradeGoesBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.merchant = "2088000000000107"
	twice := w.buy(t, 1)
	twice.pay(t)
	twice.pay(t)
	twice.await(t, func(state push.State) bool { return len(state.Strays) == 1 })
	twice.settled(t)
	credit := w.buy(t, 1)
	credit.pay(t, `"channel":"CREDITCARD"`)
	credit.refunded(t, push.StatusRefunded, push.CodeCreditFunding)
	late := w.buy(t, 1)
	late.signsIn(t)
	late.takeDown(t)
	late.unpaid(t, push.StatusInvalidated, push.CodeTakenDown)
}
