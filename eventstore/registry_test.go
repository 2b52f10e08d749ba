package eventstore_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/catalog"
	"github.com/pushledger/pushledger/eventstore"
)

type opened struct {
	At    time.Time      `json:"at"`
	Note  string         `json:"note,omitzero"`
	Count map[string]int `json:"count,omitzero"`
}

func (opened) EventType() string { return "Opened" }

type closed struct{}

func (closed) EventType() string { return "Closed" }

type renamed struct{}

func (renamed) EventType() string { return "Closed" }

type unwritable struct {
	Reply chan int `json:"reply"`
}

func (unwritable) EventType() string { return "Unwritable" }

func TestAnEventReadsBackAsItWasWritten(t *testing.T) {
	registry := eventstore.NewRegistry(opened{}, closed{})
	event := opened{At: time.Date(2026, 7, 1, 8, 0, 0, 5, time.UTC), Note: "你好", Count: map[string]int{"b": 2, "a": 1}}

	body, err := registry.Encode(event)
	require.NoError(t, err)
	require.Equal(t, `{"at":"2026-07-01T08:00:00.000000005Z","note":"你好","count":{"a":1,"b":2}}`, string(body))

	again, err := registry.Decode("Opened", eventstore.SchemaVersion, body)
	require.NoError(t, err)
	require.Equal(t, event, again)
}

// Bodies are hashed and compared, so one event must have one encoding.
func TestAnEventHasOneEncoding(t *testing.T) {
	registry := eventstore.NewRegistry(opened{})
	event := opened{Count: map[string]int{}}
	for _, key := range strings.Split("abcdefghijklmnopqrstuvwxyz", "") {
		event.Count[key] = 1
	}
	first, err := registry.Encode(event)
	require.NoError(t, err)
	for range 100 {
		again, err := registry.Encode(event)
		require.NoError(t, err)
		require.Equal(t, string(first), string(again))
	}
}

func TestEveryEventOfTheLedgerIsRegisteredOnce(t *testing.T) {
	registry := eventstore.NewRegistry(catalog.Events()...)
	for _, event := range catalog.Events() {
		_, err := registry.Decode(event.EventType(), eventstore.SchemaVersion, []byte(`{}`))
		require.NoError(t, err, event.EventType())
		_, err = registry.Decode(event.EventType(), eventstore.SchemaVersion+1, []byte(`{}`))
		require.ErrorIs(t, err, eventstore.ErrUnknownEvent)
	}
}

func TestUnknownEventsAreNamed(t *testing.T) {
	registry := eventstore.NewRegistry(opened{})
	_, err := registry.Encode(closed{})
	require.ErrorIs(t, err, eventstore.ErrUnknownEvent)
	for name, stored := range map[string]struct {
		event   string
		version int
	}{
		"an unknown type": {"Closed", eventstore.SchemaVersion},
		"another case":    {"opened", eventstore.SchemaVersion},
		"no type":         {"", eventstore.SchemaVersion},
		"a newer version": {"Opened", eventstore.SchemaVersion + 1},
		"no version":      {"Opened", 0},
		"a negative one":  {"Opened", -1},
	} {
		t.Run(name, func(t *testing.T) {
			event, err := registry.Decode(stored.event, stored.version, []byte(`{"at":"2026-07-01T08:00:00Z"}`))
			require.ErrorIs(t, err, eventstore.ErrUnknownEvent)
			require.ErrorContains(t, err, stored.event)
			require.Nil(t, event)
		})
	}
}

func TestADamagedBodyIsRefused(t *testing.T) {
	registry := eventstore.NewRegistry(opened{})
	for name, body := range map[string]string{
		"nothing":           "",
		"half of it":        `{"note":"x"`,
		"more after it":     `{"note":"x"} {}`,
		"an unknown member": `{"note":"x","extra":1}`,
		"a member twice":    `{"note":"x","note":"y"}`,
		"another case":      `{"Note":"x"}`,
		"another type":      `{"note":1}`,
		"no object":         `[]`,
		"bad UTF-8":         "{\"note\":\"\xff\"}",
	} {
		t.Run(name, func(t *testing.T) {
			event, err := registry.Decode("Opened", eventstore.SchemaVersion, []byte(body))
			require.ErrorContains(t, err, "eventstore: decode Opened")
			require.NotErrorIs(t, err, eventstore.ErrUnknownEvent, "the type is known, its body is broken")
			require.Nil(t, event)
		})
	}
}

func TestAnEventThatCannotBeWrittenIsRefused(t *testing.T) {
	registry := eventstore.NewRegistry(opened{}, unwritable{})
	overhead, err := registry.Encode(opened{Note: "x"})
	require.NoError(t, err)
	longest := eventstore.MaxEventBytes - len(overhead) + 1

	body, err := registry.Encode(opened{Note: strings.Repeat("x", longest)})
	require.NoError(t, err)
	require.Len(t, body, eventstore.MaxEventBytes)
	_, err = registry.Encode(opened{Note: strings.Repeat("x", longest+1)})
	require.ErrorContains(t, err, "more than")
	_, err = registry.Encode(opened{Note: "\xff"})
	require.ErrorContains(t, err, "eventstore: encode Opened")
	_, err = registry.Encode(unwritable{})
	require.ErrorContains(t, err, "eventstore: encode Unwritable")
}

func TestTwoEventsOfOneNamePanic(t *testing.T) {
	require.PanicsWithValue(t, "eventstore: two events are named Closed", func() {
		eventstore.NewRegistry(closed{}, renamed{})
	})
}
