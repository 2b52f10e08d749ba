package gate

import (
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// outside is a listener whose connections say where they come from.
type outside struct {
	net.Listener
	waiting chan net.Conn
}

func (o outside) Accept() (net.Conn, error) {
	conn, open := <-o.waiting
	if !open {
		return nil, net.ErrClosed
	}
	return conn, nil
}

// caller is a connection from an address.
type caller struct {
	net.Conn
	from   string
	closed chan struct{}
}

func (c *caller) RemoteAddr() net.Addr {
	address, err := net.ResolveTCPAddr("tcp", c.from)
	if err != nil {
		panic(err)
	}
	return address
}

func (c *caller) Close() error { close(c.closed); return nil }

func TestConnectionsBeyondTheBoundsAreClosedAtOnce(t *testing.T) {
	door := outside{waiting: make(chan net.Conn, 16)}
	listener := Listen(door, 4, 2)
	call := func(from string) *caller {
		c := &caller{from: from, closed: make(chan struct{})}
		door.waiting <- c
		return c
	}
	accept := func() net.Conn {
		conn, err := listener.Accept()
		if err != nil {
			t.Error(err)
		}
		return conn
	}
	turnedAway := func(c *caller) {
		select {
		case <-c.closed:
		case <-time.After(time.Minute):
			require.Fail(t, "it was let in: "+c.from)
		}
	}
	call("192.0.2.1:1")
	first := accept()
	call("192.0.2.1:2")
	accept()
	third := call("[::ffff:192.0.2.1]:3") // the same address in another spelling
	call("[2001:db8::1]:1")
	accept()
	turnedAway(third)
	call("[2001:db8::2]:1")
	accept()
	full := call("198.51.100.7:1")
	next := make(chan net.Conn, 1)
	go func() { next <- accept() }()
	turnedAway(full)
	require.NoError(t, first.Close())
	call("198.51.100.7:2")
	require.Equal(t, "198.51.100.7:2", (<-next).RemoteAddr().String(), "who leaves makes room")
	close(door.waiting)
	_, err := listener.Accept()
	require.ErrorIs(t, err, net.ErrClosed)
}

func TestOrigins(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.1:80": "192.0.2.1", "[::ffff:192.0.2.1]:80": "192.0.2.1", "[2001:db8:1:2:3::4]:80": "2001:db8:1:2::/64",
	} {
		tcp, err := net.ResolveTCPAddr("tcp", address)
		require.NoError(t, err)
		require.Equal(t, want, origin(tcp))
	}
	require.Equal(t, "pipe", origin(pipe{}))
}

type pipe struct{}

func (pipe) Network() string { return "pipe" }
func (pipe) String() string  { return "pipe" }
