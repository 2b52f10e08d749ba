package main

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/eventstore/durablefile/powercut"
)

// TestAPowerCutLosesNothing is TestAKillAtAnyMomentLosesNothing on a disk that forgets what
// was not synced: bytes and names (F39).
func TestAPowerCutLosesNothing(t *testing.T) {
	t.Parallel()
	const cuts, buyers, perBuyer = 3, 6, 4
	seed := uint64(time.Now().UnixNano()) // #nosec G115 -- any number will do
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1)) // #nosec G404 -- a test's own dice
	inventory := writeInventory(t, cuts*buyers*perBuyer)
	known := &acknowledged{offered: map[string]outsideReply{}, accepted: map[string]outsideReply{}, paid: map[string]bool{}}

	disk, domain, keys := powercut.New(), 0, ""
	for i := range cuts {
		disk.SyncTakes = time.Duration(i) * 5 * time.Millisecond // a slow disk makes answers late, nothing else (F31)
		data, unmount := disk.Mount(t)
		service := startProcess(t, data, inventory)
		keys = requireSameKeys(t, data, keys)
		known.fresh()
		var clients sync.WaitGroup
		for range buyers {
			first := domain
			domain += perBuyer
			clients.Go(func() { purchase(t, service, known, first, perBuyer) })
		}
		if i > 0 { // the first cut may come before anything was acknowledged
			require.Eventually(t, known.some, readyPatience, time.Millisecond)
		}
		time.Sleep(time.Duration(random.IntN(900)) * time.Millisecond) // when the power goes is the point of the test
		disk = disk.Cut()
		service.kill(t)
		clients.Wait()
		unmount()
	}

	data, _ := disk.Mount(t)
	service := startProcess(t, data, inventory)
	requireSameKeys(t, data, keys)
	requireAcknowledged(t, service, known)
	service.stop(t)
	requireSound(t, data)
}

// requireSameKeys demands that no key was made anew, unless there were none before.
func requireSameKeys(t *testing.T, data, before string) string {
	t.Helper()
	var keys []string
	for _, file := range []string{"checkpoint.key", "transparency/key", "sandbox/issuer.key", "sandbox/merchant.pem", "sandbox/alipay.pem", "sandbox/root.pem", "sandbox/root.crt", "sandbox/merchant.crt", "sandbox/alipay.crt"} {
		text, err := os.ReadFile(filepath.Join(data, file)) // #nosec G304 -- the test's own directory
		require.NoError(t, err)
		keys = append(keys, string(text))
	}
	now := strings.Join(keys, "")
	if before != "" {
		require.True(t, before == now, "a key was made anew")
	}
	return now
}
