package identity_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/cmd/pushledger/internal/identity"
)

// signer is an issuer of its own, with a key of either kind.
type signer struct {
	id     string
	method jwt.SigningMethod
	key    any
	jwk    string
	public []byte // DER
}

func newEd25519(t *testing.T, id string) signer {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	der, err := x509.MarshalPKIXPublicKey(public)
	require.NoError(t, err)
	return signer{id, jwt.SigningMethodEdDSA, private, fmt.Sprintf(
		`{"kty":"OKP","crv":"Ed25519","use":"sig","alg":"EdDSA","kid":%q,"x":%q}`, id, encode(string(public))), der}
}

func newP256(t *testing.T, id string) signer {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	der, err := x509.MarshalPKIXPublicKey(private.Public())
	require.NoError(t, err)
	point, err := private.PublicKey.Bytes()
	require.NoError(t, err)
	return signer{id, jwt.SigningMethodES256, private, fmt.Sprintf(
		`{"kty":"EC","crv":"P-256","kid":%q,"x":%q,"y":%q}`, id, encode(string(point[1:33])), encode(string(point[33:]))), der}
}

func (s signer) token(t *testing.T) string {
	t.Helper()
	token := jwt.NewWithClaims(s.method, jwt.MapClaims{"sub": "ann", "role": "trader", "iss": "platform", "exp": time.Now().Add(time.Hour).Unix()})
	token.Header["kid"] = s.id
	text, err := token.SignedString(s.key)
	require.NoError(t, err)
	return text
}

func setOf(signers ...signer) []byte {
	var keys []string
	for _, signer := range signers {
		keys = append(keys, signer.jwk)
	}
	return []byte(`{"keys":[` + strings.Join(keys, ",") + `]}`)
}

func TestBothKindsOfKeysSignTokens(t *testing.T) {
	for _, s := range []signer{newEd25519(t, "a"), newP256(t, "b")} {
		verifier, err := identity.NewVerifier("platform", setOf(s))
		require.NoError(t, err)
		who, err := verifier.Verify(s.token(t))
		require.NoError(t, err)
		require.Equal(t, "ann", who.Account)
		requireRefused(t, verifier, newP256(t, s.id).token(t))
		requireRefused(t, verifier, newEd25519(t, s.id).token(t))

		// As PEM it has its thumbprint as its id.
		verifier, err = identity.NewVerifier("platform", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: s.public}))
		require.NoError(t, err)
		requireRefused(t, verifier, s.token(t))
	}
}

// The thumbprint of RFC 7638 names a key in a set that has no id, and every key in PEM.
func TestAKeyWithoutAnIDIsNamedByItsThumbprint(t *testing.T) {
	// The example of RFC 8037, appendix A.
	const x, thumbprint = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
	const d = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"
	seed, err := base64.RawURLEncoding.DecodeString(d)
	require.NoError(t, err)
	s := signer{id: thumbprint, method: jwt.SigningMethodEdDSA, key: ed25519.NewKeyFromSeed(seed)}
	verifier, err := identity.NewVerifier("platform", []byte(`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"`+x+`"}]}`))
	require.NoError(t, err)
	_, err = verifier.Verify(s.token(t))
	require.NoError(t, err)
}

func TestKeysForOtherPurposesSignNoTokens(t *testing.T) {
	s, other := newEd25519(t, "a"), newEd25519(t, "b")
	other.jwk = strings.Replace(other.jwk, `"sig"`, `"enc"`, 1)
	verifier, err := identity.NewVerifier("platform", setOf(s, other))
	require.NoError(t, err)
	_, err = verifier.Verify(s.token(t))
	require.NoError(t, err)
	requireRefused(t, verifier, other.token(t))
}

// street is an address of keys that tests change, and a clock.
type street struct {
	server *httptest.Server
	answer atomic.Pointer[http.HandlerFunc]
	asked  atomic.Int32
	passed atomic.Int64
}

func openStreet(t *testing.T, signers ...signer) (*street, *identity.Verifier) {
	t.Helper()
	s := new(street)
	s.say(setOf(signers...))
	s.server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		(*s.answer.Load())(w, r)
	}))
	t.Cleanup(s.server.Close)
	began := time.Now()
	verifier, err := identity.OpenVerifier(t.Context(), "platform", identity.Source{
		URL: s.server.URL, Client: s.server.Client(), Logger: slog.New(slog.DiscardHandler),
		Now: func() time.Time { return began.Add(time.Duration(s.passed.Load())) },
	})
	require.NoError(t, err)
	return s, verifier
}

func (s *street) pass(passed time.Duration) { s.passed.Add(int64(passed)) }

func (s *street) say(body []byte) {
	s.do(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) })
}

func (s *street) do(answer http.HandlerFunc) { s.answer.Store(&answer) }

