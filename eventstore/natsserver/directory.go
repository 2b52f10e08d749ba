package natsserver

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/nats-io/nats-server/v2/server"
)

// lockDirectory keeps a second process from writing into the same log. The system
// lets go of the lock when the process ends, however it ends.
func lockDirectory(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("natsserver: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600) // #nosec G304 -- the operator's own directory
	if err != nil {
		return nil, fmt.Errorf("natsserver: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil { // #nosec G115 -- a descriptor fits
		return nil, errors.Join(fmt.Errorf("natsserver: another process uses %s: %w", dir, err), lock.Close())
	}
	return lock, nil
}

// Lock keeps every server away from a directory until it is closed. It fails while one
// uses the directory.
func Lock(dir string) (io.Closer, error) { return lockDirectory(dir) }

// StreamDir is where a server with this directory keeps a stream.
func StreamDir(dir, stream string) string {
	return filepath.Join(dir, server.JetStreamStoreDir, server.DEFAULT_GLOBAL_ACCOUNT, "streams", stream)
}

// unrecovered names the streams that stand in the directory but not in the server. The
// server itself only warns of a stream whose description it cannot read, and would let
// it be created anew.
func unrecovered(running *server.Server, dir string) ([]string, error) {
	stored, err := fs.Glob(os.DirFS(dir), path.Join(server.JetStreamStoreDir, "*", "streams", "*"))
	if err != nil {
		return nil, fmt.Errorf("natsserver: list streams: %w", err)
	}
	info, err := running.Jsz(&server.JSzOptions{Accounts: true, Streams: true, Limit: maxConnections})
	if err != nil {
		return nil, fmt.Errorf("natsserver: list streams: %w", err)
	}
	recovered := make(map[string]bool)
	for _, account := range info.AccountDetails {
		for _, stream := range account.Streams {
			recovered[path.Join(server.JetStreamStoreDir, account.Id, "streams", stream.Name)] = true
		}
	}
	var missing []string
	for _, stream := range stored {
		if deleted := strings.HasPrefix(path.Base(stream), "."); !deleted && !recovered[stream] {
			missing = append(missing, stream)
		}
	}
	return missing, nil
}
