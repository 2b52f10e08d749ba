package jetstream

import (
	"context"
	"errors"
	"fmt"
	"github.com/go-json-experiment/json"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
	"github.com/synadia-io/orbit.go/jetstreamext"

	"github.com/pushledger/pushledger/eventstore"
)

// The server's codes for a lost race, alone and in a batch.
const (
	codeWrongLastSequence         jetstream.ErrorCode = 10071
	codeWrongLastSequenceConstant jetstream.ErrorCode = 10164
)

// commit sends a group and tells each of its appends what became of it. It returns
// where the streams stand that it wrote.
func (s *Store) commit(group []*waiting) map[eventstore.StreamID]uint64 {
	for len(group) > 0 {
		last, err := s.send(group)
		switch {
		case err == nil:
			return finish(group, last)
		case !errors.Is(err, eventstore.ErrConflict) || len(group) == 1:
			fail(group, err)
			return nil
		}
		group = s.withoutLosers(group)
	}
	return nil
}

// withoutLosers fails the appends that lost a race and returns the others. When the
// log names no loser although it refused the group, each is sent by itself.
func (s *Store) withoutLosers(group []*waiting) []*waiting {
	ctx, cancel := context.WithTimeout(context.Background(), callPatience)
	defer cancel()
	var streams []eventstore.StreamID
	for _, request := range group {
		for stream := range request.expects {
			streams = append(streams, stream)
		}
	}
	newest, err := s.lastSequences(ctx, streams)
	if err != nil {
		fail(group, fmt.Errorf("%w: find the lost race: %w", eventstore.ErrUnavailable, err))
		return nil
	}
	var winners []*waiting
	for _, request := range group {
		if stream, lost := request.loses(newest); lost {
			fail([]*waiting{request}, fmt.Errorf("%w: %s", eventstore.ErrConflict, stream))
		} else {
			winners = append(winners, request)
		}
	}
	if len(winners) == len(group) {
		for _, request := range group {
			s.commit([]*waiting{request})
		}
		return nil
	}
	return winners
}

func (w *waiting) loses(newest map[eventstore.StreamID]uint64) (eventstore.StreamID, bool) {
	for stream, expect := range w.expects {
		if newest[stream] != expect {
			return stream, true
		}
	}
	return eventstore.StreamID{}, false
}

func fail(group []*waiting, err error) {
	for _, request := range group {
		request.done <- result{err: err}
	}
}

// finish tells each append the sequence of its own last event, and returns where each
// stream stands now. The events of a batch stand next to each other, the newest at
// the sequence last.
func finish(group []*waiting, last uint64) map[eventstore.StreamID]uint64 {
	newest := make(map[eventstore.StreamID]uint64)
	for i := len(group) - 1; i >= 0; i-- {
		request := group[i]
		for at, ends := range request.ends {
			newest[at] = last - uint64(len(request.messages)-1-ends) // #nosec G115 -- a position in the append
		}
		request.done <- result{sequence: last}
		last -= uint64(len(request.messages))
	}
	return newest
}

// send publishes all messages of a group as one batch and waits for its end. A single
// message goes by itself, which the server does much faster.
func (s *Store) send(group []*waiting) (uint64, error) {
	var messages []*nats.Msg
	for _, request := range group {
		messages = append(messages, request.messages...)
	}
	if len(messages) == 1 {
		return s.ask(messages[0])
	}
	batch := nuid.Next()
	for i, message := range messages {
		message.Header.Set(jetstreamext.BatchIDHeader, batch)
		message.Header.Set(jetstreamext.BatchSeqHeader, strconv.Itoa(i+1))
		message.Header.Del(jetstreamext.BatchCommitHeader)
	}
	last := len(messages) - 1
	messages[last].Header.Set(jetstreamext.BatchCommitHeader, "1")
	for _, message := range messages[:last] {
		if err := s.conn.PublishMsg(message); err != nil {
			return 0, fmt.Errorf("%w: %w", eventstore.ErrUnavailable, err)
		}
	}
	return s.ask(messages[last])
}

type answer struct {
	Error    *jetstream.APIError `json:"error"`
	Stream   string              `json:"stream"`
	Sequence uint64              `json:"seq"`
}

// ask publishes the message that commits and reads the server's word on it. Without a
// word the outcome is unknown.
func (s *Store) ask(message *nats.Msg) (uint64, error) {
	ctx, cancel := context.WithTimeout(context.Background(), callPatience)
	defer cancel()
	response, err := s.conn.RequestMsgWithContext(ctx, message)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", eventstore.ErrUnavailable, err)
	}
	var said answer
	if err := json.Unmarshal(response.Data, &said); err != nil {
		return 0, fmt.Errorf("%w: acknowledgement: %w", eventstore.ErrUnavailable, err)
	}
	switch {
	case said.Error == nil && said.Stream == StreamName && said.Sequence > 0:
		return said.Sequence, nil
	case said.Error == nil:
		return 0, fmt.Errorf("%w: acknowledgement without a sequence", eventstore.ErrUnavailable)
	case said.Error.ErrorCode == codeWrongLastSequence || said.Error.ErrorCode == codeWrongLastSequenceConstant:
		return 0, fmt.Errorf("%w: %w", eventstore.ErrConflict, said.Error)
	default:
		return 0, fmt.Errorf("%w: %w", eventstore.ErrUnavailable, said.Error)
	}
}
