// Package notices tells accounts what happens to their pushes, on
// push.notice.<account>.<push id>.<event type>: to the seller and to the buyer each event
// in the life of a push, and ExpiresSoon 24 hours before an open offer ends (at once if
// it is shorter). Notices are kept in the stream PUSH_NOTICES for a while, so a missed one
// can be asked for.
//
// What it guarantees: every notice is published at least once, with a Nats-Msg-Id that is
// the same each time. How far it has come stands in the stream itself, so nothing that
// happens to a read model has anything published again. An event that is older than
// notices are kept gives none.
package notices

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/aggregates/words"
	"github.com/pushledger/pushledger/eventstore"
	"github.com/pushledger/pushledger/projections/pushes"
)

// Names of notices in NATS.
const (
	StreamName    = "PUSH_NOTICES"
	SubjectPrefix = "push.notice."
	ExpiresSoon   = "ExpiresSoon" // type of the notice that no event causes
)

// Bounds of the stream. A subject costs memory, so old notices go.
const (
	kept            = 30 * 24 * time.Hour
	mostKept        = 500_000
	duplicateWindow = 2 * time.Minute
	callPatience    = 30 * time.Second // for one answer of the server, which a slow disk makes late
	ahead           = 24 * time.Hour   // of ExpiresSoon before the end of an offer
	// Headers of a notice: all notices of the events up to the position had been published
	// before it; the sequence is that of its own event.
	headerPosition = "Ledger-Position"
	headerSequence = "Ledger-Seq"
)

// Config is what notices are made from. All fields are needed.
type Config struct {
	Log    eventstore.Store
	Pushes *pushes.Queries // to find the open offers at the start
	Now    func() time.Time
	Logger *slog.Logger
}

// Notices publishes notices. Make one with Open and start it with Run.
type Notices struct {
	Config
	conn   *nats.Conn
	js     jetstream.JetStream
	stream jetstream.Stream

	// The fields below belong to Run.
	told     *pushes.Stories
	upcoming *upcoming
	position uint64 // all notices of the events up to it have been published
	begun    uint64 // those of the events between position and this may have been
	stored   uint64 // sequence of the newest notice in the stream, as far as known
}

// Notice is the body of a notice.
type Notice struct {
	PushID    string    `json:"push_id"`
	Type      string    `json:"type"`
	Seq       uint64    `json:"seq,omitzero"` // of the event; none for ExpiresSoon
	Time      time.Time `json:"time"`
	Actor     string    `json:"actor,omitzero"`      // who caused the event
	ExpiresAt time.Time `json:"expires_at,omitzero"` // end of the offer, for ExpiresSoon
	EN        string    `json:"en"`
	ZH        string    `json:"zh"`
	Body      any       `json:"body,omitempty"` // the event as recorded
}

// Open makes the stream if it is missing. The connection may use the JetStream API and
// publish notices.
func Open(ctx context.Context, conn *nats.Conn, config Config) (*Notices, error) {
	js, err := jetstream.New(conn, jetstream.WithDefaultTimeout(callPatience))
	if err != nil {
		return nil, fmt.Errorf("notices: %w", err)
	}
	stream, err := js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: StreamName, Description: "what accounts are told of their pushes", Subjects: []string{SubjectPrefix + ">"},
		Storage: jetstream.FileStorage, Retention: jetstream.LimitsPolicy, Discard: jetstream.DiscardOld,
		MaxAge: kept, MaxMsgs: mostKept, MaxConsumers: -1, AllowDirect: true, Duplicates: duplicateWindow,
		// What a power cut takes away is published again, for the position goes with it.
		PersistMode: jetstream.AsyncPersistMode,
	})
	if err != nil {
		return nil, fmt.Errorf("notices: stream %s: %w", StreamName, err)
	}
	stories, err := pushes.NewStories(config.Log, func(push.Offered) bool { return true })
	if err != nil {
		return nil, fmt.Errorf("notices: %w", err)
	}
	return &Notices{Config: config, conn: conn, js: js, stream: stream, told: stories, upcoming: newUpcoming()}, nil
}

