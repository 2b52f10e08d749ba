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
	written := headersOf(header)
	version, err := strconv.Atoi(written.version)
	if err != nil || strconv.Itoa(version) != written.version {
		return eventstore.Recorded{}, fmt.Errorf("sequence %d: version %.20q", sequence, written.version)
	}
	if at, err = storedAt(written.storedAt, at); err != nil {
		return eventstore.Recorded{}, fmt.Errorf("sequence %d: %w", sequence, err)
	}
	event, err := registry.Decode(written.eventType, version, body)
	if err != nil {
		return eventstore.Recorded{}, fmt.Errorf("sequence %d: %w", sequence, err)
	}
	return eventstore.Recorded{
		Sequence: sequence, Stream: stream, ID: written.id, Type: written.eventType, Version: version, Time: at,
		Metadata: written.metadata, Body: body, Event: event, Last: written.more == "",
	}, nil
}

// headers are those of a stored event, as text.
type headers struct {
	id, eventType, version, storedAt, more string
	metadata                               eventstore.Metadata
}

// headersOf goes over the headers once: looking each up in the map took a replay nearly
// half as long as decoding the bodies.
func headersOf(header nats.Header) headers {
	var found headers
	for name, values := range header {
		if len(values) == 0 {
			continue
		}
		switch value := values[0]; name {
		case jetstream.MsgIDHeader:
			found.id = value
		case headerType:
			found.eventType = value
		case headerVersion:
			found.version = value
		case headerStoredAt:
			found.storedAt = value
		case headerMore:
			found.more = value
		case headerCommandID:
			found.metadata.CommandID = value
		case headerCommandHash:
			found.metadata.CommandHash = value
		case headerActor:
			found.metadata.Actor = value
		case headerTraceparent:
			found.metadata.Traceparent = value
		case headerOrigin:
			found.metadata.Origin = value
		}
	}
	return found
}

// storedAt is when an event was first stored: as its header says, or else the server.
func storedAt(text string, at time.Time) (time.Time, error) {
	if text == "" {
		return at.UTC(), nil
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("header %s: %w", headerStoredAt, err)
	}
	return at.UTC(), nil
}
