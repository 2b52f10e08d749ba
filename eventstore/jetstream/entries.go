package jetstream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/pushledger/pushledger/eventstore"
	"github.com/pushledger/pushledger/eventstore/transparency"
)

const (
	entriesAtOnce = 1024 // in one direct read
	// silencePatience is how long a consumer may say nothing while there is more.
	silencePatience = 10 * time.Second
	shortStretch    = 4 * entriesAtOnce // beyond which a consumer is faster, and holds up no writer
)

var _ transparency.Source = (*Store)(nil)

// Entries implements transparency.Source.
func (s *Store) Entries(ctx context.Context, after, upTo uint64, handle func(transparency.Entry) error) error {
	if after >= upTo {
		return nil
	}
	last, err := s.LastSequence(ctx)
	if err != nil {
		return err
	}
	position := after
	take := func(message kept) error {
		if message.sequence != position+1 {
			return missing(position, message.sequence)
		}
		entry, err := entryOf(message)
		if err == nil {
			err = handle(entry)
		}
		position = message.sequence
		return err
	}
	end := min(upTo, last)
	if end-min(position, end) > shortStretch {
		err = s.followStretch(ctx, &position, end-entriesAtOnce, take)
	}
	if err == nil {
		err = s.readStretch(ctx, &position, end, take)
	}
	if err == nil && position < upTo {
		err = missing(position, upTo+1)
	}
	return err
}

// followStretch reads by a consumer, which says nothing when it finds that the rest of
// the log cannot be read: whatever it leaves is to be read directly.
func (s *Store) followStretch(ctx context.Context, position *uint64, end uint64, take func(kept) error) error {
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	silence := time.AfterFunc(silencePatience, cancel)
	defer silence.Stop()
	err := s.followStored(inner, *position, func(message kept) error {
		silence.Reset(silencePatience)
		return take(message)
	}, func() bool { return *position >= end })
	if ctx.Err() == nil && inner.Err() != nil {
		return nil
	}
	return err
}

// readStretch asks for one answer after the other until the end, and for one message
// after the other where the log is damaged, to learn which is the first.
func (s *Store) readStretch(ctx context.Context, position *uint64, end uint64, take func(kept) error) error {
	for atOnce := uint64(entriesAtOnce); *position < end; {
		before := *position
		// For any other pattern the server would go through all subjects, while writers wait.
		asked := question{From: before + 1, Subject: ">", Batch: int(min(atOnce, end-before)), once: true} // #nosec G115 -- at most entriesAtOnce
		err := s.readStored(ctx, asked, take)
		switch {
		case errors.Is(err, errDamaged) && atOnce > 1:
			atOnce = 1
		case errors.Is(err, errDamaged) || err == nil && *position == before:
			return missing(before, end+1)
		case err != nil:
			return err
		}
	}
	return nil
}

// EntriesOf gives every entry of one stream, oldest first.
func (s *Store) EntriesOf(ctx context.Context, stream eventstore.StreamID) ([]transparency.Entry, error) {
	if err := stream.Validate(); err != nil {
		return nil, err
	}
	var entries []transparency.Entry
	err := s.readStored(ctx, question{From: 1, Subject: subject(stream), Batch: loadAtOnce}, func(message kept) error {
		entry, err := entryOf(message)
		entries = append(entries, entry)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("jetstream: entries of %s: %w", stream, err)
	}
	return entries, nil
}

// FollowEntries calls handle for every entry above after, in order, and goes on with new
// ones until ctx ends. An entry that is missing is *transparency.Damage.
func (s *Store) FollowEntries(ctx context.Context, after uint64, handle func(transparency.Entry) error) error {
	position := after
	return s.followFeed(ctx, &position, func(event fed) error { return handle(event.entry) }, func() error {
		return s.followStored(ctx, position, func(message kept) error {
			entry, err := entryOf(message)
			if err != nil {
				return err
			}
			if err := handle(entry); err != nil {
				return err
			}
			position = message.sequence
			return nil
		}, func() bool { return s.feed.covers(position) })
	})
}

func entryOf(message kept) (transparency.Entry, error) {
	at, err := storedAt(message.header.Get(headerStoredAt), message.at)
	if err != nil {
		return transparency.Entry{}, &transparency.Damage{Sequence: message.sequence, Reason: err.Error()}
	}
	entry := transparency.Entry{
		Stream: StreamName, Subject: message.subject, Sequence: message.sequence, Time: at, Body: message.body,
		Headers: make([]transparency.Header, 0, len(message.header)),
	}
	for name, values := range message.header {
		if !transparency.Proved(name) {
			continue
		}
		for _, value := range values {
			entry.Headers = append(entry.Headers, transparency.Header{Name: name, Value: value})
		}
	}
	return entry, nil
}

// Decode reads the event of an entry.
func Decode(registry *eventstore.Registry, entry transparency.Entry) (eventstore.Recorded, error) {
	header := make(nats.Header, len(entry.Headers))
	for _, proved := range entry.Headers {
		header[proved.Name] = append(header[proved.Name], proved.Value)
	}
	return recorded(registry, entry.Subject, entry.Sequence, header, entry.Body, entry.Time)
}
