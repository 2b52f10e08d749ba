package bench

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/push"
)

// The peer has to keep what the service keeps, or its rate would say nothing.
func TestTheTablesOfTheServiceOnPostgreSQL(t *testing.T) {
	if _, _, err := findPostgres(); errors.Is(err, errNoPostgres) {
		t.Skip(err)
	}
	var ends closers
	defer func() {
		var err error
		ends.close(&err)
		require.NoError(t, err)
	}()
	root, err := tempDir("test", &ends)
	require.NoError(t, err)
	require.NoError(t, os.Chmod(root, 0o711)) // #nosec G302 -- the database runs as another user
	dir := filepath.Join(root, "postgres")
	_, err = startDatabase(t.Context(), dir, &ends)
	require.NoError(t, err)
	store, err := openOfferStore(t.Context(), dir)
	require.NoError(t, err)
	ends.add(func() error { store.pool.Close(); return nil })
	first := bargain{seller: "anna", now: time.Now().UTC()}
	events, err := first.offered()
	require.NoError(t, err)
	offered := events[0].(push.Offered)
	offered.PushID = uuid.Must(uuid.NewV7()).String()
	command, hash := uuid.Must(uuid.NewV7()), [32]byte{1}

	kept, err := store.keep(t.Context(), command, hash, offered)
	require.NoError(t, err)
	require.Equal(t, offered.PushID, kept)

	again := offered
	again.PushID = uuid.Must(uuid.NewV7()).String()
	kept, err = store.keep(t.Context(), command, hash, again)
	require.NoError(t, err, "a command that comes again")
	require.Equal(t, offered.PushID, kept)
	_, err = store.keep(t.Context(), command, [32]byte{2}, again)
	requireRefusal(t, err, push.CodeCommandIDReused)
	_, err = store.keep(t.Context(), uuid.Must(uuid.NewV7()), hash, again)
	requireRefusal(t, err, push.CodeAlreadyOnSale)

	for table, rows := range map[string]int{"commands": 1, "pushes": 1, "items": 1, "reservations": 1, "outbox": 1} {
		var count int
		require.NoError(t, store.pool.QueryRow(t.Context(), "SELECT count(*) FROM "+table).Scan(&count))
		require.Equal(t, rows, count, table)
	}
}

func requireRefusal(t *testing.T, err error, code string) {
	t.Helper()
	var refused *push.Refusal
	require.ErrorAs(t, err, &refused)
	require.Equal(t, code, refused.Code)
}
