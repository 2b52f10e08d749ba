package jetstream

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/pushledger/pushledger/eventstore"
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
	events  []eventstore.Recorded // one after the other in the log
	next    uint64                // sequence of the event to come
	broken  bool                  // an event could not be read; each follower finds out for himself
	waiting bool                  // somebody waits for changed
	changed chan struct{}         // closed and replaced when something was added and somebody waits
}

func newFeed(last uint64) *feed { return &feed{next: last + 1, changed: make(chan struct{})} }

func (f *feed) add(recorded eventstore.Recorded) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.events) >= 2*feedLength {
		kept := make([]eventstore.Recorded, feedLength, 2*feedLength+1)
		copy(kept, f.events[len(f.events)-feedLength:])
		f.events = kept // readers keep the part they were given
	}
	f.events = append(f.events, recorded)
	f.next = recorded.Sequence + 1
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
func (f *feed) after(position uint64) (events []eventstore.Recorded, changed <-chan struct{}, covered bool) {
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
		err := s.followAlone(ctx, &position, func(recorded eventstore.Recorded) error {
			s.known.add(recorded.Stream)
			s.feed.add(recorded)
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
