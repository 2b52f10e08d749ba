package identity

import (
	"crypto/ed25519"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzDecodeKeys holds that a key file is read in one way: what it gives is written and
// read again as the same keys.
func FuzzDecodeKeys(f *testing.F) {
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	public, err := encodePublic(key.Public().(ed25519.PublicKey))
	require.NoError(f, err)
	private, err := encodePrivate(key)
	require.NoError(f, err)
	f.Add(public)
	f.Add(private)
	f.Add([]byte(strings.Repeat(string(public), 3)))
	f.Add(append([]byte("a word before\n"), public...))
	f.Add(append(public[:len(public)-30], private...))
	f.Add([]byte("-----BEGIN PUBLIC KEY-----\nMCo=\n-----END PUBLIC KEY-----\n"))
	f.Add([]byte("-----BEGIN PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nMCo=\n-----END PRIVATE KEY-----\n"))
	f.Add([]byte(`{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`))
	f.Add([]byte(`{"keys":[{"kty":"EC","crv":"P-256","use":"sig","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if keys, err := decodeKeys(text); err == nil {
			require.NotEmpty(t, keys)
			for id, key := range keys {
				require.NotEmpty(t, id)
				thumbprint, err := keyID(key)
				require.NoError(t, err)
				written, err := encodePublic(key)
				require.NoError(t, err)
				again, err := decodeKeys(written)
				require.NoError(t, err)
				require.Equal(t, keySet{thumbprint: key}, again)
			}
		}
		if key, err := decodePrivate(text); err == nil {
			written, err := encodePrivate(key)
			require.NoError(t, err)
			again, err := decodePrivate(written)
			require.NoError(t, err)
			require.True(t, again.Equal(key))
		}
	})
}
