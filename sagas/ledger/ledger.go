// Package ledger records decisions about pushes in the log. It is the one place
// where a push and its domains are written, so three things hold by construction:
//
//   - A push and the reservation or release of every one of its domains are one
//     Append: all or nothing (rules B1, P8, L6).
//   - A decision counts only if the push, and at an offer each domain, stands where
//     the decision saw it; a lost race is decided again from fresh state.
//   - Every event carries the command that caused it, so a command is found again
//     for as long as the log exists.
package ledger

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/pushledger/pushledger/aggregates"
	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/listing"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/eventstore"
)

// ServiceActor is the actor of what the service itself records.
const ServiceActor = "service"

// Ledger reads and writes pushes. It is safe for concurrent use.
type Ledger struct {
	store  eventstore.Store
	recent *recent
}

// New returns the ledger on a log.
func New(store eventstore.Store) *Ledger { return &Ledger{store: store, recent: newRecent()} }

// DomainKind is the kind of the streams of domains.
const DomainKind = "domain"

// PushStream is the stream of a push.
func PushStream(id string) eventstore.StreamID { return eventstore.StreamID{Kind: "push", Key: id} }

// DomainStream is the stream of a domain's place on the market.
func DomainStream(name domainname.Name) eventstore.StreamID {
	return eventstore.StreamID{Kind: DomainKind, Key: name.Token()}
}

// Step metadata: what the service does by itself has a command id of its own.
func stepMetadata() eventstore.Metadata {
	return eventstore.Metadata{CommandID: uuid.Must(uuid.NewV7()).String(), Actor: ServiceActor}
}

// Push is a push as it stands in the log.
type Push struct {
	State push.State
	// Last is the sequence of its newest event, 0 if it was never offered.
	Last uint64
	// Traceparent of its newest event, for Continue.
	Traceparent string
	// reserved is the sequence of the first domain's reservation; the others follow it.
	reserved uint64
	commands []Outcome
}

// Outcome is what one command did to a push. It is the same whenever it is asked for.
type Outcome struct {
	CommandID, CommandHash string
	State                  push.State // after the command
	Sequence               uint64     // of the last event that the command caused
	Repeated               bool       // it had been carried out before it was sent this time
}

// Command returns what the command of an id did to this push.
func (p Push) Command(id string) (Outcome, bool) {
	for _, outcome := range p.commands {
		if outcome.CommandID == id {
			return outcome, true
		}
	}
	return Outcome{}, false
}

// Load rebuilds a push from its events.
func (l *Ledger) Load(ctx context.Context, id string) (Push, error) {
	history, err := l.store.Load(ctx, PushStream(id))
	if err != nil {
		return Push{}, fmt.Errorf("ledger: load push %s: %w", id, err)
	}
	var loaded Push
	for _, recorded := range history {
		event, ok := recorded.Event.(push.Event)
		if !ok {
			return Push{}, fmt.Errorf("ledger: push %s: sequence %d holds a %s", id, recorded.Sequence, recorded.Type)
		}
		loaded.State = push.Evolve(loaded.State, event)
		loaded.Last, loaded.Traceparent = recorded.Sequence, recorded.Metadata.Traceparent
		if offered, is := event.(push.Offered); is {
			loaded.reserved = recorded.Sequence - uint64(len(offered.Items))
		}
		loaded.note(recorded)
	}
	l.recent.keep(id, loaded)
	return loaded, nil
}

func (p *Push) note(recorded eventstore.Recorded) {
	outcome := Outcome{
		CommandID: recorded.Metadata.CommandID, CommandHash: recorded.Metadata.CommandHash,
		State: p.State, Sequence: recorded.Sequence,
	}
	if outcome.CommandHash == "" {
		return // the service's own steps are never asked for again
	}
	if last := len(p.commands) - 1; last >= 0 && p.commands[last].CommandID == outcome.CommandID {
		p.commands[last] = outcome
		return
	}
	p.commands = append(p.commands, outcome)
}

