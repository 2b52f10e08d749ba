package alipaygateway

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/md5" // #nosec G501 -- Alipay's names of certificates are made with it
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/pushledger/pushledger/eventstore/durablefile"
)

// Files in the directory of keys.
const (
	merchantKeyFile  = "merchant.pem"
	alipayKeyFile    = "alipay.pem"
	rootKeyFile      = "root.pem"
	rotatedFile      = "rotated.pem"  // key and certificate that answers are signed with, once they have been changed
	merchantCertFile = "merchant.crt" // the application's
	alipayCertFile   = "alipay.crt"
	rootCertFile     = "root.crt"
)

const (
	certificateLife = 5 * 365 * 24 * time.Hour // about Alipay's
	rootLife        = 6 * certificateLife
	backdated       = 24 * time.Hour // clocks differ
)

// certificates are those of both sides. Only what answers are signed with changes.
type certificates struct {
	dir        string
	now        func() time.Time
	rootKey    *rsa.PrivateKey
	root       *x509.Certificate
	rootSerial string
	app        *x509.Certificate
	appSerial  string

	mu     sync.Mutex
	signer signer
}

// signer is what Alipay signs with.
type signer struct {
	key         *rsa.PrivateKey
	certificate *x509.Certificate // nil: it signs without
	serial      string
}

// openCertificates reads what is in the directory and makes what is not: one of an older
// program has the two keys alone.
func openCertificates(dir string, merchant, alipay *rsa.PrivateKey, now func() time.Time) (*certificates, error) {
	c := &certificates{dir: dir, now: now}
	var err error
	if c.rootKey, err = openKey(dir, rootKeyFile); err != nil {
		return nil, err
	}
	if c.root, err = c.open(rootCertFile, c.rootKey, c.makeRoot); err != nil {
		return nil, err
	}
	if c.app, err = c.open(merchantCertFile, merchant, c.issuer("application "+appID, merchant)); err != nil {
		return nil, err
	}
	c.rootSerial, c.appSerial = serialOf(c.root), serialOf(c.app)
	key, err := readKey(filepath.Join(dir, rotatedFile))
	if err == nil {
		return c, c.resume(key)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	own, err := c.open(alipayCertFile, alipay, c.issuer("alipay", alipay))
	c.signer = signer{alipay, own, ""}
	if err == nil {
		c.signer.serial = serialOf(own)
	}
	return c, err
}

// resume goes on with a certificate that was made while the gateway ran.
func (c *certificates) resume(key *rsa.PrivateKey) error {
	text, err := os.ReadFile(filepath.Join(c.dir, rotatedFile))
	if err != nil {
		return fmt.Errorf("alipaygateway: certificate: %w", err)
	}
	own := certificateIn(text)
	if own == nil || !key.PublicKey.Equal(own.PublicKey) {
		return fmt.Errorf("alipaygateway: %s holds no key with its certificate", rotatedFile)
	}
	c.signer = signer{key, own, serialOf(own)}
	return c.publish()
}

// open reads a certificate, or has it made if there is none that is good for the key and
// issued by the root, once there is one.
func (c *certificates) open(name string, key *rsa.PrivateKey, issue func() ([]byte, error)) (*x509.Certificate, error) {
	path := filepath.Join(c.dir, name)
	text, err := os.ReadFile(path) // #nosec G304 -- the operator's own directory
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("alipaygateway: certificate: %w", err)
	}
	known := certificateIn(text)
	if known != nil && key.PublicKey.Equal(known.PublicKey) && c.now().Before(known.NotAfter) &&
		(c.root == nil || known.CheckSignatureFrom(c.root) == nil) {
		return known, nil
	}
	if text, err = issue(); err != nil {
		return nil, fmt.Errorf("alipaygateway: make certificate: %w", err)
	}
	if err := durablefile.Write(path, text); err != nil {
		return nil, fmt.Errorf("alipaygateway: write certificate: %w", err)
	}
	return certificateIn(text), nil
}

// makeRoot makes Alipay's file of roots. Like the real one it holds a second root on an
// elliptic curve, which does not count for its serial.
func (c *certificates) makeRoot() ([]byte, error) {
	curved, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	other, err := c.template("Sandbox Certification Authority E1", rootLife)
	if err != nil {
		return nil, err
	}
	own, err := c.template("Sandbox Certification Authority R1", rootLife)
	if err != nil {
		return nil, err
	}
	own.IsCA, own.BasicConstraintsValid, own.KeyUsage = true, true, x509.KeyUsageCertSign
	first, err := x509.CreateCertificate(rand.Reader, own, own, &c.rootKey.PublicKey, c.rootKey)
	if err != nil {
		return nil, err
	}
	second, err := x509.CreateCertificate(rand.Reader, other, other, &curved.PublicKey, curved)
	return append(certificatePEM(first), certificatePEM(second)...), err
}

// issuer makes a certificate for a key, issued by the root.
func (c *certificates) issuer(name string, key *rsa.PrivateKey) func() ([]byte, error) {
	return func() ([]byte, error) {
		wanted, err := c.template(name, certificateLife)
		if err != nil {
			return nil, err
		}
		der, err := x509.CreateCertificate(rand.Reader, wanted, c.root, &key.PublicKey, c.rootKey)
		return certificatePEM(der), err
	}
}

func (c *certificates) template(name string, life time.Duration) (*x509.Certificate, error) {
	number, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 126))
	if err != nil {
		return nil, err
	}
	subject := pkix.Name{
		Country: []string{"CN"}, Organization: []string{"PushLedger sandbox"}, OrganizationalUnit: []string{"Certification Authority"}, CommonName: name,
	}
	return &x509.Certificate{
		SerialNumber: number.Add(number, big.NewInt(1)), Subject: subject, KeyUsage: x509.KeyUsageDigitalSignature,
		NotBefore: c.now().Add(-backdated), NotAfter: c.now().Add(life),
	}, nil
}

// current is what answers are signed with now.
func (c *certificates) current() signer {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.signer
}

// rotate has answers signed with a new certificate of a new key from now on.
func (c *certificates) rotate() error {
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return fmt.Errorf("alipaygateway: make key: %w", err)
	}
	private, err := privatePEM(key)
	if err != nil {
		return err
	}
	text, err := c.issuer("alipay", key)()
	if err != nil {
		return fmt.Errorf("alipaygateway: make certificate: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := durablefile.Write(filepath.Join(c.dir, rotatedFile), append([]byte(private), text...)); err != nil {
		return fmt.Errorf("alipaygateway: write certificate: %w", err)
	}
	own := certificateIn(text)
	c.signer = signer{key, own, serialOf(own)}
	return nil
}

// publish puts the certificate that answers are signed with where the merchant gets it.
func (c *certificates) publish() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	path := filepath.Join(c.dir, alipayCertFile)
	text := certificatePEM(c.signer.certificate.Raw)
	if there, err := os.ReadFile(path); err == nil && bytes.Equal(there, text) { // #nosec G304 -- the operator's own directory
		return nil
	}
	if err := durablefile.Write(path, text); err != nil {
		return fmt.Errorf("alipaygateway: write certificate: %w", err)
	}
	return nil
}

// serialOf is what Alipay calls a certificate.
func serialOf(certificate *x509.Certificate) string {
	sum := md5.Sum([]byte(certificate.Issuer.String() + certificate.SerialNumber.String())) // #nosec G401 -- a name
	return hex.EncodeToString(sum[:])
}

// certificateIn is the first certificate of a PEM text; nil if there is none.
func certificateIn(text []byte) *x509.Certificate {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		found, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil
		}
		return found
	}
	return nil
}

func certificatePEM(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}
