package transparency_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/pushledger/pushledger/eventstore/transparency"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.Date(2026, 11, 2, 12, 0, 0, 123_456_789, time.UTC)

func entry(sequence uint64) transparency.Entry {
	return transparency.Entry{
		Stream: "PUSH_EVENTS", Subject: fmt.Sprintf("push.evt.push.p%d", sequence%7), Sequence: sequence,
		Time: noon.Add(time.Duration(sequence) * time.Millisecond),
		Headers: []transparency.Header{
			{Name: "Event-Type", Value: "Offered"}, {Name: "Actor", Value: "ann"}, {Name: "Nats-Msg-Id", Value: fmt.Sprint("id-", sequence)},
		},
		Body: fmt.Appendf(nil, `{"n":%d}`, sequence),
	}
}

// logOf is a log in memory, to be tampered with.
type logOf struct{ entries []transparency.Entry }

func newLog(count int) *logOf {
	log := &logOf{}
	log.grow(count)
	return log
}

func (l *logOf) grow(count int) {
	for range count {
		l.entries = append(l.entries, entry(uint64(len(l.entries)+1)))
	}
}

func (l *logOf) LastSequence(context.Context) (uint64, error) { return uint64(len(l.entries)), nil }

func (l *logOf) Entries(ctx context.Context, after, upTo uint64, handle func(transparency.Entry) error) error {
	for ; after < upTo; after++ {
		if after >= uint64(len(l.entries)) || l.entries[after].Sequence != after+1 {
			return &transparency.Damage{Sequence: after + 1, Reason: "missing"}
		}
		if err := handle(l.entries[after]); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// follow gives what is there and then waits.
func (l *logOf) follow(ctx context.Context, after uint64, handle func(transparency.Entry) error) error {
	if err := l.Entries(ctx, after, uint64(len(l.entries)), handle); err != nil {
		return err
	}
	<-ctx.Done()
	return ctx.Err()
}

func damageAt(t *testing.T, err error, sequence uint64) {
	t.Helper()
	var found *transparency.Damage
	require.ErrorAs(t, err, &found)
	require.Equal(t, sequence, found.Sequence, found.Reason)
}

// long is a text that does not fit into a leaf.
var long = strings.Repeat("很长", 40_000)
