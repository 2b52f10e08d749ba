package identity_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/cmd/pushledger/internal/identity"
)

func TestVerifyAcceptsEveryRole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := openIssuer(t, filepath.Join(t.TempDir(), "issuer.pem"))
		for _, role := range []identity.Role{identity.Trader, identity.Operator, identity.Auditor, identity.Service} {
			token, err := issuer.Mint("Ann_1-x", role, time.Hour)
			require.NoError(t, err)
			who, err := verifierOf(t, issuer).Verify(token)
			require.NoError(t, err)
			require.Equal(t, identity.Identity{Account: "Ann_1-x", Role: role, Expires: time.Now().Add(time.Hour).UTC()}, who)
		}
	})
}

func TestATokenExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := openIssuer(t, filepath.Join(t.TempDir(), "issuer.pem"))
		verifier := verifierOf(t, issuer)
		token, err := issuer.Mint("ann", identity.Trader, time.Hour)
		require.NoError(t, err)

		time.Sleep(time.Hour + 59*time.Second)
		_, err = verifier.Verify(token)
		require.NoError(t, err, "a minute of clock difference is allowed")

		time.Sleep(time.Second)
		_, err = verifier.Verify(token)
		require.ErrorIs(t, err, identity.ErrRefused)
		require.ErrorIs(t, err, jwt.ErrTokenExpired)
	})
}

func TestVerifyRefusesWhatItsOwnIssuerWouldNotSign(t *testing.T) {
	issuer, key := fixedIssuer(t)
	verifier := verifierOf(t, issuer)
	now := time.Now().Unix()
	good := jwt.MapClaims{"sub": "ann", "role": "trader", "iss": "pushledger-sandbox", "iat": now, "exp": now + 3600}
	_, err := verifier.Verify(sign(t, key, nil, good))
	require.NoError(t, err, "each case below differs from a good token in one thing")

	for name, change := range map[string]jwt.MapClaims{
		"no account":             {"sub": nil},
		"an empty account":       {"sub": ""},
		"a wildcard account":     {"sub": "*"},
		"an account of two":      {"sub": "ann.bob"},
		"a long account":         {"sub": strings.Repeat("a", 65)},
		"an account of a number": {"sub": 7},
		"no role":                {"role": nil},
		"an unknown role":        {"role": "root"},
		"a role in capitals":     {"role": "TRADER"},
		"two roles":              {"role": []string{"trader", "operator"}},
		"no issuer":              {"iss": nil},
		"another issuer":         {"iss": "elsewhere"},
		"the real issuer":        {"iss": "pushledger"},
		"no expiry":              {"exp": nil},
		"an expiry of text":      {"exp": "never"},
		"an expiry gone by":      {"exp": now - 3600},
		"issued in the future":   {"iat": now + 3600},
		"not good yet":           {"nbf": now + 3600},
		"more than 4 KiB":        {"pad": strings.Repeat("x", 4<<10)},
	} {
		t.Run(name, func(t *testing.T) {
			body := maps.Clone(good)
			for claim, value := range change {
				if body[claim] = value; value == nil {
					delete(body, claim)
				}
			}
			requireRefused(t, verifier, sign(t, key, nil, body))
		})
	}
	for name, change := range map[string]map[string]any{
		"no key id":          {"kid": nil},
		"an unknown key id":  {"kid": "other"},
		"a key id of a list": {"kid": []string{"x"}},
		"a critical header":  {"crit": []string{"b64"}, "b64": false},
		"another algorithm":  {"alg": "HS256"},
		"no algorithm":       {"alg": "none"},
		"a lower-case one":   {"alg": "eddsa"},
	} {
		t.Run(name, func(t *testing.T) {
			requireRefused(t, verifier, sign(t, key, change, good))
		})
	}
}

