package app

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/pushledger/pushledger/eventstore/durablefile"
)

// keptFile is a file that is replaced as a whole.
type keptFile string

// Load returns nothing if there is no such file.
func (f keptFile) Load() ([]byte, error) {
	data, err := os.ReadFile(string(f))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("app: %w", err)
	}
	return data, nil
}

// Save replaces the file.
func (f keptFile) Save(data []byte) error {
	if err := durablefile.Write(string(f), data); err != nil {
		return fmt.Errorf("app: %w", err)
	}
	return nil
}

// checkedFile is a keptFile whose first line is the SHA-256 of the rest: what a program keeps
// for itself must not be believed if a byte of it has changed.
type checkedFile string

var errDamagedFile = errors.New("its checksum does not fit its content")

// Load implements purchase.Keeper and natsregistrar.Keeper.
func (f checkedFile) Load() ([]byte, error) {
	data, err := keptFile(f).Load()
	if err != nil || data == nil {
		return nil, err
	}
	sum, content, _ := bytes.Cut(data, []byte("\n"))
	if string(sum) != checksum(content) {
		return nil, fmt.Errorf("app: %s: %w", string(f), errDamagedFile)
	}
	return content, nil
}

// Save implements purchase.Keeper and natsregistrar.Keeper.
func (f checkedFile) Save(content []byte) error {
	return keptFile(f).Save(append([]byte(checksum(content)+"\n"), content...))
}

func checksum(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}
