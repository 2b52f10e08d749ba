package pushes_test

import (
	"database/sql"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/pushledger/pushledger/aggregates"
	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/eventstore"
	"github.com/pushledger/pushledger/projections/pushes"
	"github.com/pushledger/pushledger/projections/pushes/pushestest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	anna, bo, carl = "anna", "bo", "carl"

	alpha domainname.Name = "alpha.com"
	beta  domainname.Name = "beta.cn"
	gamma domainname.Name = "xn--fsqu00a.xn--fiqs8s"
)

var (
	asAnna   = pushes.Viewer{Account: anna}
	asBo     = pushes.Viewer{Account: bo}
	asCarl   = pushes.Viewer{Account: carl}
	operator = pushes.Viewer{Account: "operator", SeesAll: true}
)

func requireRefused(t *testing.T, code string, err error) {
	t.Helper()
	var refusal *push.Refusal
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, code, refusal.Code)
	require.NotEmpty(t, refusal.Message)
	require.NotEmpty(t, refusal.MessageZH)
}

func get(t *testing.T, ledger *pushestest.Fixture, id string) pushes.View {
	t.Helper()
	shown, err := ledger.Queries.Push(t.Context(), operator, pushes.PushRequest{PushID: id})
	require.NoError(t, err)
	return shown
}

func deliveries(shown pushes.View) []string {
	var words []string
	for _, item := range shown.Items {
		words = append(words, item.Delivery)
	}
	return words
}

func TestAPushIsShownAsItStandsAfterEveryEvent(t *testing.T) {
	ledger := pushestest.Start(t)
	offered := pushestest.Offered("p-1", anna, bo, alpha, gamma)
	waiting := "https://pay.example/" + push.TradeNo("p-1")
	for i, step := range []struct {
		status     push.Status
		payment    pushes.PaymentState
		url        string
		deliveries []string
	}{
		{push.StatusOffered, pushes.PaymentNone, "", []string{"none", "none"}},
		{push.StatusAccepted, pushes.PaymentWaiting, waiting, []string{"none", "none"}},
		{push.StatusAccepted, pushes.PaymentWaiting, waiting, []string{"none", "none"}},
		{push.StatusPaid, pushes.PaymentPaid, "", []string{"none", "none"}},
		{push.StatusPaid, pushes.PaymentPaid, "", []string{"moving", "moving"}},
		{push.StatusPaid, pushes.PaymentPaid, "", []string{"delivered", "moving"}},
		{push.StatusPaid, pushes.PaymentPaid, "", []string{"delivered", "delivered"}},
		{push.StatusPaid, pushes.PaymentPaid, "", []string{"delivered", "delivered"}},
		{push.StatusPaid, pushes.PaymentPaid, "", []string{"delivered", "delivered"}},
		{push.StatusCompleted, pushes.PaymentPaid, "", []string{"delivered", "delivered"}},
	} {
		events := append([]push.Event{offered}, pushestest.Purchase(offered)...)
		ledger.Show(t, "p-1", events[i])

		shown := get(t, ledger, "p-1")

		name := events[i].EventType()
		require.Equal(t, step.status, shown.Status, name)
		require.Equal(t, step.payment, shown.Payment.State, name)
		require.Equal(t, step.url, shown.Payment.URL, name)
		require.Equal(t, step.deliveries, deliveries(shown), name)
		require.Equal(t, i+1, shown.Version, name)
	}
	shown := get(t, ledger, "p-1")
	require.Equal(t, pushes.ItemView{Domain: gamma, DomainUnicode: "例子.中国", Price: 100_00, Delivery: "delivered"}, shown.Items[1])
	require.Equal(t, []string{"p-1", anna, bo, "CNY", "200.00", "0.05"},
		[]string{shown.PushID, shown.Seller, shown.Buyer, shown.Currency, shown.Total.String(), shown.FeeRate.String()})
	require.Equal(t, offered.OfferedAt, shown.OfferedAt)
	require.False(t, shown.EndedAt.IsZero())
}

func TestAFailedPushSaysWhyAndThatTheMoneyIsBack(t *testing.T) {
	ledger := pushestest.Start(t)
	offered := pushestest.Offered("p-1", anna, bo, alpha, beta)
	ledger.Show(t, "p-1", append([]push.Event{offered}, pushestest.Failure(offered)...)...)

	shown := get(t, ledger, "p-1")

	require.Equal(t, push.StatusRefunded, shown.Status)
	require.Equal(t, pushes.PaymentRefunded, shown.Payment.State)
	require.Equal(t, push.CodeMoveRefused, shown.EndReason)
	require.Equal(t, beta, shown.EndDomain)
	require.Equal(t, []string{"returned", "kept"}, deliveries(shown))
}

func TestAPaymentThatCanNotBeMadeAnyMoreIsClosed(t *testing.T) {
	ledger := pushestest.Start(t)
	offered := pushestest.Offered("p-1", anna, bo, alpha)
	ledger.Show(t, "p-1", offered, pushestest.Payment(offered)[0], push.Expired{At: offered.ExpiresAt, Reason: push.ExpiryPaymentWindow})
	shown := get(t, ledger, "p-1")
	require.Equal(t, pushes.PaymentClosed, shown.Payment.State)
	require.Empty(t, shown.Payment.URL)
	require.Equal(t, "payment_window", shown.EndReason)
}

