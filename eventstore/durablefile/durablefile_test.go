package durablefile_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/eventstore/durablefile"
)

func TestAFileIsWrittenForItsOwnerWithNothingLeftBeside(t *testing.T) {
	root := t.TempDir()
	path := filepath.Join(root, "a", "b", "file")
	require.NoError(t, durablefile.Write(path, []byte("one")))
	require.NoError(t, durablefile.Write(path, []byte("two")))
	require.NoError(t, durablefile.WriteAll(root, map[string][]byte{"a/c/other": []byte("three"), "a/b/third": nil}))
	require.Equal(t, map[string]string{"a/b/file": "two", "a/b/third": "", "a/c/other": "three"}, files(t, root))
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode())
}

func TestAFileIsCreatedOnce(t *testing.T) {
	root := t.TempDir()
	path := filepath.Join(root, "key")
	require.NoError(t, durablefile.Create(path, []byte("first")))
	require.ErrorIs(t, durablefile.Create(path, []byte("second")), fs.ErrExist)
	require.Equal(t, map[string]string{"key": "first"}, files(t, root))
}

func TestADirectoryThatIsAFileIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, durablefile.Write(path, nil))
	require.ErrorContains(t, durablefile.MakeDir(path), "not a directory")
	require.Error(t, durablefile.Write(filepath.Join(path, "below"), nil))
}

// files are the contents of all files below a directory.
func files(t *testing.T, root string) map[string]string {
	t.Helper()
	found := make(map[string]string)
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path) // #nosec G304 -- the test's own file
		found[strings.TrimPrefix(filepath.ToSlash(path), filepath.ToSlash(root)+"/")] = string(text)
		return err
	}))
	return found
}
