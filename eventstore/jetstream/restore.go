package jetstream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/pushledger/pushledger/eventstore"
	"github.com/pushledger/pushledger/eventstore/transparency"
)

// ErrLogExists means that there is a log where one was to be restored.
var ErrLogExists = errors.New("jetstream: there is a log already")

// Restore writes the entries of a copy into a new log, in their order and under their
// sequences. Each keeps the time at which it was first stored in a header. It returns
// ErrLogExists if the stream is there: what is damaged has to be set aside by whoever
// calls.
func Restore(ctx context.Context, conn *nats.Conn, from transparency.Source, progress func(sequence uint64)) error {
	js, err := jetstream.New(conn, jetstream.WithDefaultTimeout(callPatience))
	if err != nil {
		return fmt.Errorf("jetstream: %w", err)
	}
	if _, err := js.Stream(ctx, StreamName); !errors.Is(err, jetstream.ErrStreamNotFound) {
		return errors.Join(ErrLogExists, err)
	}
	if err := ensureStream(ctx, js); err != nil {
		return err
	}
	last, err := from.LastSequence(ctx)
	if err != nil {
		return err
	}
	writer := &Store{conn: conn}
	var group []*nats.Msg
	return from.Entries(ctx, 0, last, func(entry transparency.Entry) error {
		group = append(group, restored(entry))
		if len(group) < eventstore.MaxEventsPerAppend && entry.Sequence < last {
			return nil
		}
		reached, err := writer.send("", []*waiting{{messages: group}})
		if err == nil && reached != entry.Sequence {
			err = fmt.Errorf("jetstream: restored as sequence %d: somebody else writes to the log", reached)
		}
		group = nil
		progress(entry.Sequence)
		return err
	})
}

func restored(entry transparency.Entry) *nats.Msg {
	message := nats.NewMsg(entry.Subject)
	message.Data = entry.Body
	for _, header := range entry.Headers {
		message.Header.Add(header.Name, header.Value)
	}
	message.Header.Set(headerStoredAt, entry.Time.UTC().Format(time.RFC3339Nano))
	return message
}
