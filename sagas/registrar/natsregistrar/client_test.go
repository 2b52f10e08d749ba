package natsregistrar_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/eventstore/natsserver"
	"github.com/pushledger/pushledger/sagas/registrar"
	"github.com/pushledger/pushledger/sagas/registrar/natsregistrar"
)

// The conformance suite runs over this client in the package of the sandbox platform.

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 30 * time.Second // for what must come

func connect(t *testing.T) *nats.Conn {
	t.Helper()
	server, err := natsserver.Start(natsserver.Options{
		StoreDir: t.TempDir(), Listen: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	conn, err := server.Connect("test", natsserver.Grant{Name: "test", Publish: []string{">"}, Subscribe: []string{">"}})
	require.NoError(t, err)
	t.Cleanup(func() {
		conn.Close()
		require.NoError(t, server.Close())
	})
	return conn
}

// answering has every request on a subject answered by say.
func answering(t *testing.T, conn *nats.Conn, subject string, say func(request []byte) string) {
	t.Helper()
	subscription, err := conn.Subscribe(subject, func(request *nats.Msg) {
		if err := request.Respond([]byte(say(request.Data))); err != nil {
			t.Error(err)
		}
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, subscription.Unsubscribe()) })
}

// fact is one usable answer with something changed.
func fact(name string, changes ...string) string {
	text := fmt.Sprintf(`{"domain":%q,"exists":true,"account":"ann","registered_at":"2025-01-01T08:00:00+08:00",`+
		`"expires_at":"2030-01-01T00:00:00Z","registrar_ok":true,"account_move_locked":false,"product":"standard",`+
		`"pending":[],"restrictions":[],"sale":"none","revision":3}`, name)
	for i := 0; i < len(changes); i += 2 {
		text = strings.Replace(text, changes[i], changes[i+1], 1)
	}
	return text
}

func TestFactsAreNormalisedAndReordered(t *testing.T) {
	conn := connect(t)
	answering(t, conn, natsregistrar.SubjectFacts, func([]byte) string {
		return `{"served_by":"x","facts":[` + fact("B.com.") + `,` + fact("例子.cn", `"revision"`, `"hue":1,"revision"`) + `]}`
	})
	list, err := natsregistrar.New(conn, patience).Facts(t.Context(), []domainname.Name{"xn--fsqu00a.cn", "b.com"})
	require.NoError(t, err)
	want := push.DomainFacts{
		Domain: "xn--fsqu00a.cn", Exists: true, Account: "ann",
		RegisteredAt: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC), ExpiresAt: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC),
		RegistrarOK: true, Product: "standard", Pending: []string{}, Restrictions: []string{}, Sale: "none", Revision: 3,
	}
	other := want
	other.Domain = "b.com"
	require.Equal(t, []push.DomainFacts{want, other}, list)
}

// A push may hold a name that could not be offered today. It is delivered all the same.
func TestFactsOfANameFromEarlierRulesAreRead(t *testing.T) {
	conn := connect(t)
	answering(t, conn, natsregistrar.SubjectFacts, func([]byte) string {
		return `{"facts":[` + fact("xn--53h.com") + `]}`
	})
	list, err := natsregistrar.New(conn, patience).Facts(t.Context(), []domainname.Name{"xn--53h.com"})
	require.NoError(t, err)
	require.Equal(t, domainname.Name("xn--53h.com"), list[0].Domain)
}

func TestFactsAreAskedInChunks(t *testing.T) {
	conn := connect(t)
	sizes := make(chan int, 10)
	answering(t, conn, natsregistrar.SubjectFacts, func(request []byte) string {
		var asked struct {
			Domains []string `json:"domains"`
		}
		if err := json.Unmarshal(request, &asked); err != nil {
			t.Error(err)
		}
		sizes <- len(asked.Domains)
		answers := make([]string, len(asked.Domains))
		for i, name := range asked.Domains {
			answers[len(answers)-1-i] = fact(name)
		}
		return `{"facts":[` + strings.Join(answers, ",") + `]}`
	})
	var names []domainname.Name
	for i := range 250 {
		names = append(names, domainname.Name(fmt.Sprintf("d-%d.com", i)))
	}
	list, err := natsregistrar.New(conn, patience).Facts(t.Context(), names)
	require.NoError(t, err)
	require.Len(t, list, len(names))
	for i, name := range names {
		require.Equal(t, name, list[i].Domain)
	}
	require.ElementsMatch(t, []int{100, 100, 50}, []int{<-sizes, <-sizes, <-sizes})
	none, err := natsregistrar.New(conn, patience).Facts(t.Context(), nil)
	require.NoError(t, err)
	require.Empty(t, none)
	require.Empty(t, sizes)
}