// Holders returns, for each of the domains that a live push holds, that push's id.
func (l *Ledger) Holders(ctx context.Context, names []domainname.Name) (map[domainname.Name]string, error) {
	places, err := l.places(ctx, names)
	if err != nil {
		return nil, err
	}
	return holders(places), nil
}

func holders(places map[domainname.Name]place) map[domainname.Name]string {
	held := make(map[domainname.Name]string)
	for name, place := range places {
		if place.holder != "" {
			held[name] = place.holder
		}
	}
	return held
}

type place struct {
	holder, lastHolder string
	last               uint64
}

func (l *Ledger) places(ctx context.Context, names []domainname.Name) (map[domainname.Name]place, error) {
	if len(names) == 0 {
		return map[domainname.Name]place{}, nil
	}
	streams := make([]eventstore.StreamID, len(names))
	for i, name := range names {
		streams[i] = DomainStream(name)
	}
	newest, err := l.store.Last(ctx, streams...)
	if err != nil {
		return nil, fmt.Errorf("ledger: read %d domains: %w", len(names), err)
	}
	places := make(map[domainname.Name]place, len(newest))
	for i, name := range names {
		recorded, exists := newest[streams[i]]
		if !exists {
			continue
		}
		event, ok := recorded.Event.(listing.Event)
		if !ok {
			return nil, fmt.Errorf("ledger: domain %s: sequence %d holds a %s", name, recorded.Sequence, recorded.Type)
		}
		state := listing.Evolve(listing.State{}, event)
		places[name] = place{holder: state.PushID, lastHolder: state.Last, last: recorded.Sequence}
		if len(names) <= mostKeptLines {
			l.recent.keepPlace(name, places[name])
		}
	}
	return places, nil
}

// Offer records a new push. names are the registrations of its domains (rule B6), in the
// order of its items. decide sees the push of that id, and which of the registrations
// a live push holds; it returns the Offered event or a refusal.
//
// At first the push is taken to be new, and the domains to stand where this process
// last saw them: the append says if that is wrong. Only what is appended may rest on
// such a guess; before anything else is answered, the log is read and decide called
// again.
func (l *Ledger) Offer(
	ctx context.Context, metadata eventstore.Metadata, id string, names []domainname.Name,
	decide func(Push, map[domainname.Name]string) ([]push.Event, error),
) (Outcome, error) {
	guess := true
	return eventstore.Execute(ctx, func(ctx context.Context) (Outcome, error) {
		if guess {
			guess = false
			places, err := l.placesOf(ctx, names)
			if err != nil {
				return Outcome{}, err
			}
			events, err := decide(Push{}, holders(places))
			if err == nil && len(events) > 0 {
				return l.offer(ctx, metadata, Push{}, places, names, events, id)
			}
		}
		loaded, err := l.Load(ctx, id)
		if err != nil {
			return Outcome{}, err
		}
		places, err := l.places(ctx, names)
		if err != nil {
			return Outcome{}, err
		}
		held := holders(places)
		if loaded.Last == 0 && slices.Contains(slices.Collect(maps.Values(held)), id) {
			// It was offered between the two reads.
			if loaded, err = l.Load(ctx, id); err != nil {
				return Outcome{}, err
			}
		}
		events, err := decide(loaded, held)
		if err != nil || len(events) == 0 {
			return Outcome{State: loaded.State, Sequence: loaded.Last}, err
		}
		return l.offer(ctx, metadata, loaded, places, names, events, id)
	})
}

func (l *Ledger) offer(
	ctx context.Context, metadata eventstore.Metadata, loaded Push, places map[domainname.Name]place,
	names []domainname.Name, events []push.Event, id string,
) (Outcome, error) {
	changes := make([]eventstore.Change, 0, len(names)+1)
	for _, name := range names {
		changes = append(changes, eventstore.Change{
			Stream: DomainStream(name), Expect: places[name].last,
			Events: []aggregates.Event{listing.Reserved{PushID: id, At: offeredAt(events)}},
		})
	}
	return l.append(ctx, metadata, loaded, changes, events, id)
}

