// Package eventstore is the port to the ledger's log: one totally ordered log of
// events, cut into streams, one stream an aggregate.
//
// What every store behind this port guarantees:
//   - An Append is all or nothing over all its streams, and it succeeds only if
//     every stream named in it stands exactly where the caller last saw it.
//   - When Append returns without error the events have reached the disk.
//   - Sequences rise by one with each event of the whole log and are never used
//     again; Follow delivers them in that order without a gap.
//   - The events of one Append stand next to each other in the log, in the order in
//     which its changes and their events were given.
//   - Nothing is ever changed or removed.
//
// The conformance suite in storetest holds every store to this.
package eventstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/pushledger/pushledger/aggregates"
)

// Bounds of one Append. They keep it inside one atomic batch of the server.
const (
	MaxEventsPerAppend = 1000      // events over all streams
	MaxEventBytes      = 512 << 10 // encoded body of one event
)

// StreamID names one aggregate's stream: a kind and a key, both made of
// [A-Za-z0-9_-] only, so that a stream is always one literal subject.
type StreamID struct {
	Kind string // "push" or "domain"
	Key  string // 1 to 128 characters
}

// String gives "kind.key".
func (s StreamID) String() string { return s.Kind + "." + s.Key }

// ParseStreamID reads what StreamID.String wrote.
func ParseStreamID(text string) (StreamID, error) {
	kind, key, found := strings.Cut(text, ".")
	id := StreamID{Kind: kind, Key: key}
	if !found {
		return StreamID{}, fmt.Errorf("eventstore: stream %q has no kind", text)
	}
	return id, id.Validate()
}

// Validate reports a kind or key that could not be one literal subject token.
func (s StreamID) Validate() error {
	if !isToken(s.Kind, 32) || !isToken(s.Key, 128) {
		return fmt.Errorf("eventstore: stream %q is not made of [A-Za-z0-9_-] tokens", s)
	}
	return nil
}

func isToken(text string, longest int) bool {
	if text == "" || len(text) > longest {
		return false
	}
	for i := range len(text) {
		c := text[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}

// Metadata says who caused a change and by which command. It is stored in the
// headers of every event of the change.
type Metadata struct {
	CommandID   string // UUID of the command, or of the saga's own step
	CommandHash string // hex SHA-256 of the command's body; empty for saga steps
	Actor       string // account id of who acted, or "service"
	Traceparent string // W3C trace context; empty when there is none
	// Origin is where an operator's command came from: the address of its connection as
	// the server saw it, or the queue in which it waited. Empty for everybody else.
	Origin string
}

// Change is what one Append writes to one stream.
type Change struct {
	Stream StreamID
	// Expect is the log sequence of the stream's last event as the caller saw it,
	// 0 when the stream must not exist yet.
	Expect uint64
	// Events to add, oldest first; at least one.
	Events []aggregates.Event
}

// Recorded is one event as it stands in the log.
type Recorded struct {
	Sequence uint64    // position in the whole log, from 1
	Stream   StreamID  // the aggregate it belongs to
	ID       string    // unique id of the event
	Type     string    // its name, such as "Offered"
	Version  int       // version of its body's schema, from 1
	Time     time.Time // when the server stored it, UTC
	Metadata Metadata
	Body     []byte           // JSON exactly as stored
	Event    aggregates.Event // Body decoded
	// Last is false while further events of the same Append follow. A reader that
	// checkpoints only after a Last event never sees half a change.
	Last bool
}

// Store is the log.
type Store interface {
	// Append writes all changes or none and returns the sequence of the last event
	// written. It returns ErrConflict if a stream does not stand at its Expect, and
	// ErrUnavailable if the outcome is not known or the log cannot be written now:
	// then the caller reloads and looks for its Metadata.CommandID before it tries
	// again. A stream named twice, a change without events and more than
	// MaxEventsPerAppend events are wrong calls.
	Append(ctx context.Context, metadata Metadata, changes ...Change) (uint64, error)
	// Load returns all events of one stream, oldest first; none if it does not exist.
	Load(ctx context.Context, stream StreamID) ([]Recorded, error)
	// Last returns the newest event of each stream that exists.
	Last(ctx context.Context, streams ...StreamID) (map[StreamID]Recorded, error)
	// Unseen reports that a stream has no events, as far as this process has heard. It
	// costs no call to the log. It may be wrong about what another process wrote; an
	// Append that expects no events finds out. False says nothing.
	Unseen(stream StreamID) bool
	// Follow calls handle for every event with a sequence above after, in order,
	// and goes on with new ones as they come until ctx ends or handle fails; it
	// returns that error. caughtUp, if not nil, is called once, when everything
	// that stood in the log at the start of the call has been handled.
	Follow(ctx context.Context, after uint64, handle func(Recorded) error, caughtUp func()) error
	// LastSequence is the sequence of the newest event in the log, 0 when empty.
	LastSequence(ctx context.Context) (uint64, error)
}

// Errors of a Store. They are wrapped with the place and the cause.
var (
	// ErrConflict means that somebody else changed one of the streams first.
	ErrConflict = errors.New("eventstore: a stream has changed since it was read")
	// ErrUnavailable means that the log cannot answer now, or did not say what became
	// of an append. It is safe to reload and try again.
	ErrUnavailable = errors.New("eventstore: the log is not available")
	// ErrUnknownEvent means that a stored event has a type or version that this
	// program does not know. It must not be skipped.
	ErrUnknownEvent = errors.New("eventstore: unknown event type or version")
)

// CheckChanges reports a wrong call of Append. Every store makes the same check.
func CheckChanges(changes []Change) error {
	total := 0
	seen := make(map[StreamID]bool, len(changes))
	for _, change := range changes {
		if err := change.Stream.Validate(); err != nil {
			return err
		}
		if seen[change.Stream] {
			return fmt.Errorf("eventstore: stream %s stands in one append twice", change.Stream)
		}
		seen[change.Stream] = true
		if len(change.Events) == 0 {
			return fmt.Errorf("eventstore: no events for stream %s", change.Stream)
		}
		total += len(change.Events)
	}
	if total == 0 || total > MaxEventsPerAppend {
		return fmt.Errorf("eventstore: an append has 1 to %d events, not %d", MaxEventsPerAppend, total)
	}
	return nil
}
