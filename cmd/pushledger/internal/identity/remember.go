package identity

import (
	"crypto/sha256"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

const (
	rememberedTokens = 8192
	rememberedFor    = 30 * time.Second // so that a key that is no longer trusted soon ends to count
)

type remembered struct {
	who   Identity
	until time.Time
}

// Remember verifies each token twice a minute at most: a client comes with the same one
// again and again, and a signature takes longer to check than most answers to find. What
// was refused is not remembered. The result is safe for concurrent use.
func Remember(verify func(token string) (Identity, error), now func() time.Time) func(token string) (Identity, error) {
	known, err := lru.New[[sha256.Size]byte, remembered](rememberedTokens)
	if err != nil {
		panic(err) // only for a size below 1
	}
	return func(token string) (Identity, error) {
		sum := sha256.Sum256([]byte(token))
		if found, is := known.Get(sum); is && now().Before(found.until) {
			return found.who, nil
		}
		who, err := verify(token)
		if err != nil {
			return Identity{}, err
		}
		until := now().Add(rememberedFor)
		if who.Expires.Before(until) {
			until = who.Expires
		}
		known.Add(sum, remembered{who, until})
		return who, nil
	}
}
