package app

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/pushledger/pushledger/eventstore/durablefile"
)

// keptFile is a file that is replaced as a whole.
type keptFile string

// Load implements purchase.Keeper.
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

// Save implements purchase.Keeper.
func (f keptFile) Save(data []byte) error {
	if err := durablefile.Write(string(f), data); err != nil {
		return fmt.Errorf("app: %w", err)
	}
	return nil
}
