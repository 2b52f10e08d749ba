package jetstream

import (
	"context"
	"fmt"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
	"github.com/synadia-io/orbit.go/jetstreamext"

	"github.com/pushledger/pushledger/eventstore"
)

// Words of the header that ends a batch: with the message that has it, or before it.
const (
	commitWithThis = "1"
	commitWithout  = "eob"
)

// open begins a batch with the first message of an append and returns its id once the
// server has made the place where it keeps a batch until its end. That takes longer than
// all the rest, and who comes meanwhile can still go along. Nothing is written yet: an
// append whose batch could not be opened has not happened.
func (s *Store) open(first *waiting) (string, error) {
	batch := nuid.Next()
	label(first.messages[0], batch, 1)
	answer, err := s.request(first.messages[0])
	if err != nil || len(answer) == 0 {
		return batch, err
	}
	_, err = read(answer)
	return "", err
}

// send publishes all messages of a group as one batch and waits for its end. With the id
// of an opened batch the first message is there already. A single message goes by itself,
// which the server does much faster.
func (s *Store) send(opened string, group []*waiting) (uint64, error) {
	messages := make([]*nats.Msg, 0, len(group)*len(group[0].messages))
	for _, request := range group {
		messages = append(messages, request.messages...)
	}
	batch, sent, ending := opened, 1, commitWithThis
	switch {
	case opened == "" && len(messages) == 1:
		unlabel(messages[0])
		return s.ask(messages[0])
	case opened == "":
		batch, sent = nuid.Next(), 0
	case len(messages) == 1: // nobody has come
		messages, ending = append(messages, nats.NewMsg(messages[0].Subject)), commitWithout
	}
	for i := sent; i < len(messages); i++ {
		label(messages[i], batch, i+1)
	}
	last := messages[len(messages)-1]
	last.Header.Set(jetstreamext.BatchCommitHeader, ending)
	for _, message := range messages[sent : len(messages)-1] {
		if err := s.conn.PublishMsg(message); err != nil {
			return 0, fmt.Errorf("%w: %w", eventstore.ErrUnavailable, err)
		}
	}
	return s.ask(last)
}

// label gives a message its place in a batch, whatever batch it was sent in before.
func label(message *nats.Msg, batch string, place int) {
	message.Header.Del(jetstreamext.BatchCommitHeader)
	message.Header.Set(jetstreamext.BatchIDHeader, batch)
	message.Header.Set(jetstreamext.BatchSeqHeader, strconv.Itoa(place))
}

func unlabel(message *nats.Msg) {
	message.Header.Del(jetstreamext.BatchIDHeader)
	message.Header.Del(jetstreamext.BatchSeqHeader)
	message.Header.Del(jetstreamext.BatchCommitHeader)
}

type answered struct {
	Error    *jetstream.APIError `json:"error"`
	Stream   string              `json:"stream"`
	Sequence uint64              `json:"seq"`
}

// ask publishes the message that commits and reads the server's word on it. Without a
// word the outcome is unknown.
func (s *Store) ask(message *nats.Msg) (uint64, error) {
	answer, err := s.request(message)
	if err != nil {
		return 0, err
	}
	return read(answer)
}

func (s *Store) request(message *nats.Msg) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), callPatience)
	defer cancel()
	response, err := s.conn.RequestMsgWithContext(ctx, message)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", eventstore.ErrUnavailable, err)
	}
	return response.Data, nil
}

// read gives the sequence that an acknowledgement names.
func read(answer []byte) (uint64, error) {
	var said answered
	if err := json.Unmarshal(answer, &said); err != nil {
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
