package client_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/access"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/client"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/httpapi"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/identity"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/telemetry"
	"github.com/pushledger/pushledger/eventstore/natsserver"
	"github.com/pushledger/pushledger/projections/pushes"
	"github.com/pushledger/pushledger/projections/pushes/pushestest"
)

const alpha domainname.Name = "alpha.com"

// service is a real NATS server that lets in who has a token, and the HTTP door.
type service struct {
	ledger *pushestest.Fixture
	nats   *natsserver.Server
	ready  string // path of its ready file
}

func start(t *testing.T) service {
	t.Helper()
	issuer, err := identity.OpenIssuer(filepath.Join(t.TempDir(), "key"))
	require.NoError(t, err)
	public, err := issuer.PublicPEM()
	require.NoError(t, err)
	verifier, err := identity.NewVerifier(identity.SandboxIssuer, public)
	require.NoError(t, err)
	server, err := natsserver.Start(natsserver.Options{
		StoreDir: t.TempDir(), Listen: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler),
		Authorize: func(token string) (natsserver.Grant, error) {
			who, err := verifier.Verify(token)
			if err != nil {
				return natsserver.Grant{}, err
			}
			return access.Grant(who, true)
		},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	ledger := pushestest.Start(t)
	door := httptest.NewServer(httpapi.New(httpapi.Config{
		Pushes: ledger.Queries, Accounts: ledger.Accounts, Models: ledger.Models(), Metrics: telemetry.NewMetrics(), Authenticate: verifier.Verify,
		Version: "1.2.3", Logger: slog.New(slog.DiscardHandler),
	}))
	t.Cleanup(door.Close)
	tokens := make(map[string]string)
	for account, role := range map[string]identity.Role{"anna": identity.Trader, "carl": identity.Trader, "operator": identity.Operator} {
		tokens[account], err = issuer.Mint(account, role, time.Hour)
		require.NoError(t, err)
	}
	ready, err := json.Marshal(map[string]any{"nats_url": server.URL(), "http_url": door.URL, "tokens": tokens})
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "ready.json")
	require.NoError(t, os.WriteFile(path, ready, 0o600))
	return service{ledger: ledger, nats: server, ready: path}
}

func (s service) as(t *testing.T, account string) *client.Client {
	t.Helper()
	target, err := targetOf(s.ready, account)
	require.NoError(t, err)
	caller, err := client.New(target)
	require.NoError(t, err)
	t.Cleanup(caller.Close)
	require.Equal(t, account, caller.Account())
	return caller
}

// answerCommands answers every command with what reply makes of it.
func (s service) answerCommands(t *testing.T, reply func(*nats.Msg) client.Reply) {
	t.Helper()
	conn, err := s.nats.Connect("commands", natsserver.Grant{Publish: []string{"_INBOX.>"}, Subscribe: []string{"push.cmd.>"}})
	require.NoError(t, err)
	t.Cleanup(conn.Close)
	_, err = conn.Subscribe("push.cmd.*.*", func(command *nats.Msg) {
		body, err := json.Marshal(reply(command))
		if err == nil {
			err = command.Respond(body)
		}
		if err != nil {
			t.Error(err)
		}
	})
	require.NoError(t, err)
	require.NoError(t, conn.Flush())
}

func TestACommandIsSentAsTheTokensAccount(t *testing.T) {
	running := start(t)
	sent := make(chan *nats.Msg, 1)
	running.answerCommands(t, func(command *nats.Msg) client.Reply {
		sent <- command
		return client.Reply{OK: true, PushID: "p-1", Status: push.StatusOffered, Seq: 7, CommandID: command.Header.Get("Command-Id")}
	})
	id := "018f6b1e-0000-7000-8000-000000000001"

	reply, err := running.as(t, "anna").Command(t.Context(), "withdraw", map[string]string{"push_id": "p-1"}, id)

	require.NoError(t, err)
	require.Equal(t, client.Reply{OK: true, PushID: "p-1", Status: push.StatusOffered, Seq: 7, CommandID: id}, reply)
	command := <-sent
	require.Equal(t, "push.cmd.anna.withdraw", command.Subject)
	require.Contains(t, command.Reply, "_INBOX.anna.")
	require.JSONEq(t, `{"push_id":"p-1"}`, string(command.Data))
}

func TestACommandWithoutAnIDGetsOne(t *testing.T) {
	running := start(t)
	running.answerCommands(t, func(command *nats.Msg) client.Reply {
		return client.Reply{OK: true, CommandID: command.Header.Get("Command-Id")}
	})
	anna := running.as(t, "anna")
	first, err := anna.Command(t.Context(), "offer", struct{}{}, "")
	require.NoError(t, err)
	second, err := anna.Command(t.Context(), "offer", struct{}{}, "")
	require.NoError(t, err)
	require.Len(t, first.CommandID, 36)
	require.NotEqual(t, first.CommandID, second.CommandID)
}

func TestARefusedCommandSaysWhy(t *testing.T) {
	running := start(t)
	refusal := push.RefuseAll([]push.Violation{push.Violate("B3", push.CodeBatchEmpty)})
	running.answerCommands(t, func(*nats.Msg) client.Reply { return client.Reply{Error: refusal} })
	reply, err := running.as(t, "anna").Command(t.Context(), "offer", struct{}{}, "")
	require.Equal(t, refusal, err)
	require.Equal(t, refusal, reply.Error)
}

