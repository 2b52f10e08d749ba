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

	"github.com/pushledger/pushledger/eventstore/durablefile"
)

const keyBits = 2048

func openKeys(dir string) (merchant, alipay *rsa.PrivateKey, err error) {
	if merchant, err = openKey(dir, merchantKeyFile); err != nil {
		return nil, nil, err
	}
	if alipay, err = openKey(dir, alipayKeyFile); err != nil {
		return nil, nil, err
	}
	return merchant, alipay, nil
}

// openKey reads a private key, or makes one if there is none yet.
func openKey(dir, name string) (*rsa.PrivateKey, error) {
	path := filepath.Join(dir, name)
	key, err := readKey(path)
	if errors.Is(err, fs.ErrNotExist) {
		return makeKey(path)
	}
	return key, err
}

// readKey reads the private key with which a file begins.
func readKey(path string) (*rsa.PrivateKey, error) {
	text, err := os.ReadFile(path) // #nosec G304 -- the operator's own directory
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

func makeKey(path string) (*rsa.PrivateKey, error) {
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return nil, fmt.Errorf("alipaygateway: make key: %w", err)
	}
	text, err := privatePEM(key)
	if err != nil {
		return nil, err
	}
	if err := durablefile.Write(path, []byte(text)); err != nil {
		return nil, fmt.Errorf("alipaygateway: write key: %w", err)
	}
	return key, nil
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
