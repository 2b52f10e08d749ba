package bench

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"
)

// completions listens to the buyer's notices and tells who waits that a push has ended.
type completions struct {
	mu      sync.Mutex
	waiting map[string]chan string // by push
	ended   map[string]string      // type of the last notice, before anybody waited
}

// listen hears the notices of the buyer's connection.
func listen(conn *nats.Conn) (*completions, error) {
	c := &completions{waiting: make(map[string]chan string), ended: make(map[string]string)}
	_, err := conn.Subscribe("push.notice."+buyer+".>", func(notice *nats.Msg) { c.observe(notice.Subject) })
	return c, errors.Join(err, conn.Flush())
}

// observe takes the subject of a notice, push.notice.<account>.<push id>.<type>.
func (c *completions) observe(subject string) {
	tokens := strings.Split(subject, ".")
	const push, kind = 3, 4
	if len(tokens) <= kind {
		return
	}
	switch tokens[kind] {
	case "Completed", "Invalidated", "Expired":
	default:
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if waiter, is := c.waiting[tokens[push]]; is {
		delete(c.waiting, tokens[push])
		waiter <- tokens[kind]
	} else {
		c.ended[tokens[push]] = tokens[kind]
	}
}

// completed waits for a push to end and complains if it did not complete.
func (c *completions) completed(ctx context.Context, id string) error {
	waiter := make(chan string, 1)
	c.mu.Lock()
	if end, is := c.ended[id]; is {
		delete(c.ended, id)
		waiter <- end
	} else {
		c.waiting[id] = waiter
	}
	c.mu.Unlock()
	select {
	case end := <-waiter:
		if end != "Completed" {
			return fmt.Errorf("push %s ended %s", id, end)
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("push %s does not end: %w", id, ctx.Err())
	}
}
