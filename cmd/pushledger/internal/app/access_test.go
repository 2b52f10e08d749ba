package app_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/cmd/pushledger/internal/access"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/app"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/commands"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/identity"
)

const patience = 60 * time.Second

var roles = []identity.Role{identity.Trader, identity.Operator, identity.Auditor, identity.Partner, identity.Service}

// house is a whole service in a sandbox, in which anna sells to bo.
type house struct {
	*app.Service
	issuer *identity.Issuer
	http   *http.Client
}

func open(t *testing.T, changes ...func(*app.Config)) house {
	t.Helper()
	data := t.TempDir()
	var domains []string
	for i := range 8 {
		domains = append(domains, fmt.Sprintf(`{"domain":"d%d.com","account":"anna","registered_at":"-60d","expires_at":"+300d"}`, i))
	}
	inventory := filepath.Join(data, "inventory.json")
	require.NoError(t, os.WriteFile(inventory, []byte(`{"accounts":[{"account":"anna","real_name_verified":true,"alipay_account":"a@example.com","alipay_name":"Anna"},
		{"account":"bo","real_name_verified":true,"alipay_account":"b@example.com","alipay_name":"Bo"}],"domains":[`+strings.Join(domains, ",")+`]}`), 0o600))
	config := app.Config{
		Data: data, NATSListen: "127.0.0.1:0", HTTPListen: "127.0.0.1:0", PaymentWindow: time.Hour, Version: "1.2.3",
		Limit: commands.Limit{PerSecond: 1e6, Burst: 1e6}, Sandbox: true, SandboxForgets: true, Inventory: inventory, Logger: slog.New(slog.DiscardHandler),
	}
	for _, change := range changes {
		change(&config)
	}
	running, err := app.Start(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, running.Close()) })
	issuer, err := identity.OpenIssuer(app.SandboxIssuer(config.Data))
	require.NoError(t, err)
	h := house{Service: running, issuer: issuer, http: &http.Client{Timeout: patience}}
	t.Cleanup(h.http.CloseIdleConnections)
	return h
}

func (h house) token(t *testing.T, account string, role identity.Role) string {
	t.Helper()
	token, err := h.issuer.Mint(account, role, time.Hour)
	require.NoError(t, err)
	return token
}

func (h house) connect(t *testing.T, account string, role identity.Role) *nats.Conn {
	t.Helper()
	conn, err := nats.Connect(h.Ready.NATSURL, nats.Token(h.token(t, account, role)), nats.CustomInboxPrefix("_INBOX."+account),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}), nats.Timeout(patience), nats.NoReconnect())
	require.NoError(t, err)
	t.Cleanup(conn.Close)
	return conn
}

// ask sends a request and returns the answer and its error code.
func ask(t *testing.T, conn *nats.Conn, subject, body string) (answer, code string) {
	t.Helper()
	message, err := conn.Request(subject, []byte(body), patience)
	require.NoError(t, err, subject)
	var said struct {
		Error struct {
			Code string `json:"code"`
		} `json:"error"`
	}
	require.NoError(t, json.Unmarshal(message.Data, &said), "%s: %s", subject, message.Data)
	return string(message.Data), said.Error.Code
}

// offer has anna offer a domain to bo and waits until queries show it.
func (h house) offer(t *testing.T, id string, domain int) {
	t.Helper()
	anna := h.connect(t, "anna", identity.Trader)
	answer, code := ask(t, anna, "push.cmd.anna.offer", fmt.Sprintf(`{"push_id":%q,"buyer":"bo","items":[{"domain":"d%d.com","price":"5.00"}]}`, id, domain))
	require.Empty(t, code, answer)
	require.Eventually(t, func() bool {
		status, _ := h.request(t, http.MethodGet, "/v1/pushes/"+id, h.token(t, "anna", identity.Trader))
		return status == http.StatusOK
	}, patience, 5*time.Millisecond)
}

