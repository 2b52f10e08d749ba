package natsregistrar

import (
	"context"
	"fmt"
	"sync"

	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/sagas/registrar"
)

// sharedAccounts shares answers between those who ask about the same account: who comes while a
// question about it is on its way shares the next one, and with it an answer younger
// than his question.
type sharedAccounts struct {
	ask func(account string) (push.AccountFacts, error)

	mu    sync.Mutex
	calls map[string]*accountCalls
}

// accountCalls is the question about one account that is on its way, and the next.
type accountCalls struct{ next *accountCall }

type accountCall struct {
	done  chan struct{} // closed when the rest is set
	facts push.AccountFacts
	err   error
}

func newSharedAccounts(ask func(string) (push.AccountFacts, error)) *sharedAccounts {
	return &sharedAccounts{ask: ask, calls: make(map[string]*accountCalls)}
}

func (o *sharedAccounts) account(ctx context.Context, account string) (push.AccountFacts, error) {
	if ctx.Err() != nil { // nobody is asked for one who has given up
		return push.AccountFacts{}, fmt.Errorf("%w: %w", registrar.ErrUnavailable, ctx.Err())
	}
	asked := o.join(account)
	select {
	case <-asked.done:
		return asked.facts, asked.err
	case <-ctx.Done():
		return push.AccountFacts{}, fmt.Errorf("%w: %w", registrar.ErrUnavailable, ctx.Err())
	}
}

func (o *sharedAccounts) join(account string) *accountCall {
	o.mu.Lock()
	defer o.mu.Unlock()
	calls, running := o.calls[account]
	if !running {
		first := &accountCall{done: make(chan struct{})}
		o.calls[account] = &accountCalls{}
		go o.work(account, first)
		return first
	}
	if calls.next == nil {
		calls.next = &accountCall{done: make(chan struct{})}
	}
	return calls.next
}

// work answers one call after the other until nobody waits.
func (o *sharedAccounts) work(account string, call *accountCall) {
	for call != nil {
		call.facts, call.err = o.ask(account)
		close(call.done)
		call = o.follow(account)
	}
}

func (o *sharedAccounts) follow(account string) *accountCall {
	o.mu.Lock()
	defer o.mu.Unlock()
	calls := o.calls[account]
	next := calls.next
	calls.next = nil
	if next == nil {
		delete(o.calls, account)
	}
	return next
}
