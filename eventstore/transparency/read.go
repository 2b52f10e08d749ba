package transparency

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// maxBundle is what 256 leaves of the greatest length have in an entry bundle, in bytes.
const maxBundle = tileWidth * (2 + MaxLeaf)

// readFile reads a file of at most so many bytes. What a bundle says about the length of
// its files is not believed: a zip can promise any, and make a few bytes into gigabytes.
func readFile(files fs.FS, name string, longest int) ([]byte, error) {
	file, err := files.Open(name)
	if errors.Is(err, errors.ErrUnsupported) { // files that come whole, each in one bounded message
		whole, err := fs.ReadFile(files, name)
		if err == nil && len(whole) > longest {
			err = tooLong(name, longest)
		}
		return whole, err
	}
	if err != nil {
		return nil, fmt.Errorf("transparency: %w", err)
	}
	data, err := io.ReadAll(io.LimitReader(file, int64(longest)+1))
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("transparency: %s: %w", name, err)
	case len(data) > longest:
		return nil, tooLong(name, longest)
	}
	return data, nil
}

func tooLong(name string, longest int) error {
	return fmt.Errorf("transparency: %s has more than %d bytes", name, longest)
}
