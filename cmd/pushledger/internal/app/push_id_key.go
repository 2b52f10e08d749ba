package app

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/pushledger/pushledger/eventstore/durablefile"
)

const pushIDKeySize = 32 // bytes

// openPushIDKey reads the secret from which ids of pushes follow, or makes it. It belongs to
// the data: with another one only the index finds what earlier commands have named.
func openPushIDKey(data string) ([]byte, error) {
	path := filepath.Join(data, "push_ids.key")
	text, err := os.ReadFile(path) // #nosec G304 -- below the data directory
	if errors.Is(err, fs.ErrNotExist) {
		text = []byte(hex.EncodeToString(newSecret(pushIDKeySize)) + "\n")
		err = durablefile.Write(path, text)
	}
	if err != nil {
		return nil, fmt.Errorf("app: key of push ids: %w", err)
	}
	key, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err == nil && len(key) != pushIDKeySize {
		err = fmt.Errorf("it has %d bytes instead of %d", len(key), pushIDKeySize)
	}
	if err != nil {
		return nil, fmt.Errorf("app: key of push ids %s is damaged: bring it back from a backup, or remove it and a new one is made: %w", path, err)
	}
	return key, nil
}

func newSecret(size int) []byte {
	secret := make([]byte, size)
	rand.Read(secret) // never fails
	return secret
}
