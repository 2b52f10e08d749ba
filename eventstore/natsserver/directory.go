package natsserver

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/pushledger/pushledger/eventstore/durablefile"
)

// lockDirectory keeps a second process from writing into the same log. The system
// lets go of the lock when the process ends, however it ends.
func lockDirectory(dir string) (*os.File, error) {
	if err := durablefile.MakeDir(dir); err != nil {
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

// damagedStreams is what the server could not recover.
type damagedStreams struct {
	streams []string // paths below the directory
	reasons string
}

// Error implements error.
func (d *damagedStreams) Error() string {
	return fmt.Sprintf("natsserver: damaged streams %v: %s", d.streams, d.reasons)
}

// discard removes damaged streams with which nothing is lost: those that hold no message,
// and those that are derived. A power cut while a stream is made, or while one that is not
// synced is written, leaves such streams behind. If there is any other it removes none and
// returns the damage.
func (o *Options) discard(damaged *damagedStreams) error {
	for _, stream := range damaged.streams {
		holds, err := holdsMessages(filepath.Join(o.StoreDir, filepath.FromSlash(stream)))
		if err != nil {
			return errors.Join(damaged, err)
		}
		if holds && !slices.Contains(o.Derived, path.Base(stream)) {
			return damaged
		}
	}
	for _, stream := range damaged.streams {
		o.Logger.Warn("a damaged stream that is empty or derived is removed, to be made anew", "stream", stream, "reasons", damaged.reasons)
		dir := filepath.Join(o.StoreDir, filepath.FromSlash(stream))
		if err := os.RemoveAll(dir); err != nil {
			return fmt.Errorf("natsserver: remove a damaged stream: %w", err)
		}
		if err := durablefile.SyncDir(filepath.Dir(dir)); err != nil {
			return fmt.Errorf("natsserver: remove a damaged stream: %w", err)
		}
	}
	return nil
}

// holdsMessages reports whether there is anything where a stream keeps its messages.
func holdsMessages(stream string) (bool, error) {
	stored, err := os.ReadDir(filepath.Join(stream, "msgs"))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("natsserver: look into a damaged stream: %w", err)
	}
	for _, file := range stored {
		info, err := file.Info()
		if err != nil {
			return false, fmt.Errorf("natsserver: look into a damaged stream: %w", err)
		}
		if info.Size() > 0 {
			return true, nil
		}
	}
	return false, nil
}

// SyncDescriptions makes every stream that there is now outlast a power cut. The server
// syncs what it writes into a stream, but neither the directories that it makes for one nor
// the description of one whose messages are not synced.
func (s *Server) SyncDescriptions() error {
	return durablefile.SyncTree(s.dir, func(name string) bool {
		return name == server.JetStreamMetaFile || name == server.JetStreamMetaFileSum
	})
}

// forgetConsumers removes what is kept of the consumers of every stream.
func forgetConsumers(dir string) error {
	kept, err := filepath.Glob(filepath.Join(dir, server.JetStreamStoreDir, "*", "streams", "*", "obs"))
	if err != nil {
		return fmt.Errorf("natsserver: list consumers: %w", err)
	}
	for _, consumers := range kept {
		if err := os.RemoveAll(consumers); err != nil {
			return fmt.Errorf("natsserver: forget consumers: %w", err)
		}
		if err := durablefile.SyncDir(filepath.Dir(consumers)); err != nil {
			return fmt.Errorf("natsserver: forget consumers: %w", err)
		}
	}
	return nil
}
