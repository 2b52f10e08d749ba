package app_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/app"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/certificate"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/client"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/identity"
	"github.com/pushledger/pushledger/projections/pushes"
)

// authority issues certificates for this machine.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	pem         []byte
	serial      int64
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	parsed, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return &authority{parsed, key, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 1}
}

// issue writes a certificate, with the authority's own behind it, and its key.
func (a *authority) issue(t *testing.T, certificatePath, keyPath string) {
	t.Helper()
	a.serial++
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(a.serial), Subject: pkix.Name{CommonName: "pushledger"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	require.NoError(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	chain := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), a.pem...)
	require.NoError(t, os.WriteFile(certificatePath, chain, 0o600))
	require.NoError(t, os.WriteFile(keyPath, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600))
}

func (a *authority) trusted(own ...tls.Certificate) *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(a.certificate)
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool, Certificates: own}
}

// secured is a service that speaks TLS.
type secured struct {
	house
	files certificate.Files
	ready string
}

func openSecured(t *testing.T, by *authority, clients *authority) secured {
	t.Helper()
	dir := t.TempDir()
	s := secured{files: certificate.Files{Certificate: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")}, ready: filepath.Join(dir, "ready.json")}
	by.issue(t, s.files.Certificate, s.files.Key)
	if clients != nil {
		s.files.ClientCA = filepath.Join(dir, "clients.pem")
		require.NoError(t, os.WriteFile(s.files.ClientCA, clients.pem, 0o600))
	}
	s.house = open(t, func(config *app.Config) { config.TLS, config.ReadyFile = s.files, s.ready })
	return s
}

// dial opens a NATS connection as anna.
func (s secured) dial(t *testing.T, config *tls.Config) (*nats.Conn, error) {
	t.Helper()
	conn, err := nats.Connect(s.Ready.NATSURL, nats.Token(s.token(t, "anna", identity.Trader)), nats.Secure(config),
		nats.CustomInboxPrefix("_INBOX.anna"), nats.Timeout(patience), nats.NoReconnect())
	if err == nil {
		t.Cleanup(conn.Close)
	}
	return conn, err
}

// get asks over HTTP on a connection of its own.
func (s secured) get(t *testing.T, path string, config *tls.Config) (int, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.Ready.HTTPURL+path, http.NoBody)
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+s.token(t, "anna", identity.Trader))
	transport := &http.Transport{TLSClientConfig: config, DisableKeepAlives: true, ForceAttemptHTTP2: true}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return 0, err
	}
	return response.StatusCode, response.Body.Close()
}

func TestTLS(t *testing.T) {
	by := newAuthority(t, "ours")
	s := openSecured(t, by, nil)
	t.Run("at both doors", s.tryDoors)
	t.Run("with a certificate that is replaced", func(t *testing.T) { s.tryReplacing(t, by) })
}

// tryDoors: with nothing but the ready file a client buys over TLS at both doors, and the
// sandbox's Alipay, which knows no such certificate, is still paid.
func (s secured) tryDoors(t *testing.T) {
	require.Regexp(t, "^tls://", s.Ready.NATSURL)
	require.Regexp(t, "^https://", s.Ready.HTTPURL)
	as := func(account string) *client.Client {
		ready, err := client.ReadReady(s.ready)
		require.NoError(t, err)
		target, err := ready.Target("", "")
		require.NoError(t, err)
		target.Token, err = ready.Token(account)
		require.NoError(t, err)
		made, err := client.New(target)
		require.NoError(t, err)
		t.Cleanup(made.Close)
		return made
	}
	anna, bo, operator := as("anna"), as("bo"), as("operator")
	offered, err := anna.Command(t.Context(), "offer", map[string]any{"push_id": "p", "buyer": "bo", "items": []map[string]string{{"domain": "d0.com", "price": "5.00"}}}, "")
	require.NoError(t, err)
	accepted, err := bo.Command(t.Context(), "accept", map[string]string{"push_id": "p", "total": "5.00"}, "")
	require.NoError(t, err)
	require.Greater(t, accepted.Seq, offered.Seq)
	conn, err := operator.NATS()
	require.NoError(t, err)
	_, err = conn.Request("sandbox.alipay.pay", []byte(`{"push_id":"p","channel":"ALIPAYACCOUNT","notify":"normal"}`), patience)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		seen, err := bo.Push(t.Context(), pushes.PushRequest{PushID: "p"}, accepted.Seq)
		return err == nil && seen.Status == push.StatusCompleted
	}, patience, 10*time.Millisecond)

	stranger := newAuthority(t, "a stranger's")
	_, err = s.dial(t, stranger.trusted())
	require.ErrorContains(t, err, "certificate")
	_, err = s.get(t, "/healthz", stranger.trusted())
	require.ErrorContains(t, err, "certificate")
	plain, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.Ready.HTTPURL[len("https://"):]+"/healthz", http.NoBody)
	require.NoError(t, err)
	answer, err := s.http.Do(plain)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, http.StatusBadRequest, answer.StatusCode, "nothing is said in the clear")
}

