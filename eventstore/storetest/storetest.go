// Package storetest is the conformance suite that every eventstore.Store must pass.
package storetest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates"
	"github.com/pushledger/pushledger/eventstore"
)

// Noted is the event that the suite writes.
type Noted struct {
	Text string `json:"text"`
}

// EventType implements aggregates.Event.
func (Noted) EventType() string { return "Noted" }

// Registry knows the suite's event.
func Registry() *eventstore.Registry { return eventstore.NewRegistry(Noted{}) }

// Run holds a store to the contract of the port. open returns an empty store that is
// closed by the test's own cleanup.
func Run(t *testing.T, open func(*testing.T) eventstore.Store) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, eventstore.Store){
		"an append over several streams is all or nothing":     allOrNothing,
		"the events of one append stand next to each other":    contiguous,
		"a stream that must not exist yet is created once":     createdOnce,
		"of many racing appends on one stream each counts":     racing,
		"an append that lost a race does not hurt the others":  oneLoser,
		"wrong calls are refused and write nothing":            wrongCalls,
		"the largest append fits":                              largest,
		"what was written is read back as it was":              readBack,
		"the newest event of many streams is found":            lastOfMany,
		"following delivers everything in order and goes on":   following,
		"following ends with its context":                      followingEnds,
		"a handler that fails ends the following":              handlerFails,
		"an append whose caller has gone writes nothing twice": callerGone,
		"appends on different streams all succeed":             disjoint,
		"single events that lose a race hurt nobody":           singles,
		"a long history is read whole":                         longHistory,
		"large events are read whole":                          largeEvents,
		"only literal streams can be read":                     wildReads,
		"following goes on where it was left":                  resuming,
		"following beyond the end of the log is an error":      beyondTheEnd,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

func stream(key string) eventstore.StreamID { return eventstore.StreamID{Kind: "note", Key: key} }

func change(key string, expect uint64, texts ...string) eventstore.Change {
	events := make([]aggregates.Event, len(texts))
	for i, text := range texts {
		events[i] = Noted{Text: text}
	}
	return eventstore.Change{Stream: stream(key), Expect: expect, Events: events}
}

func metadata() eventstore.Metadata {
	return eventstore.Metadata{CommandID: "command-1", CommandHash: "hash-1", Actor: "alice", Traceparent: "00-trace"}
}

func texts(t *testing.T, store eventstore.Store, key string) []string {
	t.Helper()
	history, err := store.Load(t.Context(), stream(key))
	require.NoError(t, err)
	var list []string
	for _, recorded := range history {
		list = append(list, recorded.Event.(Noted).Text)
	}
	return list
}
