package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	diskLook  = 500 * time.Millisecond // between two looks at the disk
	diskPause = time.Second            // between two tries to write while it takes nothing
	leastRoom = 16 << 20               // bytes free; with less no commands are taken
	enough    = 2 * leastRoom          // bytes free; with so many they are again
	probeSize = 4 << 20                // bytes that must be written before the service starts anew
)

// errStartAnew ends a service whose log could not be written and can be now: the server
// must be started anew for it.
var errStartAnew = errors.New("app: the log can be written again")

// disk knows whether the log can be written. It is safe for concurrent use.
type disk struct {
	failure atomic.Pointer[error]
	doubted atomic.Bool // something could not be appended, for whatever reason
}

// broken is why nothing may be written to the log, nil if it may.
func (d *disk) broken() error {
	if failure := d.failure.Load(); failure != nil {
		return *failure
	}
	return nil
}

// doubt has the disk tried.
func (d *disk) doubt() { d.doubted.Store(true) }

// watchDisk ends with errStartAnew, or with ctx. While the disk has no room, or has failed
// so that the log takes nothing any more, the service stays up: it answers queries, and
// says to commands that it is unavailable.
func (s *Service) watchDisk(ctx context.Context) error {
	for wait(ctx, diskLook) {
		if failure := s.server.Writable(); failure != nil {
			s.disk.failure.Store(&failure)
			s.config.Logger.Error("THE LOG CANNOT BE WRITTEN: no more commands are taken until the disk takes data again", "error", failure)
			if awaitRoom(ctx, s.config.Data) {
				return errStartAnew
			}
			return nil
		}
		if s.disk.doubted.Swap(false) {
			s.tryDisk(ctx)
			continue
		}
		s.lookForRoom()
	}
	return nil
}

// tryDisk writes to the disk, and takes no commands until it takes that: it can refuse
// data although it says that there is room. What the server keeps for a batch fails then,
// without harm to the log.
func (s *Service) tryDisk(ctx context.Context) {
	failure := probe(s.config.Data)
	if failure == nil {
		return
	}
	s.disk.failure.Store(&failure)
	s.config.Logger.Error("THE DISK TAKES NO DATA: no more commands are taken until it does", "error", failure)
	if awaitRoom(ctx, s.config.Data) {
		s.disk.failure.Store(nil)
		s.config.Logger.Warn("the disk takes data again, and the service commands")
	}
}

// lookForRoom stops taking commands before the disk is full, and takes them again when
// there is room.
func (s *Service) lookForRoom() {
	var is syscall.Statfs_t
	if err := syscall.Statfs(s.config.Data, &is); err != nil {
		s.config.Logger.Warn("the room on the disk is not known", "error", err)
		return
	}
	free := is.Bavail * uint64(is.Bsize) // #nosec G115 -- a size of blocks
	switch stopped := s.disk.broken() != nil; {
	case !stopped && free < leastRoom:
		failure := fmt.Errorf("app: %d bytes are free on the disk of %s, %d are the least", free, s.config.Data, leastRoom)
		s.disk.failure.Store(&failure)
		s.config.Logger.Error("THE DISK IS FULL: no more commands are taken until there is room", "error", failure)
	case stopped && free >= enough:
		s.disk.failure.Store(nil)
		s.config.Logger.Warn("there is room on the disk: commands are taken again", "free", free)
	}
}

// awaitRoom waits until a directory takes data. It reports false if ctx has ended.
func awaitRoom(ctx context.Context, dir string) bool {
	for wait(ctx, diskPause) {
		if probe(dir) == nil {
			return true
		}
	}
	return false
}

// probe writes some data into a directory and takes it away again.
func probe(dir string) error {
	file, err := os.CreateTemp(dir, ".probe-*")
	if err != nil {
		return fmt.Errorf("app: probe the disk: %w", err)
	}
	_, err = file.Write(make([]byte, probeSize))
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close(), os.Remove(file.Name())); err != nil {
		return fmt.Errorf("app: probe the disk: %w", err)
	}
	return nil
}

func wait(ctx context.Context, pause time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(pause):
		return true
	}
}
