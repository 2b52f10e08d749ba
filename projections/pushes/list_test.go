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

// offer shows an offer of a domain of its own, made so many minutes after noon.
func offer(t *testing.T, ledger *pushestest.Fixture, id, seller, buyer string, minutes int) push.Offered {
	t.Helper()
	offered := pushestest.At(pushestest.Offered(id, seller, buyer, domainname.Name(id+".com")), time.Duration(minutes)*time.Minute)
	ledger.Show(t, id, offered)
	return offered
}

func list(t *testing.T, ledger *pushestest.Fixture, viewer pushes.Viewer, request pushes.ListRequest) ([]string, string) {
	t.Helper()
	page, err := ledger.Queries.Pushes(t.Context(), viewer, request)
	require.NoError(t, err)
	ids := []string{}
	for _, shown := range page.Pushes {
		ids = append(ids, shown.PushID)
	}
	return ids, page.NextCursor
}

// market has four offers among three accounts; the second one was withdrawn.
func market(t *testing.T) *pushestest.Fixture {
	t.Helper()
	ledger := pushestest.Start(t)
	offer(t, ledger, "p-1", anna, bo, 0)
	withdrawn := offer(t, ledger, "p-2", anna, carl, 1)
	offer(t, ledger, "p-3", bo, anna, 2)
	offer(t, ledger, "p-4", bo, carl, 3)
	ledger.Show(t, "p-2", push.Withdrawn{At: withdrawn.OfferedAt})
	return ledger
}

func TestAListHoldsWhatWasAskedFor(t *testing.T) {
	ledger := market(t)
	at := func(minutes int) string {
		return time.Date(2026, 11, 2, 12, minutes, 0, 500, time.UTC).Format(time.RFC3339Nano)
	}
	for name, c := range map[string]struct {
		viewer  pushes.Viewer
		request pushes.ListRequest
		want    []string
	}{
		"the own pushes, newest first":     {asAnna, pushes.ListRequest{}, []string{"p-3", "p-2", "p-1"}},
		"the own account by name":          {asAnna, pushes.ListRequest{Account: anna, Role: "all"}, []string{"p-3", "p-2", "p-1"}},
		"oldest first":                     {asAnna, pushes.ListRequest{Sort: "asc"}, []string{"p-1", "p-2", "p-3"}},
		"as seller":                        {asAnna, pushes.ListRequest{Role: "seller"}, []string{"p-2", "p-1"}},
		"as buyer":                         {asAnna, pushes.ListRequest{Role: "buyer"}, []string{"p-3"}},
		"by status":                        {asAnna, pushes.ListRequest{Status: "Withdrawn"}, []string{"p-2"}},
		"by status, none":                  {asAnna, pushes.ListRequest{Status: "Completed"}, []string{}},
		"by domain, in any spelling":       {asAnna, pushes.ListRequest{Domain: "P-3.COM."}, []string{"p-3"}},
		"by domain, of others":             {asAnna, pushes.ListRequest{Domain: "p-4.com"}, []string{}},
		"from an instant on":               {asAnna, pushes.ListRequest{From: at(1)}, []string{"p-3", "p-2"}},
		"before an instant":                {asAnna, pushes.ListRequest{To: at(1)}, []string{"p-1"}},
		"everything at once":               {asAnna, pushes.ListRequest{Role: "seller", Status: "Offered", Domain: "p-1.com", From: at(0), To: at(1)}, []string{"p-1"}},
		"a stranger's":                     {pushes.Viewer{Account: "dora"}, pushes.ListRequest{}, []string{}},
		"all of them, for an operator":     {operator, pushes.ListRequest{}, []string{"p-4", "p-3", "p-2", "p-1"}},
		"of an account, for an operator":   {operator, pushes.ListRequest{Account: carl, Role: "buyer"}, []string{"p-4", "p-2"}},
		"by status, for an operator":       {operator, pushes.ListRequest{Status: "Offered", Sort: "asc"}, []string{"p-1", "p-3", "p-4"}},
		"a viewer without a name has none": {pushes.Viewer{}, pushes.ListRequest{}, []string{}},
	} {
		t.Run(name, func(t *testing.T) {
			ids, next := list(t, ledger, c.viewer, c.request)
			require.Equal(t, c.want, ids)
			require.Empty(t, next)
		})
	}
}