func TestAPushWithNothingToPayHasNoPayment(t *testing.T) {
	ledger := pushestest.Start(t)
	offered := pushestest.Offered("p-1", anna, bo, alpha)
	offered.Items[0].Price, offered.Total = 0, 0
	ledger.Show(t, "p-1", offered, push.Accepted{At: offered.OfferedAt}, push.Paid{At: offered.OfferedAt})
	require.Equal(t, pushes.PaymentView{State: pushes.PaymentNone}, get(t, ledger, "p-1").Payment)
}

// A restart between any two events must not be seen: the state that is read back from
// the table goes on exactly as the one in memory would have.
func TestEveryStateSurvivesTheTable(t *testing.T) {
	offered := pushestest.Offered("p-1", anna, bo, alpha, beta)
	for name, history := range map[string][]push.Event{
		"purchase": append([]push.Event{offered}, pushestest.Purchase(offered)...),
		"failure":  append([]push.Event{offered}, pushestest.Failure(offered)...),
		"declined": {offered, push.Declined{At: offered.OfferedAt, Reason: "太贵"}},
	} {
		t.Run(name, func(t *testing.T) {
			oneByOne, atOnce := pushestest.Start(t), pushestest.New(t)
			for _, event := range history {
				oneByOne.Show(t, "p-1", event) // each in a transaction of its own
			}
			atOnce.Record(t, "p-1", history...)
			atOnce.Run(t) // all of them in one

			require.Equal(t, stateColumn(t, atOnce), stateColumn(t, oneByOne))
			require.Equal(t, get(t, atOnce, "p-1"), get(t, oneByOne, "p-1"))
		})
	}
}

func stateColumn(t *testing.T, ledger *pushestest.Fixture) string {
	t.Helper()
	var text string
	require.NoError(t, ledger.Runner.Read(func(db *sql.DB) error {
		return db.QueryRowContext(t.Context(), "SELECT state FROM pushes").Scan(&text)
	}))
	return text
}

func TestAnEventOfAPushThatWasNeverOfferedStopsTheModel(t *testing.T) {
	ledger := pushestest.New(t)
	_, err := ledger.Log.Append(t.Context(), eventstore.Metadata{}, eventstore.Change{
		Stream: eventstore.StreamID{Kind: "push", Key: "p-1"}, Events: []aggregates.Event{push.Withdrawn{}},
	})
	require.NoError(t, err)
	require.ErrorContains(t, ledger.Runner.Runner.Run(t.Context()), "sequence 1: Withdrawn cannot happen to push p-1")
}

func TestTheJournalOfEverythingSumsToZero(t *testing.T) {
	ledger := pushestest.Start(t)
	good, bad := pushestest.Offered("p-1", anna, bo, alpha), pushestest.Offered("p-2", anna, bo, beta, gamma)
	open := pushestest.Offered("p-3", carl, bo, "delta.net")
	ledger.Show(t, "p-1", append([]push.Event{good}, pushestest.Purchase(good)...)...)
	ledger.Show(t, "p-2", append([]push.Event{bad}, pushestest.Failure(bad)...)...)
	ledger.Show(t, "p-3", append([]push.Event{open}, pushestest.Payment(open)...)...)

	balances, err := ledger.Queries.Balances(t.Context(), operator, pushes.BalancesRequest{})

	require.NoError(t, err)
	require.Equal(t, pushes.Balances{Sum: "0.00", Balances: []pushes.Balance{
		{Account: "alipay:clearing", Balance: "-105.00"},
		{Account: "platform:fee", Balance: "5.00"},
		{Account: "push:p-3:escrow", Balance: "100.00"},
	}}, balances)
}

func TestTheJournalIsReadPageByPage(t *testing.T) {
	ledger := pushestest.Start(t)
	bought, other := pushestest.Offered("p-1", anna, bo, alpha), pushestest.Offered("p-2", anna, bo, beta)
	ledger.Show(t, "p-1", append([]push.Event{bought}, pushestest.Purchase(bought)...)...)
	ledger.Show(t, "p-2", append([]push.Event{other}, pushestest.Payment(other)...)...)

	var lines []string
	request := pushes.JournalRequest{PushID: "p-1", Limit: 1}
	for {
		page, err := ledger.Queries.Journal(t.Context(), operator, request)
		require.NoError(t, err)
		require.Len(t, page.Entries, 1)
		entry := page.Entries[0]
		lines = append(lines, strings.Join([]string{entry.PushID, entry.Event, entry.From, entry.To, entry.Amount.String()}, " "))
		if request.Cursor = page.NextCursor; request.Cursor == "" {
			break
		}
	}
	require.Equal(t, []string{
		"p-1 Paid alipay:clearing push:p-1:escrow 100.00",
		"p-1 PayoutRequested push:p-1:escrow seller:anna:payable 95.00",
		"p-1 PayoutRequested push:p-1:escrow platform:fee 5.00",
		"p-1 PaidOut seller:anna:payable alipay:clearing 95.00",
	}, lines)
	all, err := ledger.Queries.Journal(t.Context(), operator, pushes.JournalRequest{})
	require.NoError(t, err)
	require.Len(t, all.Entries, 5)
	require.Empty(t, all.NextCursor)
}
