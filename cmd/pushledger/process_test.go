package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go"
	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"
)

// The tests below know only what any other program knows: the flags of the binary, the
// ready file, NATS subjects, HTTP paths and JSON.

const readyPatience = 60 * time.Second

// doors are where a running service is reached.
type doors struct {
	ready  readyFile
	stderr *lockedBuffer
}

// process is a running `pushledger serve`.
type process struct {
	doors
	command *exec.Cmd
	exited  chan error
}

type readyFile struct {
	NATSURL string            `json:"nats_url"`
	HTTPURL string            `json:"http_url"`
	Tokens  map[string]string `json:"tokens"`
}

type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (b *lockedBuffer) Write(text []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(text)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// startProcess serves a sandbox on a directory until the test ends.
func startProcess(t testing.TB, data, inventory string, flags ...string) *process {
	t.Helper()
	running, err := launch(data, inventory, flags...)
	require.NoError(t, err)
	running.endWith(t)
	return running
}

// endWith kills a process when the test ends.
func (p *process) endWith(t testing.TB) {
	t.Cleanup(func() {
		_ = p.command.Process.Kill() // it may have ended already
		t.Logf("the service ended: %v", <-p.exited)
	})
}

func launch(data, inventory string, flags ...string) (*process, error) {
	// testscript.Main has put this program on the path under its own name.
	return launchAs(data, inventory, append([]string{"pushledger"}, flags...)...)
}

// launchAs is launch by a command line of which the program is a part.
func launchAs(data, inventory string, program ...string) (*process, error) {
	readyPath := filepath.Join(data, "ready.json")
	if err := os.Remove(readyPath); err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	at := slices.Index(program, "pushledger") + 1
	command := exec.Command(program[0], slices.Concat(program[1:at], []string{ // #nosec G204 -- the test's own words
		"serve", "--sandbox", "--sandbox-inventory", inventory, "--data", data,
		"--nats-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0", "--ready-file", readyPath, "--log-level", "warn",
	}, program[at:])...)
	running := &process{doors: doors{stderr: &lockedBuffer{}}, command: command, exited: make(chan error, 1)}
	command.Stderr = running.stderr
	if err := command.Start(); err != nil {
		return nil, err
	}
	go func() { running.exited <- command.Wait() }()
	return running, running.await(readyPath)
}

// await waits for the ready file.
func (p *process) await(path string) error {
	deadline := time.After(readyPatience)
	for {
		text, err := os.ReadFile(path) // #nosec G304 -- the test's own file
		if err == nil {
			return json.Unmarshal(text, &p.ready)
		}
		select {
		case err := <-p.exited:
			p.exited <- err
			return fmt.Errorf("the service ended: %w\n%s", err, p.stderr)
		case <-deadline:
			return fmt.Errorf("the service was not ready\n%s", p.stderr)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// kill ends the process as a power switch would, and waits until it is gone.
func (p *process) kill(t testing.TB) {
	t.Helper()
	require.NoError(t, p.command.Process.Kill())
	err := <-p.exited
	p.exited <- err
}

// stop asks the process to end and waits until it has; it must say that all went well.
func (p *process) stop(t testing.TB) {
	t.Helper()
	require.NoError(t, p.command.Process.Signal(syscall.SIGTERM))
	err := <-p.exited
	p.exited <- err
	require.NoError(t, err, p.stderr)
}

// connect opens a NATS connection as an account.
func (d *doors) connect(t testing.TB, account string) *nats.Conn {
	t.Helper()
	conn, err := nats.Connect(d.ready.NATSURL, nats.Token(d.ready.Tokens[account]),
		nats.CustomInboxPrefix("_INBOX."+account), nats.MaxReconnects(0))
	require.NoError(t, err)
	t.Cleanup(conn.Close)
	return conn
}

type outsideReply struct {
	OK        bool   `json:"ok"`
	PushID    string `json:"push_id"`
	Status    string `json:"status"`
	Version   int    `json:"version"`
	Seq       uint64 `json:"seq"`
	CommandID string `json:"command_id"`
	Payment   *struct {
		URL    string `json:"url"`
		Amount string `json:"amount"`
	} `json:"payment"`
	Error struct {
		Code       string `json:"code"`
		Message    string `json:"message"`
		MessageZH  string `json:"message_zh"`
		Violations []struct {
			Domain    string `json:"domain"`
			Code      string `json:"code"`
			From      string `json:"from"`
			Message   string `json:"message"`
			MessageZH string `json:"message_zh"`
		} `json:"violations"`
	} `json:"error"`
}

// request sends a body as it is and reads the JSON answer.
func request(conn *nats.Conn, subject, body, commandID string) (outsideReply, error) {
	message := nats.NewMsg(subject)
	message.Data = []byte(body)
	if commandID != "" {
		message.Header.Set("Command-Id", commandID)
	}
	response, err := conn.RequestMsg(message, readyPatience)
	if err != nil {
		return outsideReply{}, fmt.Errorf("%s: %w", subject, err)
	}
	var reply outsideReply
	if err := json.Unmarshal(response.Data, &reply); err != nil {
		return outsideReply{}, fmt.Errorf("%s: %s: %w", subject, response.Data, err)
	}
	return reply, nil
}

// insist is request for a command that is sent again, under its id, while the service says
// that it is unavailable.
func insist(conn *nats.Conn, subject, body, commandID string) (outsideReply, error) {
	for deadline := time.Now().Add(readyPatience); ; time.Sleep(lookAgain) {
		reply, err := request(conn, subject, body, commandID)
		if err != nil || reply.OK || reply.Error.Code != "unavailable" || time.Now().After(deadline) {
			return reply, err
		}
	}
}

type outsidePush struct {
	Status    string `json:"status"`
	EndReason string `json:"end_reason"`
	Seller    string `json:"seller"`
	Buyer     string `json:"buyer"`
	Total     string `json:"total"`
	Items     []struct {
		Domain   string `json:"domain"`
		Delivery string `json:"delivery"`
	} `json:"items"`
}

// get asks over HTTP as an account and returns the status.
func (d *doors) get(account, path string, into any) (int, error) {
	request, err := http.NewRequest(http.MethodGet, d.ready.HTTPURL+path, http.NoBody)
	if err != nil {
		return 0, err
	}
	request.Header.Set("Authorization", "Bearer "+d.ready.Tokens[account])
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer func() { _ = response.Body.Close() }() // only read
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		return response.StatusCode, err
	}
	return response.StatusCode, json.Unmarshal(body, into)
}

// eventually waits until a push has a status.
func (d *doors) eventually(t testing.TB, account, id, status string) {
	t.Helper()
	var seen outsidePush
	require.Eventually(t, func() bool {
		code, err := d.get(account, "/v1/pushes/"+id, &seen)
		return err == nil && code == http.StatusOK && seen.Status == status
	}, readyPatience, 20*time.Millisecond, "push %s: wanted %s, last seen %+v\n%s", id, status, &seen, d.stderr)
}

// startSandboxForScript is the script command `sandbox INVENTORY`: it serves a sandbox
// until the script ends and sets $READY to its ready file.
func startSandboxForScript(script *testscript.TestScript, negate bool, args []string) {
	if negate || len(args) != 1 {
		script.Fatalf("usage: sandbox INVENTORY")
	}
	data := script.MkAbs("data")
	script.Check(os.MkdirAll(data, 0o700))
	running, err := launch(data, script.MkAbs(args[0]))
	script.Check(err)
	script.Defer(func() {
		_ = running.command.Process.Kill() // it may have ended already
		script.Logf("the service ended: %v", <-running.exited)
	})
	script.Setenv("READY", filepath.Join(data, "ready.json"))
	script.Setenv("HTTP", running.ready.HTTPURL)
}

// tryConnect is connect for a process that may be gone already.
func (d *doors) tryConnect(account string) *nats.Conn {
	conn, err := nats.Connect(d.ready.NATSURL, nats.Token(d.ready.Tokens[account]),
		nats.CustomInboxPrefix("_INBOX."+account), nats.MaxReconnects(0))
	if err != nil {
		return nil
	}
	return conn
}
