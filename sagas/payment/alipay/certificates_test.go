package alipay_test

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/sagas/payment"
	"github.com/pushledger/pushledger/sagas/payment/alipay"
)

func TestEveryQuestionNamesTheCertificates(t *testing.T) {
	g, a := certified(t)
	require.True(t, g.Certified())
	for method, call := range calls {
		var form url.Values
		g.say(method, func(_ http.ResponseWriter, r *http.Request) { form = r.Form })
		undecided(t, call(g, t.Context()))
		if method == pagePay {
			continue // the order was made elsewhere
		}
		require.Equal(t, serialOf(a.app), form.Get("app_cert_sn"), method)
		require.Equal(t, serialOf(a.root), form.Get("alipay_root_cert_sn"), "%s: the root on a curve does not count", method)
	}
	page, err := g.PayURL(payment.Order{TradeNo: "T1", PushID: "push-1", Amount: 1, Subject: "s", PayBy: time.Now().Add(time.Hour)})
	require.NoError(t, err)
	address, err := url.Parse(page)
	require.NoError(t, err)
	require.Equal(t, serialOf(a.app), address.Query().Get("app_cert_sn"))
}

// An answer counts by the certificate that it names. One that is not known is not asked
// for: that Alipay gives certificates out by their serials is of no use here.
func TestAnAnswerCountsByTheCertificateItNames(t *testing.T) {
	g, a := certified(t)
	known := `"` + serialOf(a.alipay) + `"`
	refusal := no("40004", "ACQ.TRADE_NOT_EXIST", "交易不存在")
	asked := 0
	for method, call := range calls {
		for name, given := range map[string]struct {
			key  *rsa.PrivateKey
			name string
		}{
			"an unknown one":        {alipayKey(), `"0123456789abcdef0123456789abcdef"`},
			"the application's own": {merchantKey(), `"` + serialOf(a.app) + `"`},
			"the issuer's":          {issuerKey(), `"` + serialOf(a.issuer) + `"`},
			"none":                  {alipayKey(), `""`},
			"null":                  {alipayKey(), `null`},
			"a number":              {alipayKey(), `1`},
			"two":                   {alipayKey(), known + `,"alipay_cert_sn":` + known},
			"another's key":         {issuerKey(), known},
		} {
			g.signWith(method, refusal, given.key, given.name)
			undecided(t, call(g, t.Context()), method, name)
			asked++
		}
		g.sign(method, refusal)
		undecided(t, call(g, t.Context()), method, "it names none")
		asked++
	}
	for _, method := range g.calls() {
		require.Contains(t, calls, method, "nothing but what was asked")
	}
	require.Len(t, g.calls(), asked)

	g.signWith(query, refusal, alipayKey(), known)
	_, err := g.Query(t.Context(), "T1")
	require.ErrorIs(t, err, payment.ErrTradeNotFound)

	plain := newGateway(t)
	plain.signWith(query, refusal, alipayKey(), known)
	undecided(t, calls[query](plain, t.Context()), "certificates were not agreed on")
}

func TestANotificationCountsByTheCertificateItNames(t *testing.T) {
	g, a := certified(t)
	for name, spoil := range map[string]func(url.Values){
		"an unknown one":         func(f url.Values) { f.Set("alipay_cert_sn", "0123456789abcdef0123456789abcdef") },
		"none":                   func(f url.Values) { f.Set("alipay_cert_sn", "") },
		"the application's":      func(f url.Values) { f.Set("alipay_cert_sn", serialOf(a.app)) },
		"two":                    func(f url.Values) { f["alipay_cert_sn"] = []string{serialOf(a.alipay), serialOf(a.alipay)} },
		"our own signature":      func(f url.Values) { f.Set("sign", signature(t, merchantKey(), "x")) },
		"an unknown one, signed": func(f url.Values) { f.Set("alipay_cert_sn", "0123456789abcdef0123456789abcdef"); signed(t, f) },
	} {
		form := notification(t, nil)
		spoil(form)
		_, err := g.Notification(form)
		require.ErrorIs(t, err, payment.ErrForged, name)
	}
	for name, form := range map[string]url.Values{
		"it names none":                    notification(t, nil),
		"it names the certificate, signed": notification(t, map[string]string{"alipay_cert_sn": serialOf(a.alipay)}),
		"it names the certificate, unsigned": func() url.Values {
			form := notification(t, nil)
			form.Set("alipay_cert_sn", serialOf(a.alipay))
			return form
		}(),
	} {
		told, err := g.Notification(form)
		require.NoError(t, err, name)
		require.Equal(t, payment.TradePaid, told.State)
	}
	require.Empty(t, g.calls(), "nobody makes us call anybody")
}

