package natsserver_test

import (
	"bufio"
	"cmp"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/pushledger/pushledger/eventstore/natsserver"
)

const patience = 10 * time.Second

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func everything() natsserver.Grant {
	return natsserver.Grant{Name: "all", Publish: []string{">"}, Subscribe: []string{">"}}
}

func options(dir string) natsserver.Options {
	return natsserver.Options{
		StoreDir: dir, Listen: "127.0.0.1:0", SyncAlways: true, Logger: slog.New(slog.DiscardHandler),
		Authorize: func(token string) (natsserver.Grant, error) {
			switch token {
			case "alice":
				return natsserver.Grant{Name: "alice", Publish: []string{"to.alice"}, Subscribe: []string{"of.alice"}}, nil
			case "mute":
				return natsserver.Grant{Name: "mute"}, nil
			case "late":
				return natsserver.Grant{Name: "late", Expires: time.Now().Add(time.Second)}, nil
			default:
				return natsserver.Grant{}, errors.New("unknown token")
			}
		},
	}
}

func start(t *testing.T, dir string) *natsserver.Server {
	t.Helper()
	server, err := natsserver.Start(options(dir))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	return server
}

// client connects from outside and reports what the server says about it.
func client(t *testing.T, server *natsserver.Server, token string) (*nats.Conn, <-chan error) {
	t.Helper()
	said := make(chan error, 16)
	conn, err := nats.Connect(server.URL(), nats.Token(token), nats.NoReconnect(),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { said <- err }),
		nats.ClosedHandler(func(conn *nats.Conn) { said <- conn.LastError() }))
	require.NoError(t, err)
	t.Cleanup(conn.Close)
	return conn, said
}

func inside(t *testing.T, server *natsserver.Server, grant natsserver.Grant) *nats.Conn {
	t.Helper()
	conn, err := server.Connect("test", grant)
	require.NoError(t, err)
	t.Cleanup(conn.Close)
	return conn
}

// running is a server on a directory, for who closes it.
func running(t *testing.T, dir string) (*natsserver.Server, *nats.Conn, jetstream.JetStream) {
	t.Helper()
	server, err := natsserver.Start(options(dir))
	require.NoError(t, err)
	conn := inside(t, server, everything())
	js, err := jetstream.New(conn)
	require.NoError(t, err)
	return server, conn, js
}

func next(t *testing.T, said <-chan error) error {
	t.Helper()
	select {
	case err := <-said:
		return err
	case <-time.After(patience):
		require.Fail(t, "the server said nothing")
		return nil
	}
}

func TestNobodyConnectsWithoutAToken(t *testing.T) {
	server := start(t, t.TempDir())
	for name, option := range map[string]nats.Option{
		"no token":           nats.Name("nobody"),
		"an empty token":     nats.Token(""),
		"an unknown token":   nats.Token("mallory"),
		"a user name":        nats.UserInfo("alice", "alice"),
		"a name as password": nats.UserInfo("", "alice"),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := nats.Connect(server.URL(), option)
			require.ErrorIs(t, err, nats.ErrAuthorization)
		})
	}
}

func TestWithoutAuthorizeNobodyConnectsFromOutside(t *testing.T) {
	closed := options(t.TempDir())
	closed.Authorize = nil
	server, err := natsserver.Start(closed)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	_, err = nats.Connect(server.URL(), nats.Token("alice"))
	require.ErrorIs(t, err, nats.ErrAuthorization)
	require.NoError(t, inside(t, server, everything()).Flush())
}

func TestAClientIsConfinedToItsGrant(t *testing.T) {
	server := start(t, t.TempDir())
	witness := inside(t, server, everything())
	heard, err := witness.SubscribeSync(">")
	require.NoError(t, err)
	require.NoError(t, witness.Flush())
	conn, said := client(t, server, "alice")

	require.NoError(t, conn.Publish("to.bob", nil))
	require.ErrorIs(t, next(t, said), nats.ErrPermissionViolation)
	_, err = conn.Subscribe("of.>", func(*nats.Msg) {})
	require.NoError(t, err)
	require.ErrorIs(t, next(t, said), nats.ErrPermissionViolation)

	require.NoError(t, conn.Publish("to.alice", nil))
	message, err := heard.NextMsg(patience)
	require.NoError(t, err)
	require.Equal(t, "to.alice", message.Subject, "what was refused never arrived")

	own, err := conn.SubscribeSync("of.alice")
	require.NoError(t, err)
	require.NoError(t, conn.Flush())
	require.NoError(t, witness.Publish("of.alice", nil))
	_, err = own.NextMsg(patience)
	require.NoError(t, err)
}

