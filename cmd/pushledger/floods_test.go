package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Whatever floods the doors, honest clients are served meanwhile, those who are there
// already and those who come. Nothing here asks how fast: each flood stands while an
// honest round is played, and is bounded by the service and not by the flooder.
func TestFloodsLeaveHonestClientsServed(t *testing.T) {
	t.Parallel()
	service := startProcess(t, t.TempDir(), writeInventory(t, 1))
	honest := &honestClients{doors: &service.doors, t: t}
	honest.round("before any flood")

	heads := service.dribble(t, 200, "GET /v1/pushes HTTP/1.1\r\nHost: x\r\nX-Long: ")
	bodies := service.dribble(t, 50, "POST /alipay/notify HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 60000\r\n\r\n")
	honest.round("requests that dribble in")

	t.Run("HTTP connections", func(t *testing.T) {
		refused := service.crowd(t, httpAddress(&service.doors), "127.0.0.2", 1100, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
		require.GreaterOrEqual(t, refused, 1100-1024, "one address has its share and no more")
		honest.round("connections to HTTP")
	})
	t.Run("NATS connections", func(t *testing.T) {
		for range 600 {
			silent, err := net.Dial("tcp", natsAddress(&service.doors))
			require.NoError(t, err)
			t.Cleanup(func() { _ = silent.Close() }) // the service may have closed it
		}
		honest.round("connections to NATS that say nothing")
		connect := fmt.Sprintf("CONNECT {\"verbose\":false,\"auth_token\":%q}\r\nPING\r\n", service.ready.Tokens["eve"])
		refused := service.crowd(t, natsAddress(&service.doors), "127.0.0.1", 600, connect)
		require.GreaterOrEqual(t, refused, 600-512, "one account has its share and no more")
		honest.round("connections of one account to NATS")
	})
	t.Run("payloads", func(t *testing.T) {
		flooder := service.connect(t, "operator") // who has the most rights, and no other bounds for it
		for i := range 100 {
			body := `{"push_id":"` + strings.Repeat("x", 1<<20)
			require.NoError(t, flooder.PublishRequest("push.cmd.operator.takedown", fmt.Sprintf("_INBOX.operator.flood.%d", i), []byte(body)))
		}
		honest.round("large payloads on NATS")
		large := bufio.NewReader(io.LimitReader(endlessly('x'), 64<<20))
		response, err := http.Post(service.ready.HTTPURL+"/alipay/notify", "application/x-www-form-urlencoded", large)
		if err == nil { // or the service has hung up before all was sent
			require.Equal(t, http.StatusBadRequest, response.StatusCode)
			require.NoError(t, response.Body.Close())
		}
		honest.round("large bodies on HTTP")
		require.True(t, flooder.IsConnected(), "what is too large is answered")
		beyond, err := net.Dial("tcp", natsAddress(&service.doors))
		require.NoError(t, err)
		defer beyond.Close() //nolint:errcheck // the service closes it
		_, err = fmt.Fprintf(beyond, "CONNECT {\"verbose\":false,\"auth_token\":%q}\r\nPUB push.cmd.eve.offer _INBOX.eve.x 999999999\r\n", service.ready.Tokens["eve"])
		require.NoError(t, err)
		require.NoError(t, beyond.SetReadDeadline(time.Now().Add(readyPatience)))
		said, err := io.ReadAll(beyond)
		require.NoError(t, err)
		require.Contains(t, string(said), "Maximum Payload Violation")
		honest.round("a payload that was only promised")
	})
	heads.requireEnded(t, "headers that never end")
	bodies.requireEnded(t, "bodies that never end")
	service.stop(t)
}

// honestClients are a seller and a buyer who go about their business.
type honestClients struct {
	*doors
	t      *testing.T
	rounds int
}

// round is an offer over a new connection, its refusal by the buyer, and what both doors
// say of it.
func (h *honestClients) round(meanwhile string) {
	h.t.Helper()
	h.rounds++
	id := fmt.Sprint("round-", h.rounds)
	offered := ask(h.t, h.connect(h.t, "anna"), "push.cmd.anna.offer",
		fmt.Sprintf(`{"push_id":%q,"buyer":"bo","items":[{"domain":"d0.com","price":"1.00"}]}`, id))
	require.True(h.t, offered.OK, "%s: %+v\n%s", meanwhile, offered, h.stderr)
	buyer := h.connect(h.t, "bo")
	require.True(h.t, ask(h.t, buyer, "push.cmd.bo.decline", fmt.Sprintf(`{"push_id":%q}`, id)).OK, meanwhile)
	h.eventually(h.t, "bo", id, "Declined")
}

// dribbling are requests that come a byte at a time and never end by themselves.
type dribbling struct{ ended chan error }

func (d *doors) dribble(t *testing.T, count int, head string) dribbling {
	t.Helper()
	all := dribbling{ended: make(chan error, count)}
	for range count {
		conn, err := net.Dial("tcp", httpAddress(d))
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() }) // the service has closed it already
		_, err = io.WriteString(conn, head)
		require.NoError(t, err)
		go func() {
			for {
				if _, err := conn.Write([]byte("x")); err != nil {
					all.ended <- nil
					return
				}
				// Pausing is what a dribbling client does; nothing waits for it.
				if err := conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
					all.ended <- err
					return
				}
				_, err := conn.Read(make([]byte, 512))
				if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
					all.ended <- nil
					return
				}
			}
		}()
	}
	return all
}

