package natsregistrar

import (
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/sagas/registrar"
)

const maxEvent = 64 << 10 // bytes

// moved is the detail of an account_moved event.
type moved struct {
	From        string `json:"from"`
	To          string `json:"to"`
	OperationID string `json:"operation_id"`
}

// DecodeEvent reads an event as the registrar publishes it. The detail may be an
// object that names the accounts and the operation of a move, a sentence, or left out.
// A kind that nobody knows is no error; a missing id, kind, domain or time is.
func DecodeEvent(data []byte) (registrar.Event, error) {
	if len(data) > maxEvent {
		return registrar.Event{}, fmt.Errorf("natsregistrar: an event of %d bytes", len(data))
	}
	var said struct {
		ID     string         `json:"event_id"`
		Kind   string         `json:"kind"`
		Domain string         `json:"domain"`
		At     time.Time      `json:"at"`
		Detail jsontext.Value `json:"detail"`
	}
	if err := json.Unmarshal(data, &said); err != nil {
		return registrar.Event{}, fmt.Errorf("natsregistrar: read event: %w", err)
	}
	name, err := domainname.ParseRegistered(said.Domain)
	if err != nil {
		return registrar.Event{}, fmt.Errorf("natsregistrar: event %.80q: %w", said.ID, err)
	}
	if said.ID == "" || said.Kind == "" || said.At.IsZero() || !storable(said.At) || !bounded(said.ID, said.Kind) {
		return registrar.Event{}, fmt.Errorf("natsregistrar: event %.80q about %s lacks an id, a kind or a time", said.ID, name)
	}
	detail, err := decodeDetail(said.Detail)
	if err != nil {
		return registrar.Event{}, fmt.Errorf("natsregistrar: event %.80q: detail: %w", said.ID, err)
	}
	return registrar.Event{
		ID: said.ID, Kind: said.Kind, Domain: name, At: said.At.UTC(),
		OperationID: detail.OperationID, From: detail.From, To: detail.To,
	}, nil
}

// decodeDetail reads who moved a domain where. A detail that is there but cannot be
// read is an error: taken for silence, a stranger's move could pass for our own.
func decodeDetail(value jsontext.Value) (moved, error) {
	var detail moved
	switch value.Kind() {
	case jsontext.KindBeginObject:
		if err := json.Unmarshal(value, &detail); err != nil {
			return moved{}, err
		}
		if !bounded(detail.From, detail.To, detail.OperationID) {
			return moved{}, fmt.Errorf("a text is longer than %d bytes", maxText)
		}
	case jsontext.KindString, jsontext.KindNull, jsontext.KindInvalid: // invalid: there is none
	default:
		return moved{}, fmt.Errorf("%.40s is neither an object nor a text", value)
	}
	return detail, nil
}
