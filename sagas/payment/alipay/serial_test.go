package alipay

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"fmt"
	"math/big"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// roots.crt is the file that Alipay gives out. Two of its four roots are on elliptic curves,
// one of which Go does not know, and do not count. The serial is the one that every
// application sends.
func TestTheSerialOfAlipaysRoots(t *testing.T) {
	text, err := os.ReadFile("testdata/roots.crt")
	require.NoError(t, err)
	require.Equal(t, 4, strings.Count(string(text), "BEGIN CERTIFICATE"))
	roots, err := certificatesIn(text)
	require.NoError(t, err)
	require.Len(t, roots, 2)
	name, err := rootSerial(roots)
	require.NoError(t, err)
	require.Equal(t, "687b59193f3f462dd5336e5abf83c5d8_02941eef3187dddf3d3b83462e1dfcf6", name)
}

// The issuer is written in the order of RFC 2253, whichever order the certificate has, and
// the number in decimal.
func TestTheSerialOfACertificate(t *testing.T) {
	key := smallKey(t)
	number, _ := new(big.Int).SetString("42704276215434498263", 10)
	template := &x509.Certificate{SerialNumber: number, NotAfter: time.Now(), Subject: pkix.Name{
		CommonName: "Class 2 R1 test", OrganizationalUnit: []string{"Certification Authority test"},
		Organization: []string{"Ant Financial test"}, Country: []string{"CN"},
	}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	made, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	name, err := serial(made)
	require.NoError(t, err)
	require.Equal(t, "0ad91eb4f1bcd0a51e8356fc9e7df784", name) // printf 'CN=Class 2 R1 test,…,C=CN42704276215434498263' | md5sum
}

func smallKey(t testing.TB) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 1024) // #nosec G403 -- made for speed, and forgotten
	require.NoError(t, err)
	return key
}

func TestAKeyCountsForItsTime(t *testing.T) {
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	key := &smallKey(t).PublicKey
	k := &keys{app: "a", alipay: map[string]alipayKey{"s": {key, now.Add(-time.Hour), now.Add(time.Hour)}}}
	for _, given := range []struct {
		at   time.Time
		good bool
	}{{now, true}, {now.Add(-2 * time.Hour), false}, {now.Add(2 * time.Hour), false}} {
		_, err := k.named("s", given.at)
		require.Equal(t, given.good, err == nil, given.at)
	}

	fresh := (&keys{app: "a", alipay: map[string]alipayKey{"t": {key, now, now.Add(100 * time.Hour)}}}).retiring(k, now, now.Add(farewell))
	_, err := fresh.named("s", now.Add(farewell))
	require.NoError(t, err, "answers are still under way")
	_, err = fresh.named("s", now.Add(farewell+time.Second))
	require.Error(t, err)
	later := now.Add(farewell / 2)
	again := (&keys{app: "a", alipay: map[string]alipayKey{"t": fresh.alipay["t"]}}).retiring(fresh, later, later.Add(farewell))
	_, err = again.named("s", now.Add(farewell+time.Second))
	require.Error(t, err, "it is let go of once")
	_, err = again.named("t", now.Add(50*time.Hour))
	require.NoError(t, err)
}

// FuzzEnvelope holds that no node counts but the one that was signed, byte for byte.
func FuzzEnvelope(f *testing.F) {
	const node = `{"code":"10000","out_trade_no":"T1"}`
	for _, extra := range []string{
		``, `"x":1,`, `"sign":"",`, `"sign":null,`, `"alipay_cert_sn":"t",`, `"alipay_cert_sn":null,`, `"alipay_trade_query_response":{},`,
		`"error_response":{"code":"1"},`, `"x":` + strings.Repeat("[", 10_000), `{"alipay_trade_query_response":{},"sign":"AAAA","alipay_cert_sn":"s"}`,
	} {
		f.Add(node, extra)
	}
	f.Add(` {"code" : "10000"} `, "")
	f.Add(`{"code":"10000","url":"http:\/\/a"}`, "")
	f.Add(`null`, "")
	f.Add(`{},"sign":"x"`, "")
	own := smallKey(f)
	k := &keys{own: own, app: "a", alipay: map[string]alipayKey{"s": {public: &own.PublicKey}}}
	plain := &keys{own: own, alipay: map[string]alipayKey{"": {public: &own.PublicKey}}}
	now := time.Now()
	f.Fuzz(func(t *testing.T, node, extra string) {
		for _, k := range []*keys{k, plain} {
			_, err := k.signedNode([]byte(extra), "alipay.trade.query", now)
			require.Error(t, err, "nobody has signed it")
		}
		signature, err := k.sign(node)
		require.NoError(t, err)
		body := fmt.Sprintf(`{"alipay_trade_query_response":%s,%s"alipay_cert_sn":"s","sign":%q}`, node, extra, signature)
		for _, k := range []*keys{k, plain} { // what is put in may hide the certificate's name
			if read, err := k.signedNode([]byte(body), "alipay.trade.query", now); err == nil {
				require.Equal(t, node, string(read))
			}
		}
		spoilt := strings.Replace(body, signature, base64.StdEncoding.EncodeToString([]byte(signature)), 1)
		_, err = k.signedNode([]byte(spoilt), "alipay.trade.query", now)
		require.Error(t, err)
	})
}
