package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"
)

const (
	diskLook   = 500 * time.Millisecond // between two looks at whether the log can be written
	diskPause  = time.Second            // between two tries to write while it cannot
	probeBytes = 4 << 20                // that must find room before the service starts anew
)

// errStartAnew ends a service whose log could not be written and can be now: the server
// must be started anew for it.
var errStartAnew = errors.New("app: the log can be written again")

// disk knows whether the log can be written. Once it cannot, it cannot until the service
// has been started anew.
type disk struct {
	failure atomic.Pointer[error]
}

// broken is why the log cannot be written, nil if it can.
func (d *disk) broken() error {
	if failure := d.failure.Load(); failure != nil {
		return *failure
	}
	return nil
}

// watchDisk ends with errStartAnew, or with ctx. Between the failure of the disk and the
// moment when there is room again the service stays up: it answers queries, and says to
// commands that it is unavailable.
func (s *Service) watchDisk(ctx context.Context) error {
	for wait(ctx, diskLook) {
		failure := s.server.Writable()
		if failure == nil {
			continue
		}
		s.disk.failure.Store(&failure)
		s.config.Logger.Error("THE LOG CANNOT BE WRITTEN: no more commands are taken until the disk takes data again", "error", failure)
		if awaitRoom(ctx, s.config.Data) {
			return errStartAnew
		}
	}
	return nil
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
	_, err = file.Write(make([]byte, probeBytes))
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
