package eventstore

import (
	"fmt"
	"reflect"

	"github.com/go-json-experiment/json"

	"github.com/pushledger/pushledger/aggregates"
)

// Registry maps the name of every event to its Go type, for reading the log back.
type Registry struct {
	types map[string]reflect.Type
}

// NewRegistry takes the zero value of every event of the ledger. Two events of one
// name are a programming error and panic.
func NewRegistry(events ...aggregates.Event) *Registry {
	registry := &Registry{types: make(map[string]reflect.Type, len(events))}
	for _, event := range events {
		name := event.EventType()
		if _, taken := registry.types[name]; taken {
			panic("eventstore: two events are named " + name)
		}
		registry.types[name] = reflect.TypeOf(event)
	}
	return registry
}

// SchemaVersion is the version of every event body written today. A reader meets a
// higher one only when the log was written by a newer program.
const SchemaVersion = 1

// Encode gives the JSON body of an event.
func (r *Registry) Encode(event aggregates.Event) ([]byte, error) {
	if _, known := r.types[event.EventType()]; !known {
		return nil, fmt.Errorf("%w: %s is not registered", ErrUnknownEvent, event.EventType())
	}
	body, err := json.Marshal(event, json.Deterministic(true))
	if err != nil {
		return nil, fmt.Errorf("eventstore: encode %s: %w", event.EventType(), err)
	}
	if len(body) > MaxEventBytes {
		return nil, fmt.Errorf("eventstore: %s has %d bytes, more than %d", event.EventType(), len(body), MaxEventBytes)
	}
	return body, nil
}

// Decode gives back the event whose body was stored under a name and version.
// The result has the same dynamic type as the zero value that was registered.
func (r *Registry) Decode(name string, version int, body []byte) (aggregates.Event, error) {
	typ, known := r.types[name]
	if !known || version != SchemaVersion {
		return nil, fmt.Errorf("%w: %s version %d", ErrUnknownEvent, name, version)
	}
	value := reflect.New(typ)
	if err := json.Unmarshal(body, value.Interface(), json.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("eventstore: decode %s: %w", name, err)
	}
	return value.Elem().Interface().(aggregates.Event), nil
}
