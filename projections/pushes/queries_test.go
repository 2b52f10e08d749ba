package pushes_test

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/projections"
	"github.com/pushledger/pushledger/projections/pushes"
	"github.com/pushledger/pushledger/projections/pushes/pushestest"
)

// T1: to everybody else a push does not exist, whatever is asked about it.
func TestT1OnlySellerBuyerAndWhoSeesAllLearnOfAPush(t *testing.T) {
	ledger := pushestest.Start(t)
	ledger.Show(t, "p-1", pushestest.Offered("p-1", anna, bo, alpha))
	questions := map[string]func(context.Context, pushes.Viewer, string) error{
		"push": func(ctx context.Context, viewer pushes.Viewer, id string) error {
			_, err := ledger.Queries.Push(ctx, viewer, pushes.PushRequest{PushID: id})
			return err
		},
		"push as of": func(ctx context.Context, viewer pushes.Viewer, id string) error {
			_, err := ledger.Queries.Push(ctx, viewer, pushes.PushRequest{PushID: id, AsOf: "1"})
			return err
		},
		"timeline": func(ctx context.Context, viewer pushes.Viewer, id string) error {
			_, err := ledger.Queries.Timeline(ctx, viewer, pushes.TimelineRequest{PushID: id})
			return err
		},
		"domain": func(ctx context.Context, viewer pushes.Viewer, id string) error {
			name := map[string]string{"p-1": string(alpha)}[id]
			if name == "" {
				name = "never-offered.com"
			}
			_, err := ledger.Queries.Domain(ctx, viewer, pushes.DomainRequest{Domain: name})
			return err
		},
	}
	for name, ask := range questions {
		t.Run(name, func(t *testing.T) {
			for _, viewer := range []pushes.Viewer{asAnna, asBo, operator} {
				require.NoError(t, ask(t.Context(), viewer, "p-1"), viewer.Account)
			}
			stranger, nothing := ask(t.Context(), asCarl, "p-1"), ask(t.Context(), asCarl, "p-2")
			requireRefused(t, push.CodePushNotFound, stranger)
			require.Equal(t, nothing, stranger, "it cannot even be told from one that does not exist")
			requireRefused(t, push.CodePushNotFound, ask(t.Context(), operator, "p-2"))
			requireRefused(t, push.CodePushNotFound, ask(t.Context(), operator, "no id. * at > all"))
		})
	}
}

func TestTheJournalIsForThoseWhoSeeEverything(t *testing.T) {
	ledger := pushestest.Start(t)
	_, err := ledger.Queries.Journal(t.Context(), asAnna, pushes.JournalRequest{})
	requireRefused(t, pushes.CodeNotAllowed, err)
	_, err = ledger.Queries.Balances(t.Context(), asAnna, pushes.BalancesRequest{})
	requireRefused(t, pushes.CodeNotAllowed, err)

	balances, err := ledger.Queries.Balances(t.Context(), operator, pushes.BalancesRequest{})
	require.NoError(t, err)
	require.Equal(t, pushes.Balances{Balances: []pushes.Balance{}, Sum: "0.00"}, balances)
	for _, request := range []pushes.JournalRequest{{Limit: 201}, {Cursor: "***"}, {Cursor: "MS54"}} {
		_, err = ledger.Queries.Journal(t.Context(), operator, request)
		requireRefused(t, pushes.CodeInvalidQuery, err)
	}
}

func TestAPushIsShownAsItStoodThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ledger := pushestest.Start(t)
		first := ledger.Show(t, "p-1", pushestest.Offered("p-1", anna, bo, alpha))
		between := time.Now().UTC()
		time.Sleep(time.Second) // of the bubble's own time
		last := ledger.Show(t, "p-1", push.Withdrawn{At: between})
		for asOf, want := range map[string]push.Status{
			"":                               push.StatusWithdrawn,
			strconv.FormatUint(first, 10):    push.StatusOffered,
			strconv.FormatUint(last+100, 10): push.StatusWithdrawn,
			between.Format(time.RFC3339Nano): push.StatusOffered,
			between.Add(time.Second).Format(time.RFC3339Nano): push.StatusWithdrawn,
		} {
			shown, err := ledger.Queries.Push(t.Context(), asBo, pushes.PushRequest{PushID: "p-1", AsOf: asOf})
			require.NoError(t, err, asOf)
			require.Equal(t, want, shown.Status, asOf)
		}
		for asOf, code := range map[string]string{
			"0": push.CodePushNotFound, "then": pushes.CodeInvalidQuery,
			between.Add(-time.Second).Format(time.RFC3339Nano): push.CodePushNotFound,
		} {
			_, err := ledger.Queries.Push(t.Context(), asBo, pushes.PushRequest{PushID: "p-1", AsOf: asOf})
			requireRefused(t, code, err)
		}
	})
}

