package intake_test

import (
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/pushledger/pushledger/eventstore/intake"
	"github.com/pushledger/pushledger/eventstore/natsserver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 30 * time.Second

// post is a stream KEPT behind an intake, whose publishers are the accounts of a subject.
type post struct {
	server    *natsserver.Server
	publisher *nats.Conn
	stream    jetstream.Stream
	taken     *intake.Intake
}

func open(t *testing.T) post {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	server, err := natsserver.Start(natsserver.Options{StoreDir: t.TempDir(), Listen: "127.0.0.1:0", Logger: quiet})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	p := post{server: server}
	p.publisher = p.connect(t, natsserver.Grant{Publish: []string{">"}, Subscribe: []string{">"}}, nats.CustomInboxPrefix("_INBOX.ann"))
	js, err := jetstream.New(p.publisher)
	require.NoError(t, err)
	p.stream, err = js.CreateStream(t.Context(), jetstream.StreamConfig{
		Name: "KEPT", Subjects: []string{"kept.>"}, MaxMsgsPerSubject: 3, DiscardNewPerSubject: true, Discard: jetstream.DiscardNew,
	})
	require.NoError(t, err)
	conn := p.connect(t, natsserver.Grant{
		Publish: []string{"kept.>", "_INBOX.>"}, Subscribe: []string{"letters.>", "_INSIDE.>"},
	}, nats.CustomInboxPrefix("_INSIDE"))
	p.taken, err = intake.Open(conn, intake.Route{
		Outside: "letters.", Inside: "kept.", Tokens: 2,
		Inbox:   func(subject string) string { return "_INBOX." + strings.Split(subject, ".")[1] + "." },
		Headers: []string{"Name"},
	}, quiet)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.taken.Close()) })
	return p
}

func (p post) connect(t *testing.T, grant natsserver.Grant, options ...nats.Option) *nats.Conn {
	t.Helper()
	conn, err := p.server.Connect("test", grant, options...)
	require.NoError(t, err)
	t.Cleanup(conn.Close)
	return conn
}

func (p post) kept(t *testing.T) uint64 {
	t.Helper()
	info, err := p.stream.Info(t.Context())
	require.NoError(t, err)
	return info.State.Msgs
}

func TestAPublisherIsToldWhatTheStreamSays(t *testing.T) {
	p := open(t)
	js, err := jetstream.New(p.publisher)
	require.NoError(t, err)
	letter := nats.NewMsg("letters.ann.a")
	letter.Data = []byte("hello")
	letter.Header.Set("Name", "x")
	letter.Header.Set("Nats-Expected-Last-Sequence", "77") // an order to the stream that is none of its publisher's business
	for sequence := uint64(1); sequence <= 3; sequence++ {
		ack, err := js.PublishMsg(t.Context(), letter)
		require.NoError(t, err)
		require.Equal(t, jetstream.PubAck{Stream: "KEPT", Sequence: sequence}, *ack)
	}
	_, err = js.PublishMsg(t.Context(), letter)
	require.ErrorContains(t, err, "maximum messages per subject exceeded")

	message, err := p.stream.GetMsg(t.Context(), 1)
	require.NoError(t, err)
	require.Equal(t, "kept.ann.a", message.Subject)
	require.Equal(t, "hello", string(message.Data))
	require.Equal(t, nats.Header{"Name": {"x"}}, message.Header)
}

func TestTheOrderOfAPublisherIsKept(t *testing.T) {
	p := open(t)
	js, err := jetstream.New(p.publisher)
	require.NoError(t, err)
	const letters = 500
	for i := range letters {
		_, err := js.PublishAsync("letters.ann."+strconv.Itoa(i), []byte(strconv.Itoa(i)))
		require.NoError(t, err)
	}
	select {
	case <-js.PublishAsyncComplete():
	case <-time.After(patience):
		require.Fail(t, "not all was acknowledged")
	}
	for i := range letters {
		message, err := p.stream.GetMsg(t.Context(), uint64(i+1))
		require.NoError(t, err)
		require.Equal(t, strconv.Itoa(i), string(message.Data))
	}
}

// The confused deputy: with a reply subject of the publisher's choice an acknowledgement
// would be written there, with rights that the publisher does not have.
func TestNoAcknowledgementGoesWhereThePublisherHasNoInbox(t *testing.T) {
	p := open(t)
	heard, err := p.publisher.SubscribeSync(">")
	require.NoError(t, err)
	for _, reply := range []string{"push.evt.push.x", "letters.bob.x", "kept.bob.x", "_INBOX.bob.1", "_INBOX.annabel.1", "_INBOX.ann", "$JS.API.STREAM.DELETE.KEPT"} {
		require.NoError(t, p.publisher.PublishRequest("letters.ann.x", reply, []byte("forged")))
	}
	require.NoError(t, p.publisher.Publish("letters.ann.x", []byte("silent")))
	answer, err := p.publisher.Request("letters.ann.x", []byte("last"), patience) // what came before it has been dealt with
	require.NoError(t, err)
	var ack jetstream.PubAck
	require.NoError(t, json.Unmarshal(answer.Data, &ack, json.MatchCaseInsensitiveNames(true)))
	require.EqualValues(t, 2, ack.Sequence, "nothing was kept of what asked for an answer elsewhere")
	require.EqualValues(t, 2, p.kept(t))

	require.NoError(t, p.publisher.Flush())
	for {
		waiting, _, err := heard.Pending()
		require.NoError(t, err)
		if waiting == 0 {
			return
		}
		message, err := heard.NextMsg(patience)
		require.NoError(t, err)
		if !strings.HasPrefix(message.Subject, "_INBOX.ann.") && !strings.HasPrefix(message.Subject, "_INSIDE.") {
			require.NotContains(t, string(message.Data), `{"stream":"KEPT"`, "an acknowledgement on %s", message.Subject)
		}
	}
}

func TestWithoutTheStreamNobodyIsToldThatItWasKept(t *testing.T) {
	p := open(t)
	js, err := jetstream.New(p.publisher)
	require.NoError(t, err)
	require.NoError(t, js.DeleteStream(t.Context(), "KEPT"))
	heard, err := p.publisher.SubscribeSync("_INBOX.ann.answer")
	require.NoError(t, err)
	require.NoError(t, p.publisher.PublishRequest("letters.ann.x", heard.Subject, nil))
	require.NoError(t, p.publisher.Flush())
	require.NoError(t, p.taken.Close())
	waiting, _, err := heard.Pending()
	require.NoError(t, err)
	require.Zero(t, waiting)
}
