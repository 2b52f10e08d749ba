package alipaygateway

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const (
	keyBits      = 2048
	lightKeyBits = 1024 // signs five times as fast
)

func openKeys(dir string, light bool) (merchant, alipay *rsa.PrivateKey, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, nil, fmt.Errorf("alipaygateway: keys: %w", err)
	}
	if merchant, err = openKey(dir, "merchant.pem", keyBits); err != nil {
		return nil, nil, err
	}
	bits := keyBits
	if light {
		bits = lightKeyBits
	}
	if alipay, err = openKey(dir, "alipay.pem", bits); err != nil {
		return nil, nil, err
	}
	return merchant, alipay, nil
}

// openKey reads a private key, or makes one if there is none yet.
func openKey(dir, name string, bits int) (*rsa.PrivateKey, error) {
	path := filepath.Join(dir, name)
	text, err := os.ReadFile(path) // #nosec G304 -- the operator's own directory
	if errors.Is(err, fs.ErrNotExist) {
		return makeKey(dir, path, bits)
	}
	if err != nil {
		return nil, fmt.Errorf("alipaygateway: key: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("alipaygateway: key %s is no PEM", path)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("alipaygateway: key %s: %w", path, err)
	}
	key, is := parsed.(*rsa.PrivateKey)
	if !is {
		return nil, fmt.Errorf("alipaygateway: key %s is no RSA key", path)
	}
	return key, nil
}

func makeKey(dir, path string, bits int) (*rsa.PrivateKey, error) {
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		return nil, fmt.Errorf("alipaygateway: make key: %w", err)
	}
	text, err := privatePEM(key)
	if err != nil {
		return nil, err
	}
	if err := writeWhole(dir, path, text); err != nil {
		return nil, fmt.Errorf("alipaygateway: write key: %w", err)
	}
	return key, nil
}

// writeWhole leaves either no file or the whole one, readable by its owner only.
func writeWhole(dir, path, text string) error {
	file, err := os.CreateTemp(dir, ".key-*") // made with mode 0600
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	if err = errors.Join(err, file.Sync(), file.Close()); err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return nil
}

func privatePEM(key *rsa.PrivateKey) (string, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return "", fmt.Errorf("alipaygateway: encode key: %w", err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), nil
}

func publicPEM(key *rsa.PublicKey) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return "", fmt.Errorf("alipaygateway: encode key: %w", err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), nil
}

// signedText is what a signature over fields is made of: every field that is not empty
// and not left out, in order.
func signedText(fields url.Values, without ...string) []byte {
	var pairs []string
	for name, values := range fields {
		for _, value := range values {
			if value != "" && !slices.Contains(without, name) {
				pairs = append(pairs, name+"="+value)
			}
		}
	}
	slices.Sort(pairs)
	return []byte(strings.Join(pairs, "&"))
}

// sign makes an RSA2 signature.
func sign(key *rsa.PrivateKey, text []byte) (string, error) {
	sum := sha256.Sum256(text)
	signature, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:])
	if err != nil {
		return "", fmt.Errorf("alipaygateway: sign: %w", err)
	}
	return base64.StdEncoding.EncodeToString(signature), nil
}

func verify(key *rsa.PublicKey, text []byte, signature string) error {
	raw, err := base64.StdEncoding.DecodeString(signature)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(text)
	return rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], raw)
}
