package commands_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/commands"
	"github.com/pushledger/pushledger/eventstore/natsserver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// house is a server, a door in it, and a caller that may do anything, so that it is the
// door that is tested.
type house struct {
	desk   *desk
	door   *commands.Door
	inside *nats.Conn // the door's own connection
	caller *nats.Conn
}

func openHouse(t *testing.T) house {
	t.Helper()
	return openHouseWith(t, commands.Limit{PerSecond: 1e6, Burst: 1e6})
}

func openHouseWith(t *testing.T, limit commands.Limit) house {
	t.Helper()
	server, err := natsserver.Start(natsserver.Options{StoreDir: t.TempDir(), Listen: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	connect := func(name string, publish, subscribe []string) *nats.Conn {
		conn, err := server.Connect(name, natsserver.Grant{Name: name, Publish: publish, Subscribe: subscribe})
		require.NoError(t, err)
		t.Cleanup(conn.Close)
		return conn
	}
	h := house{
		desk:   newDesk(),
		inside: connect("door", []string{"_INBOX.>"}, []string{"push.cmd.>", "$SRV.>"}),
		caller: connect("caller", []string{">"}, []string{">"}),
	}
	h.door, err = commands.Open(h.inside, h.desk.Handler, limit, "1.2.3", slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, h.door.Close()) })
	return h
}

// ask sends a command as an account and returns the whole answer.
func (h house) ask(t *testing.T, account, verb, id, body string) *nats.Msg {
	t.Helper()
	inbox := "_INBOX." + account + "." + uuid.NewString()
	answers, err := h.caller.SubscribeSync(inbox)
	require.NoError(t, err)
	defer func() { require.NoError(t, answers.Unsubscribe()) }()
	require.NoError(t, h.caller.PublishMsg(&nats.Msg{
		Subject: "push.cmd." + account + "." + verb, Reply: inbox, Data: []byte(body), Header: nats.Header{"Command-Id": {id}},
	}))
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	answer, err := answers.NextMsgWithContext(ctx)
	require.NoError(t, err)
	return answer
}

func TestCommandsAreAnswered(t *testing.T) {
	h := openHouse(t)
	id := uuid.NewString()
	answer := h.ask(t, anna, "offer", id, offerP1)
	require.Empty(t, answer.Header)
	require.JSONEq(t, `{"ok":true,"push_id":"p-1","status":"Offered","version":1,"seq":2,"command_id":"`+id+`"}`, string(answer.Data))
	again := h.ask(t, anna, "offer", id, offerP1)
	require.Equal(t, answer.Data, again.Data, "byte for byte")
	require.Equal(t, "true", again.Header.Get(commands.HeaderRepeated))
}

func TestARefusalCarriesTheErrorHeaders(t *testing.T) {
	h := openHouse(t)
	answer := h.ask(t, carl, "withdraw", uuid.NewString(), justP1)
	require.Equal(t, push.CodePushNotFound, answer.Header.Get(micro.ErrorCodeHeader))
	require.NotEmpty(t, answer.Header.Get(micro.ErrorHeader))
	var reply commands.Reply
	require.NoError(t, json.Unmarshal(answer.Data, &reply))
	refused(t, push.CodePushNotFound, reply)
}

func TestALongCommandIsAnswered(t *testing.T) {
	h := openHouse(t)
	answer := h.ask(t, anna, "offer", uuid.NewString(), offerP1+strings.Repeat(" ", 1<<20))
	require.Equal(t, push.CodeTooLarge, answer.Header.Get(micro.ErrorCodeHeader))
}

// The service may publish to every inbox; a caller must not choose whose.
func TestTheDoorNeverWritesOutsideTheCallersInbox(t *testing.T) {
	h := openHouse(t)
	var elsewhere []*nats.Subscription
	for _, subject := range []string{"_INBOX.*", "_INBOX.bo.>", "_INBOX.annabel.>", "push.evt.>", "stolen"} {
		subscription, err := h.caller.SubscribeSync(subject)
		require.NoError(t, err)
		elsewhere = append(elsewhere, subscription)
	}
	for _, reply := range []string{"_INBOX.bo.1", "_INBOX.annabel.1", "_INBOX.anna", "_INBOX.x", "push.evt.push.p-1", "stolen", ""} {
		require.NoError(t, h.caller.PublishMsg(&nats.Msg{Subject: "push.cmd.anna.offer", Reply: reply, Data: []byte(offerP1)}))
	}
	h.ask(t, anna, "withdraw", uuid.NewString(), justP1) // the door has taken in all before it,
	require.NoError(t, h.door.Close())                   // has done with them,
	require.NoError(t, h.inside.Flush())                 // its answers have reached the server
	require.NoError(t, h.caller.Flush())                 // and this connection
	for _, subscription := range elsewhere {
		waiting, _, err := subscription.Pending()
		require.NoError(t, err)
		require.Zero(t, waiting, subscription.Subject)
	}
	require.Zero(t, h.desk.length(t), "nor is such a command carried out")
}

