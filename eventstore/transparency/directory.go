package transparency

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// writeSynced puts a file in its place, whole or not at all, and returns once it and its
// name have reached the disk. Nobody but the owner may read it.
func writeSynced(path string, data []byte) error {
	return writeAll(filepath.Dir(path), map[string][]byte{filepath.Base(path): data})
}

// writeAll is writeSynced for many files below a directory, with as few syncs as will do.
func writeAll(root string, files map[string][]byte) error {
	directories := make(map[string]bool)
	for _, path := range slices.Sorted(maps.Keys(files)) {
		target := filepath.Join(root, filepath.FromSlash(path))
		if err := makeDir(filepath.Dir(target), directories); err != nil {
			return err
		}
		if err := writeDraft(target, files[path]); err != nil {
			return err
		}
	}
	for path := range files {
		target := filepath.Join(root, filepath.FromSlash(path))
		if err := os.Rename(target+".draft", target); err != nil {
			return fmt.Errorf("transparency: %w", err)
		}
	}
	for directory := range directories {
		if err := syncDir(directory); err != nil {
			return err
		}
	}
	return nil
}

// makeDir makes a directory and notes it, and every one above it that is new, to be
// synced.
func makeDir(directory string, noted map[string]bool) error {
	if noted[directory] {
		return nil
	}
	noted[directory] = true
	_, err := os.Stat(directory)
	if err == nil {
		return nil
	}
	if err := makeDir(filepath.Dir(directory), noted); err != nil {
		return err
	}
	if err := os.Mkdir(directory, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("transparency: %w", err)
	}
	return nil
}

func writeDraft(target string, data []byte) error {
	file, err := os.OpenFile(target+".draft", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600) // #nosec G304 -- a name of our own
	if err != nil {
		return fmt.Errorf("transparency: %w", err)
	}
	_, err = file.Write(data)
	if err == nil {
		err = file.Sync()
	}
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("transparency: write %s: %w", target, err)
	}
	return nil
}

func syncDir(directory string) error {
	opened, err := os.Open(directory) // #nosec G304 -- a name of our own
	if err != nil {
		return fmt.Errorf("transparency: %w", err)
	}
	err = opened.Sync()
	if closeErr := opened.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("transparency: sync %s: %w", directory, err)
	}
	return nil
}