// To the server an empty list of allowed subjects would mean everything.
func TestAnEmptyGrantAllowsNothing(t *testing.T) {
	server := start(t, t.TempDir())
	conn, said := client(t, server, "mute")
	require.NoError(t, conn.Publish("anything", nil))
	require.ErrorIs(t, next(t, said), nats.ErrPermissionViolation)
	_, err := conn.SubscribeSync("anything")
	require.NoError(t, err)
	require.ErrorIs(t, next(t, said), nats.ErrPermissionViolation)
}

func TestAConnectionInsideIsConfinedToo(t *testing.T) {
	server := start(t, t.TempDir())
	conn := inside(t, server, natsserver.Grant{Name: "reader", Subscribe: []string{"a"}})
	said := make(chan error, 1)
	conn.SetErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { said <- err })
	require.NoError(t, conn.Publish("a", nil))
	require.ErrorIs(t, next(t, said), nats.ErrPermissionViolation)
}

func TestAClientIsCutOffWhenItsGrantExpires(t *testing.T) {
	server := start(t, t.TempDir())
	_, said := client(t, server, "late")
	require.ErrorIs(t, next(t, said), nats.ErrAuthExpired)
}

// Its secret is good for one connection, so it needs a new one to come back.
func TestAConnectionInsideComesBack(t *testing.T) {
	server := start(t, t.TempDir())
	conn := inside(t, server, everything())
	back := make(chan error, 1)
	conn.SetReconnectHandler(func(*nats.Conn) { back <- nil })
	require.NoError(t, conn.ForceReconnect())
	require.NoError(t, next(t, back))
	require.NoError(t, conn.Flush())
}

func TestADirectoryHasOneOwner(t *testing.T) {
	dir := t.TempDir()
	first, err := natsserver.Start(options(dir))
	require.NoError(t, err)
	_, err = natsserver.Start(options(dir))
	require.ErrorContains(t, err, "another process uses "+dir)
	require.NoError(t, first.Close())
	start(t, dir)
}

func TestAFailedStartSaysWhyAndLetsGo(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, taken.Close()) }()
	occupied, file := t.TempDir(), filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(filepath.Join(occupied, "jetstream"), nil, 0o600))
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for name, test := range map[string]struct{ dir, listen, why string }{
		"a port in use":             {t.TempDir(), taken.Addr().String(), "address already in use"},
		"no port":                   {t.TempDir(), "127.0.0.1", "listen address"},
		"no number":                 {t.TempDir(), "127.0.0.1:nats", "listen address"},
		"a file where JetStream is": {occupied, "127.0.0.1:0", "is not a directory"},
		"a file as the directory":   {file, "127.0.0.1:0", "not a directory"},
	} {
		t.Run(name, func(t *testing.T) {
			wrong := options(test.dir)
			wrong.Listen = test.listen
			_, err := natsserver.Start(wrong)
			require.ErrorContains(t, err, "natsserver: ")
			require.ErrorContains(t, err, test.why)
			_, err = natsserver.Start(wrong)
			require.NotContains(t, err.Error(), "another process", "the lock was let go")
		})
	}
}

func TestADamagedStreamIsNamed(t *testing.T) {
	dir := t.TempDir()
	server, conn, js := running(t, dir)
	for _, name := range []string{"GOOD", "BAD"} {
		_, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: name, Subjects: []string{name}})
		require.NoError(t, err)
	}
	conn.Close()
	require.NoError(t, server.Close())
	description := filepath.Join(dir, "jetstream", "$G", "streams", "BAD", "meta.inf")
	text, err := os.ReadFile(description)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(description, text[1:], 0o600))

	_, err = natsserver.Start(options(dir))
	require.ErrorContains(t, err, "damaged streams [jetstream/$G/streams/BAD]")
	require.ErrorContains(t, err, "checksums do not match")
	require.NoError(t, os.WriteFile(description, text, 0o600))
	start(t, dir)
}

func TestWhatWasStoredSurvivesARestart(t *testing.T) {
	dir := t.TempDir()
	server, conn, js := running(t, dir)
	_, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "KEPT", Subjects: []string{"kept"}})
	require.NoError(t, err)
	_, err = js.Publish(t.Context(), "kept", []byte("once"))
	require.NoError(t, err)
	conn.Close()
	require.NoError(t, server.Close())

	js, err = jetstream.New(inside(t, start(t, dir), everything()))
	require.NoError(t, err)
	stream, err := js.Stream(t.Context(), "KEPT")
	require.NoError(t, err)
	message, err := stream.GetMsg(t.Context(), 1)
	require.NoError(t, err)
	require.Equal(t, "once", string(message.Data))
}

