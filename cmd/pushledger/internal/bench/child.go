package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/pushledger/pushledger/cmd/pushledger/internal/app"
)

const (
	lookPause  = 50 * time.Millisecond // between two looks whether a child is ready
	childStart = 2 * time.Hour         // at most: the first start reads the whole log several times
	childStop  = 10 * time.Minute      // at most
)

// child is this program as a service in a process of its own.
type child struct {
	command *exec.Cmd
	ended   chan struct{}
	ready   app.Ready
}

// serve starts a service on a data directory, with further flags, and returns it with how
// long it took until it was ready for everything. dir is for its ready file.
func serve(ctx context.Context, dir, data string, flags ...string) (*child, time.Duration, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, 0, err
	}
	ready := filepath.Join(dir, "ready.json")
	if err := os.Remove(ready); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, 0, err
	}
	c := &child{ended: make(chan struct{}), command: exec.Command(program, append([]string{"serve", "--sandbox", "--data", data, // #nosec G204 -- this very program
		"--nats-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0", "--ready-file", ready, "--log-level", "error"}, flags...)...)}
	var said bytes.Buffer // read after the child has ended
	c.command.Stderr = &said
	began := time.Now()
	if err := c.command.Start(); err != nil {
		return nil, 0, err
	}
	go func() { _ = c.command.Wait(); close(c.ended) }() // how it ends does not matter
	ctx, cancel := context.WithTimeout(ctx, childStart)
	defer cancel()
	for {
		if c.isReady(ctx, ready) {
			return c, time.Since(began), nil
		}
		select {
		case <-ctx.Done():
			return nil, 0, errors.Join(fmt.Errorf("the service is not ready: %w", ctx.Err()), c.kill())
		case <-c.ended:
			return nil, 0, fmt.Errorf("the service has ended by itself: %s", said.String())
		case <-time.After(lookPause):
		}
	}
}

// isReady asks the service that has written a ready file whether it is ready.
func (c *child) isReady(ctx context.Context, file string) bool {
	text, err := os.ReadFile(file) // #nosec G304 -- in a directory of our own
	if err != nil || json.Unmarshal(text, &c.ready) != nil {
		return false
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.ready.HTTPURL+"/readyz", http.NoBody)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request) // #nosec G704 -- the address that our own child has written
	if err != nil {
		return false
	}
	return response.Body.Close() == nil && response.StatusCode == http.StatusOK
}

// memory is the most that the process has held at any time, in GiB.
func (c *child) memory() (float64, error) {
	status, err := os.Open(fmt.Sprintf("/proc/%d/status", c.command.Process.Pid))
	if err != nil {
		return 0, err
	}
	defer status.Close() //nolint:errcheck // it is only read
	for lines := bufio.NewScanner(status); lines.Scan(); {
		if rest, is := strings.CutPrefix(lines.Text(), "VmHWM:"); is {
			kilobytes, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(rest, "kB")), 64)
			return kilobytes / (1 << 20), err
		}
	}
	return 0, errors.New("the system does not tell how much memory a process has held")
}

// stop ends the service as an operator would.
func (c *child) stop() error {
	if err := c.command.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-c.ended:
		return nil
	case <-time.After(childStop):
		return errors.Join(errors.New("the service does not stop"), c.kill())
	}
}

// kill ends the service as a power cut of the process alone would.
func (c *child) kill() error {
	err := c.command.Process.Kill()
	<-c.ended
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}
