package ledger

import (
	"context"
	"fmt"

	"github.com/pushledger/pushledger/aggregates"
	"github.com/pushledger/pushledger/aggregates/daybill"
	"github.com/pushledger/pushledger/eventstore"
)

// BillKind is the kind of the streams of days whose bill was reconciled.
const BillKind = "bill"

// BillStream is the stream of a day, "2006-01-02".
func BillStream(day string) eventstore.StreamID { return eventstore.StreamID{Kind: BillKind, Key: day} }

// RecordBill records a decision about the bill of a day, and reports whether something was
// recorded. Its error is that of decide, or of the log.
func (l *Ledger) RecordBill(ctx context.Context, day string, decide func(daybill.State) ([]daybill.Event, error)) (bool, error) {
	return eventstore.Execute(ctx, func(ctx context.Context) (bool, error) {
		stream := BillStream(day)
		history, err := l.store.Load(ctx, stream)
		if err != nil {
			return false, fmt.Errorf("ledger: load the bill of %s: %w", day, err)
		}
		var state daybill.State
		change := eventstore.Change{Stream: stream}
		for _, recorded := range history {
			event, ours := recorded.Event.(daybill.Event)
			if !ours {
				return false, fmt.Errorf("ledger: the bill of %s: sequence %d holds a %s", day, recorded.Sequence, recorded.Type)
			}
			state, change.Expect = daybill.Evolve(state, event), recorded.Sequence
		}
		events, err := decide(state)
		if err != nil || len(events) == 0 {
			return false, err
		}
		for _, event := range events {
			change.Events = append(change.Events, aggregates.Event(event))
		}
		metadata := stepMetadata()
		metadata.Traceparent = traceparent(ctx, "", "")
		if _, err := l.store.Append(ctx, metadata, change); err != nil {
			return false, fmt.Errorf("ledger: the bill of %s: %w", day, err)
		}
		return true, nil
	})
}
