package identity

import (
	"errors"
	"fmt"

	"github.com/MicahParks/jwkset"
	"github.com/go-json-experiment/json"
)

// jwk is what is looked at of a key in a JWK set. Certificates in it are not: the set
// itself is what is trusted.
type jwk struct {
	Type      jwkset.KTY `json:"kty"`
	Use       string     `json:"use"`
	Algorithm string     `json:"alg"`
	ID        string     `json:"kid"`
	Curve     jwkset.CRV `json:"crv"`
	X         string     `json:"x"`
	Y         string     `json:"y"`
	Private   string     `json:"d"`
}

// algorithms of the keys that sign tokens, by curve.
var algorithms = map[jwkset.CRV]string{jwkset.CrvEd25519: "EdDSA", jwkset.CrvP256: "ES256"}

// decodeJWKSet reads the keys of a set that sign tokens. Others may be in it, as a set may
// serve other purposes too; a private key may not.
func decodeJWKSet(text []byte) (keySet, error) {
	var set struct {
		Keys []jwk `json:"keys"`
	}
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, fmt.Errorf("JWK set: %w", err)
	}
	keys := make(keySet)
	for i, candidate := range set.Keys {
		if candidate.Private != "" {
			return nil, fmt.Errorf("JWK set: key %d is a private key: it must be replaced, others have read it", i)
		}
		algorithm := algorithms[candidate.Curve]
		if algorithm == "" || candidate.Use != "" && candidate.Use != "sig" || candidate.Algorithm != "" && candidate.Algorithm != algorithm {
			continue
		}
		id, key, err := candidate.decode()
		if err != nil {
			return nil, fmt.Errorf("JWK set: key %d: %w", i, err)
		}
		if _, twice := keys[id]; twice {
			return nil, fmt.Errorf("JWK set: key %d: there is another one with key id %.80q", i, id)
		}
		keys[id] = key
	}
	return keys, nil
}

func (j jwk) decode() (id string, key any, err error) {
	parsed, err := jwkset.NewJWKFromMarshal(
		jwkset.JWKMarshal{KTY: j.Type, CRV: j.Curve, X: j.X, Y: j.Y}, jwkset.JWKMarshalOptions{}, jwkset.JWKValidateOptions{})
	if err != nil {
		return "", nil, err
	}
	thumbprint, err := keyID(parsed.Key())
	if err != nil {
		return "", nil, err
	}
	if len(j.ID) > maxKeyID {
		return "", nil, errors.New("its key id is too long")
	}
	if j.ID == "" {
		return thumbprint, parsed.Key(), nil
	}
	return j.ID, parsed.Key(), nil
}

const maxKeyID = 256 // bytes
