package commands

import (
	"context"
	"fmt"
	"sync"

	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/eventstore"
	"github.com/pushledger/pushledger/sagas/ledger"
)

// Index tells which push each command of the past has changed. It may lag behind the
// log: Position says up to which sequence it knows everything.
type Index interface {
	PushOf(ctx context.Context, account, commandID string) (pushID string, found bool, err error)
	Position() uint64
}

// identifier is what makes a command one: ids are the accounts' own.
type identifier struct{ account, commandID string }

// idempotency sees to it that one Command-Id means one command. Commands of the same id go one
// after the other, so that the second finds what the first has done; and what this
// process has done is remembered until the index knows it.
//
// A command that was carried out is found on its own push for ever, without the index:
// that alone makes repeating it safe. The index is for the opposite mistake, one id for
// commands on different pushes.
type idempotency struct {
	index Index

	mu     sync.Mutex
	busy   map[identifier]chan struct{} // closed when the command has been answered
	recent map[identifier]string        // the push that the command has changed
	oldest []remembered                 // of recent, in the order of the log
}

type remembered struct {
	identifier
	sequence uint64
}

func newIdempotency(index Index) *idempotency {
	return &idempotency{index: index, busy: make(map[identifier]chan struct{}), recent: make(map[identifier]string)}
}

// enter waits until no other command of the id is being carried out. Who entered leaves.
func (o *idempotency) enter(ctx context.Context, id identifier) error {
	for {
		o.mu.Lock()
		other, taken := o.busy[id]
		if !taken {
			o.busy[id] = make(chan struct{})
		}
		o.mu.Unlock()
		if !taken {
			return nil
		}
		select {
		case <-other:
		case <-ctx.Done():
			return fmt.Errorf("commands: another command of the same id is being carried out: %w", ctx.Err())
		}
	}
}

func (o *idempotency) leave(id identifier) {
	o.mu.Lock()
	defer o.mu.Unlock()
	close(o.busy[id])
	delete(o.busy, id)
}

// done remembers what a command has changed, and forgets what the index knows by now.
func (o *idempotency) done(id identifier, outcome ledger.Outcome) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, known := o.recent[id]; !known {
		o.recent[id] = outcome.State.ID
		o.oldest = append(o.oldest, remembered{id, outcome.Sequence})
	}
	known := 0
	for position := o.index.Position(); known < len(o.oldest) && o.oldest[known].sequence <= position; known++ {
		delete(o.recent, o.oldest[known].identifier)
	}
	o.oldest = o.oldest[known:]
}

// check refuses a command whose id has changed another push before. An index that
// cannot be read is no reason to refuse: repeating a command is safe without it.
func (o *idempotency) check(ctx context.Context, metadata eventstore.Metadata, pushID string) error {
	if used, found := o.changed(ctx, metadata); found && used != pushID {
		return push.Refuse(push.CodeCommandIDReused, "")
	}
	return nil
}

// changed tells which push a command of the id has changed before, as far as is known.
func (o *idempotency) changed(ctx context.Context, metadata eventstore.Metadata) (pushID string, found bool) {
	id := identifier{metadata.Actor, metadata.CommandID}
	o.mu.Lock()
	pushID, found = o.recent[id]
	o.mu.Unlock()
	if found {
		return pushID, true
	}
	pushID, found, err := o.index.PushOf(ctx, id.account, id.commandID)
	return pushID, found && err == nil
}
