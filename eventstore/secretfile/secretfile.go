// Package secretfile reads files that hold secrets. What it guarantees: a file that others
// may read gives nothing but an error that says so.
package secretfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// credentialsDirectory is where systemd hands a service its credentials. Nobody else may
// enter it. What lets the service in is an access control list, the mask of which shows as
// a right of the group: 0440.
const credentialsDirectory = "CREDENTIALS_DIRECTORY"

// Rights of others.
const (
	others           = 0o077
	othersButReaders = 0o037 // all but that of the group to read
)

// Read reads a file of at most so many bytes. It refuses one that group or others may use
// in any way; below $CREDENTIALS_DIRECTORY the group may read.
func Read(path string, most int64) (text []byte, err error) {
	file, err := os.Open(path) // #nosec G304 -- the operator names the file
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if mode := info.Mode().Perm(); mode&denied(path) != 0 {
		return nil, fmt.Errorf("%s: others may read it (mode %04o): chmod 600", path, mode)
	}
	text, err = io.ReadAll(io.LimitReader(file, most+1))
	if err == nil && int64(len(text)) > most {
		return nil, fmt.Errorf("%s has more than %d bytes", path, most)
	}
	return text, err
}

// denied are the rights that a file may not give.
func denied(path string) fs.FileMode {
	if isCredential(path) {
		return othersButReaders
	}
	return others
}

// isCredential reports whether a file really is below the directory, whatever links lead to it.
func isCredential(path string) bool {
	directory := os.Getenv(credentialsDirectory)
	if !filepath.IsAbs(directory) {
		return false
	}
	directory, err := filepath.EvalSymlinks(directory)
	if err != nil {
		return false
	}
	if path, err = filepath.Abs(path); err != nil {
		return false
	}
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return false
	}
	below, err := filepath.Rel(directory, path)
	return err == nil && filepath.IsLocal(below)
}