func (s secured) tryReplacing(t *testing.T, older *authority) {
	newer := newAuthority(t, "new")
	held, err := s.dial(t, older.trusted())
	require.NoError(t, err)

	require.NoError(t, os.WriteFile(s.files.Certificate, []byte("half a certif"), 0o600))
	_, err = s.get(t, "/healthz", older.trusted())
	require.NoError(t, err, "a broken file leaves the last good one")

	newer.issue(t, s.files.Certificate, s.files.Key)
	_, err = s.get(t, "/healthz", newer.trusted())
	require.NoError(t, err)
	_, err = s.dial(t, newer.trusted())
	require.NoError(t, err)
	_, err = s.dial(t, older.trusted())
	require.Error(t, err)
	require.NoError(t, held.Flush(), "who was connected still is")
}

func TestClientsShowACertificateIfTheServiceDemandsOne(t *testing.T) {
	ours, theirs, strangers := newAuthority(t, "ours"), newAuthority(t, "theirs"), newAuthority(t, "a stranger's")
	s := openSecured(t, ours, theirs)
	dir := t.TempDir()
	certificateOf := func(by *authority) tls.Certificate {
		path, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
		by.issue(t, path, key)
		own, err := tls.LoadX509KeyPair(path, key)
		require.NoError(t, err)
		return own
	}
	good, bad := certificateOf(theirs), certificateOf(strangers)

	_, err := s.dial(t, ours.trusted(good))
	require.NoError(t, err)
	status, err := s.get(t, "/v1/pushes", ours.trusted(good))
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, status)

	for name, config := range map[string]*tls.Config{"without one": ours.trusted(), "with a stranger's": ours.trusted(bad)} {
		_, err := s.dial(t, config)
		require.Error(t, err, name)
		if status, err := s.get(t, "/v1/pushes", config); err == nil {
			require.Equal(t, http.StatusUnauthorized, status, name)
		}
	}
	status, err = s.get(t, "/healthz", ours.trusted())
	require.NoError(t, err, "a payment provider comes without one, and so does a health check")
	require.Equal(t, http.StatusOK, status)
}

// A directory is a sandbox's or a service's, never both in turn: the tokens of a sandbox
// are anybody's to make.
func TestASandboxAndAServiceShareNothing(t *testing.T) {
	data := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Dir(app.SandboxIssuer(data)), 0o700))
	_, err := app.Start(t.Context(), app.Config{Data: data, TokenIssuer: "pushledger", TokenKeys: "keys.pem", Logger: slog.New(slog.DiscardHandler)})
	require.ErrorContains(t, err, "belongs to a sandbox")

	data = t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(data, "nats"), 0o700))
	_, err = app.Start(t.Context(), app.Config{Data: data, Sandbox: true, Logger: slog.New(slog.DiscardHandler)})
	require.ErrorContains(t, err, "no sandbox")

	_, err = app.Start(t.Context(), app.Config{Data: t.TempDir(), TokenIssuer: identity.SandboxIssuer, TokenKeys: "keys.pem", Logger: slog.New(slog.DiscardHandler)})
	require.ErrorContains(t, err, "issuer of sandboxes")
}
