package main

import (
	"errors"
	"fmt"
	"io"
	"os"
)

const maxSecret = 64 << 10 // bytes of a file with a token or a key

// readSecret reads a file with a secret, and refuses one that others may read.
func readSecret(path string) (text string, err error) {
	file, err := os.Open(path) // #nosec G304 -- the operator names the file
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	info, err := file.Stat()
	if err != nil {
		return "", err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return "", fmt.Errorf("%w: others may read %s (mode %04o): chmod 600", errUsage, path, mode)
	}
	data, err := io.ReadAll(io.LimitReader(file, maxSecret+1))
	if err == nil && len(data) > maxSecret {
		err = fmt.Errorf("%w: %s has more than %d bytes", errUsage, path, maxSecret)
	}
	return string(data), err
}
