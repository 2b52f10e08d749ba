package transparency

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/pushledger/pushledger/eventstore/durablefile"
)

const maxSeal = 32 // bytes

// Seal notes, once nothing writes any more, that a log of so many entries is signed as a
// whole. Guard then knows that whatever the log has beyond it was written behind the
// service's back. It does nothing if not everything is signed.
func (l *Log) Seal(last uint64) error {
	if l.Damage() != nil || l.Checkpoint().Size != last {
		return nil
	}
	return durablefile.Write(l.sealFile(), []byte(strconv.FormatUint(last, 10)+"\n"))
}

// breakSeal compares the log's length with the seal, if there is one, and takes it away. A
// seal that is older than the newest published checkpoint tells nothing.
func (l *Log) breakSeal(last uint64) error {
	text, err := readFile(os.DirFS(l.options.Dir), sealPath, maxSeal)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	size, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		return fmt.Errorf("transparency: %s: it does not say how long the log was: %w", l.sealFile(), err)
	}
	if last > size && l.pinned == nil {
		return damaged(size+1, "it was written while the service was stopped, after a log of %d entries had been sealed", size)
	}
	if err := os.Remove(l.sealFile()); err != nil {
		return fmt.Errorf("transparency: %w", err)
	}
	return durablefile.SyncDir(l.options.Dir)
}

func (l *Log) sealFile() string { return filepath.Join(l.options.Dir, sealPath) }
