package audit

import (
	"github.com/pushledger/pushledger/eventstore"
	eventlog "github.com/pushledger/pushledger/eventstore/jetstream"
	"github.com/pushledger/pushledger/eventstore/transparency"
)

// decode reads an event; one that cannot be read is damage at its sequence.
func decode(registry *eventstore.Registry, entry transparency.Entry) (eventstore.Recorded, error) {
	recorded, err := eventlog.Decode(registry, entry)
	if err != nil {
		return eventstore.Recorded{}, &transparency.Damage{Sequence: entry.Sequence, Reason: err.Error()}
	}
	return recorded, nil
}
