package callout

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/nats-io/nkeys"
)

// Keys are what a server knows the answering program by. Its configuration names the
// public ones.
type Keys struct {
	Issuer   nkeys.KeyPair // signs what it says of clients
	UserFile string        // with the seed by which it connects
}

// OpenKeys reads the keys from a directory, and makes those that are missing. Nobody but
// their owner may read the files.
func OpenKeys(dir string) (Keys, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return Keys{}, fmt.Errorf("callout: keys: %w", err)
	}
	issuer, err := openKey(filepath.Join(dir, "issuer.nk"), nkeys.CreateAccount)
	if err != nil {
		return Keys{}, err
	}
	keys := Keys{Issuer: issuer, UserFile: filepath.Join(dir, "user.nk")}
	_, err = openKey(keys.UserFile, nkeys.CreateUser)
	return keys, err
}

// Public gives the public keys, for the server's configuration.
func (k Keys) Public() (issuer, user string, err error) {
	if issuer, err = k.Issuer.PublicKey(); err != nil {
		return "", "", fmt.Errorf("callout: keys: %w", err)
	}
	own, err := openKey(k.UserFile, nkeys.CreateUser)
	if err == nil {
		user, err = own.PublicKey()
	}
	if err != nil {
		return "", "", fmt.Errorf("callout: keys: %w", err)
	}
	return issuer, user, nil
}

func openKey(path string, create func() (nkeys.KeyPair, error)) (nkeys.KeyPair, error) {
	seed, err := os.ReadFile(path) //nolint:gosec // the operator names the directory
	if errors.Is(err, fs.ErrNotExist) {
		seed, err = createKey(path, create)
	}
	if err != nil {
		return nil, fmt.Errorf("callout: keys: %w", err)
	}
	info, err := os.Stat(path)
	if err == nil && info.Mode().Perm()&0o077 != 0 {
		err = fmt.Errorf("others may read it (mode %04o): chmod 600", info.Mode().Perm())
	}
	if err != nil {
		return nil, fmt.Errorf("callout: keys: %s: %w", path, err)
	}
	pair, err := nkeys.ParseDecoratedNKey(seed)
	if err != nil {
		return nil, fmt.Errorf("callout: keys: %s: %w", path, err)
	}
	return pair, nil
}

func createKey(path string, create func() (nkeys.KeyPair, error)) ([]byte, error) {
	pair, err := create()
	if err != nil {
		return nil, err
	}
	seed, err := pair.Seed()
	if err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the operator names the directory
	if err != nil {
		return nil, err
	}
	_, err = file.Write(append(seed, '\n'))
	return seed, errors.Join(err, file.Sync(), file.Close())
}
