package bench

import (
	"context"
	"fmt"
	"sync"

	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/eventstore"
)

// completions follows the log and tells who waits that a push has ended.
type completions struct {
	mu      sync.Mutex
	waiting map[string]chan push.Status
	ended   map[string]push.Status // before anybody waited
}

func newCompletions() *completions {
	return &completions{waiting: make(map[string]chan push.Status), ended: make(map[string]push.Status)}
}

func (c *completions) observe(recorded eventstore.Recorded) error {
	var status push.Status
	switch recorded.Event.(type) {
	case push.Completed:
		status = push.StatusCompleted
	case push.Invalidated:
		status = push.StatusInvalidated
	case push.Expired:
		status = push.StatusExpired
	default:
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if waiter, is := c.waiting[recorded.Stream.Key]; is {
		delete(c.waiting, recorded.Stream.Key)
		waiter <- status
	} else {
		c.ended[recorded.Stream.Key] = status
	}
	return nil
}

// completed waits for a push to end and complains if it did not complete.
func (c *completions) completed(ctx context.Context, id string) error {
	waiter := make(chan push.Status, 1)
	c.mu.Lock()
	if status, is := c.ended[id]; is {
		delete(c.ended, id)
		waiter <- status
	} else {
		c.waiting[id] = waiter
	}
	c.mu.Unlock()
	select {
	case status := <-waiter:
		if status != push.StatusCompleted {
			return fmt.Errorf("push %s ended %s", id, status)
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("push %s does not end: %w", id, ctx.Err())
	}
}