func (h house) request(t *testing.T, method, path, token string) (status int, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, h.Ready.HTTPURL+path, http.NoBody)
	require.NoError(t, err)
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := h.http.Do(request)
	require.NoError(t, err)
	defer func() { require.NoError(t, response.Body.Close()) }()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(text)
}

// samples are a question of each path about the push p-1 of others, its parameters over
// NATS, and what of the answer shows that push; empty: nothing does.
var samples = map[string]struct{ path, body, shows string }{
	"GET /v1/pushes":                      {"/v1/pushes", `{}`, `"p-1"`},
	"GET /v1/pushes/{id}":                 {"/v1/pushes/p-1", `{"push_id":"p-1"}`, `"p-1"`},
	"GET /v1/pushes/{id}/timeline":        {"/v1/pushes/p-1/timeline", `{"push_id":"p-1"}`, `"d0.com"`},
	"GET /v1/pushes/{id}/facts":           {"/v1/pushes/p-1/facts", `{"push_id":"p-1"}`, `"d0.com"`},
	"GET /v1/domains/{name}":              {"/v1/domains/d0.com", `{"domain":"d0.com"}`, `"p-1"`},
	"GET /v1/accounts/{id}/statement":     {"/v1/accounts/anna/statement", `{"account":"anna"}`, `"anna"`},
	"GET /v1/stats/daily":                 {"/v1/stats/daily", `{}`, `"offered":1`},
	"GET /v1/events":                      {"/v1/events", `{}`, `"p-1"`},
	"GET /v1/journal":                     {"/v1/journal", `{}`, ``},
	"GET /v1/journal/balances":            {"/v1/journal/balances", `{}`, ``},
	"GET /v1/bills":                       {"/v1/bills", `{}`, ``},
	"GET /v1/purchases":                   {"/v1/purchases", `{}`, ``},
	"GET /v1/projections":                 {path: "/v1/projections"},
	"POST /v1/projections/{name}/rebuild": {path: "/v1/projections/accounts/rebuild"},
	"GET /v1/projections/{name}/copy":     {path: "/v1/projections/pushes/copy"},
	"POST /alipay/notify":                 {path: "/alipay/notify"},
	"GET /openapi.json":                   {path: "/openapi.json"},
	"GET /healthz":                        {path: "/healthz"},
	"GET /readyz":                         {path: "/readyz"},
	"GET /metrics":                        {path: "/metrics"},
	"POST /sandbox/alipay/gateway.do":     {path: "/sandbox/alipay/gateway.do"},
}

// What the table and the rest of security.md promise of a running service.
func TestWhoMayDoWhat(t *testing.T) {
	h := open(t)
	t.Run("the doors answer whom the table names", h.tryPaths)
	t.Run("only operators are obeyed", h.tryVerbs)
	t.Run("no stream captures what others publish", h.tryStreams)
	t.Run("a partner's event is kept", h.tryEvents)
}

// tryPaths tries every path of the table with every role and without a token, and every
// query that answers the same over NATS.
func (h house) tryPaths(t *testing.T) {
	h.offer(t, "p-1", 0)
	conns := make(map[identity.Role]*nats.Conn)
	for _, role := range roles {
		conns[role] = h.connect(t, "of-"+string(role), role)
	}
	for _, row := range access.Table {
		if row.Way != access.HTTP {
			continue
		}
		sample, known := samples[row.What]
		require.True(t, known, "no sample of %s", row.What)
		method, _, _ := strings.Cut(row.What, " ")
		for _, forged := range []string{"", "x", h.token(t, "eve", identity.Trader) + "x"} {
			status, body := h.request(t, method, sample.path, forged)
			require.Equal(t, row.Anybody, status != http.StatusUnauthorized, "%s: %d %s", row.What, status, body)
		}
		for _, role := range roles {
			status, body := h.request(t, method, sample.path, h.token(t, "of-"+string(role), role))
			requireShown(t, row, role, sample.shows, body, status != http.StatusForbidden && status != http.StatusUnauthorized)
			if row.Query == "" || role == identity.Partner { // who has no right to publish there
				continue
			}
			body, code := ask(t, conns[role], "push.query.of-"+string(role)+"."+row.Query, sample.body)
			requireShown(t, row, role, sample.shows, body, code != "not_allowed" && code != "unknown_verb" && code != "invalid_query")
		}
	}
}

