package secretfile_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/eventstore/secretfile"
)

func write(t *testing.T, directory string, mode fs.FileMode) string {
	t.Helper()
	path := filepath.Join(directory, "secret")
	require.NoError(t, os.WriteFile(path, []byte("secret"), 0o600))
	require.NoError(t, os.Chmod(path, mode))
	return path
}

func TestASecretIsReadIfNobodyElseMayReadIt(t *testing.T) {
	credentials := t.TempDir()
	t.Setenv("CREDENTIALS_DIRECTORY", credentials)
	for mode, given := range map[fs.FileMode]struct{ elsewhere, credential bool }{
		0o400: {true, true},
		0o600: {true, true},
		0o440: {false, true}, // as systemd shows what it hands over
		0o640: {false, true},
		0o460: {false, false},
		0o444: {false, false},
		0o644: {false, false},
		0o604: {false, false},
	} {
		text, err := secretfile.Read(write(t, t.TempDir(), mode), 100)
		require.Equal(t, given.elsewhere, err == nil, "%04o: %v", mode, err)
		require.Equal(t, given.elsewhere, len(text) > 0)
		path := write(t, credentials, mode)
		text, err = secretfile.Read(path, 100)
		require.Equal(t, given.credential, err == nil, "%04o as a credential: %v", mode, err)
		require.Equal(t, given.credential, len(text) > 0)
		require.NoError(t, os.Remove(path))
	}
}

func TestOnlyWhatIsBelowTheDirectoryIsACredential(t *testing.T) {
	root := t.TempDir()
	credentials, beside := filepath.Join(root, "credentials"), filepath.Join(root, "credentials-of-others")
	require.NoError(t, os.Mkdir(credentials, 0o700))
	require.NoError(t, os.Mkdir(beside, 0o700))
	outside := write(t, beside, 0o440)
	link := filepath.Join(credentials, "link")
	require.NoError(t, os.Symlink(outside, link))
	inside := write(t, credentials, 0o440)
	for _, directory := range []string{"", "credentials", filepath.Join(root, "not-there"), credentials} {
		t.Setenv("CREDENTIALS_DIRECTORY", directory)
		for _, path := range []string{outside, link, filepath.Join(credentials, "..", "credentials-of-others", "secret")} {
			_, err := secretfile.Read(path, 100)
			require.ErrorContains(t, err, "others may read", "%s with %q", path, directory)
		}
		_, err := secretfile.Read(inside, 100)
		require.Equal(t, directory == credentials, err == nil, directory)
	}
}

func TestASecretIsBounded(t *testing.T) {
	path := write(t, t.TempDir(), 0o600)
	_, err := secretfile.Read(path, 6)
	require.NoError(t, err)
	text, err := secretfile.Read(path, 5)
	require.ErrorContains(t, err, "more than 5 bytes")
	require.Empty(t, text)
	_, err = secretfile.Read(path+"-not-there", 5)
	require.ErrorIs(t, err, fs.ErrNotExist)
}
