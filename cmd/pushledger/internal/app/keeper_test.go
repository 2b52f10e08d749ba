package app

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// F57: a changed byte of what the service keeps for itself is found.
func TestADamagedFileIsNotBelieved(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kept")
	file := checkedFile(path)
	none, err := file.Load()
	require.NoError(t, err)
	require.Nil(t, none)
	require.NoError(t, file.Save([]byte("17\n")))
	content, err := file.Load()
	require.NoError(t, err)
	require.Equal(t, "17\n", string(content))

	written, err := os.ReadFile(path)
	require.NoError(t, err)
	for at := range written {
		damaged := append([]byte(nil), written...)
		damaged[at] ^= 1
		require.NoError(t, os.WriteFile(path, damaged, 0o600))
		_, err := file.Load()
		require.ErrorIs(t, err, errDamagedFile, "byte %d", at)
		require.NoError(t, os.WriteFile(path, written[:at], 0o600))
		_, err = file.Load()
		require.ErrorIs(t, err, errDamagedFile, "cut at %d", at)
	}
}
