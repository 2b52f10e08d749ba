package gate

import (
	"net"
	"net/netip"
	"sync"
)

// prefix6 is what one customer has of IPv6, in bits: an address of its own for each
// connection is free there.
const prefix6 = 64

// Listen lets so many connections of a listener in at the same time, and so many of one
// address. One too many is closed at once: those who are in are served, and those who
// come from elsewhere find room.
func Listen(listener net.Listener, most, mostOne int) net.Listener {
	return &guarded{Listener: listener, gate: New(most, mostOne)}
}

type guarded struct {
	net.Listener
	gate *Gate
}

// Accept implements net.Listener.
func (g *guarded) Accept() (net.Conn, error) {
	for {
		conn, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		from := origin(conn.RemoteAddr())
		if g.gate.Enter(from) {
			return &counted{Conn: conn, leave: sync.OnceFunc(func() { g.gate.Leave(from) })}, nil
		}
		_ = conn.Close() // nothing was promised
	}
}

// origin is whose connection it is, as far as an address tells.
func origin(address net.Addr) string {
	from, err := netip.ParseAddrPort(address.String())
	if err != nil {
		return address.String()
	}
	ip := from.Addr().Unmap()
	if !ip.Is6() {
		return ip.String()
	}
	return netip.PrefixFrom(ip, prefix6).Masked().String()
}

// counted leaves when it is closed.
type counted struct {
	net.Conn
	leave func()
}

// CloseWrite lets an HTTP server end its answer before it closes: who sends more than is read
// would otherwise be cut off before the answer has arrived.
func (c *counted) CloseWrite() error {
	if half, can := c.Conn.(interface{ CloseWrite() error }); can {
		return half.CloseWrite()
	}
	return nil
}

// Close implements net.Conn.
func (c *counted) Close() error {
	defer c.leave()
	return c.Conn.Close()
}