func TestUnusableFacts(t *testing.T) {
	conn := connect(t)
	answers := make(chan string, 1)
	answering(t, conn, natsregistrar.SubjectFacts, func([]byte) string { return <-answers })
	client := natsregistrar.New(conn, patience)
	for name, answer := range map[string]string{
		"nothing":              ``,
		"an error":             `{"ok":false,"error":{"code":"x"}}`,
		"one too few":          `{"facts":[` + fact("a.com") + `]}`,
		"one twice":            `{"facts":[` + fact("a.com") + `,` + fact("A.com") + `]}`,
		"another one":          `{"facts":[` + fact("a.com") + `,` + fact("c.com") + `]}`,
		"one too many":         `{"facts":[` + fact("a.com") + `,` + fact("b.com") + `,` + fact("c.com") + `]}`,
		"a wrong name":         `{"facts":[` + fact("a.com") + `,` + fact("b") + `]}`,
		"a wrong time":         `{"facts":[` + fact("a.com") + `,` + fact("b.com", "2030-01-01T00:00:00Z", "2030") + `]}`,
		"no expiry":            `{"facts":[` + fact("a.com") + `,` + fact("b.com", "expires_at", "expires") + `]}`,
		"no word on existence": `{"facts":[` + fact("a.com") + `,` + fact("b.com", "exists", "is") + `]}`,
		"no word on the lock":  `{"facts":[` + fact("a.com") + `,` + fact("b.com", "account_move_locked", "locked") + `]}`,
		"no holder":            `{"facts":[` + fact("a.com") + `,` + fact("b.com", `"ann"`, `""`) + `]}`,
		"a wrong canonical":    `{"facts":[` + fact("a.com") + `,` + fact("b.com", `"sale"`, `"canonical":"b","sale"`) + `]}`,
		"a very long hint":     `{"facts":[` + fact("a.com") + `,` + fact("b.com", `"sale"`, `"registrant_hint":"`+strings.Repeat("a", 300)+`","sale"`) + `]}`,
		"many locks":           `{"facts":[` + fact("a.com") + `,` + fact("b.com", `"sale"`, `"locks":["x"`+strings.Repeat(`,"x"`, 100)+`],"sale"`) + `]}`,
		"a very long text":     `{"facts":[` + fact("a.com") + `,` + fact("b.com", "ann", strings.Repeat("a", 300)) + `]}`,
		"a long list":          `{"facts":[` + fact("a.com") + `,` + fact("b.com", `"pending":[]`, `"pending":["x"`+strings.Repeat(`,"x"`, 100)+`]`) + `]}`,
		"a huge answer":        `{"facts":[` + fact("a.com") + `,` + fact("b.com") + `]}` + strings.Repeat(" ", 1<<20),
	} {
		answers <- answer
		_, err := client.Facts(t.Context(), []domainname.Name{"a.com", "b.com"})
		require.ErrorIs(t, err, registrar.ErrUnavailable, name)
	}
}

func TestUnusableMoves(t *testing.T) {
	conn := connect(t)
	answers := make(chan string, 1)
	for _, subject := range []string{natsregistrar.SubjectMove, natsregistrar.SubjectOperation} {
		answering(t, conn, subject, func([]byte) string { return <-answers })
	}
	client := natsregistrar.New(conn, patience)
	move := registrar.Move{OperationID: "op-1", Domain: "a.com", From: "ann", To: "bob"}
	for _, answer := range []string{``, `{}`, `{"state":"perhaps"}`, `{"state":"refused"}`, `{"state":"done","revision":-1}`, `{"error":{}}`} {
		answers <- answer
		_, err := client.Move(t.Context(), move)
		require.ErrorIs(t, err, registrar.ErrUnavailable, answer)
		answers <- answer
		_, err = client.Operation(t.Context(), "op-1")
		require.ErrorIs(t, err, registrar.ErrUnavailable, answer)
	}
	answers <- `{"state":"unknown"}`
	_, err := client.Move(t.Context(), move)
	require.ErrorIs(t, err, registrar.ErrUnavailable, "who was just asked to move cannot know nothing of it")
	answers <- `{"state":"unknown"}`
	known, err := client.Operation(t.Context(), "op-1")
	require.NoError(t, err)
	require.Equal(t, registrar.MoveUnknown, known.State)
}

func TestUnusableAccounts(t *testing.T) {
	conn := connect(t)
	answers := make(chan string, 1)
	answering(t, conn, natsregistrar.SubjectAccount, func([]byte) string { return <-answers })
	client := natsregistrar.New(conn, patience)
	for _, answer := range []string{
		``, `{}`, `{"account":"ann"}`, `{"account":"bob","exists":true}`, `{"account":"ann","exists":true,"alipay_name":7}`,
		`{"account":"ann","exists":true,"identity_hash":"ABC"}`, `{"account":"ann","exists":true,"alipay_merchant_id":"2088&x"}`,
	} {
		answers <- answer
		_, err := client.Account(t.Context(), "ann")
		require.ErrorIs(t, err, registrar.ErrUnavailable, answer)
	}
}

func TestNobodyAnswers(t *testing.T) {
	conn := connect(t)
	_, err := natsregistrar.New(conn, patience).Account(t.Context(), "ann")
	require.ErrorIs(t, err, registrar.ErrUnavailable)
	require.ErrorIs(t, err, nats.ErrNoResponders)
	silent, err := conn.SubscribeSync(natsregistrar.SubjectAccount)
	require.NoError(t, err)
	_, err = natsregistrar.New(conn, 20*time.Millisecond).Account(t.Context(), "ann")
	require.ErrorIs(t, err, registrar.ErrUnavailable)
	require.NoError(t, silent.Unsubscribe())
}
