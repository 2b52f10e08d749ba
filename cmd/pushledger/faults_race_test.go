package main

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/cmd/pushledger/internal/commands"
)

func TestFaultsOfRacesAndOutages(t *testing.T) {
	t.Parallel()
	openSandbox(t, t.TempDir(), longWindow).rows(t, map[string]func(*testing.T, *sandbox){
		"F27 withdraw races accept":                     withdrawRacesAccept,
		"F27 two accepts":                               twoAccepts,
		"F27 accept races expiry":                       acceptRacesExpiry,
		"F27 takedown races pay":                        takedownRacesPay,
		"F29 registrar or directory down when offering": downWhenOffering,
		"F29 registrar down when accepting":             downWhenAccepting,
		"F38 slow readers":                              slowReaders,
	})
}

// tries is how often a race is run: who wins is for chance to say.
const tries = 8

type contender struct {
	conn          *nats.Conn
	subject, body string
}

// atOnce sends commands at the same moment and returns their answers in order.
func atOnce(t *testing.T, contenders ...contender) []outsideReply {
	t.Helper()
	type answer struct {
		reply outsideReply
		err   error
	}
	answers := make([]chan answer, len(contenders))
	for i, r := range contenders {
		answers[i] = make(chan answer, 1)
		go func() {
			reply, err := request(r.conn, r.subject, r.body, uuid.NewString())
			answers[i] <- answer{reply, err}
		}()
	}
	replies := make([]outsideReply, len(contenders))
	for i := range contenders {
		got := <-answers[i]
		require.NoError(t, got.err)
		replies[i] = got.reply
	}
	return replies
}

func (d *deal) accepting() contender {
	return contender{d.buyer, "push.cmd.bo.accept", fmt.Sprintf(`{"push_id":%q,"total":%q}`, d.id, d.total)}
}

func withdrawRacesAccept(t *testing.T, m *sandbox) {
	for range tries {
		d := m.offer(t, 1, 1_00)
		replies := atOnce(t, d.accepting(), contender{m.seller, "push.cmd.anna.withdraw", fmt.Sprintf(`{"push_id":%q}`, d.id)})
		require.NotEqual(t, replies[0].OK, replies[1].OK, "exactly one wins")
		if replies[1].OK {
			require.Equal(t, "already_ended", replies[0].Error.Code)
			d.ends(t, unsold("Withdrawn"))
			continue
		}
		require.Equal(t, "already_accepted", replies[1].Error.Code)
		d.pay(t)
		d.ends(t, settled(d))
	}
}

func twoAccepts(t *testing.T, m *sandbox) {
	for range tries {
		d := m.offer(t, 1, 1_00)
		replies := atOnce(t, d.accepting(), d.accepting())
		require.NotEqual(t, replies[0].OK, replies[1].OK, "exactly one wins")
		for _, reply := range replies {
			if !reply.OK {
				require.Equal(t, "already_accepted", reply.Error.Code)
			}
		}
		require.Equal(t, 1, d.count(t, "Accepted"))
		d.pay(t)
		d.ends(t, settled(d))
	}
}

// The offers end while they are being accepted; whoever is too late is told so, whether or
// not the end has been recorded.
func acceptRacesExpiry(t *testing.T, m *sandbox) {
	const validity = 800 * time.Millisecond
	for i := range tries {
		d := m.draft(t, 1, 1_00)
		body := strings.Replace(d.body(1_00), "{", fmt.Sprintf(`{"valid_for":%q,`, validity), 1)
		require.True(t, ask(t, m.seller, "push.cmd.anna.offer", body).OK)
		time.Sleep(validity - time.Duration(tries/2-i)*10*time.Millisecond) // around the end: who is first is for chance to say
		reply := atOnce(t, d.accepting())[0]
		if reply.OK {
			d.pay(t)
			d.ends(t, settled(d))
			continue
		}
		require.Equal(t, "already_ended", reply.Error.Code)
		d.ends(t, unsold("Expired"))
		require.Zero(t, d.count(t, "Accepted"))
	}
}

