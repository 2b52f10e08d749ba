package identity

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// maxToken bounds what is looked at of a token, in bytes.
const maxToken = 4 << 10

// clockSkew is how far the clocks of issuer and verifier may differ.
const clockSkew = time.Minute

// ErrRefused means that a token does not let its bearer in. It is wrapped with the
// reason, which is for the log and not for the bearer.
var ErrRefused = errors.New("identity: token refused")

// Verifier checks tokens against the public keys of their issuer. It is safe for
// concurrent use.
type Verifier struct {
	keys   map[string]ed25519.PublicKey // by key id
	parser *jwt.Parser
}

// OpenVerifier reads the keys from a file, as NewVerifier takes them.
func OpenVerifier(path string) (verifier *Verifier, err error) {
	file, err := os.Open(path) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, fmt.Errorf("identity: public keys: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	text, err := readBounded(file)
	if err != nil {
		return nil, fmt.Errorf("identity: public keys %s: %w", path, err)
	}
	return NewVerifier(text)
}

// NewVerifier takes one or several Ed25519 keys as PEM blocks. Several let an issuer
// change its key: the new one is added here before it signs, the old one is removed when
// its last token has expired.
func NewVerifier(publicPEM []byte) (*Verifier, error) {
	keys, err := decodePublic(publicPEM)
	if err != nil {
		return nil, fmt.Errorf("identity: public keys: %w", err)
	}
	return &Verifier{keys: keys, parser: jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodEdDSA.Alg()}),
		jwt.WithIssuer(issuerName),
		jwt.WithExpirationRequired(),
		jwt.WithIssuedAt(),
		jwt.WithLeeway(clockSkew),
		jwt.WithStrictDecoding(),
	)}, nil
}

// Verify reads a token. It returns ErrRefused unless the token was signed with EdDSA by
// a key of this verifier for this ledger, names an account and a known role, and is good
// now, give or take a minute of clock difference.
func (v *Verifier) Verify(token string) (Identity, error) {
	if len(token) > maxToken {
		return Identity{}, fmt.Errorf("%w: longer than %d bytes", ErrRefused, maxToken)
	}
	if strings.ContainsAny(token, "\r\n") { // base64 skips them: one token would have many spellings
		return Identity{}, fmt.Errorf("%w: a line break in it", ErrRefused)
	}
	var body claims
	if _, err := v.parser.ParseWithClaims(token, &body, v.findKey); err != nil {
		return Identity{}, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	if err := check(body.Subject, body.Role); err != nil {
		return Identity{}, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return Identity{Account: body.Subject, Role: body.Role, Expires: body.ExpiresAt.UTC()}, nil
}

func (v *Verifier) findKey(token *jwt.Token) (any, error) {
	if _, critical := token.Header["crit"]; critical {
		return nil, errors.New("critical header extensions are not understood")
	}
	id, _ := token.Header["kid"].(string)
	key, known := v.keys[id]
	if !known {
		return nil, fmt.Errorf("no key %.80q", id)
	}
	return key, nil
}