func TestVerifyRefusesForgedTokens(t *testing.T) {
	issuer, key := fixedIssuer(t)
	verifier := verifierOf(t, issuer)
	token, err := issuer.Mint("ann", identity.Trader, time.Hour)
	require.NoError(t, err)
	head, body, signature := split(t, token)
	operator := encode(`{"sub":"ann","role":"operator","iss":"pushledger-sandbox","exp":99999999999}`)
	public := key.Public().(ed25519.PublicKey)

	stranger := openIssuer(t, filepath.Join(t.TempDir(), "stranger.pem"))
	foreign, err := stranger.Mint("ann", identity.Trader, time.Hour)
	require.NoError(t, err)
	_, foreignBody, foreignSignature := split(t, foreign)

	for name, forged := range map[string]string{
		"nothing":                        "",
		"no token":                       "hello",
		"four parts":                     token + ".x",
		"no signature":                   head + "." + body + ".",
		"another body":                   head + "." + operator + "." + signature,
		"alg none without a signature":   encode(`{"alg":"none","typ":"JWT"}`) + "." + operator + ".",
		"alg none with one":              encode(`{"alg":"none","typ":"JWT"}`) + "." + body + "." + signature,
		"the public key as HMAC secret":  hmacSigned(t, public, keyIDOf(t, token)),
		"a stranger's key":               foreign,
		"a stranger's key under our id":  head + "." + foreignBody + "." + foreignSignature,
		"a changed bit of the signature": head + "." + body + "." + flip(signature),
		"base64 with padding":            head + "." + body + "." + signature + "==",
		"base64 with stray last bits":    head + "." + body + "." + strayBits(signature),
		"a bearer prefix":                "Bearer " + token,
		"a line end":                     token + "\n",
		"a line break inside":            head + "." + body + "." + signature[:9] + "\r\n" + signature[9:],
	} {
		t.Run(name, func(t *testing.T) {
			requireRefused(t, verifier, forged)
		})
	}
}

func TestAnIssuerMayChangeItsKey(t *testing.T) {
	directory := t.TempDir()
	older := openIssuer(t, filepath.Join(directory, "old.pem"))
	newer := openIssuer(t, filepath.Join(directory, "new.pem"))
	for _, issuer := range []*identity.Issuer{older, newer} {
		token, err := issuer.Mint("ann", identity.Trader, time.Hour)
		require.NoError(t, err)
		_, err = verifierOf(t, older, newer).Verify(token)
		require.NoError(t, err)
	}
	retired, err := older.Mint("ann", identity.Trader, time.Hour)
	require.NoError(t, err)
	requireRefused(t, verifierOf(t, newer), retired)
}

func TestAVerifierTakesPublicKeysOnly(t *testing.T) {
	issuer, _ := fixedIssuer(t)
	key, err := issuer.PublicPEM()
	require.NoError(t, err)
	good := string(key)
	private, public := ecdsaPEM(t)
	for name, text := range map[string]string{
		"nothing":                 "",
		"no PEM":                  "hello",
		"a private key":           string(private),
		"another kind of key":     string(public),
		"a set of nothing":        `{"keys":[]}`,
		"a set of other things":   `{"keys":[{"kty":"oct","k":"AAAA"},{"kty":"RSA","n":"AQAB","e":"AQAB","kid":"r"}]}`,
		"a private key in a set":  `{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AAAA","d":"AAAA"}]}`,
		"a short key in a set":    `{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AAAA"}]}`,
		"a point off the curve":   `{"keys":[{"kty":"EC","crv":"P-256","x":"AQ","y":"AQ"}]}`,
		"a doubled member":        `{"keys":[],"keys":[]}`,
		"a set cut off":           `{"keys":[`,
		"text before a key":       "hello\n" + good,
		"text after a key":        good + "hello",
		"a broken key before one": good[:40] + "\n" + good,
		"a cut key after one":     good + good[:40],
		"an empty block":          "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n",
		"more than 64 KiB":        strings.Repeat(good, 1000),
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "keys.pem")
			require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
			_, err := openVerifier(t, path)
			require.ErrorContains(t, err, "identity: public keys")
		})
	}
	path := filepath.Join(t.TempDir(), "keys.pem")
	require.NoError(t, os.WriteFile(path, []byte("\n"+good+"\r\n"+good+"\n"), 0o600))
	verifier, err := openVerifier(t, path)
	require.NoError(t, err)
	token, err := issuer.Mint("ann", identity.Auditor, time.Hour)
	require.NoError(t, err)
	_, err = verifier.Verify(token)
	require.NoError(t, err)
	_, err = openVerifier(t, path+".missing")
	require.ErrorIs(t, err, os.ErrNotExist)
}

