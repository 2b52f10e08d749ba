package pushes_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/projections/pushes"
	"github.com/pushledger/pushledger/projections/pushes/pushestest"
)

func TestAPushOfManyDomainsIsShownLikeAnyOther(t *testing.T) {
	ledger := pushestest.Start(t)
	var names []domainname.Name
	for i := range 50 {
		names = append(names, domainname.Name(fmt.Sprintf("d%d.com", i)))
	}
	offered := pushestest.Offered("big", "anna", "bo", names...)
	ledger.Show(t, "big", offered)
	for range 3 {
		shown, err := ledger.Queries.Push(t.Context(), pushes.Viewer{Account: "bo"}, pushes.PushRequest{PushID: "big"})
		require.NoError(t, err)
		require.Len(t, shown.Items, 50)
		shown.Items[0].Price = 1 // what one caller does with an answer
	}
	ledger.Show(t, "big", push.Withdrawn{At: offered.OfferedAt})
	shown, err := ledger.Queries.Push(t.Context(), pushes.Viewer{Account: "bo"}, pushes.PushRequest{PushID: "big"})
	require.NoError(t, err)
	require.Equal(t, push.StatusWithdrawn, shown.Status)
	require.Equal(t, offered.Items[0].Price, shown.Items[0].Price)
}

func TestWhatWasReadFromACopyIsNotShownOfTheNextOne(t *testing.T) {
	ledger := pushestest.Start(t)
	ledger.Show(t, "p-1", pushestest.Offered("p-1", "anna", "bo", "alpha.com"))
	show := func() pushes.View {
		shown, err := ledger.Queries.Push(t.Context(), pushes.Viewer{Account: "bo"}, pushes.PushRequest{PushID: "p-1"})
		require.NoError(t, err)
		return shown
	}
	before := show()
	era, position := ledger.Runner.Shown()

	ledger.Runner.Rebuild()

	require.Eventually(t, func() bool { now, _ := ledger.Runner.Shown(); return now > era }, 10*time.Second, time.Millisecond)
	_, again := ledger.Runner.Shown()
	require.Equal(t, position, again, "the position alone would not tell the copies apart")
	require.Equal(t, before, show())
}

func TestAPushIsShownAsItIsThoughOthersChange(t *testing.T) {
	ledger := pushestest.Start(t)
	offered := pushestest.Offered("p-1", "anna", "bo", "alpha.com")
	ledger.Show(t, "p-1", offered)
	show := func() push.Status {
		shown, err := ledger.Queries.Push(t.Context(), pushes.Viewer{Account: "bo"}, pushes.PushRequest{PushID: "p-1"})
		require.NoError(t, err)
		return shown.Status
	}
	require.Equal(t, push.StatusOffered, show())
	ledger.Show(t, "p-2", pushestest.Offered("p-2", "anna", "bo", "beta.com"))
	require.Equal(t, push.StatusOffered, show(), "it was read before the other was offered")
	ledger.Show(t, "p-1", pushestest.Payment(offered)...)
	require.Equal(t, push.StatusPaid, show())
	ledger.Show(t, "p-2", push.Withdrawn{At: offered.OfferedAt})
	require.Equal(t, push.StatusPaid, show())
}