func TestAPastStateNeedsNoReadModelThatHasCaughtUp(t *testing.T) {
	ledger := pushestest.New(t) // nothing follows the log
	sequence := ledger.Record(t, "p-1", pushestest.Offered("p-1", anna, bo, alpha))

	shown, err := ledger.Queries.Push(t.Context(), asBo, pushes.PushRequest{PushID: "p-1", AsOf: strconv.FormatUint(sequence, 10)})

	require.NoError(t, err)
	require.Equal(t, push.StatusOffered, shown.Status)
	_, err = ledger.Queries.Push(t.Context(), asBo, pushes.PushRequest{PushID: "p.>", AsOf: "1"})
	requireRefused(t, push.CodePushNotFound, err)
}

func TestATimelineTellsEveryEventInWordsAndAsRecorded(t *testing.T) {
	ledger := pushestest.Start(t)
	offered := pushestest.Offered("p-1", anna, bo, alpha, gamma)
	ledger.Show(t, "p-1", append([]push.Event{offered}, pushestest.Failure(offered)...)...)

	timeline, err := ledger.Queries.Timeline(t.Context(), asBo, pushes.TimelineRequest{PushID: "p-1"})

	require.NoError(t, err)
	require.Equal(t, "p-1", timeline.PushID)
	var told []string
	sequence := uint64(0)
	for _, event := range timeline.Events {
		told = append(told, event.Type+": "+event.EN)
		require.NotEmpty(t, event.ZH)
		require.Greater(t, event.Seq, sequence)
		sequence = event.Seq
		require.Equal(t, anna, event.Actor)
		require.False(t, event.Time.IsZero())
	}
	require.Equal(t, []string{
		"Offered: The seller offered alpha.com and 1 more to bo at 200.00 CNY in all, of which the fee is 10.00 CNY and the seller receives 190.00 CNY; the push is open until 2026-11-09 12:00:00 UTC.",
		"Accepted: The buyer accepted alpha.com and 1 more at 200.00 CNY in all and has until 2026-11-02 12:30:00 UTC to pay; if no payment is made by then, the push expires.",
		"PaymentOpened: The payment page of 200.00 CNY is ready at Alipay and waits for the buyer until 2026-11-02 12:30:00 UTC.",
		"Paid: The buyer paid 200.00 CNY; the platform keeps it in escrow until alpha.com and 1 more are delivered.",
		"DeliveryStarted: alpha.com and 1 more are being moved to the buyer's account.",
		"DomainMoved: alpha.com is in the buyer's account.",
	}, told[:6])
	require.Equal(t, "带价 push 无法交割：注册商拒绝将域名 例子.中国 (xn--fsqu00a.xn--fiqs8s) 转入买家账户（返回码 E42）。"+
		"涉及 alpha.com 等 2 个域名，转让价格共 200.00 元。已转移的域名将退回卖家账户，款项将退还至买家的支付宝账户。", timeline.Events[7].ZH)
	body, err := json.Marshal(timeline.Events[5].Body)
	require.NoError(t, err)
	require.JSONEq(t, `{"at":"2026-11-02T12:00:00.0000005Z","domain":"alpha.com","revision":7}`, string(body))
}