func (d dribbling) requireEnded(t *testing.T, what string) {
	t.Helper()
	deadline := time.After(2 * readyPatience)
	for range cap(d.ended) {
		select {
		case err := <-d.ended:
			require.NoError(t, err, what)
		case <-deadline:
			require.Fail(t, "the service still waits for "+what)
		}
	}
}

// crowd opens connections from an address, says the same on each, and reports how many the
// service has turned away. They stay open until the test ends.
func (d *doors) crowd(t *testing.T, address, from string, count int, say string) (refused int) {
	t.Helper()
	needFiles(t, 2*count)
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: readyPatience}
	for range count {
		conn, err := dialer.Dial("tcp", address)
		if errors.Is(err, syscall.EADDRNOTAVAIL) {
			t.Skipf("this machine has no loopback address %s to come from", from)
		}
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() }) // the service may have closed it
		if turnedAway(conn, say) {
			refused++
		}
	}
	return refused
}

// turnedAway says something and reports whether the service has hung up instead of
// answering it.
func turnedAway(conn net.Conn, say string) bool {
	if _, err := io.WriteString(conn, say); err != nil {
		return true
	}
	if conn.SetReadDeadline(time.Now().Add(readyPatience)) != nil {
		return true
	}
	said := bufio.NewReader(conn)
	for {
		line, err := said.ReadString('\n')
		switch {
		case err != nil || strings.HasPrefix(line, "-ERR"):
			return true
		case strings.HasPrefix(line, "PONG"), strings.HasPrefix(line, "HTTP/1.1 200"):
			return false
		}
	}
}

// needFiles skips where a process may not have as many open files as a flood needs.
func needFiles(t *testing.T, count int) {
	t.Helper()
	var limit syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	if limit.Cur < uint64(count)+1024 {
		t.Skipf("a process may open %d files here, too few for this flood", limit.Cur)
	}
}

// endlessly is a reader of one byte for ever.
type endlessly byte

// Read implements io.Reader.
func (e endlessly) Read(into []byte) (int, error) {
	for i := range into {
		into[i] = byte(e)
	}
	return len(into), nil
}

func httpAddress(d *doors) string { return strings.TrimPrefix(d.ready.HTTPURL, "http://") }
func natsAddress(d *doors) string { return strings.TrimPrefix(d.ready.NATSURL, "nats://") }
