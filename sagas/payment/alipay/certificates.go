package alipay

import (
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/pushledger/pushledger/eventstore/secretfile"
)

const maxCertificateFile = 256 << 10 // bytes

// CertificateFiles are the files for signing with certificates, in PEM, as Alipay's
// console gives them out. They are read again when they have changed.
type CertificateFiles struct {
	App string // the application's certificate
	// Alipay are files with one of Alipay's certificates each, and those between it and a
	// root. Several while Alipay changes from one to another.
	Alipay []string
	Root   string // Alipay's roots
	Key    string // the application's private key; empty: Config.PrivateKey, which does not change
}

func (f CertificateFiles) given() bool { return f.App != "" || len(f.Alipay) > 0 || f.Root != "" }

func (f CertificateFiles) check() error {
	if f.App == "" || len(f.Alipay) == 0 || f.Root == "" {
		return errors.New("signing with certificates needs those of the application, of Alipay and of its root")
	}
	return nil
}

func (f CertificateFiles) all() []string {
	return append([]string{f.App, f.Root, f.Key}, f.Alipay...)
}

var errNoRoot = errors.New("no root vouches for it")

// Kinds of certificates.
const (
	KindApp    = "app"
	KindAlipay = "alipay"
	KindRoot   = "root"
)

// Certificate is one of those that are in use.
type Certificate struct {
	Kind     string // KindApp, KindAlipay or KindRoot
	File     string
	NotAfter time.Time // when it expires
}

// read reads the files that are given, and says which ones cannot be used and why.
func (f CertificateFiles) read(privateKey string, now time.Time) (*keys, error) {
	k := &keys{alipay: make(map[string]alipayKey, len(f.Alipay))}
	var wrong []error
	if err := k.readOwn(f.Key, privateKey); err != nil {
		wrong = append(wrong, err)
	}
	if err := k.readApp(f.App, now); err != nil && f.App != "" {
		wrong = append(wrong, fmt.Errorf("the application's certificate %s: %w", f.App, err))
	}
	roots, rootErr := k.readRoots(f.Root)
	if rootErr != nil && f.Root != "" {
		wrong = append(wrong, fmt.Errorf("alipay's root certificates %s: %w", f.Root, rootErr))
	}
	for _, file := range f.Alipay {
		err := k.readAlipay(file, roots, f.Root, now)
		if err != nil && (rootErr == nil || !errors.Is(err, errNoRoot)) { // which follows from the roots
			wrong = append(wrong, fmt.Errorf("alipay's certificate %s: %w", file, err))
		}
	}
	if len(wrong) > 0 {
		return nil, errors.Join(wrong...)
	}
	return k, nil
}

func (k *keys) readOwn(file, privateKey string) (err error) {
	if file != "" {
		if privateKey, err = readKeyFile(file); err != nil {
			return err
		}
	}
	if privateKey == "" && file == "" {
		return nil
	}
	if k.own, err = readPrivateKey(privateKey); err != nil {
		return fmt.Errorf("%s: %w", strings.TrimSpace("private key "+file), err)
	}
	return nil
}

// isOwn reports whether a key is that of the private key, as far as that could be read.
func (k *keys) isOwn(public *rsa.PublicKey) bool {
	return k.own != nil && public.Equal(&k.own.PublicKey)
}

func (k *keys) readApp(file string, now time.Time) error {
	chain, err := readCertificates(file)
	if err != nil {
		return err
	}
	app := leaf(chain)
	public, isRSA := app.PublicKey.(*rsa.PublicKey)
	switch {
	case !isRSA:
		return errors.New("its key is no RSA key")
	case k.own != nil && !k.isOwn(public):
		return errors.New("it is not that of the private key")
	}
	if err := valid(app, now); err != nil {
		return err
	}
	k.expiries = append(k.expiries, Certificate{KindApp, file, app.NotAfter})
	k.app, err = serial(app)
	return err
}

