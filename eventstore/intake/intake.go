// Package intake lets others write into a stream without letting them choose where
// JetStream's acknowledgement goes.
//
// A stream that captured what others publish would acknowledge each message itself, on
// whatever reply subject the message names and with the rights of the server: to the
// publisher's inbox, but as well into the event log or as somebody else's command. So
// no stream here captures a subject that anybody outside may publish to. An Intake
// stands between: it looks at the reply subject first, publishes the message again on a
// subject of the service's own, and passes the acknowledgement on with the rights of its
// own connection. What it guarantees: an acknowledgement that it passes on is
// JetStream's own, so what it says has been stored; and messages of one publisher are
// stored in the order in which it published them.
package intake

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"
)

// waitingMost is how many acknowledgements may be outstanding. Of more the oldest are
// given up: whoever waits for one hears nothing and publishes again.
const waitingMost = 1 << 14

// Route says which messages are taken in and where they go.
type Route struct {
	Outside string // subject prefix to which others publish, "push.submit."
	Inside  string // subject prefix that the stream captures and nobody else may use
	Tokens  int    // how many tokens follow the prefix
	// Inbox is what the reply subject of a message must begin with; it ends with a dot
	// and lies below "_INBOX.". A message without a reply subject is taken in silently.
	Inbox func(subject string) string
	// Headers are kept, in any case of their names; no other header reaches the stream,
	// where some are orders.
	Headers []string
	// Mark, if it is not nil, looks at all headers of a message and returns a header to set
	// on what is stored; without a name it sets none.
	Mark func(nats.Header) (name, value string)
}

// Intake takes messages in until it is closed.
type Intake struct {
	conn    *nats.Conn
	route   Route
	logger  *slog.Logger
	acks    string // subject prefix of the acknowledgements
	subs    []*nats.Subscription
	mu      sync.Mutex
	count   uint64
	waiting [waitingMost]waiter // by count
}

// waiter is who waits for an acknowledgement.
type waiter struct {
	count uint64
	reply string
}

// Open starts to take messages in. The connection must be allowed to publish to the
// route's inside and to inboxes, and to subscribe to its outside and to its own inbox.
func Open(conn *nats.Conn, route Route, logger *slog.Logger) (*Intake, error) {
	i := &Intake{conn: conn, route: route, logger: logger, acks: conn.NewInbox() + "."}
	outside := strings.TrimSuffix(route.Outside+strings.Repeat("*.", route.Tokens), ".")
	err := i.subscribe(i.acks+"*", "", i.pass)
	if err == nil {
		err = i.subscribe(outside, "intake", i.take) // of several services one takes each message
	}
	if err == nil {
		err = conn.Flush() // the server knows the subject before anybody may publish to it
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("intake: %s: %w", outside, err), i.Close())
	}
	return i, nil
}

func (i *Intake) subscribe(subject, queue string, handle nats.MsgHandler) error {
	subscription, err := i.conn.QueueSubscribe(subject, queue, handle)
	if err == nil {
		i.subs = append(i.subs, subscription)
	}
	return err
}

// Close stops taking messages in; a second time it does nothing. What was taken in and not acknowledged yet may be
// stored all the same, as with every publication whose acknowledgement is lost.
func (i *Intake) Close() error {
	var errs []error
	for _, subscription := range i.subs {
		if err := subscription.Unsubscribe(); err != nil && !errors.Is(err, nats.ErrConnectionClosed) {
			errs = append(errs, fmt.Errorf("intake: %s: %w", subscription.Subject, err))
		}
	}
	i.subs = nil
	return errors.Join(errs...)
}

// take publishes a message again where the stream captures it.
func (i *Intake) take(message *nats.Msg) {
	if message.Reply != "" && !strings.HasPrefix(message.Reply, i.route.Inbox(message.Subject)) {
		i.logger.Warn("message with a foreign reply subject dropped", "subject", message.Subject)
		return
	}
	again := nats.NewMsg(i.route.Inside + strings.TrimPrefix(message.Subject, i.route.Outside))
	again.Data = message.Data
	for name, values := range message.Header {
		if slices.ContainsFunc(i.route.Headers, func(kept string) bool { return strings.EqualFold(kept, name) }) {
			again.Header[name] = values
		}
	}
	if i.route.Mark != nil {
		if name, value := i.route.Mark(message.Header); name != "" {
			again.Header.Set(name, value)
		}
	}
	if message.Reply != "" {
		again.Reply = i.acks + strconv.FormatUint(i.await(message.Reply), 10)
	}
	if err := i.conn.PublishMsg(again); err != nil {
		i.logger.Warn("message not taken in", "subject", message.Subject, "error", err)
	}
}

// await remembers who waits for the next acknowledgement, and returns its number.
func (i *Intake) await(reply string) uint64 {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.count++
	i.waiting[i.count%waitingMost] = waiter{i.count, reply}
	return i.count
}

func (i *Intake) awaited(count uint64) (reply string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	place := &i.waiting[count%waitingMost]
	if place.count == count {
		reply = place.reply
		*place = waiter{}
	}
	return reply
}

// pass hands JetStream's acknowledgement, or its refusal, to whoever waits for it.
func (i *Intake) pass(ack *nats.Msg) {
	count, err := strconv.ParseUint(strings.TrimPrefix(ack.Subject, i.acks), 10, 64)
	if err != nil || len(ack.Data) == 0 { // no stream is there; the publisher hears nothing and tries again
		i.logger.Warn("message not stored", "status", ack.Header.Get("Status"))
		return
	}
	if reply := i.awaited(count); reply != "" {
		if err := i.conn.Publish(reply, ack.Data); err != nil {
			i.logger.Warn("acknowledgement not sent", "error", err)
		}
	}
}
