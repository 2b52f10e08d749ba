package main

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

const (
	sendsAtOnce     = 64
	duplicateWindow = 1500 * time.Millisecond // longer than the log's server remembers any message's id
)

// sendAtOnce sends one command many times at once, over some connections, and returns the
// answer if it was the same to all.
func sendAtOnce(t *testing.T, service *process, id, body string) outsideReply {
	t.Helper()
	conns := make([]*nats.Conn, 8)
	for i := range conns {
		conns[i] = service.connect(t, "anna")
	}
	answers := make([]outsideReply, sendsAtOnce)
	var group errgroup.Group
	for i := range answers {
		group.Go(func() (err error) {
			answers[i], err = insist(conns[i%len(conns)], "push.cmd.anna.offer", body, id)
			return err
		})
	}
	require.NoError(t, group.Wait())
	for _, answer := range answers {
		require.True(t, answer.OK, answer.Error)
		require.Equal(t, answers[0], answer)
	}
	return answers[0]
}

// A command id has one effect for ever: sent 64 times at once, after the server under the
// log has forgotten the ids of its messages, and after the process was killed.
func TestACommandIDHasOneEffectForEver(t *testing.T) {
	data, inventory := t.TempDir(), inventoryOf(t, []string{"d1.com", "d2.com"})
	service := startProcess(t, data, inventory)
	id := uuid.NewString()
	first := sendAtOnce(t, service, id, offerOf("d1"))

	time.Sleep(duplicateWindow)
	require.Equal(t, first, sendAtOnce(t, service, id, offerOf("d1")))
	service.kill(t)
	service = startProcess(t, data, inventory)
	require.Equal(t, first, sendAtOnce(t, service, id, offerOf("d1")))

	other, err := request(service.connect(t, "anna"), "push.cmd.anna.offer", offerOf("d1"), uuid.NewString())
	require.NoError(t, err)
	require.False(t, other.OK, "another id is another command")
	next, err := insist(service.connect(t, "anna"), "push.cmd.anna.offer", offerOf("d2"), uuid.NewString())
	require.NoError(t, err)
	require.Equal(t, first.Seq+2, next.Seq, "nothing else was recorded in between")
}
