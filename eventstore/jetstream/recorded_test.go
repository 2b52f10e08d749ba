package jetstream

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/catalog"
	"github.com/pushledger/pushledger/eventstore"
)

var noon = time.Date(2026, 11, 2, 12, 0, 0, 123_456_789, time.UTC)

// A message under a subject of somebody else's is no event, however much it looks like one.
func TestAnEventStandsUnderItsOwnSubject(t *testing.T) {
	registry := eventstore.NewRegistry(catalog.Events()...)
	header := nats.Header{headerType: {"Withdrawn"}, headerVersion: {"1"}}
	body := []byte(`{"at":"2026-11-02T12:00:00Z"}`)
	read, err := recorded(registry, "push.evt.push.p-1", 7, header, body, noon)
	require.NoError(t, err)
	require.Equal(t, eventstore.StreamID{Kind: "push", Key: "p-1"}, read.Stream)
	for _, subject := range []string{"push.p-1", "evt.push.p-1", "push.cmd.push.p-1", "push.evt.push.evt.push.p-1", "push.evt.", ""} {
		_, err := recorded(registry, subject, 7, header, body, noon)
		require.ErrorContains(t, err, "sequence 7", subject)
	}
}

// FuzzRecorded holds that a message which is read as an event is under a subject of the
// log, and that the event is stored and read again as the same one.
func FuzzRecorded(f *testing.F) {
	f.Add("push.evt.push.p-1", "Withdrawn", "1", "", []byte(`{"at":"2026-11-02T12:00:00Z"}`))
	f.Add("push.evt.push.p-1", "Withdrawn", "+1", "", []byte(`{"at":"2026-11-02T12:00:00Z"}`))
	f.Add("push.evt.push.p-1", "Withdrawn", "2", "", []byte(`{"at":"2026-11-02T12:00:00Z"}`))
	f.Add("push.p-1", "Withdrawn", "1", "2026-11-02T12:00:00.5+08:00", []byte(`{"at":"0000-01-01T00:00:00+23:59"}`))
	f.Add("push.evt.domain.a_com", "Reserved", "1", "yesterday", []byte(`{"push_id":"p-1","at":"9999-12-31T23:59:59-23:59"}`))
	f.Add("push.evt.push.p-1", "Offered", "1", "", []byte(`{"push_id":"p-1","items":[{"domain":"a.com","price":"1e3"}],"items":[]}`))
	f.Add("push.evt.push.p-1", "Paid", "1", "", []byte(`{"at":"2026-11-02T12:00:00Z","amount":"-1","channels":[null]}`))
	f.Add("push.evt.push.p-1", "Declined", "1", "", []byte(`{"at":"2026-11-02T12:00:00Z","reason":`+strings.Repeat("[", 10_000)))
	registry := eventstore.NewRegistry(catalog.Events()...)
	f.Fuzz(func(t *testing.T, subject, name, version, at string, body []byte) {
		header := nats.Header{headerType: {name}, headerVersion: {version}, headerStoredAt: {at}}
		read, err := recorded(registry, subject, 7, header, body, noon)
		if err != nil {
			return
		}
		require.Equal(t, subject, SubjectPrefix+read.Stream.String())
		require.Equal(t, strconv.Itoa(eventstore.SchemaVersion), version)
		require.Equal(t, time.UTC, read.Time.Location())
		stored, err := registry.Encode(read.Event)
		require.NoError(t, err)
		again, err := registry.Decode(name, read.Version, stored)
		require.NoError(t, err)
		twice, err := registry.Encode(again)
		require.NoError(t, err)
		require.Equal(t, string(stored), string(twice))
	})
}
