package alipay_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/md5" // #nosec G501 -- Alipay's names of certificates
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/sagas/payment/alipay"
)

// More keys that are made once.
var (
	rootKey   = sync.OnceValue(newKey)
	issuerKey = sync.OnceValue(newKey)
	nextKey   = sync.OnceValue(newKey) // that Alipay changes to
	curvedKey = sync.OnceValue(func() *ecdsa.PrivateKey {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			panic(err)
		}
		return key
	})
)

var numbers atomic.Int64

// wanted is a certificate to be made.
type wanted struct {
	name        string
	key         crypto.PublicKey
	from, until time.Duration // from now; zero: from a day ago, for a year
}

// issue makes a certificate, signed by itself if there is no parent.
func issue(t testing.TB, want wanted, parent *x509.Certificate, by crypto.Signer) *x509.Certificate {
	t.Helper()
	if want.from == 0 {
		want.from = -24 * time.Hour
	}
	if want.until == 0 {
		want.until = 365 * 24 * time.Hour
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1000 + numbers.Add(1)), NotBefore: time.Now().Add(want.from), NotAfter: time.Now().Add(want.until),
		Subject:  pkix.Name{Country: []string{"CN"}, Organization: []string{"Ant"}, CommonName: want.name},
		KeyUsage: x509.KeyUsageDigitalSignature, // as Alipay's own issuers have it, who may issue nothing by it
	}
	if parent == nil {
		parent = template
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, want.key, by)
	require.NoError(t, err)
	made, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return made
}

func serialOf(one *x509.Certificate) string {
	sum := md5.Sum([]byte(one.Issuer.String() + one.SerialNumber.String())) // #nosec G401 -- a name
	return hex.EncodeToString(sum[:])
}

func pemOf(certificates ...*x509.Certificate) string {
	var text []byte
	for _, one := range certificates {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: one.Raw})...)
	}
	return string(text)
}

// authority is who issues the certificates of both sides, and the files with them.
type authority struct {
	root, curved, issuer *x509.Certificate
	app, alipay          *x509.Certificate
	files                alipay.CertificateFiles
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	a := new(authority)
	a.root = issue(t, wanted{name: "R1", key: &rootKey().PublicKey}, nil, rootKey())
	a.curved = issue(t, wanted{name: "E1", key: &curvedKey().PublicKey}, nil, curvedKey())
	a.issuer = issue(t, wanted{name: "Class 2 R1", key: &issuerKey().PublicKey}, a.root, rootKey())
	a.app = a.issued(t, wanted{name: "app", key: &merchantKey().PublicKey})
	a.alipay = a.issued(t, wanted{name: "alipay", key: &alipayKey().PublicKey})
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		write(t, path, text)
		return path
	}
	a.files = alipay.CertificateFiles{
		App: file("app.crt", pemOf(a.app)), Alipay: []string{file("alipay.crt", pemOf(a.alipay, a.issuer))},
		Root: file("root.crt", pemOf(a.curved, a.root)), Key: file("app.key", privateText()),
	}
	return a
}

func (a *authority) issued(t testing.TB, want wanted) *x509.Certificate {
	t.Helper()
	return issue(t, want, a.issuer, issuerKey())
}

// write replaces a file at once.
func write(t testing.TB, path, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path+".new", []byte(text), 0o600))
	require.NoError(t, os.Rename(path+".new", path))
}

// certified is newGateway with a provider that signs with certificates.
func certified(t testing.TB) (*gateway, *authority) {
	t.Helper()
	g, a := newGateway(t), newAuthority(t)
	provider, err := alipay.New(a.config(t, g.server.URL))
	require.NoError(t, err)
	t.Cleanup(provider.Disconnect)
	g.Provider = provider
	return g, a
}

func (a *authority) config(t testing.TB, address string) alipay.Config {
	t.Helper()
	settings := config(t, address)
	settings.PrivateKey, settings.AlipayPublicKey, settings.Certificates = "", "", a.files
	return settings
}

// signWith has every call of a method answered with a node, signed with a key and naming a
// certificate, as the JSON value that is given.
func (g *gateway) signWith(method, node string, key *rsa.PrivateKey, name string) {
	g.say(method, raw(answerText(g.t, method, node, key, `"alipay_cert_sn":`+name+`,`)))
}
