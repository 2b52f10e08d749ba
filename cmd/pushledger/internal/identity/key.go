package identity

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
)

// maxKeyFile bounds what is read of a key file, in bytes. It holds some 500 keys.
const maxKeyFile = 64 << 10

// keyID is the JWK thumbprint of a public key (RFC 7638), so whoever holds the key
// names it the same without being told.
func keyID(key ed25519.PublicKey) string {
	jwk := `{"crv":"Ed25519","kty":"OKP","x":"` + base64.RawURLEncoding.EncodeToString(key) + `"}`
	sum := sha256.Sum256([]byte(jwk))
	return base64.RawURLEncoding.EncodeToString(sum[:])
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

func encodePublic(key ed25519.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}

// decodePublic reads one or several keys. Anything else in the text is refused, so that
// a key is not left out by a slip of the pen.
func decodePublic(text []byte) (map[string]ed25519.PublicKey, error) {
	keys := make(map[string]ed25519.PublicKey)
	for rest := bytes.TrimSpace(text); len(rest) > 0; rest = bytes.TrimSpace(rest) {
		block, after := pem.Decode(rest)
		read := rest[:len(rest)-len(after)] // with whatever was skipped to find a block
		if block == nil || block.Type != "PUBLIC KEY" || bytes.LastIndex(read, []byte("-----BEGIN ")) != 0 {
			return nil, errors.New("want nothing but whole PEM blocks PUBLIC KEY")
		}
		parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			return nil, err
		}
		key, isEd25519 := parsed.(ed25519.PublicKey)
		if !isEd25519 {
			return nil, fmt.Errorf("want an Ed25519 key, not %T", parsed)
		}
		keys[keyID(key)] = key
		rest = after
	}
	if len(keys) == 0 {
		return nil, errors.New("no key in it")
	}
	return keys, nil
}

func readBounded(file *os.File) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(file, maxKeyFile+1))
	if err == nil && len(text) > maxKeyFile {
		err = fmt.Errorf("more than %d bytes", maxKeyFile)
	}
	return text, err
}
