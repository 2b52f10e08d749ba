package alipay

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/smartwalle/ncrypto"
)

// keys are what questions are signed and answers verified with. They do not change.
type keys struct {
	own       *rsa.PrivateKey
	app, root string               // serials that every question carries; empty: no certificates
	alipay    map[string]alipayKey // by the serial of its certificate; without certificates one by ""
	expiries  []Certificate
}

// alipayKey counts for a time.
type alipayKey struct {
	public      *rsa.PublicKey
	from, until time.Time // zero: always
}

func (a alipayKey) counts(now time.Time) bool {
	return a.until.IsZero() || !now.Before(a.from) && !now.After(a.until)
}

// certified reports whether both sides sign with certificates.
func (k *keys) certified() bool { return k.app != "" }

// plainKeys are those of an application that signs without certificates, as far as they
// are given.
func plainKeys(privateKey, alipayPublicKey string) (*keys, error) {
	k := &keys{alipay: make(map[string]alipayKey, 1)}
	wrong := k.readOwn("", privateKey)
	public, err := ncrypto.DecodePublicKey([]byte(strings.TrimSpace(alipayPublicKey))).PKIX().RSAPublicKey()
	if err != nil && alipayPublicKey != "" {
		wrong = errors.Join(wrong, fmt.Errorf("alipay's public key: %w", err))
	}
	k.alipay[""] = alipayKey{public: public}
	return k, wrong
}

// readPrivateKey reads a key as PKCS #1 or #8, in PEM or as bare base64.
func readPrivateKey(text string) (*rsa.PrivateKey, error) {
	decoded := ncrypto.DecodePrivateKey([]byte(strings.TrimSpace(text)))
	key, err := decoded.PKCS1().RSAPrivateKey()
	if err != nil {
		key, err = decoded.PKCS8().RSAPrivateKey()
	}
	if err == nil && key == nil {
		err = errors.New("no RSA key")
	}
	return key, err
}

// sign makes an RSA2 signature.
func (k *keys) sign(text string) (string, error) {
	digest := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(nil, k.own, crypto.SHA256, digest[:])
	if err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(signature), nil
}

// named is the key of the certificate that Alipay says to have signed with. What is not
// known is not asked for either.
func (k *keys) named(serial string, now time.Time) (*rsa.PublicKey, error) {
	key, known := k.alipay[serial]
	switch {
	case known && key.counts(now):
		return key.public, nil
	case known:
		return nil, fmt.Errorf("signed with certificate %s, which does not count any more, or not yet", serial)
	case !k.certified():
		return nil, errors.New("signed with a certificate, which was not agreed on")
	case serial == "":
		return nil, errors.New("it does not say with which certificate it is signed")
	default:
		return nil, fmt.Errorf("signed with certificate %.40q, which is not known", serial)
	}
}

// verify checks Alipay's signature on any of some texts.
func verify(key *rsa.PublicKey, signature string, texts ...string) error {
	raw, err := base64.StdEncoding.Strict().DecodeString(signature)
	if err != nil {
		return fmt.Errorf("signature: %w", err)
	}
	for _, text := range texts {
		digest := sha256.Sum256([]byte(text))
		if err = rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], raw); err == nil {
			return nil
		}
	}
	return fmt.Errorf("signature: %w", err)
}

// retiring are the keys with those of older ones that they lack, for what is still under
// way: until some instant, and no longer than they would have counted anyway.
func (k *keys) retiring(older *keys, now, until time.Time) *keys {
	for serial, key := range older.alipay {
		if _, still := k.alipay[serial]; still || !key.counts(now) {
			continue
		}
		if until.Before(key.until) {
			key.until = until
		}
		k.alipay[serial] = key
	}
	return k
}

// signedText is what a signature over fields is made of: all but some, in order.
func signedText(fields map[string][]string, without ...string) string {
	var pairs []string
	for name, values := range fields {
		for _, value := range values {
			if !slices.Contains(without, name) {
				pairs = append(pairs, name+"="+value)
			}
		}
	}
	slices.Sort(pairs)
	return strings.Join(pairs, "&")
}
