package purchase

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/pushledger/pushledger/eventstore"
)

// Keeper keeps a few bytes across restarts. Load returns nothing if nothing was kept;
// Save replaces what was kept, as a whole or not at all.
type Keeper interface {
	Load() ([]byte, error)
	Save(data []byte) error
}

// A bookmark is set every ten seconds, less often if setting it takes long. What came
// after it is read again after a crash.
const (
	bookmarkEvery = 10 * time.Second
	bookmarkShare = 100 // setting it takes one part of so many of the time at most
)

// bookmark is the agenda as it stood at a position of the log. It holds no truth, it
// only spares reading the whole log at every start: without it, or if it is of another
// log, the log is read from its first event.
type bookmark struct {
	Sequence uint64        `json:"sequence"`
	EventID  string        `json:"event_id"` // of the event there
	Pushes   []appointment `json:"pushes"`
}

// appointment is a push that is to be looked at.
type appointment struct {
	PushID  string    `json:"push_id"`
	Due     time.Time `json:"due"`
	Strayed bool      `json:"strayed,omitzero"`
	Held    bool      `json:"held,omitzero"` // its domains may be
}

// errOtherLog means that the bookmark is of another log than the one at hand.
var errOtherLog = errors.New("purchase: the bookmark is of another log")

// follow keeps the agenda in step with the log, from the bookmark on if it fits.
func (s *Saga) follow(ctx context.Context, caughtUp func()) error {
	mark, err := s.loadBookmark()
	if err == nil && mark.Sequence > 0 {
		err = s.followFrom(ctx, mark, caughtUp)
		if ctx.Err() != nil || !errors.Is(err, errOtherLog) {
			return err
		}
	}
	if err != nil {
		s.Logger.WarnContext(ctx, "purchases are found again by reading the whole log", "reason", err)
	}
	return s.Store.Follow(ctx, 0, s.observeAndMark, caughtUp)
}

func (s *Saga) loadBookmark() (bookmark, error) {
	var mark bookmark
	if s.Keeper == nil {
		return mark, nil
	}
	data, err := s.Keeper.Load()
	if err != nil || len(data) == 0 {
		return mark, err
	}
	if err := json.Unmarshal(data, &mark); err != nil {
		return bookmark{}, fmt.Errorf("purchase: bookmark: %w", err)
	}
	return mark, nil
}

// followFrom goes on behind a bookmark, once the event there has proved to be the same.
func (s *Saga) followFrom(ctx context.Context, mark bookmark, caughtUp func()) error {
	last, err := s.Store.LastSequence(ctx)
	if err != nil {
		return err
	}
	if last < mark.Sequence {
		return fmt.Errorf("%w: it ends at %d, before %d", errOtherLog, last, mark.Sequence)
	}
	return s.Store.Follow(ctx, mark.Sequence-1, func(recorded eventstore.Recorded) error {
		switch {
		case recorded.Sequence > mark.Sequence:
			return s.observeAndMark(recorded)
		case recorded.ID != mark.EventID:
			return fmt.Errorf("%w: at sequence %d", errOtherLog, mark.Sequence)
		}
		for _, entry := range mark.Pushes {
			if entry.Strayed {
				s.strayed[entry.PushID] = true
			}
			if entry.Held {
				s.held[entry.PushID] = false // its end is yet to come, or has been and is looked at once more
			}
			s.agenda.touch(entry.PushID, entry.Due, 0)
		}
		s.passed = recorded
		return nil
	}, caughtUp)
}

// observeAndMark observes an event and now and then sets the bookmark behind it.
func (s *Saga) observeAndMark(recorded eventstore.Recorded) error {
	if err := s.Observe(recorded); err != nil {
		return err
	}
	s.passed = recorded
	if began := s.Now(); !began.Before(s.nextMark) {
		s.saveBookmark()
		ended := s.Now()
		s.nextMark = ended.Add(max(bookmarkEvery, bookmarkShare*ended.Sub(began)))
	}
	return nil
}

// saveBookmark is called by the follower of the log, or when it has ended.
func (s *Saga) saveBookmark() {
	if s.Keeper == nil || s.passed.Sequence == 0 {
		return
	}
	mark := bookmark{Sequence: s.passed.Sequence, EventID: s.passed.ID}
	waiting := s.agenda.list()
	for id, due := range waiting {
		_, held := s.held[id]
		mark.Pushes = append(mark.Pushes, appointment{PushID: id, Due: due, Strayed: s.strayed[id], Held: held})
	}
	for id := range s.held { // nothing is due for one that waits for a person, until its end
		if _, listed := waiting[id]; !listed {
			mark.Pushes = append(mark.Pushes, appointment{PushID: id, Due: s.Now(), Strayed: s.strayed[id], Held: true})
		}
	}
	data, err := json.Marshal(mark)
	if err == nil {
		err = s.Keeper.Save(data)
	}
	if err != nil { // the next start takes longer
		s.Logger.Warn("bookmark of the purchases not kept", "error", err)
	}
}
