package access_test

import (
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/pushledger/pushledger/cmd/pushledger/internal/access"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/identity"
	"github.com/pushledger/pushledger/eventstore/natsserver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var roles = []identity.Role{identity.Trader, identity.Operator, identity.Auditor, identity.Partner, identity.Service}

// gate is a server that lets in whoever has a token, with the rights of the table.
type gate struct {
	url     string
	issuer  *identity.Issuer
	witness *nats.Conn // may see everything
}

func openGate(t *testing.T, sandbox bool) gate {
	t.Helper()
	issuer, verifier := newIssuer(t)
	server, err := natsserver.Start(natsserver.Options{
		StoreDir: t.TempDir(), Listen: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler),
		Authorize: func(token string) (natsserver.Grant, error) {
			who, err := verifier.Verify(token)
			if err != nil {
				return natsserver.Grant{}, err
			}
			return access.Grant(who, sandbox)
		},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	g := gate{url: server.URL(), issuer: issuer}
	g.witness = g.connect(t, "witness", identity.Service)
	return g
}

func newIssuer(t *testing.T) (*identity.Issuer, *identity.Verifier) {
	t.Helper()
	issuer, err := identity.OpenIssuer(filepath.Join(t.TempDir(), "key"))
	require.NoError(t, err)
	public, err := issuer.PublicPEM()
	require.NoError(t, err)
	verifier, err := identity.NewVerifier(identity.SandboxIssuer, public)
	require.NoError(t, err)
	return issuer, verifier
}

func (g gate) connect(t *testing.T, account string, role identity.Role) *nats.Conn {
	t.Helper()
	token, err := g.issuer.Mint(account, role, time.Hour)
	require.NoError(t, err)
	conn, err := nats.Connect(g.url, nats.Token(token), nats.NoReconnect(), nats.Timeout(time.Minute), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	require.NoError(t, err)
	t.Cleanup(conn.Close)
	return conn
}

// sample is one subject that a pattern stands for.
func sample(pattern string) string {
	return strings.NewReplacer(">", "a.b", "*", "a").Replace(pattern)
}

// refused reports whether the server has refused the last thing that was asked of it
// about a subject. It says so before it answers the ping of a flush.
func refused(t *testing.T, conn *nats.Conn, what, subject string) bool {
	t.Helper()
	require.NoError(t, conn.Flush())
	err := conn.LastError()
	return err != nil && strings.Contains(err.Error(), what+` to "`+subject+`"`)
}

// publishes reports whether a message to a subject arrives; if not, the publisher has
// been told why.
func (g gate) publishes(t *testing.T, conn *nats.Conn, subject string) bool {
	t.Helper()
	heard, err := g.witness.SubscribeSync(subject)
	require.NoError(t, err)
	defer func() { require.NoError(t, heard.Unsubscribe()) }()
	require.NoError(t, g.witness.Flush())
	require.NoError(t, conn.Publish(subject, nil))
	told := refused(t, conn, "Publish", subject)
	require.NoError(t, g.witness.Flush())
	arrived, _, err := heard.Pending()
	require.NoError(t, err)
	require.NotEqual(t, told, arrived > 0, "publish to %s: refused %t, arrived %d", subject, told, arrived)
	return !told
}

// subscribes reports whether what is published to a subject is heard.
func (g gate) subscribes(t *testing.T, conn *nats.Conn, pattern string) bool {
	t.Helper()
	heard, err := conn.SubscribeSync(pattern)
	require.NoError(t, err)
	told := refused(t, conn, "Subscription", pattern)
	require.NoError(t, g.witness.Publish(sample(pattern), nil))
	require.NoError(t, g.witness.Flush())
	require.NoError(t, conn.Flush())
	arrived, _, err := heard.Pending()
	require.NoError(t, err)
	require.NotEqual(t, told, arrived > 0, "subscribe to %s: refused %t, heard %d", pattern, told, arrived)
	return !told
}

// Every row that is a subject, tried by every role on a connection of its own, with its
// own account and with that of another.
func TestTheServerAllowsWhatTheTableSays(t *testing.T) {
	for name, sandbox := range map[string]bool{"a sandbox": true, "a service": false, "a foreign server": false} {
		g := openForeign(t)
		if name != "a foreign server" {
			g = openGate(t, sandbox)
		}
		for _, role := range roles {
			conn := g.connect(t, "ann", role)
			try := map[access.Way]func(*testing.T, *nats.Conn, string) bool{access.Publish: g.publishes, access.Subscribe: g.subscribes}
			for _, row := range access.Table {
				attempt, subject := try[row.Way], row.What
				if attempt == nil || subject == ">" && role != identity.Service && row.Way == access.Publish {
					continue // no subject, or all subjects: the other rows are those
				}
				want := role == identity.Service || row.Allows(role) && (sandbox || !row.Sandbox)
				of := func(account string) string {
					named := strings.ReplaceAll(subject, "<account>", account)
					if row.Way == access.Publish {
						return sample(named)
					}
					return named
				}
				mine := of("ann")
				require.Equal(t, want, attempt(t, conn, mine), "%s: %s: %s %s", name, role, row.Way, mine)
				if !strings.Contains(subject, "<account>") {
					continue
				}
				for _, other := range []string{"bob", "annabel", "an", "$partners"} {
					require.Equal(t, role == identity.Service, attempt(t, conn, of(other)), "%s: %s: %s %s", name, role, row.Way, of(other))
				}
			}
		}
	}
}

// A wildcard must not cover more than what is the own.
func TestNobodyWidensItsRightsWithAWildcard(t *testing.T) {
	g := openGate(t, true)
	for _, role := range roles[:4] {
		conn := g.connect(t, "ann", role)
		for _, pattern := range []string{">", "*.>", "push.*.>", "push.notice.*.>", "push.result.>", "_INBOX.*.a", "registrar.>", "accounts.>", "$JS.ACK.>", "$JS.EVENT.>"} {
			require.False(t, g.subscribes(t, conn, pattern), "%s: %s", role, pattern)
		}
	}
}

// An account that is not one literal token would open the subjects of others.
func TestNobodyElseIsGrantedAnything(t *testing.T) {
	for name, who := range map[string]identity.Identity{
		"no role":             {Account: "ann"},
		"an unknown role":     {Account: "ann", Role: "root"},
		"a role in capitals":  {Account: "ann", Role: "Trader"},
		"no account":          {Role: identity.Trader},
		"a wildcard":          {Account: "*", Role: identity.Trader},
		"a full wildcard":     {Account: ">", Role: identity.Trader},
		"two tokens":          {Account: "ann.bob", Role: identity.Trader},
		"a part's inbox":      {Account: "$partners", Role: identity.Trader},
		"a line end":          {Account: "ann\n", Role: identity.Trader},
		"too long an account": {Account: strings.Repeat("a", 65), Role: identity.Trader},
	} {
		t.Run(name, func(t *testing.T) {
			grant, err := access.Grant(who, true)
			require.Error(t, err)
			require.Zero(t, grant)
		})
	}
}

// The connections that answer others can neither write events nor give commands, and
// nobody has rights on the inbox of another.
func TestThePartsOfTheServiceAreConfined(t *testing.T) {
	_, _, err := access.PartOf("cellar")
	require.Error(t, err)
	inboxes := make(map[string]bool)
	for _, part := range access.Parts {
		require.False(t, inboxes[part.Inbox], part.Inbox)
		inboxes[part.Inbox] = true
		answers := false
		for _, subject := range part.Publish {
			answers = answers || subject == "_INBOX.>"
		}
		for _, subject := range part.Publish {
			require.NotEqual(t, ">", subject)
			if answers && part.Name != "sandbox" {
				require.NotRegexp(t, `^(push\.(evt|cmd|checkpoint|notice|result)|\$)`, subject, part.Name)
			}
		}
	}
}