// Fault F37.
func TestAFloodOfOneAccountHarmsOnlyItself(t *testing.T) {
	const burst = 5
	h := openHouseWith(t, commands.Limit{PerSecond: 1e-9, Burst: burst})
	for range burst {
		require.Contains(t, string(h.ask(t, anna, "withdraw", uuid.NewString(), justP1).Data), push.CodePushNotFound)
	}
	flooded := h.ask(t, anna, "withdraw", uuid.NewString(), justP1)
	require.Equal(t, push.CodeRateLimited, flooded.Header.Get(micro.ErrorCodeHeader))
	require.Contains(t, string(h.ask(t, bo, "withdraw", uuid.NewString(), justP1).Data), push.CodePushNotFound)
}

// One account's slow commands leave room for the others'.
func TestNobodyFillsTheHouse(t *testing.T) {
	const share = 256
	h := openHouse(t)
	goOn := make(chan struct{})
	h.desk.afterFact = func() { <-goOn }
	answers, err := h.caller.SubscribeSync("_INBOX.anna.>")
	require.NoError(t, err)
	for i := range share + 1 {
		inbox := "_INBOX.anna." + uuid.NewString()
		require.NoError(t, h.caller.PublishRequest("push.cmd.anna.offer", inbox, []byte(offerOf(fmt.Sprintf("p-%d", i), fmt.Sprintf("d-%d.com", i)))))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	refused, err := answers.NextMsgWithContext(ctx)
	require.NoError(t, err)
	require.Equal(t, push.CodeRateLimited, refused.Header.Get(micro.ErrorCodeHeader))
	require.Contains(t, string(h.ask(t, bo, "withdraw", uuid.NewString(), justP1).Data), push.CodePushNotFound)
	close(goOn)
	for range share {
		answer, err := answers.NextMsgWithContext(ctx)
		require.NoError(t, err)
		require.Contains(t, string(answer.Data), `"ok":true`)
	}
}

// What was taken in before the door closes is carried out and answered.
func TestTheDoorClosesAfterTheCommandsUnderWay(t *testing.T) {
	h := openHouse(t)
	asked, goOn := make(chan struct{}), make(chan struct{})
	var once sync.Once
	h.desk.afterFact = func() {
		once.Do(func() { close(asked) })
		<-goOn
	}
	answers, err := h.caller.SubscribeSync("_INBOX.anna.1")
	require.NoError(t, err)
	require.NoError(t, h.caller.PublishRequest("push.cmd.anna.offer", "_INBOX.anna.1", []byte(offerP1)))
	<-asked
	closed := make(chan error, 1)
	go func() { closed <- h.door.Close() }()
	select {
	case err := <-closed:
		require.Fail(t, "the door did not wait", err)
	default:
	}
	close(goOn)
	require.NoError(t, <-closed)
	require.NotZero(t, h.desk.length(t))
	require.NoError(t, h.inside.Flush())
	answer, err := answers.NextMsgWithContext(t.Context())
	require.NoError(t, err)
	require.Contains(t, string(answer.Data), `"ok":true`)
}

// An id that is none is refused and not sent back, whatever it is made of, and one that is
// given twice or under another spelling of the header's name is not overlooked.
func TestOddCommandIDs(t *testing.T) {
	h := openHouse(t)
	id := uuid.NewString()
	send := func(header nats.Header) commands.Reply {
		inbox := "_INBOX.anna." + uuid.NewString()
		answers, err := h.caller.SubscribeSync(inbox)
		require.NoError(t, err)
		defer func() { require.NoError(t, answers.Unsubscribe()) }()
		require.NoError(t, h.caller.PublishMsg(&nats.Msg{Subject: "push.cmd.anna.offer", Reply: inbox, Data: []byte(offerP1), Header: header}))
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		answer, err := answers.NextMsgWithContext(ctx)
		require.NoError(t, err)
		var reply commands.Reply
		require.NoError(t, json.Unmarshal(answer.Data, &reply))
		return reply
	}
	for name, header := range map[string]nats.Header{
		"bad UTF-8":  {"Command-Id": {"\xff\xfe"}},
		"a subject":  {"Command-Id": {"push.evt.>"}},
		"a new line": {"Command-Id": {id + "\r\nActor: bo"}},
		"long":       {"Command-Id": {strings.Repeat("7", 60_000)}},
		"two":        {"Command-Id": {id, uuid.NewString()}},
		"two names":  {"Command-Id": {id}, "command-id": {uuid.NewString()}},
	} {
		reply := send(header)
		refused(t, push.CodeInvalidCommandID, reply)
		require.Empty(t, reply.CommandID, name)
	}
	require.Zero(t, h.desk.length(t))
	first := done(t, send(nats.Header{"command-id": {id}}))
	require.Equal(t, id, first.CommandID)
	require.Equal(t, first, done(t, send(nats.Header{"Command-Id": {strings.ToUpper(id)}})))
}

// A domain that looks like another one is named in both forms.
func TestARefusalNamesADomainInBothForms(t *testing.T) {
	d := newDesk()
	d.locked.Store(true)
	reply := d.say(anna, "offer", `{"buyer":"bo","items":[{"domain":"раураӏ.com","price":"1"},{"domain":"paypal.com","price":"1"}]}`)
	require.Len(t, reply.Error.Violations, 2)
	require.Equal(t, "раураӏ.com", reply.Error.Violations[0].DomainUnicode)
	require.Contains(t, reply.Error.Violations[0].Domain, "xn--")
	require.Equal(t, "paypal.com", reply.Error.Violations[1].Domain)
	require.Empty(t, reply.Error.Violations[1].DomainUnicode)
}
