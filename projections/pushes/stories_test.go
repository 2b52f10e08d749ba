package pushes_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/eventstore"
	"github.com/pushledger/pushledger/projections/pushes"
	"github.com/pushledger/pushledger/projections/pushes/pushestest"
)

// Whoever asks is told the same, in the timeline and in the events, from the beginning and
// from anywhere in between.
func TestTimelineAndEventsTellTheSame(t *testing.T) {
	ledger := pushestest.Start(t)
	good, bad := pushestest.Offered("p-1", anna, bo, alpha), pushestest.Offered("p-2", anna, bo, "beta.com", gamma)
	goods, bads := append([]push.Event{good}, pushestest.Purchase(good)...), append([]push.Event{bad}, pushestest.Failure(bad)...)
	for i := range max(len(goods), len(bads)) { // side by side
		if i < len(goods) {
			ledger.Show(t, "p-1", goods[i])
		}
		if i < len(bads) {
			ledger.Show(t, "p-2", bads[i])
		}
	}
	for _, viewer := range []pushes.Viewer{asAnna, asBo, operator} {
		want := make(map[uint64]pushes.TimelineEvent)
		for _, id := range []string{"p-1", "p-2"} {
			timeline, err := ledger.Queries.Timeline(t.Context(), viewer, pushes.TimelineRequest{PushID: id})
			require.NoError(t, err)
			for _, event := range timeline.Events {
				want[event.Seq] = event
			}
		}
		after := uint64(0)
		for range want { // each page begins with nothing remembered
			page, err := ledger.Queries.EventsPage(t.Context(), viewer, pushes.EventsRequest{After: after, Limit: 1})
			require.NoError(t, err)
			require.Equal(t, want[page.After], page.Events[0].TimelineEvent)
			after = page.After
		}
		page, err := ledger.Queries.EventsPage(t.Context(), viewer, pushes.EventsRequest{Limit: pushes.MaxLimit})
		require.NoError(t, err)
		require.Len(t, page.Events, len(want))
		for _, event := range page.Events {
			require.Equal(t, want[event.Seq], event.TimelineEvent)
		}
	}
	page, err := ledger.Queries.EventsPage(t.Context(), asCarl, pushes.EventsRequest{})
	require.NoError(t, err)
	require.Empty(t, page.Events)
}

func TestAnEventThatComesAgainIsToldTheSame(t *testing.T) {
	ledger := pushestest.New(t)
	offered := pushestest.Offered("p-1", anna, bo, alpha, gamma)
	ledger.Record(t, "p-1", append([]push.Event{offered}, pushestest.Failure(offered)...)...)
	history, err := ledger.Log.Load(t.Context(), eventstore.StreamID{Kind: "push", Key: "p-1"})
	require.NoError(t, err)
	stories, err := pushes.NewStories(ledger.Log, func(push.Offered) bool { return true })
	require.NoError(t, err)
	tell := func(recorded eventstore.Recorded) pushes.TimelineEvent {
		told, story, ours, err := stories.Tell(t.Context(), recorded, recorded.Event.(push.Event))
		require.NoError(t, err)
		require.True(t, ours)
		require.Equal(t, []string{anna, bo}, []string{story.Seller, story.Buyer})
		return told
	}
	var first []pushes.TimelineEvent
	for _, recorded := range history {
		first = append(first, tell(recorded))
	}
	for _, from := range []int{5, 0, len(history) - 1, 2} { // a reader begins anew
		for i, recorded := range history[from:] {
			require.Equal(t, first[from+i], tell(recorded))
		}
	}
}

// A push of 500 domains costs as much to remember as one of a single domain.
func BenchmarkStoriesOfLargeBatches(b *testing.B) {
	ledger := pushestest.New(b)
	var names []domainname.Name
	for i := range push.MaxItems {
		names = append(names, domainname.Name(fmt.Sprintf("d%d.com", i)))
	}
	offered := pushestest.Offered("p-1", anna, bo, names...)
	ledger.Record(b, "p-1", append([]push.Event{offered}, pushestest.Payment(offered)...)...)
	for _, name := range names {
		ledger.Record(b, "p-1", push.DomainMoved{Domain: name})
	}
	history, err := ledger.Log.Load(b.Context(), eventstore.StreamID{Kind: "push", Key: "p-1"})
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		stories, err := pushes.NewStories(ledger.Log, func(push.Offered) bool { return true })
		require.NoError(b, err)
		for _, recorded := range history {
			_, _, _, err := stories.Tell(b.Context(), recorded, recorded.Event.(push.Event))
			require.NoError(b, err)
		}
	}
}