// Decide records a decision about an existing push. When the push ends by it, every
// domain is released in the same append (rule L6). A decision without events is no
// change: the outcome is the push as it stands. As with Offer, decide may be called on
// the push as this process last saw it, and again on the log.
func (l *Ledger) Decide(
	ctx context.Context, metadata eventstore.Metadata, id string,
	decide func(Push) ([]push.Event, error),
) (Outcome, error) {
	guess := true
	return eventstore.Execute(ctx, func(ctx context.Context) (Outcome, error) {
		if known, exists := l.recent.push(id); guess && exists {
			guess = false
			events, err := decide(known)
			if err == nil && len(events) > 0 {
				return l.append(ctx, metadata, known, releases(known, events), events, id)
			}
		}
		loaded, err := l.Load(ctx, id)
		if err != nil {
			return Outcome{}, err
		}
		events, err := decide(loaded)
		if err != nil || len(events) == 0 {
			return Outcome{State: loaded.State, Sequence: loaded.Last}, err
		}
		return l.append(ctx, metadata, loaded, releases(loaded, events), events, id)
	})
}

// Record is Decide for what the service does by itself, which cannot be refused.
func (l *Ledger) Record(ctx context.Context, id string, decide func(push.State) []push.Event) (Outcome, error) {
	return l.Decide(ctx, stepMetadata(), id, func(loaded Push) ([]push.Event, error) {
		return decide(loaded.State), nil
	})
}

// append writes the domains first and the push last, so that the newest event of the
// push is the newest of the whole change: its sequence is what a reader waits for.
func (l *Ledger) append(
	ctx context.Context, metadata eventstore.Metadata, loaded Push,
	changes []eventstore.Change, events []push.Event, id string,
) (Outcome, error) {
	own := eventstore.Change{Stream: PushStream(id), Expect: loaded.Last, Events: make([]aggregates.Event, len(events))}
	for i, event := range events {
		own.Events[i] = event
	}
	metadata.Traceparent = traceparent(ctx, metadata.Traceparent, loaded.Traceparent)
	sequence, err := l.store.Append(ctx, metadata, append(changes, own)...)
	if err != nil {
		return Outcome{}, fmt.Errorf("ledger: push %s: %w", id, err)
	}
	now := loaded
	now.State, now.Last, now.Traceparent = aggregates.Fold(loaded.State, push.Evolve, events...), sequence, metadata.Traceparent
	if loaded.Last == 0 {
		now.reserved = sequence - uint64(len(changes)) // the offer itself is the last event
	}
	done := Outcome{CommandID: metadata.CommandID, CommandHash: metadata.CommandHash, State: now.State, Sequence: sequence}
	if done.CommandHash != "" { // the service's own steps are never asked for again
		now.commands = append(slices.Clone(loaded.commands), done)
	}
	l.wrote(id, now, loaded.State, changes, sequence)
	return done, nil
}

// releases frees the domains of a push that ends by the events. Nobody but the push
// writes to a domain it holds, so each domain still stands at its reservation.
func releases(loaded Push, events []push.Event) []eventstore.Change {
	after := aggregates.Fold(loaded.State, push.Evolve, events...)
	if !loaded.State.Status.Live() || after.Status.Live() {
		return nil
	}
	changes := make([]eventstore.Change, len(after.Lines))
	for i, line := range after.Lines {
		changes[i] = eventstore.Change{
			Stream: DomainStream(line.Registration()), Expect: loaded.reserved + uint64(i),
			Events: []aggregates.Event{listing.Released{PushID: after.ID, At: after.EndedAt}},
		}
	}
	return changes
}

func offeredAt(events []push.Event) time.Time {
	for _, event := range events {
		if offered, is := event.(push.Offered); is {
			return offered.OfferedAt
		}
	}
	return time.Time{}
}
