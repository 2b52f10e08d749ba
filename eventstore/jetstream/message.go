package jetstream

import (
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/pushledger/pushledger/aggregates"
	"github.com/pushledger/pushledger/eventstore"
)

// Headers of a stored event.
const (
	headerType        = "Event-Type"
	headerVersion     = "Event-Version"
	headerCommandID   = "Command-Id"
	headerCommandHash = "Command-Hash"
	headerActor       = "Actor"
	headerTraceparent = "traceparent"
	headerOrigin      = "Origin"
	// headerMore stands on every event of an append but its last, so that a reader
	// knows where a change is whole even when many changes share one batch.
	headerMore = "Append-More"
	// headerStoredAt is when an event was first stored. It stands only on an event of a
	// log that was restored, where the server's own time is that of the restoring.
	headerStoredAt = "Stored-At"
)

func (s *Store) message(stream eventstore.StreamID, event aggregates.Event, metadata eventstore.Metadata) (*nats.Msg, error) {
	body, err := s.registry.Encode(event)
	if err != nil {
		return nil, err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return nil, fmt.Errorf("jetstream: event id: %w", err)
	}
	message := &nats.Msg{Subject: subject(stream), Data: body, Header: make(nats.Header, mostHeaders)}
	values := make([]string, 0, mostHeaders)
	for _, header := range [...]struct{ name, value string }{
		{jetstream.MsgIDHeader, id.String()},
		{headerType, event.EventType()},
		{headerVersion, strconv.Itoa(eventstore.SchemaVersion)},
		{headerCommandID, metadata.CommandID},
		{headerCommandHash, metadata.CommandHash},
		{headerActor, metadata.Actor},
		{headerTraceparent, metadata.Traceparent},
		{headerOrigin, metadata.Origin},
	} {
		if header.value != "" {
			values = append(values, header.value)
			message.Header[header.name] = values[len(values)-1 : len(values) : len(values)]
		}
	}
	return message, nil
}

// mostHeaders of an event, those of its batch and of its append among them.
const mostHeaders = 12

func (s *Store) recorded(subject string, sequence uint64, header nats.Header, body []byte, at time.Time) (eventstore.Recorded, error) {
	return recorded(s.registry, subject, sequence, header, body, at)
}

// recorded reads a stored message back.
func recorded(
	registry *eventstore.Registry, subject string, sequence uint64, header nats.Header, body []byte, at time.Time,
) (eventstore.Recorded, error) {
	stream, err := streamOf(subject)
	if err != nil {
		return eventstore.Recorded{}, fmt.Errorf("sequence %d: %w", sequence, err)
	}
	version, err := strconv.Atoi(header.Get(headerVersion))
	if err != nil || strconv.Itoa(version) != header.Get(headerVersion) {
		return eventstore.Recorded{}, fmt.Errorf("sequence %d: version %.20q", sequence, header.Get(headerVersion))
	}
	if at, err = storedAt(header, at); err != nil {
		return eventstore.Recorded{}, fmt.Errorf("sequence %d: %w", sequence, err)
	}
	eventType := header.Get(headerType)
	event, err := registry.Decode(eventType, version, body)
	if err != nil {
		return eventstore.Recorded{}, fmt.Errorf("sequence %d: %w", sequence, err)
	}
	return eventstore.Recorded{
		Sequence: sequence, Stream: stream, ID: header.Get(jetstream.MsgIDHeader),
		Type: eventType, Version: version, Time: at,
		Metadata: eventstore.Metadata{
			CommandID: header.Get(headerCommandID), CommandHash: header.Get(headerCommandHash),
			Actor: header.Get(headerActor), Traceparent: header.Get(headerTraceparent),
			Origin: header.Get(headerOrigin),
		},
		Body: body, Event: event, Last: header.Get(headerMore) == "",
	}, nil
}

func storedAt(header nats.Header, at time.Time) (time.Time, error) {
	text := header.Get(headerStoredAt)
	if text == "" {
		return at.UTC(), nil
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("header %s: %w", headerStoredAt, err)
	}
	return at.UTC(), nil
}
