package commands_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/commands"
	"github.com/pushledger/pushledger/eventstore/natsserver"
)

// counter is a server with a queue of submitted commands.
type counter struct {
	t       *testing.T
	desk    *desk
	server  *natsserver.Server
	caller  *nats.Conn
	js      jetstream.JetStream
	results *nats.Subscription
}

func openCounter(t *testing.T) *counter {
	server, err := natsserver.Start(natsserver.Options{StoreDir: t.TempDir(), Listen: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	c := &counter{t: t, desk: newDesk(), server: server}
	c.caller = c.connect("caller", []string{">"}, []string{">"}, nats.CustomInboxPrefix("_INBOX."+anna))
	c.js, err = jetstream.New(c.caller)
	require.NoError(t, err)
	c.results, err = c.caller.SubscribeSync("push.result.>")
	require.NoError(t, err)
	require.NoError(t, c.caller.Flush())
	return c
}

func (c *counter) connect(name string, publish, subscribe []string, options ...nats.Option) *nats.Conn {
	c.t.Helper()
	conn, err := c.server.Connect(name, natsserver.Grant{Name: name, Publish: publish, Subscribe: subscribe}, options...)
	require.NoError(c.t, err)
	c.t.Cleanup(conn.Close)
	return conn
}

// open works the queue off until the returned function is called.
func (c *counter) open() (stop func()) {
	c.t.Helper()
	conn := c.connect("submissions", []string{"$JS.API.>", "$JS.ACK.>", "push.result.>"}, []string{"_INBOX.>"})
	door := c.connect("intake", []string{"push.queue.>", "_INBOX.>"}, []string{"push.submit.*.*", "_INBOX.>"})
	queue, err := commands.OpenSubmissions(c.t.Context(), conn, door, deskLike(c.desk), slog.New(slog.DiscardHandler))
	require.NoError(c.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- queue.Run(ctx) }()
	return func() {
		cancel()
		require.NoError(c.t, <-ended)
	}
}

// deskLike is a handler on the same log and partners that remembers nothing.
func deskLike(d *desk) *commands.Handler {
	fresh := deskOn(d.log, d.log)
	config := fresh.Config
	config.Registrar, config.Directory, config.Provider = d.partners, d.partners, d.partners
	return commands.NewHandler(config)
}

func (c *counter) submit(account, verb, id, body string) {
	c.t.Helper()
	message := nats.NewMsg("push.submit." + account + "." + verb)
	message.Data = []byte(body)
	if id != "" {
		message.Header.Set("Command-Id", id)
	}
	_, err := c.js.PublishMsg(c.t.Context(), message)
	require.NoError(c.t, err)
}

// result waits for the next result and returns it with the last token of its subject.
func (c *counter) result() (string, commands.Reply) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 30*time.Second)
	defer cancel()
	message, err := c.results.NextMsgWithContext(ctx)
	require.NoError(c.t, err)
	var reply commands.Reply
	require.NoError(c.t, json.Unmarshal(message.Data, &reply))
	require.True(c.t, strings.HasPrefix(message.Subject, "push.result."))
	return message.Subject[strings.LastIndex(message.Subject, ".")+1:], reply
}

func (c *counter) waiting() uint64 {
	c.t.Helper()
	stream, err := c.js.Stream(c.t.Context(), "PUSH_SUBMISSIONS")
	require.NoError(c.t, err)
	return stream.CachedInfo().State.Msgs
}

func TestASubmittedCommandIsCarriedOutAndItsResultPublished(t *testing.T) {
	c := openCounter(t)
	stop := c.open()
	id := uuid.NewString()
	c.submit(anna, "offer", id, offerP1)
	about, reply := c.result()
	require.Equal(t, id, about)
	require.Equal(t, "p-1", done(t, reply).PushID)

	c.submit(anna, "offer", "", strings.Replace(offerP1, "p-1", "p-2", 1))
	about, reply = c.result()
	require.Equal(t, reply.CommandID, about, "one without an id gets one")
	require.False(t, reply.OK, "the domains are pushed already")

	c.submit(anna, "offer", id, offerP1)
	_, again := c.result()
	require.True(t, again.OK, "a missed result is said again")
	stop()
	require.Zero(t, c.waiting())
}

func TestSubmittedCommandsOfOneAccountKeepTheirOrder(t *testing.T) {
	c := openCounter(t)
	defer c.open()()
	const pushes = 50
	for i := range pushes {
		c.submit(anna, "offer", "", offerOf(fmt.Sprintf("p-%d", i), "same.com"))
		c.submit(anna, "withdraw", "", fmt.Sprintf(`{"push_id":"p-%d"}`, i))
	}
	for range 2 * pushes {
		_, reply := c.result()
		done(t, reply)
	}
}

func TestASubmittedCommandWaitsForThePartners(t *testing.T) {
	c := openCounter(t)
	c.desk.down.Store(true)
	defer c.open()()
	c.submit(anna, "offer", uuid.NewString(), offerP1)
	require.Eventually(t, func() bool { return c.desk.asked.Load() > 1 }, 30*time.Second, time.Millisecond, "it is tried again")
	c.desk.down.Store(false)
	_, reply := c.result()
	done(t, reply)
}

// Whatever is under way when the service goes away is carried out once by the next.
func TestSubmittedCommandsSurviveRestarts(t *testing.T) {
	c := openCounter(t)
	c.desk.down.Store(true) // so that nothing is done before the first is stopped
	stop := c.open()
	const pushes = 200
	ids := make(map[string]bool)
	for i := range pushes {
		id := uuid.NewString()
		ids[id] = true
		c.submit(anna, "offer", id, offerOf(fmt.Sprintf("p-%d", i), fmt.Sprintf("d-%d.com", i)))
	}
	stop()
	c.desk.down.Store(false)
	for len(ids) > 0 {
		stop := c.open()
		for range min(17, len(ids)) { // it may be stopped with some of them begun
			id, reply := c.result()
			done(t, reply)
			delete(ids, id)
		}
		stop()
	}
	require.Equal(t, uint64(2*pushes), c.desk.length(t), "each once")
}

// What a client makes depend on the queue is not carried out without that.
func TestASubmissionThatExpectsSomethingOfTheQueueIsRefused(t *testing.T) {
	c := openCounter(t)
	stop := c.open()
	defer stop()
	for _, header := range []string{
		jetstream.ExpectedStreamHeader, jetstream.ExpectedLastSeqHeader, jetstream.ExpectedLastSubjSeqHeader,
		jetstream.ExpectedLastMsgIDHeader, "Nats-Expected-Last-Subject-Sequence-Subject", "nats-expected-last-sequence", "Nats-Expected-Of-Tomorrow",
	} {
		id := uuid.NewString()
		message := nats.NewMsg("push.submit." + anna + ".offer")
		message.Data = []byte(offerOf("expects", "same.com"))
		message.Header["Command-Id"], message.Header[header] = []string{id}, []string{"0"}
		_, err := c.js.PublishMsg(t.Context(), message)
		require.NoError(t, err, header)
		said, reply := c.result()
		require.Equal(t, id, said, header)
		require.False(t, reply.OK, header)
		require.Equal(t, push.CodeUnknownHeader, reply.Error.Code, header)
		require.Contains(t, reply.Error.Message, header)
	}
	c.submit(anna, "withdraw", "", `{"push_id":"expects"}`)
	_, reply := c.result()
	require.Equal(t, push.CodePushNotFound, reply.Error.Code, "none was carried out")
}
