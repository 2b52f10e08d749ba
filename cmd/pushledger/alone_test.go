package main

import (
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A service that nobody answers is up, and names whom it waits for.
func TestAServiceWithoutPartnersSaysWhomItWaitsFor(t *testing.T) {
	t.Parallel()
	c := newCabinet(t)
	settings := c.settings()
	data := t.TempDir()
	readyPath := filepath.Join(data, "ready.json")
	for flag, value := range map[string]string{
		"--settlement": "confirm", "--alipay-gateway": "http://127.0.0.1:1/gateway.do", "--data": data, "--ready-file": readyPath,
		"--nats-listen": "127.0.0.1:0", "--http-listen": "127.0.0.1:0",
	} {
		settings[flag] = []string{value}
	}
	command := exec.Command("pushledger", arguments(settings)...) // #nosec G204 -- the test's own arguments
	running := &process{doors: doors{stderr: &lockedBuffer{}}, command: command, exited: make(chan error, 1)}
	command.Stderr = running.stderr
	require.NoError(t, command.Start())
	go func() { running.exited <- command.Wait() }()
	running.endWith(t)
	require.NoError(t, running.await(readyPath))

	partners := []string{"registrar", "account directory", "Alipay"}
	response, err := http.Get(running.ready.HTTPURL + "/readyz")
	require.NoError(t, err)
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusOK, response.StatusCode)
	for _, partner := range partners {
		require.Contains(t, string(text), "\n"+partner+" has not answered yet\n")
	}
	require.Eventually(t, func() bool {
		return strings.Count(running.stderr.String(), "A PARTNER HAS NOT ANSWERED YET") == len(partners)
	}, readyPatience, 20*time.Millisecond, running.stderr)
}
