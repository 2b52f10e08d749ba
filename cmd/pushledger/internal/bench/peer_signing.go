package bench

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"runtime"
)

const (
	kindSigning           = "signing"
	signatureBits         = 2048
	signaturesPerPurchase = 4 // of the order, its notification, the payout and its answer
)

// signingPeer makes as many signatures as the processor can, on all cores.
type signingPeer struct{ key *rsa.PrivateKey }

func startSigning(context.Context, setup) (peer, error) {
	key, err := rsa.GenerateKey(rand.Reader, signatureBits)
	return &signingPeer{key: key}, err
}

func (p *signingPeer) ready() ready { return ready{} }
func (p *signingPeer) close() error { return nil }

// do makes the signatures of whole purchases.
func (p *signingPeer) do(ctx context.Context, wanted order) (sample, error) {
	return load(ctx, runtime.NumCPU(), wanted.span(), func(_ context.Context, number int) error {
		for part := range signaturesPerPurchase {
			digest := sha256.Sum256(fmt.Appendf(nil, "%d.%d", number, part))
			if _, err := rsa.SignPKCS1v15(rand.Reader, p.key, crypto.SHA256, digest[:]); err != nil {
				return err
			}
		}
		return nil
	})
}
