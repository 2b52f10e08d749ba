package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	lookPause = 20 * time.Millisecond // between two looks whether a process is ready
	stopSoon  = 10 * time.Minute      // a service with a large ledger closes in, at most
	mostWords = 4 << 10               // bytes kept of what a process says
)

// process is one that was started to be measured, or to take part.
type process struct {
	name    string
	command *exec.Cmd
	ended   chan struct{}
	words   *tail
}

// launch starts a process. What it says on standard error is kept for when it fails.
func launch(name string, command *exec.Cmd) (*process, error) {
	p := &process{name: name, command: command, ended: make(chan struct{}), words: &tail{}}
	command.Stderr = p.words
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	go func() { _ = command.Wait(); close(p.ended) }() // how it ends does not matter
	return p, nil
}

func (p *process) pid() int { return p.command.Process.Pid }

func (p *process) lastWords() string { return p.words.String() }

// await looks until something is so, or the process has ended.
func (p *process) await(ctx context.Context, what string, so func() bool) error {
	for !so() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: not %s: %w", p.name, what, ctx.Err())
		case <-p.ended:
			return fmt.Errorf("%s has ended by itself: %s", p.name, p.lastWords())
		case <-time.After(lookPause):
		}
	}
	return nil
}

// stop ends the process as an operator would.
func (p *process) stop() error {
	if err := p.command.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-p.ended:
		return nil
	case <-time.After(stopSoon):
		return errors.Join(fmt.Errorf("%s does not stop", p.name), p.kill())
	}
}

// kill ends the process as a power cut of it alone would.
func (p *process) kill() error {
	err := p.command.Process.Kill()
	<-p.ended
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

// memory is the most that the process has held at any time, in GiB.
func (p *process) memory() (float64, error) {
	status, err := os.Open(fmt.Sprintf("/proc/%d/status", p.pid()))
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

// isReady asks a process over HTTP whether it is.
func isReady(ctx context.Context, address string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"/readyz", http.NoBody)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request) // #nosec G704 -- the address that our own child has written
	if err != nil {
		return false
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, mostWords))
	return response.Body.Close() == nil && response.StatusCode == http.StatusOK
}

// tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex
	text []byte
}

// Write implements io.Writer.
func (t *tail) Write(text []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, text...)
	t.text = t.text[max(0, len(t.text)-mostWords):]
	return len(text), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}
