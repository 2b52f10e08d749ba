package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/eventstore/durablefile/powercut"
)

// smallDisk is a directory with little room, until the test ends.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("a full disk cannot be played here: mount: %v", err)
	}
	t.Cleanup(func() {
		require.NoError(t, syscall.Unmount(dir, syscall.MNT_DETACH))
	})
	return dir
}

// fill takes all the room that is left. It reports whether there was any.
func fill(t *testing.T, path string) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600) // #nosec G304 -- the test's own file
	require.NoError(t, err)
	for size := 1 << 20; size > 0; {
		if _, err := file.Write(make([]byte, size)); errors.Is(err, syscall.ENOSPC) {
			size /= 2
		} else {
			require.NoError(t, err)
		}
	}
	require.NoError(t, file.Close())
}

// TestAFullDiskLosesNothingAndTheServiceRecovers (F31): on a full disk commands are
// unavailable; once there is room the same process goes on at the same addresses, with all
// that it ever acknowledged.
func TestAFullDiskLosesNothingAndTheServiceRecovers(t *testing.T) {
	const domains = 2000
	t.Parallel()
	data := smallDisk(t, "96m")
	service := startProcess(t, data, writeInventory(t, domains))
	known := &acknowledged{offered: map[string]outsideReply{}, accepted: map[string]outsideReply{}, paid: map[string]bool{}}
	purchase(t, service, known, 0, 3)
	require.Len(t, known.paid, 3)

	filler := filepath.Join(data, "filler")
	fill(t, filler)
	waiting := make(map[string]string) // Command-Ids of offers that were not answered with yes
	full := time.Now()
	next := 3
	for ; next < domains-1 && service.readiness() == http.StatusOK; next++ {
		require.Less(t, time.Since(full), readyPatience, "the service has not noticed that its disk is full\n%s", service.stderr)
		id, command := fmt.Sprintf("d%d", next), uuid.NewString()
		if !offered(service, known, id, command) {
			waiting[id] = command
		}
		fill(t, filler)
	}
	require.NotEqual(t, http.StatusOK, service.readiness())
	id, command := fmt.Sprintf("d%d", next), uuid.NewString()
	require.False(t, offered(service, known, id, command))
	waiting[id] = command
	t.Logf("full for %s: %d offers taken, %d not", time.Since(full).Round(time.Millisecond), len(known.offered), len(waiting))

	require.NoError(t, os.Remove(filler))
	for id, command := range waiting {
		require.Eventually(t, func() bool { return offered(service, known, id, command) }, readyPatience, 100*time.Millisecond, "%s", service.stderr)
	}
	requireAcknowledged(t, service, known)
	service.stop(t)
	requireSound(t, data)
}

// TestALogThatCouldNotBeWrittenIsOpenedAnew (F31): after one write that failed the embedded
// server takes no message any more. The service notices and starts anew by itself.
func TestALogThatCouldNotBeWrittenIsOpenedAnew(t *testing.T) {
	t.Parallel()
	disk := powercut.New()
	data, _ := disk.Mount(t)
	service := startProcess(t, data, writeInventory(t, 100))
	known := &acknowledged{offered: map[string]outsideReply{}, accepted: map[string]outsideReply{}, paid: map[string]bool{}}
	purchase(t, service, known, 0, 3)
	require.Len(t, known.paid, 3)

	// A command that is alone goes straight to the disk and breaks the log, one in company
	// is refused without harm; either way the service comes back, but it is the broken log
	// that this test is about.
	for round := 0; round < 10 && !strings.Contains(service.stderr.String(), "starts anew"); round++ {
		push, other := fmt.Sprintf("d%d", 50+2*round), fmt.Sprintf("d%d", 51+2*round)
		require.True(t, offered(service, known, push, uuid.NewString()))
		disk.Fill(true)
		accept, offer := uuid.NewString(), uuid.NewString()
		require.False(t, accepted(service, known, push, accept))
		require.Eventually(t, func() bool { return service.readiness() != http.StatusOK }, readyPatience, 50*time.Millisecond, "%s", service.stderr)
		require.False(t, offered(service, known, other, offer))
		disk.Fill(false)
		require.Eventually(t, func() bool { return accepted(service, known, push, accept) }, readyPatience, 100*time.Millisecond, "%s", service.stderr)
		require.Eventually(t, func() bool { return offered(service, known, other, offer) }, readyPatience, 100*time.Millisecond, "%s", service.stderr)
	}
	require.Contains(t, service.stderr.String(), "starts anew")
	requireAcknowledged(t, service, known)
	service.stop(t)
	requireSound(t, data)
}
