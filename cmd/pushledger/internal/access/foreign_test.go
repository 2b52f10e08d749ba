package access_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/cmd/pushledger/internal/callout"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/identity"
)

// configuration of a server that asks the callout, as docs/security.md has it.
const configuration = `
listen: "127.0.0.1:-1"
accounts {
  AUTH { users: [ { nkey: %q } ] }
  LEDGER { }
}
authorization {
  timeout: %d
  auth_callout { issuer: %q, account: AUTH, auth_users: [ %q ] }
}
`

// startForeign runs a server that is not ours, and returns its address. A client waits as
// many seconds for somebody to answer the server.
func startForeign(t *testing.T, seconds int) (url string, keys callout.Keys) {
	t.Helper()
	dir := t.TempDir()
	keys, err := callout.OpenKeys(dir)
	require.NoError(t, err)
	issuer, user, err := keys.Public()
	require.NoError(t, err)
	path := filepath.Join(dir, "server.conf")
	require.NoError(t, os.WriteFile(path, fmt.Appendf(nil, configuration, user, seconds, issuer, user), 0o600))
	options, err := server.ProcessConfigFile(path)
	require.NoError(t, err)
	options.NoSigs, options.NoLog = true, true
	foreign, err := server.NewServer(options)
	require.NoError(t, err)
	foreign.Start()
	t.Cleanup(func() { foreign.Shutdown(); foreign.WaitForShutdown() })
	require.True(t, foreign.ReadyForConnections(time.Minute))
	return foreign.ClientURL(), keys
}

// openForeign is a gate whose server is not ours.
func openForeign(t *testing.T) gate {
	t.Helper()
	url, keys := startForeign(t, 30)
	issuer, verifier := newIssuer(t)
	key, err := nats.NkeyOptionFromSeed(keys.UserFile)
	require.NoError(t, err)
	conn, err := nats.Connect(url, key, nats.Timeout(time.Minute))
	require.NoError(t, err)
	t.Cleanup(conn.Close)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- callout.Serve(ctx, conn, callout.Config{
			Verify: verifier.Verify, Issuer: keys.Issuer, Account: "LEDGER", Logger: slog.New(slog.DiscardHandler),
		})
	}()
	t.Cleanup(func() { stop(); require.NoError(t, <-ended) })
	require.Eventually(t, func() bool { return conn.NumSubscriptions() > 0 }, time.Minute, time.Millisecond)
	require.NoError(t, conn.Flush())
	g := gate{url: url, issuer: issuer}
	g.witness = g.connect(t, "witness", identity.Service)
	return g
}

func TestWhileNobodyAnswersAForeignServerNobodyGetsIn(t *testing.T) {
	url, _ := startForeign(t, 1)
	issuer, _ := newIssuer(t)
	token, err := issuer.Mint("ann", identity.Service, time.Hour)
	require.NoError(t, err)
	_, err = nats.Connect(url, nats.Token(token), nats.Timeout(time.Minute))
	require.Error(t, err)
}

func TestAForeignServerLetsNobodyElseIn(t *testing.T) {
	g := openForeign(t)
	stranger, err := identity.OpenIssuer(filepath.Join(t.TempDir(), "key"))
	require.NoError(t, err)
	forged, err := stranger.Mint("ann", identity.Operator, time.Hour)
	require.NoError(t, err)
	for name, option := range map[string]nats.Option{
		"without a token": nats.Name("nobody"), "with rubbish": nats.Token("x"), "with a stranger's token": nats.Token(forged),
		"with a password": nats.UserInfo("ann", "ann"),
	} {
		_, err := nats.Connect(g.url, option)
		require.ErrorIs(t, err, nats.ErrAuthorization, name)
	}
}

func TestAConnectionToAForeignServerEndsWithItsToken(t *testing.T) {
	g := openForeign(t)
	token, err := g.issuer.Mint("ann", identity.Trader, 2*time.Second)
	require.NoError(t, err)
	closed := make(chan struct{})
	conn, err := nats.Connect(g.url, nats.Token(token), nats.NoReconnect(), nats.Timeout(time.Minute),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}), nats.ClosedHandler(func(*nats.Conn) { close(closed) }))
	if err != nil { // the machine took so long that it had ended before
		require.ErrorIs(t, err, nats.ErrAuthorization)
		return
	}
	t.Cleanup(conn.Close)
	select {
	case <-closed:
	case <-time.After(time.Minute):
		require.Fail(t, "the token has expired and the connection lives on")
	}
}

func TestKeysOfACalloutAreKept(t *testing.T) {
	dir := t.TempDir()
	for range 2 {
		keys, err := callout.OpenKeys(dir)
		require.NoError(t, err)
		first, user, err := keys.Public()
		require.NoError(t, err)
		again, err := callout.OpenKeys(dir)
		require.NoError(t, err)
		issuer, sameUser, err := again.Public()
		require.NoError(t, err)
		require.Equal(t, []string{first, user}, []string{issuer, sameUser})
	}
	require.NoError(t, os.Chmod(filepath.Join(dir, "issuer.nk"), 0o644))
	_, err := callout.OpenKeys(dir)
	require.ErrorContains(t, err, "chmod 600")
}