func TestADomainHasAHolderAndAHistory(t *testing.T) {
	ledger := pushestest.Start(t)
	mine, others := pushestest.Offered("p-1", anna, bo, alpha, gamma), pushestest.Offered("p-2", anna, carl, gamma)
	ledger.Show(t, "p-1", mine, push.Withdrawn{At: mine.OfferedAt})
	ledger.Show(t, "p-2", others)
	ask := func(viewer pushes.Viewer, name string) pushes.Domain {
		shown, err := ledger.Queries.Domain(t.Context(), viewer, pushes.DomainRequest{Domain: name})
		require.NoError(t, err)
		return shown
	}
	history := func(shown pushes.Domain) (told []string) {
		for _, event := range shown.History {
			told = append(told, event.Type+" "+event.PushID)
		}
		return told
	}

	shown := ask(asAnna, "例子。中国")
	require.Equal(t, gamma, shown.Domain)
	require.Equal(t, "例子.中国", shown.DomainUnicode)
	require.Equal(t, "p-2", shown.Push.PushID)
	require.Equal(t, []string{"Reserved p-1", "Released p-1", "Reserved p-2"}, history(shown))
	require.Equal(t, shown, ask(operator, string(gamma)))

	shown = ask(asBo, string(gamma))
	require.Nil(t, shown.Push, "a push of others holds it, which is not for this buyer to know")
	require.Equal(t, []string{"Reserved p-1", "Released p-1"}, history(shown))

	shown = ask(asAnna, string(alpha))
	require.Nil(t, shown.Push, "it was let go of")

	_, err := ledger.Queries.Domain(t.Context(), asAnna, pushes.DomainRequest{Domain: "www.alpha.com"})
	requireRefused(t, push.CodeInvalidDomain, err)
}

// What was offered under earlier rules is in the log as it was, and can be looked up.
func TestANameThatIsNoLongerSoldIsStillShown(t *testing.T) {
	const coffee domainname.Name = "xn--53h.com"
	ledger := pushestest.Start(t)
	ledger.Show(t, "p-1", pushestest.Offered("p-1", anna, bo, coffee))
	for _, spelling := range []string{"☕.com", string(coffee)} {
		shown, err := ledger.Queries.Domain(t.Context(), asAnna, pushes.DomainRequest{Domain: spelling})
		require.NoError(t, err)
		require.Equal(t, "p-1", shown.Push.PushID)
		require.Equal(t, "☕.com", shown.DomainUnicode)
		page, err := ledger.Queries.Pushes(t.Context(), asAnna, pushes.ListRequest{Domain: spelling})
		require.NoError(t, err)
		require.Len(t, page.Pushes, 1)
	}
}

func TestTroubleOfOurOwnIsNotTold(t *testing.T) {
	for code, err := range map[string]error{
		push.CodeUnavailable:    errors.New("disk on fire"),
		push.CodePushNotFound:   push.Refuse(push.CodePushNotFound, ""),
		pushes.CodeInvalidQuery: projections.ErrWish,
	} {
		refusal := pushes.Explain(err)
		require.Equal(t, code, refusal.Code)
		require.NotContains(t, refusal.Message, "fire")
		require.NotEmpty(t, refusal.MessageZH)
	}
	require.Equal(t, push.CodeUnavailable, pushes.Explain(projections.ErrBehind).Code)
}

func TestEveryDomainThatWasEverPushedIsNamedOnce(t *testing.T) {
	ledger := pushestest.Start(t)
	ended := pushestest.Offered("p-1", anna, bo, alpha)
	ledger.Show(t, "p-1", append([]push.Event{ended}, pushestest.Purchase(ended)...)...)
	ledger.Show(t, "p-2", pushestest.Offered("p-2", bo, anna, alpha, "beta.com", "gamma.com"))

	var named []domainname.Name
	for name, err := range ledger.Queries.Domains(t.Context()) {
		require.NoError(t, err)
		named = append(named, name)
	}

	require.Equal(t, []domainname.Name{alpha, "beta.com", "gamma.com"}, named)
}

func TestDomainsThatCannotBeReadAreAnError(t *testing.T) {
	ledger := pushestest.Start(t)
	ledger.Show(t, "p-1", pushestest.Offered("p-1", anna, bo, alpha))
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	var errs []error
	for _, err := range ledger.Queries.Domains(gone) {
		errs = append(errs, err)
	}
	require.Len(t, errs, 1)
	require.ErrorIs(t, errs[0], context.Canceled)
}
