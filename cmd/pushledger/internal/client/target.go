// Package client is how the command line reaches a running service: commands over NATS,
// queries over HTTP, both with the same token. A refusal comes back as a *push.Refusal;
// a service that cannot be reached as ErrUnreachable.
package client

import (
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

// Target is where the service is and who asks.
type Target struct {
	NATSURL string
	HTTPURL string
	Token   string
	TLS     *tls.Config // nil: what the machine trusts, where the addresses ask for TLS
}

// ReadReadyFile reads the file that a sandbox writes once it answers, to act as one of
// its accounts.
func ReadReadyFile(path, account string) (Target, error) {
	text, err := os.ReadFile(path) //nolint:gosec // the user names the file
	if err != nil {
		return Target{}, fmt.Errorf("client: ready file: %w", err)
	}
	var ready struct {
		NATSURL string            `json:"nats_url"`
		HTTPURL string            `json:"http_url"`
		TLSCA   string            `json:"tls_ca"`
		Tokens  map[string]string `json:"tokens"`
	}
	if err := json.Unmarshal(text, &ready); err != nil {
		return Target{}, fmt.Errorf("client: ready file %s: %w", path, err)
	}
	token, known := ready.Tokens[account]
	if !known {
		return Target{}, fmt.Errorf("client: ready file %s has no account %q, only %q", path, account, slices.Sorted(maps.Keys(ready.Tokens)))
	}
	target := Target{NATSURL: ready.NATSURL, HTTPURL: ready.HTTPURL, Token: token}
	if ready.TLSCA == "" {
		return target, nil
	}
	if err := target.trust([]byte(ready.TLSCA)); err != nil {
		return Target{}, fmt.Errorf("client: ready file %s: %w", path, err)
	}
	return target, nil
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
		return "", fmt.Errorf("client: token: %w", err)
	}
	if claims.Subject == "" {
		return "", errors.New("client: token: it names no account")
	}
	return claims.Subject, nil
}
