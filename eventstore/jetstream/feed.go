package jetstream

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/pushledger/pushledger/eventstore"
	"github.com/pushledger/pushledger/eventstore/transparency"
)

const (
	feedLength = 8192                   // newest events kept at least for followers
	feedPause  = 200 * time.Millisecond // before the log is asked again
)

// feed is the newest part of the log in memory. It is read from the server and decoded
// once for all followers that have caught up; who falls behind reads for himself until
// he is back. Its events are shared, so nobody may change them.
type feed struct {
	mu      sync.Mutex
	events  []fed         // one after the other in the log
	next    uint64        // sequence of the event to come
	broken  bool          // an event could not be read; each follower finds out for himself
	waiting bool          // somebody waits for changed
	changed chan struct{} // closed and replaced when something was added and somebody waits
}

// fed is one message of the log, once decoded and once as it is proved.
type fed struct {
	eventstore.Recorded
	entry transparency.Entry
}

func newFeed(last uint64) *feed { return &feed{next: last + 1, changed: make(chan struct{})} }

func (f *feed) add(event fed) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.events) >= 2*feedLength {
		kept := make([]fed, feedLength, 2*feedLength+1)
		copy(kept, f.events[len(f.events)-feedLength:])
		f.events = kept // readers keep the part they were given
	}
	f.events = append(f.events, event)
	f.next = event.Sequence + 1
	f.wake()
}

func (f *feed) fail() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.broken = true
	f.wake()
}

func (f *feed) wake() {
	if f.waiting {
		f.waiting = false
		close(f.changed)
		f.changed = make(chan struct{})
	}
}

// after returns the events that follow a position. If there are none yet, changed says
// when to ask again. covered is false for a position that lies too far back.
func (f *feed) after(position uint64) (events []fed, changed <-chan struct{}, covered bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	first := f.next - uint64(len(f.events))
	switch {
	case f.broken || position+1 < first:
		return nil, nil, false
	case position+1 >= f.next:
		f.waiting = true
		return nil, f.changed, true
	default:
		return f.events[position+1-first:], nil, true
	}
}

func (f *feed) covers(position uint64) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return !f.broken && position+1 >= f.next-uint64(len(f.events))
}

// readFeed fills the feed until ctx ends or an event cannot be read.
func (s *Store) readFeed(ctx context.Context) {
	position := s.feed.next - 1
	for ctx.Err() == nil {
		err := s.followStored(ctx, position, func(message kept) error {
			recorded, err := s.recorded(message.subject, message.sequence, message.header, message.body, message.at)
			if err != nil {
				return err
			}
			entry, err := entryOf(message)
			if err != nil {
				return err
			}
			s.known.add(recorded.Stream)
			s.feed.add(fed{recorded, entry})
			position = recorded.Sequence
			return nil
		}, func() bool { return false })
		if ctx.Err() == nil && !errors.Is(err, eventstore.ErrUnavailable) {
			s.feed.fail()
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(feedPause):
		}
	}
}

// followFeed hands take everything above a position, in order and with no end, and keeps
// the position at what has been taken. alone does so for what the feed does not cover, and
// returns when it does again.
func (s *Store) followFeed(ctx context.Context, position *uint64, take func(fed) error, alone func() error) error {
	for {
		var err error
		events, changed, covered := s.feed.after(*position)
		switch {
		case !covered:
			err = alone()
		case len(events) == 0:
			select {
			case <-ctx.Done():
			case <-s.closing:
				err = errClosed()
			case <-changed:
			}
		}
		for i := 0; i < len(events) && err == nil && ctx.Err() == nil; i++ {
			if err = take(events[i]); err == nil {
				*position = events[i].Sequence
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return err
		}
	}
}
