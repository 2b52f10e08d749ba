package projections_test

import (
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/eventstore"
	"github.com/pushledger/pushledger/projections"
	"github.com/pushledger/pushledger/projections/pushes"
	"github.com/pushledger/pushledger/projections/pushes/pushestest"
	"github.com/pushledger/pushledger/projections/sqldb"
)

// compare folds the log of a fixture aside and holds the served rows against it.
func compare(t *testing.T, fixture *pushestest.Fixture, served string) (different []string, rows int) {
	t.Helper()
	comparison, err := projections.Compare(t.Context(), pushes.Model(), served, filepath.Join(t.TempDir(), "aside.db"))
	require.NoError(t, err)
	defer func() { require.NoError(t, comparison.Close()) }()
	position := comparison.Position()
	if position > 0 {
		err = fixture.Log.Follow(t.Context(), 0, func(recorded eventstore.Recorded) error {
			if err := comparison.Add(t.Context(), recorded); err != nil {
				return err
			}
			if recorded.Sequence == position {
				return errEnd
			}
			return nil
		}, nil)
		require.ErrorIs(t, err, errEnd)
	}
	different, rows, err = comparison.Differences(t.Context())
	require.NoError(t, err)
	return different, rows
}

var errEnd = errors.New("the end of what is served")

func TestServedRowsAreHeldAgainstTheLog(t *testing.T) {
	fixture := pushestest.New(t)
	served := filepath.Join(t.TempDir(), "served.db")
	model, err := projections.OpenServed(t.Context(), served, pushes.Model(), fixture.Log, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, model.Close()) })
	fixture.Runner = model
	offered := pushestest.Offered("p1", "ann", "bob", "a.com", "b.com")
	fixture.Record(t, "p1", append([]push.Event{offered}, pushestest.Purchase(offered)...)...)
	fixture.Record(t, "p2", pushestest.Offered("p2", "ann", "bob", "c.com"))
	fixture.Run(t)
	db, err := projections.Open(t.Context(), served, slog.New(slog.DiscardHandler), pushes.Model()) // as somebody else would
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })

	different, rows := compare(t, fixture, served)
	require.Empty(t, different)
	require.Greater(t, rows, 8, "pushes, domains, journal and balances")

	for name, damage := range map[string]struct {
		statement string
		tells     []string
	}{
		"a changed row": {"UPDATE journal SET amount = amount + 1 WHERE line = 0 AND event = 'Paid'", []string{"journal: served, but not", "journal: in the log, but not"}},
		"a lost row":    {"DELETE FROM push_domains WHERE domain = 'c.com'", []string{"push_domains: in the log, but not served: 'c.com'"}},
		"a row too many": {
			"INSERT INTO balances (account, amount) VALUES ('nobody', 1)", []string{"balances: served, but not in the log: 'nobody', 1"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			before, _ := compare(t, fixture, served)
			require.NoError(t, db.Write(t.Context(), func(tx *sqldb.Tx) error {
				_, err := tx.ExecContext(t.Context(), damage.statement)
				return err
			}))
			after, _ := compare(t, fixture, served)
			require.Len(t, after, len(before)+len(damage.tells))
			for _, text := range damage.tells {
				require.True(t, slices.ContainsFunc(after, func(line string) bool { return strings.HasPrefix(line, text) }), "%q in %q", text, after)
			}
		})
	}
}
