package jetstream

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/pushledger/pushledger/eventstore"
)

const (
	directSubject   = "$JS.API.DIRECT.GET." + StreamName
	maxAnswerBytes  = 8 << 20 // of one answer; what is left is asked for again
	headerPending   = "Nats-Num-Pending"
	headerPrevious  = "Nats-Last-Sequence" // sequence of the message before it in the answer
	headerUpTo      = "Nats-UpTo-Sequence"
	headerStatus    = "Status"
	headerSaid      = "Description"
	statusEnd       = "204"
	statusNothing   = "404"
	nothingLast     = "No Results"
	nothingSequence = "Message Not Found"
)

var errDamaged = errors.New("the log is damaged")

// question asks for stored messages: all of one subject, or the last of each of many.
type question struct {
	From     uint64   `json:"seq,omitzero"` // lowest sequence wanted
	Subject  string   `json:"next_by_subj,omitzero"`
	Subjects []string `json:"multi_last,omitempty"`
	UpTo     uint64   `json:"up_to_seq,omitzero"`
	Batch    int      `json:"batch,omitzero"`
	MaxBytes int      `json:"max_bytes"`

	once bool // one answer is enough, whatever it leaves to be asked
}

// nothing is how the server says that no message answers the question. With another
// word for it a message that should be there could not be read.
func (q question) nothing() string {
	if len(q.Subjects) > 0 {
		return nothingLast
	}
	return nothingSequence
}

// direct reads stored messages. All answers come to one inbox, which spares a
// subscription for every read. It is safe for concurrent use.
type direct struct {
	conn         *nats.Conn
	inbox        string
	subscription *nats.Subscription
	closed       chan struct{}

	mu   sync.Mutex
	last uint64             // number of the newest question
	open map[string]*answer // by reply subject
}

// answer is filled by the subscription's goroutine, and read by the asker after done.
type answer struct {
	messages []*nats.Msg
	end      *nats.Msg
	done     chan struct{}
}

func newDirect(conn *nats.Conn) (*direct, error) {
	d := &direct{conn: conn, inbox: conn.NewInbox() + ".", closed: make(chan struct{}), open: make(map[string]*answer)}
	subscription, err := conn.Subscribe(d.inbox+"*", d.receive)
	if err != nil {
		return nil, fmt.Errorf("jetstream: subscribe to answers: %w", err)
	}
	d.subscription = subscription
	return d, nil
}

// close ends every read under way. It is called once.
func (d *direct) close() {
	close(d.closed)
	_ = d.subscription.Unsubscribe() // fails only if its connection is closed, and the subscription with it
}

func (d *direct) receive(message *nats.Msg) {
	d.mu.Lock()
	defer d.mu.Unlock()
	asked, waiting := d.open[message.Subject]
	switch {
	case !waiting: // the asker has gone
	case message.Header.Get(headerStatus) == "":
		asked.messages = append(asked.messages, message)
	default:
		asked.end = message
		delete(d.open, message.Subject)
		close(asked.done)
	}
}

// read hands every message that answers the question to take, by rising sequence. An
// answer that lacks a message is an error, never a shorter answer.
func (d *direct) read(ctx context.Context, asked question, take func(*nats.Msg) error) error {
	for first := true; ; first = false {
		said, err := d.ask(ctx, asked)
		if err != nil {
			return err
		}
		if first && said.isNothing(asked.nothing()) {
			return nil
		}
		last, pending, err := said.check()
		if err != nil {
			return err
		}
		for _, message := range said.messages {
			if err := take(message); err != nil {
				return err
			}
		}
		if pending == 0 || asked.once {
			return nil
		}
		asked.From = last + 1
		if len(asked.Subjects) > 0 { // the rest must be of the same moment
			if asked.UpTo, err = number(said.end, headerUpTo); err != nil {
				return err
			}
		}
	}
}

func (d *direct) ask(ctx context.Context, asked question) (*answer, error) {
	body, err := json.Marshal(asked)
	if err != nil {
		return nil, fmt.Errorf("encode question: %w", err)
	}
	said := &answer{done: make(chan struct{})}
	d.mu.Lock()
	d.last++
	reply := d.inbox + strconv.FormatUint(d.last, 36)
	d.open[reply] = said
	d.mu.Unlock()
	defer d.drop(reply)
	if err := d.conn.PublishRequest(directSubject, reply, body); err != nil {
		return nil, fmt.Errorf("%w: %w", eventstore.ErrUnavailable, err)
	}
	select {
	case <-said.done:
		return said, nil
	case <-d.closed:
		return nil, errClosed()
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: no whole answer: %w", eventstore.ErrUnavailable, ctx.Err())
	}
}

func (d *direct) drop(reply string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.open, reply)
}

func (a *answer) isNothing(word string) bool {
	return len(a.messages) == 0 && a.end.Header.Get(headerStatus) == statusNothing && a.end.Header.Get(headerSaid) == word
}

// check reports whether the answer is whole: each message names the one before it. It
// returns the last sequence in it and how many messages are still to be asked for.
func (a *answer) check() (last, pending uint64, err error) {
	switch status := a.end.Header.Get(headerStatus); status {
	case statusEnd:
	case statusNothing:
		return 0, 0, fmt.Errorf("%w: a message after sequence %d cannot be read", errDamaged, a.lastSequence())
	default:
		return 0, 0, fmt.Errorf("%w: the server says %s %s", eventstore.ErrUnavailable, status, a.end.Header.Get(headerSaid))
	}
	for _, message := range append(a.messages, a.end) {
		previous, err := number(message, headerPrevious)
		if err != nil {
			return 0, 0, err
		}
		if previous != last {
			return 0, 0, fmt.Errorf("%w: the answer lost sequence %d on its way", eventstore.ErrUnavailable, previous)
		}
		if message == a.end {
			break
		}
		if last, err = number(message, jetstream.SequenceHeader); err != nil {
			return 0, 0, err
		}
	}
	pending, err = number(a.end, headerPending)
	return last, pending, err
}

// lastSequence is for the text of an error; 0 when the answer has no message.
func (a *answer) lastSequence() uint64 {
	if len(a.messages) == 0 {
		return 0
	}
	last, err := number(a.messages[len(a.messages)-1], jetstream.SequenceHeader)
	if err != nil {
		return 0
	}
	return last
}

func number(message *nats.Msg, header string) (uint64, error) {
	value, err := strconv.ParseUint(message.Header.Get(header), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("header %s: %w", header, err)
	}
	return value, nil
}
