package identity

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/pushledger/pushledger/eventstore/durablefile"
	"github.com/pushledger/pushledger/eventstore/secretfile"
)

// SandboxIssuer is the "iss" of every token that an Issuer signs. A service that is no
// sandbox must not accept it.
const SandboxIssuer = "pushledger-sandbox"

// MaxLife is the longest life of a token.
const MaxLife = 366 * 24 * time.Hour

// Issuer signs the tokens of a sandbox. It is safe for concurrent use.
type Issuer struct {
	key ed25519.PrivateKey
}

// claims is the body of a token.
type claims struct {
	jwt.RegisteredClaims
	Role Role `json:"role"`
}

// OpenIssuer reads the signing key (PKCS #8 PEM) from a file, which nobody but its owner
// may read, and makes key and file if there is none. Of several processes that start at
// once, all end up with the same key.
func OpenIssuer(path string) (*Issuer, error) {
	key, err := readPrivate(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err = createPrivate(path); err == nil || errors.Is(err, fs.ErrExist) {
			key, err = readPrivate(path)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("identity: signing key %s: %w", path, err)
	}
	return &Issuer{key: key}, nil
}

// Mint signs a token that is good from now for life, at most MaxLife.
func (i *Issuer) Mint(account string, role Role, life time.Duration) (string, error) {
	if err := check(account, role); err != nil {
		return "", fmt.Errorf("identity: mint: %w", err)
	}
	if life < time.Second || life > MaxLife {
		return "", fmt.Errorf("identity: mint: a life of %s is not between 1s and %s", life, MaxLife)
	}
	now := time.Now()
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, claims{
		Role: role,
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer:    SandboxIssuer,
			Subject:   account,
			IssuedAt:  jwt.NewNumericDate(now),
			ExpiresAt: jwt.NewNumericDate(now.Add(life)),
		},
	})
	id, err := keyID(i.public())
	if err != nil {
		return "", fmt.Errorf("identity: mint: %w", err)
	}
	token.Header["kid"] = id
	text, err := token.SignedString(i.key)
	if err != nil {
		return "", fmt.Errorf("identity: mint: %w", err)
	}
	return text, nil
}

// PublicPEM is the key that a Verifier needs, as one PEM block.
func (i *Issuer) PublicPEM() ([]byte, error) {
	text, err := encodePublic(i.public())
	if err != nil {
		return nil, fmt.Errorf("identity: public key: %w", err)
	}
	return text, nil
}

func (i *Issuer) public() ed25519.PublicKey {
	return ed25519.PublicKey(i.key[ed25519.SeedSize:])
}

func readPrivate(path string) (ed25519.PrivateKey, error) {
	text, err := secretfile.Read(path, maxKeyFile)
	if err != nil {
		return nil, err
	}
	return decodePrivate(text)
}

// createPrivate makes a file with a new key. It returns fs.ErrExist if somebody else was
// first.
func createPrivate(path string) error {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	text, err := encodePrivate(key)
	if err != nil {
		return err
	}
	return durablefile.Create(path, text)
}