func TestAFileThatCannotBeUsedIsNamed(t *testing.T) {
	a := newAuthority(t)
	fresh := func() alipay.CertificateFiles { return newAuthority(t).files }
	otherRoot := issue(t, wanted{name: "R1", key: &nextKey().PublicKey}, nil, nextKey())
	otherIssuer := issue(t, wanted{name: "Class 2 R1", key: &issuerKey().PublicKey}, otherRoot, nextKey())
	public := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: x509.MarshalPKCS1PublicKey(&alipayKey().PublicKey)}))
	old := func(name string, key *rsa.PrivateKey) wanted {
		return wanted{name: name, key: &key.PublicKey, from: -48 * time.Hour, until: -time.Hour}
	}
	young := wanted{name: "young", key: &alipayKey().PublicKey, from: time.Hour}
	oldIssuer := issue(t, old("Class 1", issuerKey()), a.root, rootKey())
	oldRoot := issue(t, old("R1", rootKey()), nil, rootKey())
	for name, given := range map[string]struct {
		file func(alipay.CertificateFiles) string
		text string
		why  string
	}{
		"no certificate":         {app, "x", "no certificate in it"},
		"a key":                  {app, public, "PUBLIC KEY"},
		"half a certificate":     {app, pemOf(a.app)[:300], "damaged"},
		"not ours":               {app, pemOf(a.alipay), "not that of the private key"},
		"our old one":            {app, pemOf(a.issued(t, old("app", merchantKey()))), "has expired at"},
		"our next one":           {app, pemOf(a.issued(t, wanted{name: "app", key: &merchantKey().PublicKey, from: time.Hour})), "is valid from"},
		"ours on a curve":        {app, pemOf(a.issued(t, wanted{name: "app", key: &curvedKey().PublicKey})), "no RSA key"},
		"roots as ours":          {app, pemOf(a.curved, a.root), "not that of the private key"},
		"ours as Alipay's":       {ofAlipay, pemOf(a.app, a.issuer), "the application's own"},
		"a root as Alipay's":     {ofAlipay, pemOf(a.root), "it is a root"},
		"Alipay's without chain": {ofAlipay, pemOf(a.alipay), "no root vouches for it"},
		"Alipay's of another":    {ofAlipay, pemOf(a.alipay, otherIssuer), "no root vouches for it"},
		"Alipay's old one":       {ofAlipay, pemOf(a.issued(t, old("alipay", alipayKey())), a.issuer), "has expired at"},
		"Alipay's next one":      {ofAlipay, pemOf(a.issued(t, young), a.issuer), "is valid from"},
		"an old issuer":          {ofAlipay, pemOf(issue(t, wanted{name: "alipay", key: &alipayKey().PublicKey}, oldIssuer, issuerKey()), oldIssuer), "has expired at"},
		"Alipay's on a curve":    {ofAlipay, pemOf(a.issued(t, wanted{name: "alipay", key: &curvedKey().PublicKey}), a.issuer), "no RSA key"},
		"no root on RSA":         {root, pemOf(a.curved), "signed with RSA"},
		"an issuer as root":      {root, pemOf(a.root, a.issuer), "is no root"},
		"an old root":            {root, pemOf(oldRoot), "has expired at"},
		"no key":                 {key, "x", "private key"},
		"another key":            {key, string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(nextKey())})), "not that of the private key"},
		"too much":               {app, strings.Repeat("x", 1<<20), "more than"},
	} {
		files := a.files
		if name == "an old root" { // everything else fits it
			files.Alipay = fresh().Alipay
			write(t, files.Alipay[0], pemOf(a.alipay, a.issuer))
		}
		path := given.file(files)
		before, err := os.ReadFile(path) // #nosec G304 -- the test's own file
		require.NoError(t, err)
		write(t, path, given.text)
		settings := a.config(t, "https://alipay.example")
		settings.Certificates = files
		_, err = alipay.New(settings)
		require.ErrorContains(t, err, given.why, name)
		if name != "another key" { // then it may be either
			at := path
			if name == "an old root" {
				at = files.Alipay[0]
			}
			require.ErrorContains(t, err, at, name)
		}
		require.NotContains(t, err.Error(), privateText()[:40])
		write(t, path, string(before))
	}
	require.NoError(t, os.Chmod(a.files.Key, 0o644)) // #nosec G302 -- what must be refused
	_, err := alipay.New(a.config(t, "https://alipay.example"))
	require.ErrorContains(t, err, "others may read it")
	require.ErrorContains(t, err, a.files.Key)
}

func app(f alipay.CertificateFiles) string      { return f.App }
func ofAlipay(f alipay.CertificateFiles) string { return f.Alipay[0] }
func root(f alipay.CertificateFiles) string     { return f.Root }
func key(f alipay.CertificateFiles) string      { return f.Key }

