package main

import (
	"fmt"

	"github.com/pushledger/pushledger/eventstore/secretfile"
)

const maxSecret = 64 << 10 // bytes of a file with a token or a key

// readSecret reads a file with a secret, and refuses one that others may read.
func readSecret(path string) (string, error) {
	text, err := secretfile.Read(path, maxSecret)
	if err != nil {
		return "", fmt.Errorf("%w: %w", errUsage, err)
	}
	return string(text), nil
}
