// Package durablefile writes files that outlast a power cut. When one of its functions
// returns without error, the bytes of the file, its name, and the names of the
// directories that had to be made for it have reached the disk. After a cut in the
// middle a file is there as it was before or as it is afterwards, never in part.
//
// A rename alone promises less: until the directory is synced the old name, or none, may
// come back.
package durablefile

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

const (
	draft   = ".draft" // ending of a file that is not in its place yet
	dirMode = 0o700
)

// Write puts a file in its place, with the directories above it that are missing. Nobody
// but the owner may read it. A file that is there already is replaced.
func Write(path string, data []byte) error {
	return WriteAll(filepath.Dir(path), map[string][]byte{filepath.Base(path): data})
}

// WriteAll is Write for many files below a directory, named by their slash-separated
// paths in it, with as few syncs as will do. After a power cut some may be in place and
// others not.
func WriteAll(root string, files map[string][]byte) error {
	directories := make(map[string]bool)
	names := slices.Sorted(maps.Keys(files))
	for _, name := range names {
		target := filepath.Join(root, filepath.FromSlash(name))
		if err := makeDir(filepath.Dir(target), directories); err != nil {
			return err
		}
		if err := writeDraft(target+draft, files[name]); err != nil {
			return err
		}
	}
	for _, name := range names {
		target := filepath.Join(root, filepath.FromSlash(name))
		if err := os.Rename(target+draft, target); err != nil {
			return fmt.Errorf("durablefile: %w", err)
		}
	}
	return syncAll(directories)
}

// Create is Write for a file that is not there yet, in a directory that is. It returns
// fs.ErrExist, and changes nothing, if the file is there: of several processes that make the
// same one, one succeeds.
func Create(path string, data []byte) error {
	aside, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*"+draft) // mode 0600
	if err != nil {
		return fmt.Errorf("durablefile: %w", err)
	}
	err = fill(aside, data)
	if err == nil {
		err = os.Link(aside.Name(), path)
	}
	if err = errors.Join(err, os.Remove(aside.Name())); err != nil {
		return fmt.Errorf("durablefile: create %s: %w", path, err)
	}
	return SyncDir(filepath.Dir(path))
}

// MakeDir makes a directory, and those above it that are missing, for its owner only. One
// that is there already may be so only in memory, so its name is synced as well.
func MakeDir(path string) error {
	directories := make(map[string]bool)
	if err := makeDir(path, directories); err != nil {
		return err
	}
	directories[filepath.Dir(filepath.Clean(path))] = true
	return syncAll(directories)
}

// Move gives a file or directory another name, replacing a file that has it. Both
// directories must exist.
func Move(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return fmt.Errorf("durablefile: %w", err)
	}
	return syncAll(map[string]bool{filepath.Dir(from): true, filepath.Dir(to): true})
}

// SyncDir makes what was made, renamed or removed in a directory last.
func SyncDir(path string) error {
	if err := sync(path); err != nil {
		return fmt.Errorf("durablefile: sync %s: %w", path, err)
	}
	return nil
}

// SyncTree syncs every directory from path down, and the files for which keep, which may
// be nil, reports true. It is for trees that somebody else has made; what is removed while
// it looks is left out.
func SyncTree(path string, keep func(name string) bool) error {
	err := filepath.WalkDir(path, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
		case entry.IsDir() || keep != nil && entry.Type().IsRegular() && keep(entry.Name()):
			err = sync(path)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("durablefile: sync %s: %w", path, err)
	}
	return nil
}

// makeDir makes a directory and notes it, and every one above it in which it made one, to
// be synced.
func makeDir(directory string, noted map[string]bool) error {
	directory = filepath.Clean(directory)
	if noted[directory] {
		return nil
	}
	noted[directory] = true
	info, err := os.Stat(directory)
	if err == nil && !info.IsDir() {
		return fmt.Errorf("durablefile: %s is not a directory", directory)
	}
	if err == nil {
		return nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("durablefile: %w", err)
	}
	if err := makeDir(filepath.Dir(directory), noted); err != nil {
		return err
	}
	if err := os.Mkdir(directory, dirMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("durablefile: %w", err)
	}
	return nil
}

func writeDraft(path string, data []byte) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600) // #nosec G304 -- the caller names the file
	if err != nil {
		return fmt.Errorf("durablefile: %w", err)
	}
	return fill(file, data)
}

// fill writes a file that was just made, to the disk, and closes it.
func fill(file *os.File, data []byte) error {
	_, err := file.Write(data)
	if err == nil {
		err = file.Sync()
	}
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("durablefile: write %s: %w", file.Name(), err)
	}
	return nil
}

func syncAll(directories map[string]bool) error {
	for _, directory := range slices.Sorted(maps.Keys(directories)) {
		if err := SyncDir(directory); err != nil {
			return err
		}
	}
	return nil
}

// sync syncs a file or a directory.
func sync(path string) error {
	opened, err := os.Open(path) // #nosec G304 -- the caller names the file
	if err != nil {
		return err
	}
	err = opened.Sync()
	if closeErr := opened.Close(); err == nil {
		err = closeErr
	}
	return err
}
