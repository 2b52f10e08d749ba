package natsserver

import (
	"sync"

	"github.com/nats-io/nats-server/v2/server"
)

// crowd counts the connections that were let in from outside, by their names. The server
// does not tell when one ends, so those that have are looked for when they would matter:
// when a name has reached its share, or all together are more than there can be.
type crowd struct {
	mu  sync.Mutex
	of  map[string][]server.ClientAuthentication
	all int // of every name, ended ones included
}

// enter counts a connection of a name, unless the name has its share already.
func (c *crowd) enter(name string, client server.ClientAuthentication) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all >= 2*maxConnections {
		for name := range c.of {
			c.forget(name)
		}
	}
	if len(c.of[name]) >= maxOfOne {
		c.forget(name)
	}
	if len(c.of[name]) >= maxOfOne {
		return false
	}
	c.of[name] = append(c.of[name], client)
	c.all++
	return true
}

// open are the connections from outside that have not ended.
func (c *crowd) open() []server.ClientAuthentication {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []server.ClientAuthentication
	for name := range c.of {
		c.forget(name)
		all = append(all, c.of[name]...)
	}
	return all
}

// addresses are those of the connections of a name that are open.
func (c *crowd) addresses(name string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forget(name)
	var all []string
	for _, client := range c.of[name] {
		if address := client.RemoteAddress(); address != nil {
			all = append(all, address.String())
		}
	}
	return all
}

// forget drops the connections of a name that have ended.
func (c *crowd) forget(name string) {
	var here []server.ClientAuthentication
	for _, client := range c.of[name] {
		if client.RemoteAddress() != nil { // which it is once the connection is closed
			here = append(here, client)
		}
	}
	c.all -= len(c.of[name]) - len(here)
	if c.of[name] = here; len(here) == 0 {
		delete(c.of, name)
	}
}
