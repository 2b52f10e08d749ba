package natsapi_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/acceptance/acceptancetest"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/natsapi"
	"github.com/pushledger/pushledger/eventstore/natsserver"
	"github.com/pushledger/pushledger/projections/pushes/pushestest"
)

const alpha domainname.Name = "alpha.com"

// start runs a server and a door whose operator is "op".
func start(t *testing.T, ledger *pushestest.Fixture) *natsserver.Server {
	t.Helper()
	server, _, _ := startDoor(t, ledger)
	return server
}

// startDoor gives the door and its connection as well.
func startDoor(t *testing.T, ledger *pushestest.Fixture) (*natsserver.Server, *natsapi.Door, *nats.Conn) {
	t.Helper()
	return startDoorOn(t, ledger, acceptancetest.New("anna"))
}

// startDoorOn asks a platform an hour after pushestest's offers.
func startDoorOn(t *testing.T, ledger *pushestest.Fixture, platform *acceptancetest.Platform) (*natsserver.Server, *natsapi.Door, *nats.Conn) {
	t.Helper()
	hourLater := pushestest.Offered("p-1", "anna", "bo").OfferedAt.Add(time.Hour)
	server, err := natsserver.Start(natsserver.Options{
		StoreDir: t.TempDir(), Listen: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	conn, err := server.Connect("queries", natsserver.Grant{
		Publish: []string{"_INBOX.>"}, Subscribe: []string{"push.query.>", "$SRV.>"},
	})
	require.NoError(t, err)
	t.Cleanup(conn.Close)
	door, err := natsapi.Open(conn, natsapi.Config{
		Pushes: ledger.Queries, Accounts: ledger.Accounts, Acceptance: platform.Queries(ledger.Queries, hourLater),
		SeesAll: func(account string) bool { return account == "op" }, Version: "1.2.3", Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, door.Close()) })
	return server, door, conn
}

// caller is a connection that may do anything, so that it is the door that is tested.
func caller(t *testing.T, server *natsserver.Server) *nats.Conn {
	t.Helper()
	conn, err := server.Connect("caller", natsserver.Grant{Publish: []string{">"}, Subscribe: []string{">"}})
	require.NoError(t, err)
	t.Cleanup(conn.Close)
	return conn
}

func ask(t *testing.T, conn *nats.Conn, account, name, body string, headers ...string) *nats.Msg {
	t.Helper()
	inbox := "_INBOX." + account + "." + nats.NewInbox()[len("_INBOX."):]
	answers, err := conn.SubscribeSync(inbox)
	require.NoError(t, err)
	defer func() { require.NoError(t, answers.Unsubscribe()) }()
	request := nats.NewMsg("push.query." + account + "." + name)
	request.Reply, request.Data = inbox, []byte(body)
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	require.NoError(t, conn.PublishMsg(request))
	answer, err := answers.NextMsgWithContext(t.Context())
	require.NoError(t, err)
	return answer
}

func requireRefused(t *testing.T, code string, answer *nats.Msg) {
	t.Helper()
	var body struct {
		OK    bool
		Error push.Refusal
	}
	require.NoError(t, json.Unmarshal(answer.Data, &body, json.MatchCaseInsensitiveNames(true)))
	require.False(t, body.OK)
	require.Equal(t, code, body.Error.Code, string(answer.Data))
	require.Equal(t, code, answer.Header.Get("Nats-Service-Error-Code"))
	require.NotEmpty(t, body.Error.MessageZH)
}

func TestEveryQueryIsAnsweredToWhoMaySee(t *testing.T) {
	ledger := pushestest.Start(t)
	offered := pushestest.Offered("p-1", "anna", "bo", alpha)
	ledger.Show(t, "p-1", append([]push.Event{offered}, pushestest.Payment(offered)...)...)
	conn := caller(t, start(t, ledger))
	for _, c := range []struct {
		name, body string
		member     string // of the answer
		stranger   string // what everybody else is told; empty: an empty answer
		trader     bool   // whether seller and buyer may ask
	}{
		{"push", `{"push_id":"p-1"}`, "push_id", push.CodePushNotFound, true},
		{"pushes", `{"status":"Paid","limit":5}`, "pushes", "", true},
		{"pushes", ``, "pushes", "", true},
		{"timeline", `{"push_id":"p-1"}`, "events", push.CodePushNotFound, true},
		{"facts", `{"push_id":"p-1"}`, "domains", push.CodePushNotFound, true},
		{"domain", `{"domain":"ALPHA.com"}`, "history", push.CodePushNotFound, true},
		{"journal", `{"push_id":"p-1"}`, "entries", "not_allowed", false},
		{"balances", `{}`, "balances", "not_allowed", false},
		{"bills", `{}`, "bills", "not_allowed", false},
	} {
		for _, account := range []string{"op", "anna", "bo"} {
			answer := ask(t, conn, account, c.name, c.body)
			if account != "op" && !c.trader {
				requireRefused(t, "not_allowed", answer)
				continue
			}
			var body map[string]any
			require.NoError(t, json.Unmarshal(answer.Data, &body))
			require.Contains(t, body, c.member, "%s %s: %s", account, c.name, answer.Data)
			require.Equal(t, c.name == "bills", len(fmt.Sprint(body[c.member])) == len("[]"), "no bill was read")
			require.Empty(t, answer.Header.Get("Nats-Service-Error-Code"))
		}
		answer := ask(t, conn, "carl", c.name, c.body)
		if c.stranger == "" {
			require.JSONEq(t, `{"pushes":[],"next_cursor":""}`, string(answer.Data))
			continue
		}
		requireRefused(t, c.stranger, answer)
	}
}

func TestAQueryThatCannotBeReadIsRefused(t *testing.T) {
	conn := caller(t, start(t, pushestest.Start(t)))
	for code, query := range map[string][]string{
		push.CodeInvalidJSON:  {"push", `{"push_id":`},
		push.CodeUnknownField: {"push", `{"push_id":"p-1","x":1}`},
		push.CodeUnknownVerb:  {"secrets", `{}`},
		push.CodeTooLarge:     {"push", `{"push_id":"` + string(make([]byte, 9000)) + `"}`},
		"invalid_query":       {"pushes", `{"limit":201}`},
	} {
		requireRefused(t, code, ask(t, conn, "anna", query[0], query[1]))
	}
	requireRefused(t, "invalid_query", ask(t, conn, "anna", "pushes", "", "Min-Seq", "x"))
	requireRefused(t, push.CodeUnavailable, ask(t, conn, "anna", "pushes", "", "Min-Seq", "1", "Min-Seq-Timeout", "1ms"))
}

func TestTheDoorNeverWritesOutsideTheCallersInbox(t *testing.T) {
	server, door, doors := startDoor(t, pushestest.Start(t))
	conn := caller(t, server)
	written, err := conn.SubscribeSync("_INBOX.*")
	require.NoError(t, err)
	foreign, err := conn.SubscribeSync("_INBOX.bo.>")
	require.NoError(t, err)
	similar, err := conn.SubscribeSync("_INBOX.annabel.>")
	require.NoError(t, err)
	for _, reply := range []string{"_INBOX.bo.1", "_INBOX.annabel.1", "_INBOX.anna"} {
		require.NoError(t, conn.PublishRequest("push.query.anna.pushes", reply, nil))
	}
	ask(t, conn, "anna", "pushes", "") // the door has taken in all before it,
	require.NoError(t, door.Close())   // has done with them,
	require.NoError(t, doors.Flush())  // its answers have reached the server
	require.NoError(t, conn.Flush())   // and this connection
	for _, subscription := range []*nats.Subscription{written, foreign, similar} {
		waiting, _, err := subscription.Pending()
		require.NoError(t, err)
		require.Zero(t, waiting, subscription.Subject)
	}
}

func TestAnAnswerThatNoMessageCanHoldIsRefused(t *testing.T) {
	ledger := pushestest.Start(t)
	for i := range 26 {
		id := strings.Repeat(string(rune('a'+i)), 55)
		offered := pushestest.Offered(id, "anna", "bo")
		for j := range push.MaxItems {
			offered.Items = append(offered.Items, push.Item{Domain: domainname.Name(id + "-" + string(rune('a'+j%26)) + string(rune('a'+j/26)) + ".com")})
		}
		ledger.Record(t, id, offered)
	}
	last, err := ledger.Log.LastSequence(t.Context())
	require.NoError(t, err)
	require.NoError(t, ledger.Runner.WaitFor(t.Context(), last))
	conn := caller(t, start(t, ledger))
	requireRefused(t, push.CodeTooLarge, ask(t, conn, "anna", "pushes", `{"limit":26}`))
	require.Empty(t, ask(t, conn, "anna", "pushes", `{"limit":5}`).Header)
}

func TestFactsOverNATS(t *testing.T) {
	ledger := pushestest.Start(t)
	ledger.Show(t, "p-1", pushestest.Offered("p-1", "anna", "bo", alpha))
	platform := acceptancetest.New("anna")
	server, _, _ := startDoorOn(t, ledger, platform)
	conn := caller(t, server)
	const question = `{"push_id":"p-1"}`
	require.Contains(t, string(ask(t, conn, "bo", "facts", question).Data), `"acceptable":true`)
	platform.Set(acceptancetest.Healthy(alpha, "eve"))
	refused := string(ask(t, conn, "bo", "facts", question).Data)
	require.Contains(t, refused, push.CodeNotOwner)
	require.Contains(t, refused, `"withheld":true`)
	requireRefused(t, push.CodeUnknownField, ask(t, conn, "bo", "facts", `{"push_id":"p-1","domain":"alpha.com"}`))
	requireRefused(t, push.CodeUnavailable, ask(t, conn, "bo", "facts", question, "Min-Seq", "99", "Min-Seq-Timeout", "1ms"))
	platform.Leave()
	requireRefused(t, push.CodeUnavailable, ask(t, conn, "bo", "facts", question))
}
