package accounts_test

import (
	"bytes"
	"encoding/csv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/projections/accounts"
	"github.com/pushledger/pushledger/projections/pushes"
	"github.com/pushledger/pushledger/projections/pushes/pushestest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var operator = pushes.Viewer{Account: "op", SeesAll: true}

// traded is a ledger with a purchase, a failed one and money that paid nothing.
func traded(t *testing.T) *pushestest.Fixture {
	t.Helper()
	ledger := pushestest.Start(t)
	good, bad := pushestest.Offered("p-1", "anna", "bo", "alpha.com"), pushestest.Offered("p-2", "anna", "bo", "beta.com", "gamma.com")
	ledger.Show(t, "p-1", append([]push.Event{good}, pushestest.Purchase(good)...)...)
	ledger.Show(t, "p-2", append([]push.Event{bad}, pushestest.Failure(bad)...)...)
	return ledger
}

func statement(t *testing.T, ledger *pushestest.Fixture, account, from, to string) accounts.Statement {
	t.Helper()
	shown, err := ledger.Accounts.Statement(t.Context(), operator, accounts.StatementRequest{Account: account, From: from, To: to})
	require.NoError(t, err)
	return shown
}

func lines(shown accounts.Statement) []string {
	var told []string
	for _, line := range shown.Lines {
		told = append(told, strings.Join([]string{line.PushID, line.Event, line.Amount, line.Fee, line.Balance}, " "))
	}
	return told
}

func TestAStatementTellsWhatIsHeldForAnAccount(t *testing.T) {
	ledger := traded(t)
	require.Equal(t, []string{"p-1 PayoutRequested 95.00 5.00 95.00", "p-1 PaidOut -95.00  0.00"}, lines(statement(t, ledger, "anna", "", "")))
	require.Equal(t, []string{
		"p-1 Paid 100.00  100.00", "p-1 PayoutRequested -100.00  0.00",
		"p-2 Paid 200.00  200.00", "p-2 StrayReceived 5.00  205.00", "p-2 StrayRefunded -5.00  200.00", "p-2 Refunded -200.00  0.00",
	}, lines(statement(t, ledger, "bo", "", "")))
	nobody := statement(t, ledger, "carl", "", "")
	require.Equal(t, "0.00", nobody.OpeningBalance)
	require.Equal(t, "0.00", nobody.ClosingBalance)
}

// A statement is read by the party whose it is: what the other has of the same push reads
// differently.
func TestAStatementSpeaksFromTheSideOfItsAccount(t *testing.T) {
	ledger := traded(t)
	free := pushestest.Offered("p-4", "bo", "anna", "delta.com")
	free.FeeRate = 0
	ledger.Show(t, "p-4", append([]push.Event{free}, pushestest.Purchase(free)...)...)
	told := func(account string) (en, zh []string) {
		for _, line := range statement(t, ledger, account, "", "").Lines {
			en, zh = append(en, line.EN), append(zh, line.ZH)
		}
		return en, zh
	}
	en, zh := told("anna")
	require.Equal(t, []string{
		"price of what was delivered less the fee of 5.00 CNY: alpha.com, buyer bo", "payout received: alpha.com, buyer bo",
		"payment: delta.com, seller bo", "price of what was delivered, to the seller: delta.com, seller bo",
	}, en)
	require.Equal(t, []string{
		"域名已交割，应付您的转让款（已扣手续费 5.00 元）：alpha.com，买家 bo", "收到转让款：alpha.com，买家 bo",
		"付款：delta.com，卖家 bo", "域名已交割，转让款付给卖家：delta.com，卖家 bo",
	}, zh)
	_, zh = told("bo")
	require.Equal(t, []string{
		"付款：alpha.com，卖家 anna", "域名已交割，转让款付给卖家：alpha.com，卖家 anna",
		"付款：beta.com 等 2 个域名，卖家 anna", "误入款，待退回：beta.com 等 2 个域名，卖家 anna",
		"误入款退款：beta.com 等 2 个域名，卖家 anna", "退款：beta.com 等 2 个域名，卖家 anna",
		"域名已交割，应付您的转让款：delta.com，买家 anna", "收到转让款：delta.com，买家 anna",
	}, zh)
}

func TestThePartsOfAStatementFitTogether(t *testing.T) {
	ledger := traded(t)
	whole := statement(t, ledger, "bo", "", "")
	cut := whole.Lines[3].Time.Format(time.RFC3339Nano)
	before, after := statement(t, ledger, "bo", "", cut), statement(t, ledger, "bo", cut, "")
	require.Equal(t, whole.Lines, append(before.Lines, after.Lines...))
	require.Equal(t, before.ClosingBalance, after.OpeningBalance)
	require.Equal(t, whole.ClosingBalance, after.ClosingBalance)
}

func TestT3AStatementSaysThatItIsNoInvoice(t *testing.T) {
	shown := statement(t, traded(t), "bo", "", "")
	require.Contains(t, shown.Notice, "not an invoice")
	require.Contains(t, shown.NoticeZH, "不是发票")
	var text bytes.Buffer
	require.NoError(t, shown.WriteCSV(&text))
	table, err := csv.NewReader(&text).ReadAll()
	require.NoError(t, err)
	require.Len(t, table, 1+1+len(shown.Lines)+1+1)
	require.Equal(t, []string{"opening balance", "0.00"}, []string{table[1][4], table[1][7]})
	require.Equal(t, []string{"closing balance", "0.00"}, []string{table[len(table)-2][4], table[len(table)-2][7]})
	require.Contains(t, table[len(table)-1][4], "not an invoice")
}

func TestT1AStatementIsForTheAccountAlone(t *testing.T) {
	ledger := traded(t)
	for _, viewer := range []pushes.Viewer{{Account: "bo"}, {Account: ""}, {Account: "carl"}} {
		_, err := ledger.Accounts.Statement(t.Context(), viewer, accounts.StatementRequest{Account: "anna"})
		require.Equal(t, pushes.NotTheAccount(), err)
	}
	_, err := ledger.Accounts.Statement(t.Context(), pushes.Viewer{Account: "anna"}, accounts.StatementRequest{Account: "anna"})
	require.NoError(t, err)
}

func TestTheFiguresOfADayCountEndsAndTurnover(t *testing.T) {
	ledger := traded(t)
	ledger.Show(t, "p-3", pushestest.Offered("p-3", "carl", "bo", "delta.com"))
	for viewer, want := range map[pushes.Viewer]accounts.Day{
		operator:          {Offered: 3, Completed: 1, Refunded: 1, Turnover: "100.00"},
		{Account: "anna"}: {Offered: 2, Completed: 1, Refunded: 1, Turnover: "100.00"},
		{Account: "carl"}: {Offered: 1, Turnover: "0.00"},
	} {
		daily, err := ledger.Accounts.Daily(t.Context(), viewer, accounts.DailyRequest{From: "2026-01-01"})
		require.NoError(t, err)
		var sum accounts.Day
		for _, day := range daily.Days { // two of them when it is midnight
			sum.Offered += day.Offered
			sum.Completed += day.Completed
			sum.Refunded += day.Refunded
			sum.Turnover = max(sum.Turnover, day.Turnover)
		}
		require.Equal(t, want, sum, viewer)
	}
	_, err := ledger.Accounts.Daily(t.Context(), pushes.Viewer{Account: "bo"}, accounts.DailyRequest{Account: "anna"})
	require.Equal(t, pushes.NotTheAccount(), err)
}

// What a person has paid instead of the provider is paid: neither party keeps a balance.
func TestAStatementClosesAtNothingAfterASettlementByHand(t *testing.T) {
	ledger := pushestest.Start(t)
	good, bad := pushestest.Offered("p-1", "anna", "bo", "alpha.com"), pushestest.Offered("p-2", "anna", "bo", "beta.com")
	for id, events := range map[string][]push.Event{
		"p-1": append([]push.Event{good}, pushestest.Purchase(good)...), "p-2": append([]push.Event{bad}, pushestest.Failure(bad)...),
	} {
		for i, event := range events {
			switch e := event.(type) {
			case push.PaidOut:
				e.To = push.ByHandAccount
				events[i] = e
			case push.Refunded:
				e.To = push.ByHandAccount
				events[i] = e
			case push.StrayRefunded:
				e.To = push.ByHandAccount
				events[i] = e
			default:
			}
		}
		ledger.Show(t, id, events...)
	}
	for _, account := range []string{"anna", "bo"} {
		shown := statement(t, ledger, account, "", "")
		require.NotEmpty(t, shown.Lines)
		require.Equal(t, "0.00", shown.ClosingBalance, account)
	}
}

// What a person has paid, or collected, is neither party's, and closes both statements.
func TestStatementsOfWhatWasSettledByHandClose(t *testing.T) {
	for name, end := range map[string]push.PaidOut{
		"the seller was paid by hand": {To: push.ByHandAccount, Amount: 95_00},
		"the trade was confirmed":     {To: push.FrozenAccount, Amount: 95_00, Fee: 5_00},
		"the fee came by hand":        {To: push.FrozenAccount, Amount: 95_00, Fee: 5_00, FeeFrom: push.ByHandAccount},
	} {
		ledger := pushestest.Start(t)
		offered := pushestest.Offered("p-1", "anna", "bo", "alpha.com")
		events := []push.Event{offered}
		for _, event := range pushestest.Purchase(offered) {
			if paid, is := event.(push.PaidOut); is {
				end.At, end.Seller, end.PayoutNo = paid.At, paid.Seller, paid.PayoutNo
				event = end
			}
			events = append(events, event)
		}
		ledger.Show(t, "p-1", events...)
		for _, account := range []string{"anna", "bo"} {
			require.Equal(t, "0.00", statement(t, ledger, account, "", "").ClosingBalance, "%s: %s", name, account)
		}
	}
}
