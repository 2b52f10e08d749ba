package ledger_test

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/eventstore"
	"github.com/pushledger/pushledger/sagas/ledger"
)

const foreign = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

// traces offers and withdraws a push under a traceparent and gives those of its events.
func traces(t *testing.T, given string) []string {
	t.Helper()
	store := newStore()
	books := ledger.New(store)
	_, err := books.Offer(t.Context(), eventstore.Metadata{CommandID: uuid.NewString(), CommandHash: "h", Actor: "anna", Traceparent: given},
		"p-1", []domainname.Name{"a.com"}, func(ledger.Push, map[domainname.Name]string) ([]push.Event, error) {
			return []push.Event{push.Offered{PushID: "p-1", Seller: "anna", Buyer: "bo", Items: []push.Item{{Domain: "a.com"}}}}, nil
		})
	require.NoError(t, err)
	_, err = books.Record(t.Context(), "p-1", func(push.State) []push.Event { return []push.Event{push.Withdrawn{}} })
	require.NoError(t, err)
	var told []string
	for _, stream := range []eventstore.StreamID{ledger.PushStream("p-1"), ledger.DomainStream("a.com")} {
		history, err := store.Load(t.Context(), stream)
		require.NoError(t, err)
		for _, recorded := range history {
			told = append(told, recorded.Metadata.Traceparent)
		}
	}
	return told
}

func span(t *testing.T, traceparent string) trace.SpanContext {
	t.Helper()
	found := trace.SpanContextFromContext(ledger.Continue(context.Background(), traceparent))
	require.True(t, found.IsValid(), "%q", traceparent)
	return found
}

func TestTheTraceOfACommandIsCarriedOnByWhatFollows(t *testing.T) {
	told := traces(t, foreign)
	require.Len(t, told, 4)
	require.Equal(t, foreign, told[0])
	require.Equal(t, foreign, told[2], "the reservation")
	require.Equal(t, told[1], told[3], "the release")
	require.Equal(t, span(t, foreign).TraceID(), span(t, told[1]).TraceID())
	require.NotEqual(t, span(t, foreign).SpanID(), span(t, told[1]).SpanID())
}

func TestEveryEventHasATraceWhateverTheClientSends(t *testing.T) {
	for _, given := range []string{"", "rubbish", "00-00000000000000000000000000000000-b7ad6b7169203331-01", foreign + "\r\nx: y"} {
		told := traces(t, given)
		require.NotEqual(t, given, told[0])
		require.Equal(t, span(t, told[0]).TraceID(), span(t, told[1]).TraceID())
	}
}
