package natsserver_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/eventstore/natsserver"
)

// described makes a stream with some messages in a directory and returns its description.
func described(t *testing.T, dir, name string, messages int) string {
	t.Helper()
	server, conn, js := running(t, dir)
	_, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: name, Subjects: []string{name}})
	require.NoError(t, err)
	for range messages {
		_, err = js.Publish(t.Context(), name, []byte("text"))
		require.NoError(t, err)
	}
	require.NoError(t, server.SyncDescriptions())
	conn.Close()
	require.NoError(t, server.Close())
	return filepath.Join(natsserver.StreamDir(dir, name), "meta.inf")
}

// A power cut leaves a stream like that if it comes while the stream is made.
func TestAStreamThatWasNeverFinishedIsMadeAnew(t *testing.T) {
	dir := t.TempDir()
	description := described(t, dir, "NEW", 0)
	require.NoError(t, os.Remove(description))
	require.NoError(t, os.RemoveAll(filepath.Join(filepath.Dir(description), "msgs")))
	start(t, dir)
	require.NoDirExists(t, filepath.Dir(description))
}

func TestADamagedStreamIsGivenUpOnlyIfItIsDerived(t *testing.T) {
	dir := t.TempDir()
	derived := described(t, dir, "DERIVED", 1)
	precious := described(t, dir, "PRECIOUS", 1)
	text, err := os.ReadFile(precious) // #nosec G304 -- the test's own file
	require.NoError(t, err)
	require.NoError(t, os.Truncate(derived, 0))
	require.NoError(t, os.Truncate(precious, 5))
	both := options(dir)
	both.Derived = []string{"DERIVED"}

	_, err = natsserver.Start(both)
	require.ErrorContains(t, err, "jetstream/$G/streams/PRECIOUS")
	require.FileExists(t, derived, "nothing is touched while something is lost")

	require.NoError(t, os.WriteFile(precious, text, 0o600))
	server, err := natsserver.Start(both)
	require.NoError(t, err)
	require.NoError(t, server.Close())
	require.FileExists(t, precious)
	require.NoDirExists(t, filepath.Dir(derived))
}

// F56: what the server keeps of a consumer has no checksum. A changed byte in it would have the
// server wait for ever, or skip messages.
func TestConsumersAreForgotten(t *testing.T) {
	dir := t.TempDir()
	described(t, dir, "KEPT", 3)
	server, conn, js := running(t, dir)
	reader := jetstream.ConsumerConfig{Durable: "reader", AckPolicy: jetstream.AckExplicitPolicy}
	consumer, err := js.CreateConsumer(t.Context(), "KEPT", reader)
	require.NoError(t, err)
	message, err := consumer.Next()
	require.NoError(t, err)
	require.NoError(t, message.DoubleAck(t.Context()))
	conn.Close()
	require.NoError(t, server.Close())
	state := filepath.Join(natsserver.StreamDir(dir, "KEPT"), "obs", "reader", "o.dat")
	require.FileExists(t, state)
	require.NoError(t, os.WriteFile(state, []byte{22, 2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}, 0o600))
	forgetful := options(dir)
	forgetful.ForgetConsumers = true

	server, err = natsserver.Start(forgetful)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })

	conn, err = server.Connect("test", everything())
	require.NoError(t, err)
	t.Cleanup(conn.Close)
	js, err = jetstream.New(conn)
	require.NoError(t, err)
	consumer, err = js.CreateConsumer(t.Context(), "KEPT", reader)
	require.NoError(t, err)
	require.EqualValues(t, 3, consumer.CachedInfo().NumPending, "nothing of the stream is lost")
}