func TestAnIssuerChangesItsKeys(t *testing.T) {
	older, newer := newEd25519(t, "old"), newP256(t, "new")
	s, verifier := openStreet(t, older)
	s.say(setOf(newer))
	_, err := verifier.Verify(older.token(t))
	require.NoError(t, err)
	requireRefused(t, verifier, newer.token(t)) // it was asked for a moment ago
	require.EqualValues(t, 1, s.asked.Load())

	s.pass(10 * time.Second)
	_, err = verifier.Verify(newer.token(t))
	require.NoError(t, err, "the new key counts as soon as a token names it")
	requireRefused(t, verifier, older.token(t))
	require.EqualValues(t, 2, s.asked.Load(), "however many tokens name keys that are not known")
}

func TestAKeyThatIsWithdrawnEndsToCount(t *testing.T) {
	kept, withdrawn := newEd25519(t, "kept"), newEd25519(t, "withdrawn")
	s, verifier := openStreet(t, kept, withdrawn)
	s.say(setOf(kept))
	s.pass(5 * time.Minute)
	require.Eventually(t, func() bool { // nobody waits for the reading
		_, err := verifier.Verify(withdrawn.token(t))
		return err != nil
	}, time.Minute, time.Millisecond)
	_, err := verifier.Verify(kept.token(t))
	require.NoError(t, err)
}

func TestTheLastGoodKeysStay(t *testing.T) {
	good, stranger := newEd25519(t, "good"), newEd25519(t, "stranger")
	s, verifier := openStreet(t, good)
	for name, answer := range map[string]http.HandlerFunc{
		"an error": func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, string(setOf(stranger)), http.StatusInternalServerError)
		},
		"rubbish":        func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("rubbish")) },
		"no keys":        func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"keys":[]}`)) },
		"half an answer": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(setOf(stranger)[:40]) },
		"a huge answer": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write(append(setOf(stranger), make([]byte, 1<<20)...))
		},
		"another address": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) },
	} {
		t.Run(name, func(t *testing.T) {
			before := s.asked.Load()
			s.do(answer)
			s.pass(time.Minute)
			requireRefused(t, verifier, stranger.token(t))
			require.Equal(t, before+1, s.asked.Load())
			_, err := verifier.Verify(good.token(t))
			require.NoError(t, err)
		})
	}
	s.server.Close()
	s.pass(time.Hour)
	requireRefused(t, verifier, stranger.token(t))
	_, err := verifier.Verify(good.token(t))
	require.NoError(t, err)
}

func TestAFileOfKeysIsReadAgain(t *testing.T) {
	older, newer := newEd25519(t, "old"), newP256(t, "new")
	path := filepath.Join(t.TempDir(), "keys.json")
	require.NoError(t, os.WriteFile(path, setOf(older), 0o600))
	now := time.Now()
	verifier, err := identity.OpenVerifier(t.Context(), "platform", identity.Source{
		File: path, Now: func() time.Time { return now }, Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, setOf(newer), 0o600))
	now = now.Add(time.Minute)
	_, err = verifier.Verify(newer.token(t))
	require.NoError(t, err)
	requireRefused(t, verifier, older.token(t))
}

func TestKeysComeFromWhereNobodyCanChangeThem(t *testing.T) {
	for _, source := range []identity.Source{
		{},
		{File: "x", URL: "https://keys.example"},
		{URL: "http://keys.example/jwks.json"},
		{URL: "http://127.0.0.1.keys.example/jwks.json"},
		{URL: "ftp://127.0.0.1/jwks.json"},
		{URL: "https://"},
		{URL: "keys.json"},
	} {
		source.Now, source.Logger = time.Now, slog.New(slog.DiscardHandler)
		_, err := identity.OpenVerifier(t.Context(), "platform", source)
		require.ErrorContains(t, err, "identity: public keys", source.URL)
	}
	s := newEd25519(t, "a")
	near := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(setOf(s)) }))
	t.Cleanup(near.Close)
	verifier, err := identity.OpenVerifier(t.Context(), "platform", identity.Source{URL: near.URL, Now: time.Now, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	_, err = verifier.Verify(s.token(t))
	require.NoError(t, err)
}

// F55: a token that is good for longer than is accepted is refused, with what to do about it.
func TestATokenThatLivesTooLongIsRefused(t *testing.T) {
	signer := newEd25519(t, "key")
	path := filepath.Join(t.TempDir(), "keys.json")
	require.NoError(t, os.WriteFile(path, setOf(signer), 0o600))
	source := identity.Source{File: path, Now: time.Now, Logger: slog.New(slog.DiscardHandler)}
	for longest, good := range map[time.Duration]bool{0: true, time.Hour: true, 30 * time.Minute: false} {
		source.Longest = longest
		verifier, err := identity.OpenVerifier(t.Context(), "platform", source)
		require.NoError(t, err)
		_, err = verifier.Verify(signer.token(t)) // good for an hour
		if good {
			require.NoError(t, err, longest)
			continue
		}
		require.ErrorIs(t, err, identity.ErrRefused)
		require.ErrorContains(t, err, "30m0s from now is the longest: have a shorter one issued")
	}
}
