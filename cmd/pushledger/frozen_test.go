package main

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// A process that stands still for longer than its partners are waited for, under load, goes
// on as if nothing had happened (F35 on one node).
func TestAFrozenProcessLosesNothing(t *testing.T) {
	t.Parallel()
	const buyers, perBuyer = 4, 4
	data := t.TempDir()
	service := startProcess(t, data, writeInventory(t, buyers*perBuyer))
	known := &acknowledged{offered: map[string]outsideReply{}, accepted: map[string]outsideReply{}, paid: map[string]bool{}}
	var clients sync.WaitGroup
	for buyer := range buyers {
		clients.Go(func() { purchase(t, service, known, buyer*perBuyer, perBuyer) })
	}
	require.Eventually(t, known.some, readyPatience, time.Millisecond)
	require.NoError(t, service.command.Process.Signal(syscall.SIGSTOP))
	time.Sleep(3 * time.Second) // that it stands still is the point of the test
	require.NoError(t, service.command.Process.Signal(syscall.SIGCONT))
	clients.Wait()
	requireAcknowledged(t, service, known)
	service.stop(t)
	requireVerified(t, data)
}

// A process with few file descriptors, of which a flood of connections takes all, turns
// connections and commands away and goes on when the flood is over (F31).
func TestAFloodOfConnectionsIsSurvivedWithFewFileDescriptors(t *testing.T) {
	t.Parallel()
	const files, flood = 256, 400
	data := t.TempDir()
	service, err := launchAs(data, writeInventory(t, 8), "sh", "-c", fmt.Sprintf(`ulimit -n %d && exec "$0" "$@"`, files), "pushledger")
	require.NoError(t, err)
	service.endWith(t)
	known := &acknowledged{offered: map[string]outsideReply{}, accepted: map[string]outsideReply{}, paid: map[string]bool{}}
	purchase(t, service, known, 0, 2)
	require.Len(t, known.paid, 2)
	seller := service.connect(t, "anna")

	var held []net.Conn
	for _, address := range []string{service.ready.NATSURL, service.ready.HTTPURL} {
		_, address, _ = strings.Cut(address, "://")
		for range flood {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
			cancel()
			if err == nil {
				held = append(held, conn)
			}
		}
	}
	require.Greater(t, len(held), files)
	waiting := make(map[string]string)
	for i := 2; i < 7; i++ {
		id, command := fmt.Sprintf("d%d", i), uuid.NewString()
		reply, err := request(seller, "push.cmd.anna.offer", offerOf(id), command)
		if err == nil && reply.OK {
			known.note(known.offered, id, reply)
			continue
		}
		if err == nil {
			require.Equal(t, "unavailable", reply.Error.Code)
		}
		waiting[id] = command
	}
	t.Logf("%d offers taken during the flood, %d not", len(known.offered)-2, len(waiting))
	for _, conn := range held {
		require.NoError(t, conn.Close())
	}
	for id, command := range waiting {
		require.Eventually(t, func() bool { return offered(service, known, id, command) }, readyPatience, lookAgain, "%s", service.stderr)
	}
	requireAcknowledged(t, service, known)
	service.stop(t)
	requireVerified(t, data)
}