func (k *keys) readRoots(file string) ([]*x509.Certificate, error) {
	roots, err := readCertificates(file)
	if err != nil {
		return nil, err
	}
	for _, root := range roots {
		if !vouches(root, root) {
			return nil, fmt.Errorf("%q in it is no root", root.Subject)
		}
	}
	k.root, err = rootSerial(roots)
	return roots, err
}

func (k *keys) readAlipay(file string, roots []*x509.Certificate, rootFile string, now time.Time) error {
	chain, err := readCertificates(file)
	if err != nil {
		return err
	}
	own := leaf(chain)
	public, isRSA := own.PublicKey.(*rsa.PublicKey)
	switch {
	case !isRSA:
		return errors.New("its key is no RSA key")
	case vouches(own, own):
		return errors.New("it is a root, and not what answers are signed with")
	case k.isOwn(public):
		return errors.New("it is the application's own")
	}
	root, err := trusted(own, chain, roots, now)
	if err != nil {
		return err
	}
	name, err := serial(own)
	if err != nil {
		return err
	}
	k.alipay[name] = alipayKey{public, own.NotBefore, own.NotAfter}
	k.expiries = append(k.expiries, Certificate{KindAlipay, file, own.NotAfter}, Certificate{KindRoot, rootFile, root.NotAfter})
	return nil
}

// leaf is the certificate that has issued no other one of its file, or else the first.
func leaf(chain []*x509.Certificate) *x509.Certificate {
	for _, one := range chain {
		if !slices.ContainsFunc(chain, func(other *x509.Certificate) bool { return other != one && vouches(one, other) }) {
			return one
		}
	}
	return chain[0]
}

// trusted follows a certificate up to the root that vouches for it. Issuers are taken as
// they are: those of Alipay's sandbox do not say that they may issue certificates. That is
// why certificates come from the operator's files alone and never over the line.
func trusted(own *x509.Certificate, chain, roots []*x509.Certificate, now time.Time) (*x509.Certificate, error) {
	for one, steps := own, 0; steps <= len(chain); steps++ {
		if err := valid(one, now); err != nil {
			return nil, err
		}
		isIssuer := func(other *x509.Certificate) bool { return vouches(other, one) }
		if i := slices.IndexFunc(roots, isIssuer); i >= 0 {
			return roots[i], valid(roots[i], now)
		}
		i := slices.IndexFunc(chain, isIssuer)
		if i < 0 {
			return nil, fmt.Errorf("%w: its issuer is %q", errNoRoot, one.Issuer)
		}
		one = chain[i]
	}
	return nil, fmt.Errorf("%w: its issuers issued each other", errNoRoot)
}

// vouches reports whether one certificate has issued another.
func vouches(issuer, one *x509.Certificate) bool {
	return string(issuer.RawSubject) == string(one.RawIssuer) &&
		issuer.CheckSignature(one.SignatureAlgorithm, one.RawTBSCertificate, one.Signature) == nil
}

func valid(certificate *x509.Certificate, now time.Time) error {
	switch {
	case now.Before(certificate.NotBefore):
		return fmt.Errorf("%q is valid from %s on only", certificate.Subject, certificate.NotBefore.UTC().Format(time.RFC3339))
	case now.After(certificate.NotAfter):
		return fmt.Errorf("%q has expired at %s", certificate.Subject, certificate.NotAfter.UTC().Format(time.RFC3339))
	default:
		return nil
	}
}

func readCertificates(file string) ([]*x509.Certificate, error) {
	text, err := readBounded(file)
	if err != nil {
		return nil, err
	}
	return certificatesIn(text)
}

// readKeyFile reads a private key, which others must not be able to.
func readKeyFile(file string) (string, error) {
	text, err := secretfile.Read(file, maxCertificateFile)
	if err != nil {
		return "", fmt.Errorf("private key: %w", err)
	}
	return string(text), nil
}

func readBounded(path string) (text []byte, err error) {
	file, err := os.Open(path) // #nosec G304 -- the operator names the file
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	text, err = io.ReadAll(io.LimitReader(file, maxCertificateFile+1))
	if err == nil && len(text) > maxCertificateFile {
		err = fmt.Errorf("it has more than %d bytes", maxCertificateFile)
	}
	return text, err
}