// requireShown holds an answer against the row.
func requireShown(t *testing.T, row access.Row, role identity.Role, shows, body string, allowed bool) {
	t.Helper()
	if row.What == "GET /v1/accounts/{id}/statement" && !slices.Contains(row.All, role) {
		require.NotContains(t, body, shows, "%s as %s", row.What, role)
		return // another's statement is refused as such
	}
	require.Equal(t, row.Allows(role), allowed, "%s as %s: %s", row.What, role, body)
	if shows != "" {
		require.Equal(t, slices.Contains(row.All, role), strings.Contains(body, shows), "%s as %s: %s", row.What, role, body)
	}
}

func (h house) tryVerbs(t *testing.T) {
	for i, role := range []identity.Role{identity.Trader, identity.Auditor, identity.Operator, identity.Service} {
		id := "of-" + string(role)
		h.offer(t, id, 3+i)
		conn := h.connect(t, id, role)
		for _, row := range access.Table {
			if row.Way != access.Command {
				continue
			}
			answer, code := ask(t, conn, "push.cmd."+id+"."+row.What,
				map[string]string{"takedown": `{"push_id":"` + id + `","reason":"x"}`}[row.What]+
					map[string]string{"retry": `{"push_id":"` + id + `","step":"payout","reason":"x"}`}[row.What]+
					map[string]string{"settle": `{"push_id":"` + id + `","step":"payout","reason":"x","reference":"x"}`}[row.What])
			require.Equal(t, row.Allows(role), code != "push_not_found", "%s %s: %s", role, row.What, answer)
			require.NotContains(t, []string{"unknown_verb", "invalid_json", "unknown_field", "unavailable"}, code, answer)
		}
	}
}

// tryStreams holds that no stream captures what anybody outside may publish: JetStream would
// acknowledge it to whatever subject the publisher names.
func (h house) tryStreams(t *testing.T) {
	js, err := jetstream.New(h.connect(t, "part", identity.Service))
	require.NoError(t, err)
	var captured []string
	streams := js.ListStreams(t.Context())
	for info := range streams.Info() {
		captured = append(captured, info.Config.Subjects...)
	}
	require.NoError(t, streams.Err())
	require.Subset(t, captured, []string{"push.evt.>", "push.queue.*.*", "registrar.kept.*", "push.notice.>"})
	for _, role := range roles {
		if role == identity.Service {
			continue
		}
		grant, err := access.Grant(identity.Identity{Account: "anna", Role: role}, true)
		require.NoError(t, err)
		for _, may := range grant.Publish {
			for _, subject := range captured {
				require.False(t, server.SubjectsCollide(may, subject), "%s may publish to %s, captured as %s", role, may, subject)
			}
		}
	}
}

