package main

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// secret is a text that must stay where it is.
type secret struct{ name, text string }

// secretsOf are the tokens of a ready file and every private key below a directory.
func secretsOf(t *testing.T, service *process, data string) []secret {
	t.Helper()
	var all []secret
	for account, token := range service.ready.Tokens {
		all = append(all, secret{"token of " + account, token})
		signature := token[strings.LastIndex(token, ".")+1:]
		all = append(all, secret{"signature of the token of " + account, signature})
	}
	for _, name := range []string{"sandbox/issuer.key", "sandbox/merchant.pem", "sandbox/alipay.pem", "sandbox/root.pem", "checkpoint.key"} {
		text, err := os.ReadFile(filepath.Join(data, name))
		require.NoError(t, err)
		lines := strings.Split(strings.TrimSpace(string(text)), "\n")
		line := lines[0]
		if strings.HasPrefix(line, "-----BEGIN") {
			line = lines[1]
		}
		require.Greater(t, len(line), 40, name)
		all = append(all, secret{name, line})
	}
	return all
}

func requireNone(t *testing.T, secrets []secret, text []byte, where string) {
	t.Helper()
	for _, secret := range secrets {
		require.False(t, bytes.Contains(text, []byte(secret.text)), "%s: %s", where, secret.name)
	}
}

// Tokens and private keys are in the files that are theirs, which nobody else may read,
// and nowhere else: not in the log, an event, an answer, an error or the arguments of a
// process.
func TestSecretsStayWhereTheyAre(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	service := startProcess(t, data, writeInventory(t, 1), "--log-level", "debug")
	secrets := secretsOf(t, service, data)
	token := service.ready.Tokens["anna"]
	spoilt := token[:len(token)-4] + "AAAA"
	secrets = append(secrets, secret{"a token that is refused", spoilt})

	run := func(environment []string, args ...string) string {
		command := exec.Command("pushledger", args...) // #nosec G204 -- the test's own arguments
		command.Env = append(os.Environ(), environment...)
		text, _ := command.CombinedOutput() // whether it worked is for the callers
		return string(text)
	}
	addresses := []string{"--nats-url", service.ready.NATSURL, "--http-url", service.ready.HTTPURL}
	tokenFile := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(tokenFile, []byte(token+"\n"), 0o600))
	offer := func(domain string, more ...string) []string {
		return append(append([]string{"offer", "--push-id", "p1", "--buyer", "bo", domain + "=1.00"}, addresses...), more...)
	}
	said := map[string]string{
		"a command":              run([]string{"PUSHLEDGER_TOKEN=" + token}, offer("d0.com")...),
		"a query":                run(nil, append([]string{"show", "p1", "--token-file", tokenFile}, addresses...)...),
		"a refused token":        run([]string{"PUSHLEDGER_TOKEN=" + spoilt}, offer("d0.com")...),
		"no token at all":        run([]string{"PUSHLEDGER_TOKEN=" + token[20:]}, offer("d0.com")...),
		"a token in the address": run(nil, "offer", "d0.com=1.00", "--buyer", "bo", "--token-file", tokenFile, "--nats-url", "nats://"+spoilt+"@127.0.0.1:1"),
		"one over HTTP":          run(nil, "show", "p1", "--token-file", tokenFile, "--http-url", "http://"+spoilt+"@127.0.0.1:1"),
		"the wrong key":          run(nil, "audit", "verify", "--file", filepath.Join(data, "ready.json"), "--key", filepath.Join(data, "checkpoint.key")),
		"a key for a token":      run(nil, "show", "p1", "--token-file", filepath.Join(data, "sandbox", "issuer.key")),
	}
	require.Contains(t, said["a command"], "Offered")
	require.Contains(t, said["a query"], "Offered")
	require.NoError(t, os.Chmod(tokenFile, 0o644))
	require.Contains(t, run(nil, append([]string{"show", "p1", "--token-file", tokenFile}, addresses...)...), "others may read")
	for what, text := range said {
		requireNone(t, append(secrets, secret{"a part of a token", token[20:]}), []byte(text), what)
	}
	_, err := nats.Connect(service.ready.NATSURL, nats.Token(spoilt))
	require.Error(t, err)
	for path, bearer := range map[string]string{
		"/v1/pushes": spoilt, "/v1/pushes?token=" + spoilt: token, "/v1/pushes/p1": token, "/v1/pushes/p1/timeline": token,
		"/metrics": token, "/openapi.json": token, "/readyz": token, "/v1/" + spoilt: token,
	} {
		request, err := http.NewRequest(http.MethodGet, service.ready.HTTPURL+path, http.NoBody)
		require.NoError(t, err)
		request.Header.Set("Authorization", "Bearer "+bearer)
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		requireNone(t, secrets, fmt.Appendf(nil, "%v %s", response.Header, body), path)
	}
	arguments, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", service.command.Process.Pid))
	if err == nil { // not every system tells
		requireNone(t, secrets, arguments, "the arguments of the service")
	}
	service.stop(t)
	requireNone(t, secrets, []byte(service.stderr.String()), "the service's log")
	require.Contains(t, service.stderr.String(), "refused", "what is refused is logged")
	requireFilesApart(t, secrets, data)
}

// requireFilesApart holds that each secret is in the one file that is its own, and that
// nobody else may read anything.
func requireFilesApart(t *testing.T, secrets []secret, data string) {
	t.Helper()
	own := []string{"ready.json", "sandbox/issuer.key", "sandbox/merchant.pem", "sandbox/alipay.pem", "sandbox/root.pem", "checkpoint.key"}
	require.NoError(t, fs.WalkDir(os.DirFS(data), ".", func(path string, entry fs.DirEntry, err error) error {
		require.NoError(t, err)
		if entry.IsDir() {
			return nil
		}
		info, err := entry.Info()
		require.NoError(t, err)
		require.Zero(t, info.Mode().Perm()&0o007, "others may read %s", path)
		for _, name := range own {
			if path == name {
				require.Equal(t, fs.FileMode(0o600), info.Mode().Perm(), path)
				return nil
			}
		}
		text, err := os.ReadFile(filepath.Join(data, path))
		require.NoError(t, err)
		requireNone(t, secrets, text, path)
		return nil
	}))
}
