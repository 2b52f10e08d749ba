package main

import (
	"math/rand/v2"
	"os/exec"
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

	disk, domain := powercut.New(), 0
	for range cuts {
		data, unmount := disk.Mount(t)
		service := startProcess(t, data, inventory)
		var clients sync.WaitGroup
		for range buyers {
			first := domain
			domain += perBuyer
			clients.Go(func() { purchase(t, service, known, first, perBuyer) })
		}
		time.Sleep(time.Duration(random.IntN(900)) * time.Millisecond) // when the power goes is the point of the test
		disk = disk.Cut()
		service.kill(t)
		clients.Wait()
		unmount()
	}

	data, _ := disk.Mount(t)
	service := startProcess(t, data, inventory)
	requireAcknowledged(t, service, known)
	service.stop(t)
	requireSound(t, data)
}

// requireSound has a stopped ledger and its read models verified, by another process: this
// one may be playing the disk.
func requireSound(t *testing.T, data string) {
	t.Helper()
	for _, verb := range []string{"verify", "diff"} {
		said, err := exec.Command("pushledger", "audit", verb, "--data", data).CombinedOutput() // #nosec G204 -- the test's own words
		require.NoError(t, err, "%s", said)
	}
}
