package bench

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"os"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/pushledger/pushledger/cmd/pushledger/internal/identity"
)

const (
	tokenKey  = "bench" // the name of the one key there is
	tokenLife = 24 * time.Hour
)

// issuer signs tokens as the platform of a service in production does.
type issuer struct{ key ed25519.PrivateKey }

// newIssuer writes the public key to a file, as a JWK set.
func newIssuer(path string) (*issuer, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	set := fmt.Sprintf(`{"keys":[{"kty":"OKP","crv":"Ed25519","kid":%q,"x":%q}]}`, tokenKey, base64.RawURLEncoding.EncodeToString(public))
	return &issuer{key: private}, os.WriteFile(path, []byte(set), 0o600)
}

func (i *issuer) token(account string, role identity.Role) (string, error) {
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, jwt.MapClaims{
		"iss": tokenIssuer, "sub": account, "role": role, "exp": time.Now().Add(tokenLife).Unix(),
	})
	token.Header["kid"] = tokenKey
	return token.SignedString(i.key)
}