func takedownRacesPay(t *testing.T, m *sandbox) {
	for range tries {
		d := m.buy(t, 1)
		d.signsIn(t)
		d.alipay(t, "close", "error", 1) // or the sandbox would take no money
		replies := atOnce(t,
			contender{m.operator, "push.cmd.operator.takedown", fmt.Sprintf(`{"push_id":%q,"reason":"court order"}`, d.id)},
			contender{m.operator, "sandbox.alipay.pay", fmt.Sprintf(`{"push_id":%q}`, d.id)})
		takenDown, paid := replies[0], replies[1]
		switch {
		case !takenDown.OK: // delivered before
			require.Equal(t, "completed_is_final", takenDown.Error.Code)
			d.ends(t, settled(d))
		case !paid.OK: // closed before
			d.ends(t, unsold("Invalidated"))
		case d.count(t, "Paid") > 0: // taken down while it was being delivered
			d.ends(t, undone(d))
		default: // the money came too late
			want := unsold("Invalidated")
			want.In, want.Back = []string{d.total}, []string{d.total}
			d.ends(t, want)
		}
	}
}

// F29: nothing has changed, and the same command works once the partner is back.
func downWhenOffering(t *testing.T, m *sandbox) {
	m.control(t, "accounts.set", `{"account":"down"}`)
	for _, partner := range []string{"registrar", "directory"} {
		d := m.draft(t, 1, 1_00)
		body := d.body(1_00)
		if partner == "registrar" {
			d.registrar(t, 0, "facts", "error", ever)
		} else {
			body = strings.Replace(body, `"bo"`, `"down"`, 1)
			m.control(t, "accounts.fault", `{"account":"down","mode":"error","times":%d}`, ever)
		}
		id := uuid.NewString()
		reply, err := request(m.seller, "push.cmd.anna.offer", body, id)
		require.NoError(t, err)
		require.Equal(t, "unavailable", reply.Error.Code)
		code, err := m.get("anna", "/v1/pushes/"+d.id, nil)
		require.NoError(t, err)
		require.Equal(t, http.StatusNotFound, code)
		d.registrar(t, 0, "facts", "error", 0)
		m.control(t, "accounts.fault", `{"account":"down","mode":"error","times":0}`)
		reply, err = request(m.seller, "push.cmd.anna.offer", body, id)
		require.NoError(t, err)
		require.True(t, reply.OK, reply.Error)
		m.eventually(t, "anna", d.id, "Offered")
		d.ends(t, unsold("Offered"))
	}
}

func downWhenAccepting(t *testing.T, m *sandbox) {
	d := m.offer(t, 1, 1_00)
	d.registrar(t, 0, "facts", "error", ever)
	accept, id := d.accepting(), uuid.NewString()
	reply, err := request(accept.conn, accept.subject, accept.body, id)
	require.NoError(t, err)
	require.Equal(t, "unavailable", reply.Error.Code)
	require.Zero(t, d.count(t, "Accepted"))
	d.registrar(t, 0, "facts", "error", 0)
	reply, err = request(accept.conn, accept.subject, accept.body, id)
	require.NoError(t, err)
	require.True(t, reply.OK, reply.Error)
	d.pay(t)
	d.ends(t, settled(d))
}

// F38: clients that send halves of requests and read no answers hold up nobody else.
func slowReaders(t *testing.T, m *sandbox) {
	address := strings.TrimPrefix(m.ready.HTTPURL, "http://")
	for range 50 {
		conn, err := net.Dial("tcp", address)
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() }) // the service may have closed it
		for range 20 {
			_, err = fmt.Fprintf(conn, "GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n")
			if err != nil {
				break // it has been dropped, which is its right
			}
		}
		half, err := net.Dial("tcp", address)
		require.NoError(t, err)
		t.Cleanup(func() { _ = half.Close() })
		_, err = fmt.Fprintf(half, "POST /alipay/notify HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhalf")
		require.NoError(t, err)
	}
	d := m.buy(t, 1)
	d.pay(t)
	d.ends(t, settled(d))
}

// F37: a flood is its account's own, and the others are served meanwhile.
func TestAFloodIsItsAccountsOwn(t *testing.T) {
	t.Parallel()
	m, stop := startSandbox(t, t.TempDir(), longWindow, commands.Limit{PerSecond: 5, Burst: 20})
	t.Cleanup(func() { require.NoError(t, stop()) })
	flood := m.connect(t, "eve")
	contenders := make([]contender, 200)
	for i := range contenders {
		contenders[i] = contender{flood, "push.cmd.eve.withdraw", `{"push_id":"not-there"}`}
	}
	codes := make(map[string]int)
	for _, reply := range atOnce(t, contenders...) {
		codes[reply.Error.Code]++
	}
	require.Len(t, codes, 2, codes)
	require.GreaterOrEqual(t, codes["push_not_found"], 20)
	require.Positive(t, codes["rate_limited"])
	d := m.buy(t, 1)
	d.pay(t)
	d.ends(t, settled(d))
}