func TestTheAddressesOfAName(t *testing.T) {
	server := start(t, t.TempDir())
	conn, _ := client(t, server, "alice")
	require.Equal(t, conn.LocalAddr(), server.AddressOf("alice"))
	require.Empty(t, server.AddressOf("nobody"))
	conn.Close()
	require.Eventually(t, func() bool { return server.AddressOf("alice") == "" }, time.Minute, time.Millisecond)
}

// A flood of connections is turned away: of one account those beyond its share, and of
// strangers those who do not say who they are. Whoever else comes is let in.
func TestAFloodOfConnectionsKeepsNobodyOut(t *testing.T) {
	t.Parallel()
	server := start(t, t.TempDir())
	const share = 512
	var taken int
	var first net.Conn
	for range share + 20 {
		conn, err := net.Dial("tcp", strings.TrimPrefix(server.URL(), "nats://"))
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		first = cmp.Or(first, conn)
		require.NoError(t, conn.SetDeadline(time.Now().Add(time.Minute)))
		_, err = conn.Write([]byte(`CONNECT {"verbose":false,"auth_token":"alice"}` + "\r\nPING\r\n"))
		require.NoError(t, err)
		said := bufio.NewScanner(conn)
		for said.Scan() && strings.HasPrefix(said.Text(), "INFO ") {
		}
		if said.Text() == "PONG" {
			taken++
		}
	}
	require.Equal(t, share, taken)
	require.NoError(t, first.Close())
	require.Eventually(t, func() bool { // the server notices that it has gone
		again, err := nats.Connect(server.URL(), nats.Token("alice"))
		if err == nil {
			again.Close()
		}
		return err == nil
	}, time.Minute, 50*time.Millisecond, "who leaves makes room")
	conn, _ := client(t, server, "mute")
	require.True(t, conn.IsConnected(), "another account has its own share")

	silent, err := net.Dial("tcp", strings.TrimPrefix(server.URL(), "nats://"))
	require.NoError(t, err)
	defer silent.Close() //nolint:errcheck // only read
	require.NoError(t, silent.SetReadDeadline(time.Now().Add(time.Minute)))
	text, err := io.ReadAll(silent)
	require.NoError(t, err, "who does not say who it is is cut off")
	require.Contains(t, string(text), "Authentication Timeout")
}

// A subscriber who does not read is dropped alone once too much waits for it.
func TestASlowSubscriberIsDroppedAlone(t *testing.T) {
	t.Parallel()
	server := start(t, t.TempDir())
	slow, err := net.Dial("tcp", strings.TrimPrefix(server.URL(), "nats://"))
	require.NoError(t, err)
	defer slow.Close() //nolint:errcheck // the server has closed it
	_, err = slow.Write([]byte(`CONNECT {"verbose":false,"auth_token":"alice"}` + "\r\nSUB of.alice 1\r\nPING\r\n"))
	require.NoError(t, err)
	require.NoError(t, slow.SetReadDeadline(time.Now().Add(time.Minute)))
	said := bufio.NewScanner(slow)
	for said.Scan() && said.Text() != "PONG" {
	}
	quick, _ := client(t, server, "alice")
	read, err := quick.SubscribeSync("of.alice")
	require.NoError(t, err)
	require.NoError(t, quick.Flush())
	publisher := inside(t, server, everything())
	for range 100 { // more than may wait for one client
		require.NoError(t, publisher.Publish("of.alice", make([]byte, 1<<20)))
		require.NoError(t, publisher.Flush())
		message, err := read.NextMsg(time.Minute)
		require.NoError(t, err, "the other one misses nothing")
		require.Len(t, message.Data, 1<<20)
	}
	require.Eventually(t, func() bool {
		return !strings.Contains(server.AddressOf("alice"), slow.LocalAddr().String())
	}, time.Minute, 50*time.Millisecond, "the server still holds megabytes for it")
	require.True(t, quick.IsConnected())
}

// F55: a connection does not outlive the key of its token.
func TestAClientIsTurnedOutOnceItsTokenIsNotGoodAnyMore(t *testing.T) {
	var withdrawn atomic.Bool
	with := options(t.TempDir())
	accepted := with.Authorize
	with.Authorize = func(token string) (natsserver.Grant, error) {
		if token == "alice" && withdrawn.Load() {
			return natsserver.Grant{}, errors.New("no such key any more")
		}
		return accepted(token)
	}
	server, err := natsserver.Start(with)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	alice, said := client(t, server, "alice")
	mute, _ := client(t, server, "mute")
	server.Recheck()
	require.NoError(t, alice.Flush())

	withdrawn.Store(true)
	server.Recheck()

	require.Error(t, next(t, said))
	require.Eventually(t, alice.IsClosed, patience, time.Millisecond)
	require.NoError(t, mute.Flush(), "others stay")
	server.Recheck()
}
