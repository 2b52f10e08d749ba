package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/cmd/pushledger/internal/app"
)

// cabinet is a directory of files for `serve`.
type cabinet struct{ dir string }

func (c cabinet) path(name string) string { return filepath.Join(c.dir, name) }

func (c cabinet) write(t *testing.T, name, kind string, der []byte, err error) {
	t.Helper()
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(c.path(name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
}

// newCabinet makes keys and certificates like those that Alipay and a token issuer give
// out, and a file "rubbish".
func newCabinet(t *testing.T) cabinet {
	t.Helper()
	c := cabinet{t.TempDir()}
	require.NoError(t, os.WriteFile(c.path("rubbish"), []byte("x"), 0o600))
	tokens, _, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	der, err := x509.MarshalPKIXPublicKey(tokens)
	c.write(t, "tokens", "PUBLIC KEY", der, err)

	root := &x509.Certificate{Subject: pkix.Name{CommonName: "root"}, IsCA: true, BasicConstraintsValid: true}
	rootKey := c.certificate(t, "root", root, root, nil)
	c.certificate(t, "alipay", &x509.Certificate{Subject: pkix.Name{CommonName: "alipay"}}, root, rootKey)
	app := &x509.Certificate{Subject: pkix.Name{CommonName: "app"}}
	key := c.certificate(t, "app", app, root, rootKey)
	c.write(t, "key", "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key), nil)
	return c
}

// certificate writes a certificate for a new key, by which it is signed without another.
func (c cabinet) certificate(t *testing.T, name string, own, issuer *x509.Certificate, by *rsa.PrivateKey) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	if by == nil {
		by = key
	}
	own.SerialNumber, own.NotBefore, own.NotAfter = big.NewInt(7), time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	own.SignatureAlgorithm = x509.SHA256WithRSA
	der, err := x509.CreateCertificate(rand.Reader, own, issuer, &key.PublicKey, by)
	c.write(t, name, "CERTIFICATE", der, err)
	return key
}

// settings are everything that a service without sandbox needs but a way to pay sellers.
func (c cabinet) settings() map[string][]string {
	return map[string][]string{
		"--token-keys": {c.path("tokens")}, "--alipay-app-id": {"2021000000000001"}, "--alipay-seller-id": {"2088000000000001"},
		"--alipay-notify-address": {"https://ledger.example/alipay/notify"}, "--alipay-private-key": {c.path("key")},
		"--alipay-app-cert": {c.path("app")}, "--alipay-cert": {c.path("alipay"), c.path("alipay")}, "--alipay-root-cert": {c.path("root")},
	}
}

func arguments(settings map[string][]string) []string {
	args := []string{"serve"}
	for flag, values := range settings {
		for _, value := range values {
			args = append(args, flag+"="+value)
		}
	}
	slices.Sort(args[1:])
	return args
}

// serveConfig reads a command line that has everything a service without sandbox needs, and more.
func serveConfig(t *testing.T, more ...string) (app.Config, error) {
	t.Helper()
	var line struct {
		Serve serveCommand `cmd:""`
	}
	parser, err := kong.New(&line)
	require.NoError(t, err)
	_, err = parser.Parse(append(arguments(newCabinet(t).settings()), more...))
	require.NoError(t, err)
	return line.Serve.config(io.Discard)
}

// Whatever is missing or wrong is named in one go, and nothing is on disk afterwards.
func TestServeNamesEverythingThatIsMissingOrWrong(t *testing.T) {
	t.Parallel()
	c := newCabinet(t)
	none := map[string][]string{}
	sandbox := map[string][]string{"--sandbox": {"true"}}
	for name, given := range map[string]struct {
		from    map[string][]string
		changes map[string][]string
		named   []string
	}{
		"nothing": {none, nil, []string{
			"--token-keys", "--alipay-app-id", "--alipay-seller-id", "--alipay-notify-address", "--alipay-private-key",
			"--alipay-app-cert", "--alipay-cert", "--alipay-root-cert", "--alipay-transfer-scene",
		}},
		"some certificates, one of them bad": {
			c.settings(),
			map[string][]string{"--alipay-cert": nil, "--alipay-root-cert": nil, "--alipay-app-cert": {c.path("rubbish")}},
			[]string{"--alipay-cert is needed", "--alipay-root-cert is needed", c.path("rubbish"), "--alipay-transfer-scene"},
		},
		"numbers": {c.settings(), map[string][]string{
			"--alipay-app-id": {"2088000000000001x"}, "--alipay-seller-id": {"2021000000000001"}, "--payment-window": {"1m"},
			"--command-rate": {"NaN"}, "--sources-patience": {"-1s"}, "--token-life": {"-1s"},
		}, []string{
			"--alipay-app-id", "--alipay-seller-id", "--payment-window", "--command-rate", "--sources-patience", "--token-life", "--alipay-transfer-scene",
		}},
		"files that are not there": {c.settings(), map[string][]string{
			"--token-keys": {c.path("no-tokens")}, "--alipay-private-key": {c.path("no-key")}, "--alipay-app-cert": {c.path("no-app")},
			"--alipay-cert": {c.path("no-alipay"), c.path("no-other")}, "--alipay-root-cert": {c.path("no-root")}, "--fee-schedule": {c.path("no-fees")},
			"--tls-cert": {c.path("no-cert")}, "--tls-key": {c.path("no-tls-key")}, "--tls-client-ca": {c.path("no-ca")},
		}, []string{
			"no-tokens", "no-key", "no-app", "no-alipay", "no-other", "no-root", "no-fees", "no-cert", "no-tls-key", "no-ca",
		}},
		"files with something else": {c.settings(), map[string][]string{
			"--token-keys": {c.path("key")}, "--alipay-private-key": {c.path("app")}, "--alipay-app-cert": {c.path("key")},
			"--alipay-cert": {c.path("root")}, "--alipay-root-cert": {c.path("alipay")}, "--fee-schedule": {c.path("rubbish")},
			"--tls-cert": {c.path("key")}, "--tls-key": {c.path("app")}, "--tls-client-ca": {c.path("tokens")},
		}, []string{
			"--token-keys: " + c.path("key"), "private key " + c.path("app"), "application's certificate " + c.path("key"), "alipay's certificate " + c.path("root"),
			"root certificates " + c.path("alipay"), "--fee-schedule", c.path("key") + " and " + c.path("app"), c.path("tokens") + ": no certificate",
		}},
		"public keys": {c.settings(), map[string][]string{
			"--alipay-app-cert": nil, "--alipay-cert": nil, "--alipay-root-cert": nil,
			"--alipay-private-key": {c.path("tokens")}, "--alipay-public-key": {c.path("rubbish")},
		}, []string{"private key", "public key", "--alipay-transfer-scene"}},
		"both ways to sign, another's certificate": {
			c.settings(),
			map[string][]string{"--alipay-public-key": {c.path("tokens")}, "--alipay-app-cert": {c.path("alipay")}},
			[]string{"--alipay-public-key is for", "not that of the private key"},
		},
		"addresses": {c.settings(), map[string][]string{
			"--nats-listen": {"4222"}, "--http-listen": {"127.0.0.1:http"}, "--alipay-notify-address": {"ledger.example"}, "--alipay-gateway": {"ftp://x"},
			"--token-keys": nil, "--token-keys-url": {"http://issuer.example"}, "--token-issuer": {"pushledger-sandbox"}, "--tls-cert": {c.path("app")},
		}, []string{
			"--nats-listen", "--http-listen", "--alipay-notify-address", "--alipay-gateway", "--token-keys-url", "--token-issuer", "--tls-cert and --tls-key",
		}},
		"a report of no scene": {c.settings(), map[string][]string{"--alipay-transfer-scene-report": {"x", "=y"}}, []string{`"x"`, `"=y"`, "--alipay-transfer-scene is"}},
		"a sandbox": {sandbox, map[string][]string{
			"--token-keys": {c.path("tokens")}, "--sandbox-inventory": {c.path("rubbish")}, "--tls-key": {c.path("key")}, "--command-burst": {"0"}, "--payment-window": {"0s"},
		}, []string{"takes its own tokens only", "--sandbox-inventory", "--tls-cert and --tls-key", "--command-rate", "--payment-window"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			place := t.TempDir()
			settings := map[string][]string{
				"--data": {filepath.Join(place, "data")}, "--transparency-dir": {filepath.Join(place, "tree")},
				"--checkpoint-key": {filepath.Join(place, "checkpoint.key")}, "--ready-file": {filepath.Join(place, "ready")},
			}
			for _, some := range []map[string][]string{given.from, given.changes} {
				for flag, values := range some {
					settings[flag] = values
				}
			}
			var said bytes.Buffer
			require.Equal(t, exitUsage, run(arguments(settings), io.Discard, &said), said.String())
			for _, wrong := range given.named {
				require.Contains(t, said.String(), wrong)
			}
			require.Equal(t, 1, strings.Count("\n"+said.String(), "\nerror:"), said.String())
			left, err := os.ReadDir(place)
			require.NoError(t, err)
			require.Empty(t, left)
		})
	}
}

// What systemd hands to a service is shown as the group's to read, and is nobody else's.
func TestAKeyMayBeACredentialOfSystemd(t *testing.T) {
	c := newCabinet(t)
	require.NoError(t, os.Chmod(c.path("key"), 0o440)) // #nosec G302 -- as systemd shows it
	flags := alipayFlags{AlipayPrivateKey: c.path("key"), AlipayAppCert: c.path("app"), AlipayCert: []string{c.path("alipay")}, AlipayRootCert: c.path("root")}
	var wrong wrongSettings
	require.ErrorContains(t, flags.alipayConfig(&wrong).CheckKeys(), "others may read it")
	_, err := readSecret(c.path("key"))
	require.ErrorContains(t, err, "others may read it")

	t.Setenv("CREDENTIALS_DIRECTORY", c.dir)
	require.NoError(t, flags.alipayConfig(&wrong).CheckKeys())
	_, err = readSecret(c.path("key"))
	require.NoError(t, err)
}