// The key id is the RFC 7638 thumbprint, so that other programs find the key too.
func TestTheKeyIDIsTheThumbprint(t *testing.T) {
	issuer, key := fixedIssuer(t)
	token, err := issuer.Mint("ann", identity.Trader, time.Hour)
	require.NoError(t, err)
	x := base64.RawURLEncoding.EncodeToString(key.Public().(ed25519.PublicKey))
	sum := sha256.Sum256([]byte(`{"crv":"Ed25519","kty":"OKP","x":"` + x + `"}`))
	require.Equal(t, base64.RawURLEncoding.EncodeToString(sum[:]), keyIDOf(t, token))
}

// FuzzVerify holds that nothing but the one signed token is let in.
func FuzzVerify(f *testing.F) {
	issuer, _ := fixedIssuer(f)
	verifier := verifierOf(f, issuer)
	token, err := issuer.Mint("ann", identity.Trader, time.Hour)
	require.NoError(f, err)
	f.Add(token)
	f.Fuzz(func(t *testing.T, text string) {
		who, err := verifier.Verify(text)
		if text == token {
			require.NoError(t, err)
			require.Equal(t, "ann", who.Account)
			return
		}
		require.ErrorIs(t, err, identity.ErrRefused)
		require.Zero(t, who)
	})
}

// fixedIssuer has a key that tests may sign with themselves.
func fixedIssuer(t testing.TB) (*identity.Issuer, ed25519.PrivateKey) {
	t.Helper()
	key := ed25519.NewKeyFromSeed([]byte("a seed of thirty-two bytes, fixed"[:ed25519.SeedSize]))
	der, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "issuer.pem")
	require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600))
	return openIssuer(t, path), key
}

// sign makes a properly signed token. A header set to nil is left out.
func sign(t testing.TB, key ed25519.PrivateKey, header map[string]any, body jwt.MapClaims) string {
	t.Helper()
	issuer, _ := fixedIssuer(t)
	model, err := issuer.Mint("ann", identity.Trader, time.Hour)
	require.NoError(t, err)
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, body)
	token.Header["kid"] = keyIDOf(t, model)
	for name, value := range header {
		if token.Header[name] = value; value == nil {
			delete(token.Header, name)
		}
	}
	text, err := token.SignedString(key)
	require.NoError(t, err)
	return text
}

func hmacSigned(t testing.TB, secret []byte, keyID string) string {
	t.Helper()
	token := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"sub": "ann", "role": "operator", "iss": "pushledger-sandbox", "exp": time.Now().Add(time.Hour).Unix(),
	})
	token.Header["kid"] = keyID
	text, err := token.SignedString(secret)
	require.NoError(t, err)
	return text
}

func keyIDOf(t testing.TB, token string) string {
	t.Helper()
	parsed, _, err := jwt.NewParser().ParseUnverified(token, jwt.MapClaims{})
	require.NoError(t, err)
	id, isText := parsed.Header["kid"].(string)
	require.True(t, isText)
	return id
}

func split(t testing.TB, token string) (head, body, signature string) {
	t.Helper()
	parts := strings.Split(token, ".")
	require.Len(t, parts, 3)
	return parts[0], parts[1], parts[2]
}

func encode(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

func flip(signature string) string {
	if signature[0] == 'A' {
		return "B" + signature[1:]
	}
	return "A" + signature[1:]
}

// strayBits changes the four bits of the last character that carry nothing.
func strayBits(signature string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, signature[len(signature)-1])
	return signature[:len(signature)-1] + string(alphabet[last^1])
}

func requireRefused(t testing.TB, verifier *identity.Verifier, token string) {
	t.Helper()
	who, err := verifier.Verify(token)
	require.ErrorIs(t, err, identity.ErrRefused)
	require.Zero(t, who)
}

func openVerifier(t testing.TB, path string) (*identity.Verifier, error) {
	t.Helper()
	return identity.OpenVerifier(t.Context(), identity.SandboxIssuer, identity.Source{File: path, Now: time.Now, Logger: slog.New(slog.DiscardHandler)})
}
