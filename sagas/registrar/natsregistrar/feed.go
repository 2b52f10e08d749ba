package natsregistrar

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/pushledger/pushledger/eventstore/intake"
	"github.com/pushledger/pushledger/sagas/registrar"
)

// Where the registrar's events are kept.
const (
	Stream = "REGISTRAR_EVENTS"
	// EventPrefix is the subject on which the registrar publishes them, before the kind.
	EventPrefix = "registrar.event."
	// KeptPrefix is the subject on which the stream captures them. Nobody but the service
	// may publish there: see package intake.
	KeptPrefix = "registrar.kept."
)

// How the feed takes events in.
const (
	eventsAtOnce  = 32               // handled at the same time
	eventsAhead   = 256              // fetched and waiting
	handlePeriod  = 30 * time.Second // after which an event counts as not handled
	firstRetry    = 250 * time.Millisecond
	longestRetry  = time.Minute
	resumeAfter   = time.Second
	drainPatience = 5 * time.Second
	eventsKept    = 90 * 24 * time.Hour
	eventsMaxSize = 4 << 30 // bytes
)

// EnsureStream creates the stream of the registrar's events if it is missing. Of one that
// is there only the subjects are changed, if it captures what the registrar publishes by
// itself: then it would acknowledge to whatever subject a publisher names.
func EnsureStream(ctx context.Context, js jetstream.JetStream) error {
	subjects := []string{KeptPrefix + "*"}
	stream, err := js.Stream(ctx, Stream)
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		_, err = js.CreateStream(ctx, jetstream.StreamConfig{
			Name: Stream, Subjects: subjects, Storage: jetstream.FileStorage,
			MaxAge: eventsKept, MaxBytes: eventsMaxSize, MaxMsgSize: maxEvent,
		})
		if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
			return nil // somebody else was faster
		}
	case err == nil && !slices.Equal(stream.CachedInfo().Config.Subjects, subjects):
		config := stream.CachedInfo().Config
		config.Subjects = subjects
		_, err = js.UpdateStream(ctx, config)
	}
	if err != nil {
		return fmt.Errorf("natsregistrar: stream %s: %w", Stream, err)
	}
	return nil
}

// OpenIntake takes events in from the registrar until it is closed. Their subject names
// no account, so an event may be acknowledged to any inbox, but to nothing else.
func OpenIntake(conn *nats.Conn, logger *slog.Logger) (*intake.Intake, error) {
	return intake.Open(conn, intake.Route{
		Outside: EventPrefix, Inside: KeptPrefix, Tokens: 1,
		Inbox:   func(string) string { return "_INBOX." },
		Headers: []string{jetstream.MsgIDHeader, "traceparent"},
	}, logger)
}

// Feed hands the registrar's events to one durable consumer: each at least once, also
// across restarts, several at a time and in no promised order.
type Feed struct {
	js       jetstream.JetStream
	durable  string
	progress *progress
	logger   *slog.Logger
}

// NewFeed returns a feed by the consumer durable. Feeds of the same name share the events
// among them. keeper keeps how far the events are handled, for a server that does not know
// the consumer any more; with nil it gets all of them again.
func NewFeed(js jetstream.JetStream, durable string, keeper Keeper, logger *slog.Logger) *Feed {
	return &Feed{js: js, durable: durable, progress: newProgress(keeper), logger: logger}
}

// Follow calls handle for every event, from several goroutines, until ctx ends; then it
// waits for the running calls and returns nil. An event whose handling failed comes
// again, later each time. One that cannot be read is logged as an error and parked: it
// stays in the stream, is not delivered again and holds nothing up. Follow survives the
// loss of the server; it fails only if the stream's consumer cannot be set up at first.
func (f *Feed) Follow(ctx context.Context, handle func(context.Context, registrar.Event) error) error {
	if err := f.progress.load(ctx, f.js); err != nil {
		f.logger.WarnContext(ctx, "the registrar's events are handled again from the first one that is kept", "reason", err)
	}
	defer f.stopped(ctx)
	consumer, err := f.consumer(ctx)
	for err == nil {
		f.consume(ctx, consumer, handle)
		consumer, err = f.resume(ctx, consumer)
	}
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func (f *Feed) stopped(ctx context.Context) {
	if err := f.progress.stop(); err != nil {
		f.logger.WarnContext(ctx, "events of the registrar are handled again at the next start", "error", err)
	}
}

// consumer is the one that the server knows, or a new one that begins behind what is handled.
func (f *Feed) consumer(ctx context.Context) (jetstream.Consumer, error) {
	consumer, err := f.js.Consumer(ctx, Stream, f.durable)
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		consumer, err = f.js.CreateConsumer(ctx, Stream, jetstream.ConsumerConfig{
			Durable: f.durable, AckPolicy: jetstream.AckExplicitPolicy, AckWait: handlePeriod,
			MaxAckPending: 4 * eventsAhead, DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: f.progress.position() + 1,
		})
	}
	if err != nil {
		return nil, fmt.Errorf("natsregistrar: consumer %s: %w", f.durable, err)
	}
	return consumer, nil
}

