package pushes

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/eventstore"
)

// EventsEnd is the position of whoever wants only what is yet to come.
const EventsEnd = "end"

// FollowRequest asks for the events of pushes and purchases in the order of the ledger.
type FollowRequest struct {
	After  string // a sequence, or EventsEnd; empty: from the beginning
	PushID string // of this push alone; empty: of all that the viewer may see
	Follow bool   // go on with what is yet to come
}

// LedgerEvent is one event of a push in words and as it was recorded.
type LedgerEvent struct {
	PushID string `json:"push_id"`
	TimelineEvent
}

// Follower is somebody who is told the events that he may see.
type Follower struct {
	*Queries
	viewer Viewer
	pushID string // empty: of every push
	follow bool
	after  uint64
	told   *Stories // of the pushes that he may see; used by Run alone
}

// Follower checks a request before the first event is told.
func (q *Queries) Follower(ctx context.Context, viewer Viewer, request FollowRequest) (*Follower, error) {
	after, err := q.start(ctx, request.After)
	if err != nil {
		return nil, err
	}
	if request.PushID != "" {
		if _, err := q.visible(ctx, viewer, request.PushID); err != nil {
			return nil, err
		}
	}
	told, err := NewStories(q.log, func(offered push.Offered) bool {
		return viewer.SeesAll || viewer.Account == offered.Seller || viewer.Account == offered.Buyer
	})
	return &Follower{Queries: q, viewer: viewer, pushID: request.PushID, follow: request.Follow, after: after, told: told}, err
}

// Run calls handle for each event that the follower may see, in order. It returns nil at
// the end of the log unless more is to be followed, else the error of handle or ctx. When
// handle takes its time nobody else waits.
func (f *Follower) Run(ctx context.Context, handle func(LedgerEvent) error) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var caughtUp func()
	if !f.follow {
		caughtUp = func() { stop(errEnd) }
	}
	err := f.log.Follow(ctx, f.after, func(recorded eventstore.Recorded) error {
		event, ours := recorded.Event.(push.Event)
		if !ours || f.pushID != "" && recorded.Stream.Key != f.pushID {
			return nil
		}
		told, _, visible, err := f.told.Tell(ctx, recorded, event)
		if err != nil || !visible {
			return err
		}
		f.viewer.complete(&told, recorded)
		return handle(LedgerEvent{PushID: recorded.Stream.Key, TimelineEvent: told})
	}, caughtUp)
	if errors.Is(context.Cause(ctx), errEnd) {
		return nil
	}
	return err
}

var errEnd = errors.New("pushes: the end of the log")

func (q *Queries) start(ctx context.Context, after string) (uint64, error) {
	last, err := q.log.LastSequence(ctx)
	switch after {
	case "":
		return 0, err
	case EventsEnd:
		return last, err
	}
	sequence, parseErr := strconv.ParseUint(after, 10, 64)
	if parseErr != nil || err == nil && sequence > last {
		return 0, RefuseQuery("after")
	}
	return sequence, err
}

// EventsRequest asks for a page of events. Every member may be empty.
type EventsRequest struct {
	After  uint64 `json:"after,omitzero"`   // only what comes after this sequence
	PushID string `json:"push_id,omitzero"` // of this push alone
	Limit  int    `json:"limit,omitzero"`   // 1 to MaxLimit; 0: DefaultLimit
}

// EventsPage is a part of the ledger's events, oldest first.
type EventsPage struct {
	Events []LedgerEvent `json:"events" nullable:"false"`
	After  uint64        `json:"after"` // for the next page; there is none yet when events is empty
}

// EventsPage shows the events that the viewer may see page by page, for those who cannot
// follow them.
func (q *Queries) EventsPage(ctx context.Context, viewer Viewer, request EventsRequest) (EventsPage, error) {
	limit, err := pageLimit(request.Limit)
	if err != nil {
		return EventsPage{}, err
	}
	follower, err := q.Follower(ctx, viewer, FollowRequest{After: strconv.FormatUint(request.After, 10), PushID: request.PushID})
	if err != nil {
		return EventsPage{}, err
	}
	page := EventsPage{Events: []LedgerEvent{}, After: request.After}
	err = follower.Run(ctx, func(event LedgerEvent) error {
		page.Events, page.After = append(page.Events, event), event.Seq
		if len(page.Events) == limit {
			return errFull
		}
		return nil
	})
	if errors.Is(err, errFull) {
		err = nil
	}
	return page, err
}

var errFull = errors.New("pushes: the page is full")

// EachOpen calls each for every offer that nobody has answered or ended at now, in no
// particular order.
func (q *Queries) EachOpen(ctx context.Context, now time.Time, each func(push.State)) error {
	return q.Read(func(db *sql.DB) error {
		rows, err := db.QueryContext(ctx, "SELECT state FROM pushes WHERE offered_at >= $1 AND status = $2",
			now.Add(-push.MaxValidity-time.Hour).UnixMicro(), string(push.StatusOffered)) // an hour for clocks that differ
		if err != nil {
			return fmt.Errorf("pushes: open offers: %w", err)
		}
		defer rows.Close() //nolint:errcheck // rows.Err says all there is
		for rows.Next() {
			var text []byte
			if err := rows.Scan(&text); err != nil {
				return fmt.Errorf("pushes: open offers: %w", err)
			}
			state, err := decodeState(text)
			if err != nil {
				return fmt.Errorf("pushes: open offers: %w", err)
			}
			each(state)
		}
		return rows.Err()
	})
}