// resume finds out how far notices have come.
func (n *Notices) resume(ctx context.Context) error {
	info, err := n.stream.Info(ctx)
	if err != nil {
		return fmt.Errorf("notices: position: %w", err)
	}
	n.stored = info.State.LastSeq
	if info.State.Msgs == 0 {
		return n.skipOld(ctx) // what would be published again is too old for it, too
	}
	last, err := n.stream.GetMsg(ctx, info.State.LastSeq)
	if err != nil {
		return fmt.Errorf("notices: position: %w", err)
	}
	position, err := strconv.ParseUint(last.Header.Get(headerPosition), 10, 64)
	begun, beginErr := strconv.ParseUint(last.Header.Get(headerSequence), 10, 64)
	if err := errors.Join(err, beginErr); err != nil {
		return fmt.Errorf("notices: position: %w", err)
	}
	n.position, n.begun = position, begun
	return nil
}

// skipOld moves the position behind the events that are too old to be told of. Events lie
// in the log by their times, so the last of them is sought by halves. A clock that stood
// in the past for that long could have it skip younger ones, if no notice is left either.
func (n *Notices) skipOld(ctx context.Context) error {
	last, err := n.Log.LastSequence(ctx)
	if err != nil {
		return fmt.Errorf("notices: position: %w", err)
	}
	for last > n.position {
		middle := n.position + (last-n.position+1)/2
		at, err := n.timeOf(ctx, middle)
		if err != nil {
			return fmt.Errorf("notices: position: %w", err)
		}
		if n.tooOld(at) {
			n.position = middle
		} else {
			last = middle - 1
		}
	}
	return nil
}

func (n *Notices) tooOld(event time.Time) bool { return n.Now().Sub(event) > kept }

// timeOf is when the event of a sequence was recorded.
func (n *Notices) timeOf(ctx context.Context, sequence uint64) (at time.Time, err error) {
	errEnough := errors.New("one is enough")
	err = n.Log.Follow(ctx, sequence-1, func(recorded eventstore.Recorded) error {
		at = recorded.Time
		return errEnough
	}, nil)
	if errors.Is(err, errEnough) {
		err = nil
	}
	return at, err
}

// told are the types of events that accounts are told of.
func told(event push.Event) bool {
	switch event.(type) {
	case push.Offered, push.Withdrawn, push.Declined, push.Accepted, push.Paid,
		push.Expired, push.Invalidated, push.Completed, push.Refunded:
		return true
	default:
		return false
	}
}

// prepare makes the notices of one event.
func (n *Notices) prepare(ctx context.Context, recorded eventstore.Recorded) ([]*nats.Msg, error) {
	event, ours := recorded.Event.(push.Event)
	if !ours {
		return nil, nil
	}
	said, story, _, err := n.told.Tell(ctx, recorded, event)
	if err != nil {
		return nil, err
	}
	n.upcoming.note(recorded.Stream.Key, event, story)
	if !told(event) || n.tooOld(recorded.Time) {
		return nil, nil
	}
	return n.messages(story, Notice{
		PushID: recorded.Stream.Key, Type: said.Type, Seq: said.Seq, Time: said.Time, Actor: said.Actor,
		EN: said.EN, ZH: said.ZH, Body: said.Body,
	}, recorded.ID, recorded.Sequence)
}

// messages makes a notice for either party. Its id follows from that of what it tells.
func (n *Notices) messages(to words.Story, notice Notice, id string, sequence uint64) ([]*nats.Msg, error) {
	body, err := json.Marshal(notice, json.Deterministic(true))
	if err != nil {
		return nil, fmt.Errorf("notices: %w", err)
	}
	messages := make([]*nats.Msg, 2)
	for i, account := range []string{to.Seller, to.Buyer} {
		message := nats.NewMsg(SubjectPrefix + account + "." + notice.PushID + "." + notice.Type)
		message.Header.Set(jetstream.MsgIDHeader, account+"."+id)
		message.Header.Set(headerPosition, strconv.FormatUint(n.position, 10))
		message.Header.Set(headerSequence, strconv.FormatUint(sequence, 10))
		message.Data = body
		messages[i] = message
	}
	return messages, nil
}

// stands reports whether a notice is in the stream already.
func (n *Notices) stands(ctx context.Context, message *nats.Msg) (bool, error) {
	last, err := n.stream.GetLastMsgForSubject(ctx, message.Subject)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return last.Header.Get(jetstream.MsgIDHeader) == message.Header.Get(jetstream.MsgIDHeader), nil
}