// resume waits a moment, then makes sure that the consumer is there. While the server
// cannot say so the known one is tried again.
func (f *Feed) resume(ctx context.Context, known jetstream.Consumer) (jetstream.Consumer, error) {
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(resumeAfter):
	}
	consumer, err := f.consumer(ctx)
	if err != nil {
		f.logger.WarnContext(ctx, "the registrar's events cannot be followed yet", "error", err)
		return known, ctx.Err()
	}
	return consumer, nil
}

// consume hands out events until ctx ends or the subscription breaks.
func (f *Feed) consume(ctx context.Context, consumer jetstream.Consumer, handle func(context.Context, registrar.Event) error) {
	messages, err := consumer.Messages(jetstream.PullMaxMessages(eventsAhead))
	if err != nil {
		f.logger.WarnContext(ctx, "the registrar's events cannot be fetched", "error", err)
		return
	}
	defer f.giveBack(ctx, messages)
	var running sync.WaitGroup
	defer running.Wait()
	slots := make(chan struct{}, eventsAtOnce)
	for {
		message, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			if ctx.Err() == nil {
				f.logger.WarnContext(ctx, "the feed of the registrar's events broke off", "error", err)
			}
			return
		}
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			if err := f.deliver(ctx, message, handle); err != nil {
				f.logger.WarnContext(ctx, "an event of the registrar will come again", "error", err)
			}
		})
	}
}

// giveBack ends the fetching and returns what was fetched and not handled; otherwise
// its next reader would wait for handlePeriod.
func (f *Feed) giveBack(ctx context.Context, messages jetstream.MessagesContext) {
	defer messages.Stop()
	messages.Drain()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainPatience)
	defer cancel()
	for {
		message, err := messages.Next(jetstream.NextContext(ctx))
		if errors.Is(err, jetstream.ErrMsgIteratorClosed) {
			return
		}
		if err == nil {
			err = message.Nak()
		}
		if err != nil {
			f.logger.WarnContext(ctx, "events of the registrar could not be given back and come again later", "error", err)
			return
		}
	}
}

// deliver handles one message. It fails only if the server could not be told how it
// went; then the message comes again by itself.
func (f *Feed) deliver(ctx context.Context, message jetstream.Msg, handle func(context.Context, registrar.Event) error) error {
	place := sequence(message)
	f.progress.begin(place)
	event, err := DecodeEvent(message.Data())
	if err != nil {
		f.logger.ErrorContext(ctx, "an event of the registrar cannot be read and is parked",
			"subject", message.Subject(), "sequence", place, "error", err)
		return errors.Join(f.progress.end(place), message.TermWithReason("cannot be read"))
	}
	if err := handle(ctx, event); err != nil {
		delay := retryDelay(message)
		f.logger.WarnContext(ctx, "an event of the registrar could not be handled",
			"event_id", event.ID, "kind", event.Kind, "domain", event.Domain, "again_in", delay, "error", err)
		return message.NakWithDelay(delay)
	}
	return errors.Join(f.progress.end(place), message.Ack())
}

func sequence(message jetstream.Msg) uint64 {
	metadata, err := message.Metadata()
	if err != nil {
		return 0 // no message of a stream: it has no place there
	}
	return metadata.Sequence.Stream
}

// retryDelay doubles with each delivery.
func retryDelay(message jetstream.Msg) time.Duration {
	metadata, err := message.Metadata()
	if err != nil {
		return longestRetry
	}
	doublings := min(metadata.NumDelivered, 16) - 1
	return min(firstRetry<<doublings, longestRetry)
}
