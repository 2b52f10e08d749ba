package gateway

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const keyBits = 2048

// Keys are the two key pairs of the protocol: the merchant signs its calls, Alipay its
// answers and notifications.
type Keys struct {
	merchant *rsa.PrivateKey
	provider *rsa.PrivateKey
}

// LoadKeys reads the keys from a directory, which only the owner can read, and makes
// what is not there.
func LoadKeys(dir string) (Keys, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return Keys{}, fmt.Errorf("gateway: keys: %w", err)
	}
	merchant, err := loadKey(filepath.Join(dir, "merchant.pem"))
	if err != nil {
		return Keys{}, fmt.Errorf("gateway: keys: %w", err)
	}
	provider, err := loadKey(filepath.Join(dir, "alipay.pem"))
	if err != nil {
		return Keys{}, fmt.Errorf("gateway: keys: %w", err)
	}
	return Keys{merchant: merchant, provider: provider}, nil
}

// MerchantPrivateKey is what the merchant signs with, as PEM.
func (k Keys) MerchantPrivateKey() string { return string(encodeKey(k.merchant)) }

// ProviderPublicKey is what the merchant checks Alipay's signatures with, as PEM.
func (k Keys) ProviderPublicKey() (string, error) {
	der, err := x509.MarshalPKIXPublicKey(&k.provider.PublicKey)
	if err != nil {
		return "", fmt.Errorf("gateway: keys: %w", err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), nil
}

func encodeKey(key *rsa.PrivateKey) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
}

func loadKey(path string) (*rsa.PrivateKey, error) {
	text, err := os.ReadFile(path) // #nosec G304 -- a file of the sandbox's own directory
	if errors.Is(err, fs.ErrNotExist) {
		return makeKey(path)
	}
	if err != nil {
		return nil, err
	}
	block, rest := pem.Decode(text)
	if block == nil || len(bytes.TrimSpace(rest)) > 0 {
		return nil, fmt.Errorf("%s is no PEM file of one key", path)
	}
	return x509.ParsePKCS1PrivateKey(block.Bytes)
}

// makeKey writes the file under another name first: a crash leaves no half of a key.
func makeKey(path string) (*rsa.PrivateKey, error) {
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return nil, err
	}
	file, err := os.CreateTemp(filepath.Dir(path), "new-key-*") // readable for the owner alone
	if err != nil {
		return nil, err
	}
	_, err = file.Write(encodeKey(key))
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return nil, errors.Join(err, os.Remove(file.Name()))
	}
	return key, nil
}
