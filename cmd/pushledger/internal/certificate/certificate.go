// Package certificate is the service's TLS certificate, kept in files that may change
// while it runs. What it guarantees: a handshake uses what the files hold at that
// moment; while they are broken, or only some of them have been replaced, the last good
// ones are used; connections that are open are not touched.
package certificate

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
)

const maxFile = 1 << 20 // bytes

// Files are PEM files.
type Files struct {
	Certificate string // with the chain that clients need, the service's own first
	Key         string
	ClientCA    string // whose certificates clients must have; empty: they need none
}

// Certificate is safe for concurrent use.
type Certificate struct {
	files  Files
	logger *slog.Logger

	mu    sync.Mutex
	seen  [3]stamp // of the files when they were last read
	known material
}

type material struct {
	own     tls.Certificate
	clients *x509.CertPool
}

// stamp tells one state of a file from another.
type stamp struct {
	modified int64
	size     int64
}

// Open reads the files for the first time.
func Open(files Files, logger *slog.Logger) (*Certificate, error) {
	if files.Certificate == "" || files.Key == "" {
		return nil, errors.New("certificate: want both a certificate and its key")
	}
	c := &Certificate{files: files, logger: logger, seen: files.stamps()}
	var err error
	c.known, err = files.read()
	return c, err
}

// Config is for a server that speaks some protocols. With a ClientCA clients are held to
// auth.
func (c *Certificate) Config(auth tls.ClientAuthType, protocols ...string) *tls.Config {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.files.ClientCA != "" {
		config.ClientAuth = auth
	}
	config.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		now := c.current()
		return &tls.Config{
			MinVersion: config.MinVersion, Certificates: []tls.Certificate{now.own}, NextProtos: protocols,
			ClientAuth: config.ClientAuth, ClientCAs: now.clients,
		}, nil
	}
	return config
}

// Chain is what clients may trust to reach this service, as PEM: its own certificate and
// those that vouch for it, as far as they are in the file.
func (c *Certificate) Chain() string {
	var text bytes.Buffer
	for _, der := range c.current().own.Certificate {
		_ = pem.Encode(&text, &pem.Block{Type: "CERTIFICATE", Bytes: der}) // a buffer takes everything
	}
	return text.String()
}

// current reads the files again if they have changed.
func (c *Certificate) current() material {
	c.mu.Lock()
	defer c.mu.Unlock()
	stamps := c.files.stamps()
	if stamps == c.seen {
		return c.known
	}
	c.seen = stamps
	fresh, err := c.files.read()
	if err != nil {
		c.logger.Error("the TLS certificate has changed and cannot be used; the last one is", "error", err)
		return c.known
	}
	c.logger.Info("the TLS certificate has changed")
	c.known = fresh
	return fresh
}

func (f Files) stamps() (stamps [3]stamp) {
	for i, path := range []string{f.Certificate, f.Key, f.ClientCA} {
		if info, err := os.Stat(path); err == nil { // what is not there shows when it is read
			stamps[i] = stamp{info.ModTime().UnixNano(), info.Size()}
		}
	}
	return stamps
}

func (f Files) read() (material, error) {
	chain, chainErr := readFile(f.Certificate)
	key, keyErr := readFile(f.Key)
	clients, clientsErr := f.readClientCA()
	if err := errors.Join(chainErr, keyErr); err != nil {
		return material{}, errors.Join(err, clientsErr)
	}
	own, err := tls.X509KeyPair(chain, key)
	if err != nil {
		err = fmt.Errorf("certificate: %s and %s: %w", f.Certificate, f.Key, err)
	}
	return material{own: own, clients: clients}, errors.Join(err, clientsErr)
}

func (f Files) readClientCA() (*x509.CertPool, error) {
	if f.ClientCA == "" {
		return nil, nil
	}
	authorities, err := readFile(f.ClientCA)
	if err != nil {
		return nil, err
	}
	clients := x509.NewCertPool()
	if !clients.AppendCertsFromPEM(authorities) {
		return nil, fmt.Errorf("certificate: %s: no certificate in it", f.ClientCA)
	}
	return clients, nil
}

func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err == nil && info.Size() > maxFile {
		err = fmt.Errorf("%s: more than %d bytes", path, maxFile)
	}
	if err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	text, err := os.ReadFile(path) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	return text, nil
}
