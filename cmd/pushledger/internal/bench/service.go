package bench

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/pushledger/pushledger/cmd/pushledger/internal/app"
)

const (
	noLimit      = 1_000_000     // commands a second of one account
	serviceStart = 2 * time.Hour // at most: the first start reads the whole log
)

// serve starts a build of the service as in production on a data directory, and returns how
// long it took until it was ready for everything. Who calls it stops it.
func (m *market) serve(ctx context.Context, program, data string) (time.Duration, error) {
	alipay, err := m.alipayFlags(ctx, program)
	if err != nil {
		return 0, err
	}
	told := filepath.Join(m.dir, "service.json")
	if err := os.Remove(told); err != nil && !errors.Is(err, os.ErrNotExist) {
		return 0, err
	}
	limit := strconv.Itoa(noLimit)
	flags := append([]string{
		"serve", "--data", data, "--nats-listen", m.nats, "--http-listen", m.http, "--token-keys", m.keys, "--token-issuer", tokenIssuer,
		"--command-rate", limit, "--command-burst", limit, "--ready-file", told, "--log-level", "error",
	}, append(alipay, m.profiles...)...)
	began := time.Now()
	if m.service, err = launch(nameOfService, exec.Command(program, flags...)); err != nil { // #nosec G204 -- the user names it
		return 0, err
	}
	waiting, cancel := context.WithTimeout(ctx, serviceStart)
	defer cancel()
	var ready app.Ready
	err = m.service.await(waiting, "ready", func() bool { return readReady(told, &ready) && isReady(waiting, ready.HTTPURL) })
	if err != nil {
		return 0, errors.Join(err, m.service.kill())
	}
	return time.Since(began), nil
}

// start runs a build of the service on a new directory, with its clients, until the end.
func (r *run) start(ctx context.Context, program string, domains int, ends *closers) (*market, error) {
	m, err := r.newMarket(ctx, domains, ends)
	if err != nil {
		return nil, err
	}
	if program == r.program && r.Profiles != "" {
		r.profiled++
		file := filepath.Join(r.Profiles, fmt.Sprintf("service-%d", r.profiled))
		m.profiles = []string{"--cpu-profile", file + "-cpu.pprof", "--heap-profile", file + "-heap.pprof"}
		r.note("profiles of the service: %s-cpu.pprof, %s-heap.pprof", file, file)
	}
	if _, err := m.serve(ctx, program, m.data()); err != nil {
		return nil, err
	}
	ends.add(func() error { return m.service.stop() })
	return m, m.open(ctx, ends)
}

// startOnPostgres runs the plain service on PostgreSQL likewise.
func (r *run) startOnPostgres(ctx context.Context, domains int, ends *closers) (*market, error) {
	if _, _, err := findPostgres(); err != nil {
		return nil, err
	}
	m, err := r.newMarket(ctx, domains, ends)
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(m.dir, "postgres")
	database, err := startDatabase(ctx, dir, ends)
	if err != nil {
		return nil, err
	}
	served, err := r.startPeer(ctx, "plain service", setup{Kind: kindPostgres, Dir: dir, Listen: m.nats, Keys: m.keys})
	if err != nil {
		return nil, err
	}
	ends.add(served.close)
	m.service, m.others = served.process, []*process{database}
	return m, m.open(ctx, ends)
}

// alipayFlags point a build at the partners' gateway. One from before certificates signs
// without, for which the gateway pays nothing out.
func (m *market) alipayFlags(ctx context.Context, program string) ([]string, error) {
	at := m.told.Alipay
	flags := []string{
		"--alipay-app-id", at.AppID, "--alipay-seller-id", at.SellerID, "--alipay-gateway", at.Gateway,
		"--alipay-notify-address", "http://" + m.http + "/alipay/notify", "--alipay-private-key", at.PrivateKey,
	}
	certified, err := knows(ctx, program, "--alipay-app-cert")
	if err != nil {
		return nil, err
	}
	scened, err := knows(ctx, program, "--alipay-transfer-scene")
	if err != nil {
		return nil, err
	}
	if scened {
		flags = append(flags, "--alipay-transfer-scene", at.TransferScene)
	}
	if certified {
		return append(flags, "--alipay-app-cert", at.AppCert, "--alipay-cert", at.Cert, "--alipay-root-cert", at.RootCert), nil
	}
	public := filepath.Join(m.dir, "alipay-public.pem")
	return append(flags, "--alipay-public-key", public), publicKeyOf(at.Cert, public)
}

// knows reports whether a build's serve has a flag.
func knows(ctx context.Context, program, flag string) (bool, error) {
	help, err := exec.CommandContext(ctx, program, "serve", "--help").CombinedOutput() // #nosec G204 -- the user names it
	if err != nil {
		return false, fmt.Errorf("%s serve --help: %w: %s", program, err, help)
	}
	return strings.Contains(string(help), flag), nil
}

// publicKeyOf writes the public key of a certificate to a file.
func publicKeyOf(certificate, path string) error {
	text, err := os.ReadFile(certificate) // #nosec G304 -- of our own partners
	if err != nil {
		return err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return fmt.Errorf("%s holds no certificate", certificate)
	}
	parsed, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKIXPublicKey(parsed.PublicKey)
	if err != nil {
		return err
	}
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), 0o600)
}
