package identity

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
)

// maxKeyFile bounds what is read of a key file, in bytes. It holds some 500 keys.
const maxKeyFile = 64 << 10

// keySet is public keys by key id: ed25519.PublicKey for EdDSA, or *ecdsa.PublicKey on
// P-256 for ES256. A token says which algorithm it was signed with, but the key decides:
// the library refuses a key of the other kind.
type keySet map[string]any

// keyID is the JWK thumbprint of a public key (RFC 7638), so whoever holds the key
// names it the same without being told. It fails on a key of a kind that signs no token.
func keyID(key any) (string, error) {
	encode := base64.RawURLEncoding.EncodeToString
	var jwk string
	switch key := key.(type) {
	case ed25519.PublicKey:
		jwk = `{"crv":"Ed25519","kty":"OKP","x":"` + encode(key) + `"}`
	case *ecdsa.PublicKey:
		point, err := key.Bytes() // fails if it is not on its curve
		if err != nil {
			return "", err
		}
		if key.Curve != elliptic.P256() {
			return "", fmt.Errorf("want a key on P-256, not on %s", key.Curve.Params().Name)
		}
		x, y := point[1:1+len(point)/2], point[1+len(point)/2:]
		jwk = `{"crv":"P-256","kty":"EC","x":"` + encode(x) + `","y":"` + encode(y) + `"}`
	default:
		return "", fmt.Errorf("want an Ed25519 key or an ECDSA key on P-256, not %T", key)
	}
	sum := sha256.Sum256([]byte(jwk))
	return encode(sum[:]), nil
}

func encodePrivate(key ed25519.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

func decodePrivate(text []byte) (ed25519.PrivateKey, error) {
	block, rest := pem.Decode(text)
	if block == nil || block.Type != "PRIVATE KEY" || len(bytes.TrimSpace(rest)) > 0 {
		return nil, errors.New("want one PEM block PRIVATE KEY")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	key, isEd25519 := parsed.(ed25519.PrivateKey)
	if !isEd25519 {
		return nil, fmt.Errorf("want an Ed25519 key, not %T", parsed)
	}
	return key, nil
}

func encodePublic(key any) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}

// decodeKeys reads public keys: PEM blocks, or a JWK set (RFC 7517).
func decodeKeys(text []byte) (keySet, error) {
	if len(text) > maxKeyFile {
		return nil, fmt.Errorf("more than %d bytes", maxKeyFile)
	}
	decode := decodePEM
	if bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) {
		decode = decodeJWKSet
	}
	keys, err := decode(text)
	if err == nil && len(keys) == 0 {
		err = errors.New("no key in it that signs tokens")
	}
	if err != nil {
		return nil, err
	}
	return keys, nil
}

// decodePEM reads one or several keys. Anything else in the text is refused, so that a key
// is not left out by a slip of the pen.
func decodePEM(text []byte) (keySet, error) {
	keys := make(keySet)
	for rest := bytes.TrimSpace(text); len(rest) > 0; rest = bytes.TrimSpace(rest) {
		block, after := pem.Decode(rest)
		read := rest[:len(rest)-len(after)] // with whatever was skipped to find a block
		if block == nil || block.Type != "PUBLIC KEY" || bytes.LastIndex(read, []byte("-----BEGIN ")) != 0 {
			return nil, errors.New("want nothing but whole PEM blocks PUBLIC KEY")
		}
		key, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			return nil, err
		}
		id, err := keyID(key)
		if err != nil {
			return nil, err
		}
		keys[id] = key
		rest = after
	}
	return keys, nil
}

// readBounded reads no more than may be in a key file, and a byte that shows that there
// was more.
func readBounded(from io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(from, maxKeyFile+1))
	if err == nil && len(text) > maxKeyFile {
		err = fmt.Errorf("more than %d bytes", maxKeyFile)
	}
	return text, err
}