func TestEitherAPublicKeyOrCertificates(t *testing.T) {
	a := newAuthority(t)
	for name, spoil := range map[string]func(*alipay.Config){
		"both":                  func(c *alipay.Config) { c.AlipayPublicKey = publicText(t) },
		"neither":               func(c *alipay.Config) { c.Certificates = alipay.CertificateFiles{} },
		"no application's":      func(c *alipay.Config) { c.Certificates.App = "" },
		"none of Alipay's":      func(c *alipay.Config) { c.Certificates.Alipay = nil },
		"no root":               func(c *alipay.Config) { c.Certificates.Root = "" },
		"no private key":        func(c *alipay.Config) { c.Certificates.Key = "" },
		"a file that is not":    func(c *alipay.Config) { c.Certificates.App += "x" },
		"a key that is no file": func(c *alipay.Config) { c.Certificates.Key += "x" },
	} {
		settings := a.config(t, "https://alipay.example")
		spoil(&settings)
		_, err := alipay.New(settings)
		require.Error(t, err, name)
	}
}

// Alipay changes to another certificate, and the file after it. What was signed with the
// one before counts still: it is under way.
func TestCertificatesAreReadAgain(t *testing.T) {
	g, a := certified(t)
	var log syncedText
	settings := a.config(t, g.server.URL)
	settings.Logger = slog.New(slog.NewTextHandler(&log, nil))
	provider, err := alipay.New(settings)
	require.NoError(t, err)
	defer provider.Disconnect()
	g.Provider = provider
	refusal := no("40004", "ACQ.TRADE_NOT_EXIST", "交易不存在")
	next := a.issued(t, wanted{name: "alipay", key: &nextKey().PublicKey, until: 50 * time.Hour})
	asks := func(key *rsa.PrivateKey, with *x509.Certificate) error {
		g.signWith(query, refusal, key, `"`+serialOf(with)+`"`)
		_, err := g.Query(t.Context(), "T1")
		return err
	}
	undecided(t, asks(nextKey(), next), "the file does not have it yet")

	write(t, a.files.Alipay[0], "half a")
	require.ErrorIs(t, asks(alipayKey(), a.alipay), payment.ErrTradeNotFound, "the last good one is used")
	require.Contains(t, log.String(), "cannot be used")
	require.Contains(t, log.String(), a.files.Alipay[0])

	write(t, a.files.Alipay[0], pemOf(next, a.issuer))
	require.ErrorIs(t, asks(nextKey(), next), payment.ErrTradeNotFound)
	require.ErrorIs(t, asks(alipayKey(), a.alipay), payment.ErrTradeNotFound)
	_, err = g.Notification(notification(t, nil))
	require.NoError(t, err, "signed with the one before")
	require.Equal(t, []time.Time{a.app.NotAfter, next.NotAfter, a.root.NotAfter}, expiries(g))
}

// The application's certificate and its key are two files: until both are replaced, the
// ones before are used.
func TestTheApplicationsCertificateChangesWithItsKey(t *testing.T) {
	g, a := certified(t)
	sent := func() url.Values {
		var form url.Values
		g.say(query, func(_ http.ResponseWriter, r *http.Request) { form = r.Form })
		undecided(t, calls[query](g, t.Context()))
		return form
	}
	next := a.issued(t, wanted{name: "app", key: &nextKey().PublicKey})
	write(t, a.files.App, pemOf(next))
	require.Equal(t, serialOf(a.app), sent().Get("app_cert_sn"))
	write(t, a.files.Key, string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(nextKey())})))
	require.Equal(t, serialOf(next), sent().Get("app_cert_sn"))
}

func TestSeveralCertificatesOfAlipay(t *testing.T) {
	g, a := certified(t)
	next := a.issued(t, wanted{name: "alipay", key: &nextKey().PublicKey})
	second := a.files.Alipay[0] + ".next"
	write(t, second, pemOf(a.issuer, next)) // in any order
	settings := a.config(t, g.server.URL)
	settings.Certificates.Alipay = append(settings.Certificates.Alipay, second)
	provider, err := alipay.New(settings)
	require.NoError(t, err)
	defer provider.Disconnect()
	g.Provider = provider
	for one, key := range map[*x509.Certificate]*rsa.PrivateKey{a.alipay: alipayKey(), next: nextKey()} {
		g.signWith(query, no("40004", "ACQ.TRADE_NOT_EXIST", "交易不存在"), key, `"`+serialOf(one)+`"`)
		_, err := g.Query(t.Context(), "T1")
		require.ErrorIs(t, err, payment.ErrTradeNotFound)
	}
	require.ElementsMatch(t, []time.Time{a.app.NotAfter, a.alipay.NotAfter, a.root.NotAfter, next.NotAfter, a.root.NotAfter}, expiries(g))
}

func expiries(g *gateway) []time.Time {
	var all []time.Time
	for _, one := range g.Certificates() {
		all = append(all, one.NotAfter)
	}
	return all
}

// syncedText is a log.
type syncedText struct {
	mu   sync.Mutex
	text strings.Builder
}

func (s *syncedText) Write(line []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(line)
}

func (s *syncedText) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}
