package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/cmd/pushledger/internal/commands"
)

// F33 and F42: what is read is computed from the log alone, and computing it again moves
// no money and no domain.
func TestAReadStoreThatIsLostIsRebuiltWithoutSideEffects(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	m, stop := startSandbox(t, data, longWindow, commands.Limit{PerSecond: 1e6, Burst: 1e6})
	bought := m.buy(t, 2)
	bought.pay(t)
	bought.ends(t, settled(bought))
	failed := m.buy(t, 2)
	failed.registrar(t, 1, "move", "refuse", 1)
	failed.pay(t)
	failed.ends(t, undone(failed))
	require.NoError(t, stop())

	for _, spoil := range []func(string) error{
		os.Remove,
		func(path string) error { return os.WriteFile(path, []byte("this is no database"), 0o600) },
		func(path string) error { return os.Truncate(path, 5000) },
	} {
		for _, rest := range []string{"read.db-wal", "read.db-shm"} {
			if err := os.Remove(filepath.Join(data, rest)); err != nil {
				require.ErrorIs(t, err, os.ErrNotExist)
			}
		}
		require.NoError(t, spoil(filepath.Join(data, "read.db")))
		again, stop := startSandbox(t, data, longWindow, commands.Limit{PerSecond: 1e6, Burst: 1e6})
		for _, before := range []*deal{bought, failed} {
			known := &deal{sandbox: again, id: before.id, total: before.total, domains: before.domains}
			known.ends(t, before.want)
		}
		next := again.buy(t, 1) // the write side goes on
		next.pay(t)
		next.ends(t, settled(next))
		require.NoError(t, stop())
	}
}
