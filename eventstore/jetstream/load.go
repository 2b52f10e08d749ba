package jetstream

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"

	"github.com/pushledger/pushledger/eventstore"
)

// atOnce is how many messages one read asks for; it stays below what a subscription
// can hold.
const atOnce = 256

// Load implements eventstore.Store. An answer that ends early is read on from where it
// stopped, so a history is never short.
func (s *Store) Load(ctx context.Context, stream eventstore.StreamID) ([]eventstore.Recorded, error) {
	ctx, cancel := context.WithTimeout(ctx, callPatience)
	defer cancel()
	var history []eventstore.Recorded
	for from := uint64(1); ; {
		messages, err := jetstreamext.GetBatch(ctx, s.js, StreamName, atOnce,
			jetstreamext.GetBatchSeq(from), jetstreamext.GetBatchSubject(subject(stream)))
		if err != nil {
			return nil, fmt.Errorf("%w: load %s: %w", eventstore.ErrUnavailable, stream, err)
		}
		whole, err := s.collect(messages, func(recorded eventstore.Recorded) {
			history = append(history, recorded)
			from = recorded.Sequence + 1
		})
		if err != nil {
			return nil, fmt.Errorf("jetstream: load %s: %w", stream, err)
		}
		if whole {
			return history, nil
		}
	}
}

// collect reads one answer. whole says that nothing is left to read after it.
func (s *Store) collect(messages iter.Seq2[*jetstream.RawStreamMsg, error], take func(eventstore.Recorded)) (whole bool, err error) {
	pending := ""
	for message, err := range messages {
		if errors.Is(err, jetstreamext.ErrNoMessages) {
			return true, nil
		}
		if err != nil {
			return false, fmt.Errorf("%w: %w", eventstore.ErrUnavailable, err)
		}
		recorded, err := s.recorded(message.Subject, message.Sequence, message.Header, message.Data, message.Time)
		if err != nil {
			return false, err
		}
		take(recorded)
		pending = message.Header.Get("Nats-Num-Pending")
	}
	if pending == "" {
		return false, fmt.Errorf("%w: no answer", eventstore.ErrUnavailable)
	}
	return pending == "0", nil
}

// Last implements eventstore.Store.
func (s *Store) Last(ctx context.Context, streams ...eventstore.StreamID) (map[eventstore.StreamID]eventstore.Recorded, error) {
	ctx, cancel := context.WithTimeout(ctx, callPatience)
	defer cancel()
	newest := make(map[eventstore.StreamID]eventstore.Recorded, len(streams))
	for len(streams) > 0 {
		part := streams[:min(len(streams), atOnce)]
		streams = streams[len(part):]
		subjects := make([]string, len(part))
		for i, stream := range part {
			subjects[i] = subject(stream)
		}
		messages, err := jetstreamext.GetLastMsgsFor(ctx, s.js, StreamName, subjects, jetstreamext.GetLastMsgsBatchSize(atOnce))
		if err != nil {
			return nil, fmt.Errorf("%w: %w", eventstore.ErrUnavailable, err)
		}
		whole, err := s.collect(messages, func(recorded eventstore.Recorded) { newest[recorded.Stream] = recorded })
		if err != nil {
			return nil, fmt.Errorf("jetstream: last of %d streams: %w", len(part), err)
		}
		if !whole {
			return nil, fmt.Errorf("%w: the answer for %d streams was cut short", eventstore.ErrUnavailable, len(part))
		}
	}
	return newest, nil
}

func (s *Store) lastSequences(ctx context.Context, streams []eventstore.StreamID) (map[eventstore.StreamID]uint64, error) {
	newest, err := s.Last(ctx, streams...)
	if err != nil {
		return nil, err
	}
	sequences := make(map[eventstore.StreamID]uint64, len(newest))
	for stream, recorded := range newest {
		sequences[stream] = recorded.Sequence
	}
	return sequences, nil
}

// LastSequence implements eventstore.Store.
func (s *Store) LastSequence(ctx context.Context) (uint64, error) {
	stream, err := s.js.Stream(ctx, StreamName)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", eventstore.ErrUnavailable, err)
	}
	return stream.CachedInfo().State.LastSeq, nil
}
