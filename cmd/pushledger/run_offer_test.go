package main

import (
	"bytes"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// ran is how a command of the binary ended.
type ran struct {
	code           int
	stdout, stderr string
}

// runOffer runs `pushledger offer` as anna against the sandbox of a directory.
func runOffer(t testing.TB, data, stdin string, args ...string) ran {
	t.Helper()
	command := exec.Command("pushledger", append([]string{"offer", "--ready-file", filepath.Join(data, "ready.json"), "--as", "anna"}, args...)...) // #nosec G204 -- the test's own words
	var stdout, stderr bytes.Buffer
	command.Stdin, command.Stdout, command.Stderr = strings.NewReader(stdin), &stdout, &stderr
	err := command.Run()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		require.NoError(t, err)
	}
	return ran{command.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}
