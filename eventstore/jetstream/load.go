package jetstream

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/pushledger/pushledger/eventstore"
)

const loadAtOnce = 256 // events of one stream in one answer

// Load implements eventstore.Store.
func (s *Store) Load(ctx context.Context, stream eventstore.StreamID) ([]eventstore.Recorded, error) {
	if err := stream.Validate(); err != nil {
		return nil, err
	}
	var history []eventstore.Recorded
	err := s.read(ctx, question{From: 1, Subject: subject(stream), Batch: loadAtOnce}, func(recorded eventstore.Recorded) {
		history = append(history, recorded)
	})
	if err != nil {
		return nil, fmt.Errorf("jetstream: load %s: %w", stream, err)
	}
	return history, nil
}

func (s *Store) read(ctx context.Context, asked question, take func(eventstore.Recorded)) error {
	return s.readStored(ctx, asked, func(message kept) error {
		recorded, err := s.recorded(message.subject, message.sequence, message.header, message.body, message.at)
		if err == nil {
			take(recorded)
		}
		return err
	})
}

// readStored is read of messages that nobody has decoded.
func (s *Store) readStored(ctx context.Context, asked question, take func(kept) error) error {
	ctx, cancel := context.WithTimeout(ctx, callPatience)
	defer cancel()
	asked.MaxBytes = maxAnswerBytes
	return s.direct.read(ctx, asked, func(message *nats.Msg) error {
		sequence, err := number(message, jetstream.SequenceHeader)
		if err != nil {
			return err
		}
		at, err := time.Parse(time.RFC3339Nano, message.Header.Get(jetstream.TimeStampHeaer))
		if err != nil {
			return fmt.Errorf("sequence %d: %w", sequence, err)
		}
		return take(kept{message.Header.Get(jetstream.SubjectHeader), sequence, message.Header, message.Data, at})
	})
}

// LastSequence implements eventstore.Store.
func (s *Store) LastSequence(ctx context.Context) (uint64, error) {
	stream, err := s.js.Stream(ctx, StreamName)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", eventstore.ErrUnavailable, err)
	}
	return stream.CachedInfo().State.LastSeq, nil
}
