// Package client is how the command line reaches a running service: commands over NATS,
// queries over HTTP, both with the same token. A refusal comes back as a *push.Refusal;
// a service that cannot be reached as ErrUnreachable.
package client

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/golang-jwt/jwt/v5"
)

// ErrUnreachable means that the service did not answer. A command may have been carried
// out; sending it again with the same Command-Id is safe. It is wrapped with the cause.
var ErrUnreachable = errors.New("client: the service cannot be reached")

// ErrNotSignedIn means that the service does not take the token. It is wrapped with the
// cause.
var ErrNotSignedIn = errors.New("client: not signed in")

// ErrNoAddress means that the call needs an address which is not known.
var ErrNoAddress = errors.New("client: an address is missing")

// CodeUnauthenticated is that of a query whose token the service does not take.
const CodeUnauthenticated = "unauthenticated"

// Target is where the service is and who asks.
type Target struct {
	NATSURL string
	HTTPURL string
	Token   string
	TLS     *tls.Config // nil: what the machine trusts, where the addresses ask for TLS
}

// Ready is what a service writes into its ready file once it answers.
type Ready struct {
	NATSURL string            `json:"nats_url"`
	HTTPURL string            `json:"http_url"`
	TLSCA   string            `json:"tls_ca"` // PEM; empty without TLS
	Tokens  map[string]string `json:"tokens"` // by account, of a sandbox
	path    string
}

// ReadReady reads the file that a service writes once it answers.
func ReadReady(path string) (Ready, error) {
	text, err := os.ReadFile(path) //nolint:gosec // the user names the file
	if err != nil {
		return Ready{}, fmt.Errorf("client: ready file: %w", err)
	}
	ready := Ready{path: path}
	if err := json.Unmarshal(text, &ready); err != nil {
		return Ready{}, fmt.Errorf("client: ready file %s: %w", path, err)
	}
	return ready, nil
}

// Target is where the service is, at other addresses if they are not empty, and which
// certificates to trust there. It has no token.
func (r Ready) Target(natsURL, httpURL string) (Target, error) {
	target := Target{NATSURL: cmp.Or(natsURL, r.NATSURL), HTTPURL: cmp.Or(httpURL, r.HTTPURL)}
	if r.TLSCA == "" {
		return target, nil
	}
	if err := target.trust([]byte(r.TLSCA)); err != nil {
		return Target{}, fmt.Errorf("client: ready file %s: %w", r.path, err)
	}
	return target, nil
}

// Token is that of an account of a sandbox.
func (r Ready) Token(account string) (string, error) {
	token, known := r.Tokens[account]
	switch {
	case known:
		return token, nil
	case len(r.Tokens) == 0:
		return "", fmt.Errorf("client: ready file %s has no tokens, for it is no sandbox's: give --token-file as well", r.path)
	case account == "":
		return "", fmt.Errorf("client: --as is missing: ready file %s has the accounts %q", r.path, slices.Sorted(maps.Keys(r.Tokens)))
	default:
		return "", fmt.Errorf("client: ready file %s has no account %q, only %q", r.path, account, slices.Sorted(maps.Keys(r.Tokens)))
	}
}

// Trust has the target trust the certificates of a PEM file instead of what the machine
// trusts.
func (t *Target) Trust(path string) error {
	text, err := os.ReadFile(path) //nolint:gosec // the user names the file
	if err == nil {
		err = t.trust(text)
	}
	if err != nil {
		return fmt.Errorf("client: certificates to trust %s: %w", path, err)
	}
	return nil
}

// Show has the target show a client certificate to services that demand one.
func (t *Target) Show(certificate, key string) error {
	own, err := tls.LoadX509KeyPair(certificate, key)
	if err != nil {
		return fmt.Errorf("client: certificate %s: %w", certificate, err)
	}
	t.secure().Certificates = []tls.Certificate{own}
	return nil
}

func (t *Target) trust(text []byte) error {
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return errors.New("no certificate in it")
	}
	t.secure().RootCAs = pool
	return nil
}

func (t *Target) secure() *tls.Config {
	if t.TLS == nil {
		t.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return t.TLS
}

// Account is the account that the token speaks for. Nothing is verified: that is the
// service's part.
func (t Target) Account() (string, error) {
	var claims jwt.RegisteredClaims
	if _, _, err := jwt.NewParser().ParseUnverified(t.Token, &claims); err != nil {
		return "", fmt.Errorf("%w: token: %w", ErrNotSignedIn, err)
	}
	if claims.Subject == "" {
		return "", fmt.Errorf("%w: token: it names no account", ErrNotSignedIn)
	}
	return claims.Subject, nil
}