func TestAReplyWithoutSenseIsAnError(t *testing.T) {
	running := start(t)
	running.answerCommands(t, func(*nats.Msg) client.Reply { return client.Reply{} })
	_, err := running.as(t, "anna").Command(t.Context(), "offer", struct{}{}, "")
	require.ErrorContains(t, err, "neither")
}

func TestAServiceThatIsNotThereIsUnreachable(t *testing.T) {
	running := start(t)
	anna := running.as(t, "anna")
	_, err := anna.Command(t.Context(), "offer", struct{}{}, "")
	require.ErrorIs(t, err, client.ErrUnreachable, "nobody answers commands")

	target, err := targetOf(running.ready, "anna")
	require.NoError(t, err)
	target.NATSURL, target.HTTPURL = "nats://127.0.0.1:1", "http://127.0.0.1:1"
	lost, err := client.New(target)
	require.NoError(t, err)
	defer lost.Close()
	_, err = lost.Command(t.Context(), "offer", struct{}{}, "")
	require.ErrorIs(t, err, client.ErrUnreachable)
	_, err = lost.Push(t.Context(), pushes.PushRequest{PushID: "p-1"}, 0)
	require.ErrorIs(t, err, client.ErrUnreachable)
}

func TestWhatIsNotTheServiceIsUnreachable(t *testing.T) {
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	target, err := targetOf(start(t).ready, "anna")
	require.NoError(t, err)
	target.HTTPURL = other.URL
	lost, err := client.New(target)
	require.NoError(t, err)
	defer lost.Close()
	_, err = lost.Push(t.Context(), pushes.PushRequest{PushID: "p-1"}, 0)
	require.ErrorIs(t, err, client.ErrUnreachable)
}

func TestQueriesAreAnswered(t *testing.T) {
	running := start(t)
	offered := pushestest.Offered("p-1", "anna", "bo", alpha)
	sequence := running.ledger.Record(t, "p-1", append([]push.Event{offered}, pushestest.Payment(offered)...)...)
	anna, operator := running.as(t, "anna"), running.as(t, "operator")

	shown, err := anna.Push(t.Context(), pushes.PushRequest{PushID: "p-1"}, sequence)
	require.NoError(t, err)
	want, err := running.ledger.Queries.Push(t.Context(), pushes.Viewer{Account: "anna"}, pushes.PushRequest{PushID: "p-1"})
	require.NoError(t, err)
	require.Equal(t, want, shown)
	then, err := anna.Push(t.Context(), pushes.PushRequest{PushID: "p-1", AsOf: "1"}, 0)
	require.NoError(t, err)
	require.Equal(t, push.StatusOffered, then.Status)

	page, err := anna.Pushes(t.Context(), pushes.ListRequest{Role: pushes.RoleSeller, Status: "Paid", Domain: "ALPHA.com", Limit: 3}, sequence)
	require.NoError(t, err)
	require.Equal(t, []pushes.View{want}, page.Pushes)
	timeline, err := anna.Timeline(t.Context(), pushes.TimelineRequest{PushID: "p-1"}, sequence)
	require.NoError(t, err)
	require.Len(t, timeline.Events, 4)
	domain, err := anna.Domain(t.Context(), pushes.DomainRequest{Domain: "alpha.com"}, sequence)
	require.NoError(t, err)
	require.Equal(t, &want, domain.Push)
	journal, err := operator.Journal(t.Context(), pushes.JournalRequest{PushID: "p-1", Limit: 1}, sequence)
	require.NoError(t, err)
	require.Len(t, journal.Entries, 1)
	balances, err := operator.Balances(t.Context(), sequence)
	require.NoError(t, err)
	require.Equal(t, "0.00", balances.Sum)
}

func TestARefusedQuerySaysWhy(t *testing.T) {
	running := start(t)
	running.ledger.Show(t, "p-1", pushestest.Offered("p-1", "anna", "bo", alpha))
	carl := running.as(t, "carl")
	for _, id := range []string{"p-1", "../journal", "a b?c=d#e"} {
		_, err := carl.Push(t.Context(), pushes.PushRequest{PushID: id}, 0)
		require.Equal(t, push.Refuse(push.CodePushNotFound, ""), err, id)
	}
	_, err := carl.Balances(t.Context(), 0)
	require.ErrorContains(t, err, "not_allowed")
}

// targetOf is where a sandbox is that has written a ready file, for one of its accounts.
func targetOf(path, account string) (client.Target, error) {
	ready, err := client.ReadReady(path)
	if err != nil {
		return client.Target{}, err
	}
	token, err := ready.Token(account)
	if err != nil {
		return client.Target{}, err
	}
	target, err := ready.Target("", "")
	target.Token = token
	return target, err
}

func TestATargetNeedsAnAccount(t *testing.T) {
	running := start(t)
	_, err := targetOf(running.ready, "dora")
	require.ErrorContains(t, err, `["anna" "carl" "operator"]`)
	_, err = targetOf(running.ready+".missing", "anna")
	require.ErrorIs(t, err, os.ErrNotExist)
	broken := filepath.Join(t.TempDir(), "ready.json")
	require.NoError(t, os.WriteFile(broken, []byte("{"), 0o600))
	_, err = targetOf(broken, "anna")
	require.ErrorContains(t, err, "ready file")
	for _, token := range []string{"", "a.b.c", "eyJhbGciOiJub25lIn0.e30."} {
		_, err = client.New(client.Target{Token: token})
		require.ErrorContains(t, err, "token")
	}
}