// The confused deputy: whoever answers has rights that the asker does not have. Everything
// that anybody may publish is sent with reply subjects at which an answer would be an
// event, another's command or an order to JetStream.
func TestNobodyIsMadeToWriteForAnother(t *testing.T) {
	h := open(t)
	h.offer(t, "p-1", 0)
	witness, gone := h.connect(t, "witness", identity.Service), make(chan struct{})
	witness.SetClosedHandler(func(*nats.Conn) { close(gone) })
	targets := []string{
		"push.evt.push.p-1", "push.cmd.bo.decline", "push.submit.bo.decline", "push.queue.bo.decline", "push.notice.bo.p-1.Paid",
		"push.result.bo.x", "registrar.kept.deleted", "$JS.API.STREAM.DELETE.PUSH_NOTICES", "_INBOX.bo.1", "_INBOX.annabel.1",
	}
	heard := make(chan *nats.Msg, 4096)
	for _, target := range targets {
		_, err := witness.ChanSubscribe(target, heard)
		require.NoError(t, err)
	}
	require.NoError(t, witness.Flush())
	event := `{"event_id":"e","kind":"blacklisted","domain":"d7.com","at":"2026-01-02T03:04:05Z"}`
	anyInbox := []string{"_INBOX.bo.1", "_INBOX.annabel.1"} // where the subject names no account, any inbox will do
	for _, asker := range []struct {
		account       string
		role          identity.Role
		subject, body string
		except        []string
	}{
		{"anna", identity.Trader, "push.cmd.anna.withdraw", `{"push_id":"nothing"}`, nil},
		{"anna", identity.Trader, "push.query.anna.pushes", `{}`, nil},
		{"anna", identity.Trader, "push.query.anna.notices", `{}`, nil},
		{"anna", identity.Trader, "push.submit.anna.withdraw", `{"push_id":"nothing"}`, nil},
		{"auditor", identity.Auditor, "push.audit.auditor.end", `{}`, nil},
		{"operator", identity.Operator, "registrar.v1.facts", `{"domains":["d7.com"]}`, anyInbox},
		{"operator", identity.Operator, "sandbox.registrar.set", `{"domain":"d7.com"}`, anyInbox},
		{"operator", identity.Operator, "sandbox.alipay.ledger", `{}`, anyInbox},
		{"registrar", identity.Partner, "registrar.event.blacklisted", event, anyInbox},
	} {
		conn := h.connect(t, asker.account, asker.role)
		for _, target := range targets {
			if !slices.Contains(asker.except, target) {
				require.NoError(t, conn.PublishRequest(asker.subject, target, []byte(asker.body)))
			}
		}
		// An honest request behind them is answered when they have been dealt with; those
		// who work on several at once are waited for below.
		answer, err := conn.Request(asker.subject, []byte(asker.body), patience)
		require.NoError(t, err, asker.subject)
		require.NotEmpty(t, answer.Data, asker.subject)
		require.NoError(t, conn.LastError())
	}
	require.NoError(t, h.Close()) // whoever was still answering has answered
	<-gone
	for len(heard) > 0 {
		message := <-heard
		t.Errorf("somebody wrote to %s: %s", message.Subject, message.Data)
	}
}

// tryEvents holds that what a partner publishes is kept and acted upon, with and without
// asking for an acknowledgement.
func (h house) tryEvents(t *testing.T) {
	h.offer(t, "e-1", 1)
	h.offer(t, "e-2", 2)
	partner := h.connect(t, "registrar", identity.Partner)
	js, err := jetstream.New(partner)
	require.NoError(t, err)
	event := func(domain string) []byte {
		return []byte(`{"event_id":"gone-` + domain + `","kind":"deleted","domain":"` + domain + `","at":"` + time.Now().UTC().Format(time.RFC3339Nano) + `"}`)
	}
	ack, err := js.Publish(t.Context(), "registrar.event.deleted", event("d1.com"), jetstream.WithMsgID("gone-d1.com"))
	require.NoError(t, err)
	require.Equal(t, "REGISTRAR_EVENTS", ack.Stream)
	again, err := js.Publish(t.Context(), "registrar.event.deleted", event("d1.com"), jetstream.WithMsgID("gone-d1.com"))
	require.NoError(t, err)
	require.True(t, again.Duplicate)
	require.NoError(t, partner.Publish("registrar.event.deleted", event("d2.com")))
	for _, id := range []string{"e-1", "e-2"} {
		require.Eventually(t, func() bool {
			_, body := h.request(t, http.MethodGet, "/v1/pushes/"+id, h.token(t, "anna", identity.Trader))
			return strings.Contains(body, `"Invalidated"`)
		}, patience, 10*time.Millisecond)
	}
}
