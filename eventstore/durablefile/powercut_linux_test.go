package durablefile_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/eventstore/durablefile"
	"github.com/pushledger/pushledger/eventstore/durablefile/powercut"
)

// afterCut is what a power cut leaves of what a test does.
func afterCut(t *testing.T, do func(dir string)) map[string]string {
	t.Helper()
	disk := powercut.New()
	dir, unmount := disk.Mount(t)
	do(dir)
	left, _ := disk.Cut().Mount(t)
	found := files(t, left)
	unmount()
	return found
}

func TestWhatWasWrittenOutlastsAPowerCut(t *testing.T) {
	require.Equal(t, map[string]string{
		"a/b/written": "new", "a/c/1": "x", "d/2": "y", "made/created": "key", "tree/deep/kept": "k", "to/moved": "m",
	}, afterCut(t, func(dir string) {
		at := func(path string) string { return filepath.Join(dir, path) }
		require.NoError(t, durablefile.Write(at("a/b/written"), []byte("old and longer")))
		require.NoError(t, durablefile.Write(at("a/b/written"), []byte("new")))
		require.NoError(t, durablefile.WriteAll(dir, map[string][]byte{"a/c/1": []byte("x"), "d/2": []byte("y")}))
		require.NoError(t, os.Mkdir(at("made"), 0o700))
		require.NoError(t, durablefile.MakeDir(at("made"))) // somebody else has made it
		require.NoError(t, durablefile.Create(at("made/created"), []byte("key")))

		require.NoError(t, os.MkdirAll(at("tree/deep"), 0o700))
		require.NoError(t, os.WriteFile(at("tree/deep/kept"), []byte("k"), 0o600))
		require.NoError(t, durablefile.SyncTree(dir, func(name string) bool { return name == "kept" }))

		require.NoError(t, durablefile.Write(at("from/file"), []byte("m")))
		require.NoError(t, durablefile.MakeDir(at("to")))
		require.NoError(t, durablefile.Move(at("from/file"), at("to/moved")))
	}))
}

// The disk of these tests forgets what nobody synced; otherwise they would show nothing.
func TestAPowerCutTakesWhatIsNotSynced(t *testing.T) {
	require.Equal(t, map[string]string{"file": "old", "renamed-from": "r", "removed": "x"}, afterCut(t, func(dir string) {
		at := func(path string) string { return filepath.Join(dir, path) }
		for name, text := range map[string]string{"file": "old", "renamed-from": "r", "removed": "x"} {
			require.NoError(t, durablefile.Write(at(name), []byte(text)))
		}
		file, err := os.OpenFile(at("file"), os.O_WRONLY|os.O_APPEND, 0)
		require.NoError(t, err)
		_, err = file.WriteString(" and new")
		require.NoError(t, err)
		require.NoError(t, file.Close())
		nameless, err := os.Create(at("synced-without-its-name"))
		require.NoError(t, err)
		_, err = nameless.WriteString("lost")
		require.NoError(t, err)
		require.NoError(t, nameless.Sync())
		require.NoError(t, nameless.Close())
		require.NoError(t, os.Rename(at("renamed-from"), at("renamed-to")))
		require.NoError(t, os.Remove(at("removed")))
	}))
}
