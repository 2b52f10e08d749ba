package identity_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/cmd/pushledger/internal/identity"
)

func TestAnIssuerKeepsItsKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "issuer.pem")
	first := openIssuer(t, path)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode())

	token, err := first.Mint("ann", identity.Trader, time.Hour)
	require.NoError(t, err)
	who, err := verifierOf(t, openIssuer(t, path)).Verify(token)
	require.NoError(t, err)
	require.Equal(t, "ann", who.Account)
}

func TestIssuersThatStartAtOnceShareOneKey(t *testing.T) {
	directory := t.TempDir()
	path := filepath.Join(directory, "issuer.pem")
	keys := make([]string, 8)
	var group sync.WaitGroup
	for i := range keys {
		group.Go(func() {
			issuer, err := identity.OpenIssuer(path)
			if err != nil {
				t.Error(err)
				return
			}
			text, err := issuer.PublicPEM()
			if err != nil {
				t.Error(err)
			}
			keys[i] = string(text)
		})
	}
	group.Wait()
	for _, key := range keys {
		require.Equal(t, keys[0], key)
	}
	left, err := os.ReadDir(directory)
	require.NoError(t, err)
	require.Len(t, left, 1, "nothing but the key file stays behind")
}

func TestASigningKeyIsRefused(t *testing.T) {
	directory := t.TempDir()
	good := filepath.Join(directory, "good.pem")
	public, err := openIssuer(t, good).PublicPEM()
	require.NoError(t, err)
	private, err := os.ReadFile(good)
	require.NoError(t, err)
	ecdsaPrivate, _ := ecdsaPEM(t)

	for name, test := range map[string]struct {
		text   []byte
		mode   fs.FileMode
		reason string
	}{
		"that others may read":   {private, 0o640, "chmod 600"},
		"that is empty":          {nil, 0o600, "PRIVATE KEY"},
		"that is a public one":   {public, 0o600, "PRIVATE KEY"},
		"that is followed by":    {append(append([]byte(nil), private...), "more"...), 0o600, "PRIVATE KEY"},
		"that is cut":            {private[:len(private)/2], 0o600, "PRIVATE KEY"},
		"of another kind":        {ecdsaPrivate, 0o600, "Ed25519"},
		"in a file without end":  {make([]byte, 1<<20), 0o600, "more than"},
		"that is not what it is": {[]byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"), 0o600, ""},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "issuer.pem")
			require.NoError(t, os.WriteFile(path, test.text, 0o600))
			require.NoError(t, os.Chmod(path, test.mode))
			_, err := identity.OpenIssuer(path)
			require.ErrorContains(t, err, path)
			require.ErrorContains(t, err, test.reason)
			after, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, string(test.text), string(after), "a key that is there is never replaced")
		})
	}
	_, err = identity.OpenIssuer(filepath.Join(directory, "missing", "issuer.pem"))
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestMintRefuses(t *testing.T) {
	issuer := openIssuer(t, filepath.Join(t.TempDir(), "issuer.pem"))
	for name, test := range map[string]struct {
		account string
		role    identity.Role
		life    time.Duration
	}{
		"a bad account":   {"a.b", identity.Trader, time.Hour},
		"an unknown role": {"ann", "root", time.Hour},
		"no life":         {"ann", identity.Trader, 0},
		"a negative life": {"ann", identity.Trader, -time.Hour},
		"too long a life": {"ann", identity.Trader, identity.MaxLife + 1},
	} {
		t.Run(name, func(t *testing.T) {
			token, err := issuer.Mint(test.account, test.role, test.life)
			require.Error(t, err)
			require.Empty(t, token)
		})
	}
}

func openIssuer(t testing.TB, path string) *identity.Issuer {
	t.Helper()
	issuer, err := identity.OpenIssuer(path)
	require.NoError(t, err)
	return issuer
}

// ecdsaPEM is a key pair of a kind that signs no token here.
func ecdsaPEM(t testing.TB) (private, public []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	require.NoError(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	private = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	der, err = x509.MarshalPKIXPublicKey(key.Public())
	require.NoError(t, err)
	return private, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

func verifierOf(t testing.TB, issuers ...*identity.Issuer) *identity.Verifier {
	t.Helper()
	var keys []byte
	for _, issuer := range issuers {
		key, err := issuer.PublicPEM()
		require.NoError(t, err)
		keys = append(keys, key...)
	}
	verifier, err := identity.NewVerifier(identity.SandboxIssuer, keys)
	require.NoError(t, err)
	return verifier
}