// The page on which to pay may tell who its buyer is: the seller never sees it.
func TestThePaymentPageIsTheBuyersAlone(t *testing.T) {
	ledger := pushestest.Start(t)
	offered := pushestest.Offered("p-1", anna, bo, alpha)
	ledger.Show(t, "p-1", offered, pushestest.Payment(offered)[0])
	url := "https://pay.example/" + push.TradeNo("p-1")
	for viewer, shown := range map[pushes.Viewer]bool{asAnna: false, asBo: true, operator: true} {
		one, err := ledger.Queries.Push(t.Context(), viewer, pushes.PushRequest{PushID: "p-1"})
		require.NoError(t, err)
		then, err := ledger.Queries.Push(t.Context(), viewer, pushes.PushRequest{PushID: "p-1", AsOf: "1000"})
		require.NoError(t, err)
		list, err := ledger.Queries.Pushes(t.Context(), viewer, pushes.ListRequest{})
		require.NoError(t, err)
		domain, err := ledger.Queries.Domain(t.Context(), viewer, pushes.DomainRequest{Domain: string(alpha)})
		require.NoError(t, err)
		for _, view := range []pushes.View{one, then, list.Pushes[0], *domain.Push} {
			require.Equal(t, pushes.PaymentWaiting, view.Payment.State)
			require.Equal(t, shown, view.Payment.URL == url, viewer.Account)
		}
		timeline, err := ledger.Queries.Timeline(t.Context(), viewer, pushes.TimelineRequest{PushID: "p-1"})
		require.NoError(t, err)
		body := string(timeline.Events[1].Body.(jsontext.Value))
		require.Equal(t, viewer.SeesAll, strings.Contains(body, url), "events go to both parties alike")
	}
}

// Who paid is for operators and auditors, in whatever way a push is followed.
func TestThePayerIsNotForTraders(t *testing.T) {
	ledger := pushestest.Start(t)
	offered := pushestest.Offered("p-1", anna, bo, alpha)
	ledger.Show(t, "p-1", append([]push.Event{offered}, pushestest.Failure(offered)...)...)
	for _, viewer := range []pushes.Viewer{asAnna, asBo, operator} {
		timeline, err := ledger.Queries.Timeline(t.Context(), viewer, pushes.TimelineRequest{PushID: "p-1"})
		require.NoError(t, err)
		payers, paid := 0, false
		for _, event := range timeline.Events {
			body := string(event.Body.(jsontext.Value))
			if strings.Contains(body, pushestest.Payer.UserID) || strings.Contains(body, "payer") {
				payers++
			}
			paid = paid || strings.Contains(body, `"channels":["ALIPAYACCOUNT"]`)
		}
		require.True(t, paid, "the rest is there")
		require.Equal(t, map[bool]int{false: 0, true: 2}[viewer.SeesAll], payers, viewer.Account)
	}
	page, err := ledger.Queries.Purchases(t.Context(), operator, pushes.PurchasesRequest{})
	require.NoError(t, err)
	require.Empty(t, page.Purchases, "it is over")
	other := pushestest.Offered("p-2", anna, bo, beta)
	ledger.Show(t, "p-2", append([]push.Event{other}, pushestest.Payment(other)...)...)
	page, err = ledger.Queries.Purchases(t.Context(), operator, pushes.PurchasesRequest{})
	require.NoError(t, err)
	require.Equal(t, pushestest.Payer, page.Purchases[0].Payer)
	_, err = ledger.Queries.Purchases(t.Context(), asBo, pushes.PurchasesRequest{})
	requireRefused(t, pushes.CodeNotAllowed, err)
}

// What Alipay puts off is in no log: whoever carries the steps out tells of it.
func TestWhatIsPutOffIsListedAsAnAlarm(t *testing.T) {
	ledger := pushestest.Start(t)
	for id, name := range map[string]domainname.Name{"p-1": alpha, "p-2": beta} {
		offered := pushestest.Offered(id, anna, bo, name)
		ledger.Show(t, id, append(append([]push.Event{offered}, pushestest.Payment(offered)...), push.DeliveryStarted{At: offered.OfferedAt})...)
	}
	since := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	ledger.Queries.Alarmed = func() []string { return []string{"p-2", "not-here"} }
	ledger.Queries.Attempts = func(id string, _ push.Step) (int, time.Time, string, time.Time) {
		if id == "p-2" {
			return 3, since.Add(time.Hour), "PAYER_BALANCE_NOT_ENOUGH", since
		}
		return 0, time.Time{}, "", time.Time{}
	}
	for state, wanted := range map[string][]string{"": {"p-1", "p-2"}, "running": {"p-1"}, "alarm": {"p-2"}, "stuck": {"p-2"}} {
		page, err := ledger.Queries.Purchases(t.Context(), operator, pushes.PurchasesRequest{State: state})
		require.NoError(t, err)
		var found []string
		for _, purchase := range page.Purchases {
			found = append(found, purchase.PushID)
			require.Equal(t, purchase.PushID == "p-2", purchase.State == pushes.WorkAlarm)
		}
		require.ElementsMatch(t, wanted, found, state)
	}
	page, err := ledger.Queries.Purchases(t.Context(), operator, pushes.PurchasesRequest{State: "alarm"})
	require.NoError(t, err)
	require.Equal(t, since, page.Purchases[0].Since)
	require.Equal(t, "PAYER_BALANCE_NOT_ENOUGH", page.Purchases[0].LastError)
}
