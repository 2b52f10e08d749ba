package identity

import (
	"context"
	"errors"
	"fmt"
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
	find    func(keyID string) (key any, known bool)
	parser  *jwt.Parser
	longest time.Duration // that a token may still be good; 0: for ever
}

// OpenVerifier reads an issuer's keys from their source, and reads them again when the
// issuer may have changed them: its new key counts as soon as a token names it, and one
// that it has withdrawn ends to count after some minutes. It fails if the keys cannot be
// read at first.
func OpenVerifier(ctx context.Context, issuer string, source Source) (*Verifier, error) {
	ring, err := openKeyring(ctx, source)
	if err != nil {
		return nil, fmt.Errorf("identity: public keys: %w", err)
	}
	verifier := newVerifier(issuer, ring.find)
	verifier.longest = source.Longest
	return verifier, nil
}

// NewVerifier takes an issuer's keys for good: one or several as PEM blocks or as a JWK
// set, Ed25519 or ECDSA on P-256.
func NewVerifier(issuer string, public []byte) (*Verifier, error) {
	keys, err := decodeKeys(public)
	if err != nil {
		return nil, fmt.Errorf("identity: public keys: %w", err)
	}
	return newVerifier(issuer, func(id string) (any, bool) {
		key, known := keys[id]
		return key, known
	}), nil
}

func newVerifier(issuer string, find func(string) (any, bool)) *Verifier {
	return &Verifier{find: find, parser: jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodEdDSA.Alg(), jwt.SigningMethodES256.Alg()}),
		jwt.WithIssuer(issuer),
		jwt.WithExpirationRequired(),
		jwt.WithIssuedAt(),
		jwt.WithLeeway(clockSkew),
		jwt.WithStrictDecoding(),
	)}
}

// Verify reads a token. It returns ErrRefused unless the token was signed with EdDSA or
// ES256 by a key of the issuer, names the issuer, an account and a known role, and is
// good now, give or take a minute of clock difference.
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
	if left := time.Until(body.ExpiresAt.Time); v.longest > 0 && left > v.longest+clockSkew {
		return Identity{}, fmt.Errorf("%w: it is good until %s, and %s from now is the longest: have a shorter one issued",
			ErrRefused, body.ExpiresAt.UTC().Format(time.RFC3339), v.longest)
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
	key, known := v.find(id)
	if !known {
		return nil, fmt.Errorf("no key %.80q", id)
	}
	return key, nil
}