func TestAListThatCannotBeAskedForIsRefused(t *testing.T) {
	ledger := market(t)
	for name, c := range map[string]struct {
		request pushes.ListRequest
		code    string
	}{
		"somebody else's account": {pushes.ListRequest{Account: bo}, pushes.CodeNotAllowed},
		"role":                    {pushes.ListRequest{Role: "owner"}, pushes.CodeInvalidQuery},
		"status":                  {pushes.ListRequest{Status: "offered"}, pushes.CodeInvalidQuery},
		"domain":                  {pushes.ListRequest{Domain: "not a domain"}, push.CodeInvalidDomain},
		"from":                    {pushes.ListRequest{From: "yesterday"}, pushes.CodeInvalidQuery},
		"to":                      {pushes.ListRequest{To: "2026-13-01T00:00:00Z"}, pushes.CodeInvalidQuery},
		"sort":                    {pushes.ListRequest{Sort: "up"}, pushes.CodeInvalidQuery},
		"limit too high":          {pushes.ListRequest{Limit: 201}, pushes.CodeInvalidQuery},
		"limit below zero":        {pushes.ListRequest{Limit: -1}, pushes.CodeInvalidQuery},
		"cursor, no base64":       {pushes.ListRequest{Cursor: "***"}, pushes.CodeInvalidQuery},
		"cursor, no place":        {pushes.ListRequest{Cursor: "aGVsbG8"}, pushes.CodeInvalidQuery},
		"cursor, no number":       {pushes.ListRequest{Cursor: "eC55"}, pushes.CodeInvalidQuery},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ledger.Queries.Pushes(t.Context(), asAnna, c.request)
			requireRefused(t, c.code, err)
		})
	}
}

func TestPagesShowEachPushOnceWhileOthersArrive(t *testing.T) {
	for _, sort := range []string{"asc", "desc"} {
		t.Run(sort, func(t *testing.T) {
			ledger := pushestest.Start(t)
			const before = 7
			for i := range before {
				offer(t, ledger, fmt.Sprintf("old-%d", i), anna, bo, i/3) // several at the same instant
			}
			seen := make(map[string]int)
			request := pushes.ListRequest{Sort: sort, Limit: 2}
			for page := 0; ; page++ {
				ids, next := list(t, ledger, asBo, request)
				for _, id := range ids {
					seen[id]++
				}
				if next == "" {
					break
				}
				request.Cursor = next
				offer(t, ledger, fmt.Sprintf("early-%d", page), anna, bo, -10+page)
				if page < 3 {
					offer(t, ledger, fmt.Sprintf("late-%d", page), anna, bo, 100+page)
				}
			}
			for i := range before {
				require.Equal(t, 1, seen[fmt.Sprintf("old-%d", i)], "old-%d", i)
			}
			for id, times := range seen {
				require.Equal(t, 1, times, id)
			}
		})
	}
}

func TestAPageHasTheSizeThatWasAskedFor(t *testing.T) {
	ledger := pushestest.Start(t)
	for i := range pushes.DefaultLimit + 1 {
		offer(t, ledger, fmt.Sprintf("p-%d", i), anna, bo, i)
	}
	ids, next := list(t, ledger, asAnna, pushes.ListRequest{})
	require.Len(t, ids, pushes.DefaultLimit)
	require.NotEmpty(t, next)
	ids, next = list(t, ledger, asAnna, pushes.ListRequest{Limit: pushes.DefaultLimit + 1})
	require.Len(t, ids, pushes.DefaultLimit+1)
	require.Empty(t, next, "a full page may be the last")
}
