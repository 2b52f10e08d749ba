package commands

import (
	"context"
	"fmt"
	"hash/maphash"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/eventstore/intake"
)

// Names of the queue of submitted commands.
const (
	submissionStream   = "PUSH_SUBMISSIONS"
	submissionPrefix   = "push.submit." // where commands are published
	queuePrefix        = "push.queue."  // where the stream captures them; nobody else may publish there
	submissionConsumer = "commands"
	resultPrefix       = "push.result."
	headerExpects      = "Submission-Expects" // on a queued command: what its sender expected of the queue
	submittedOrigin    = "push.submit"        // of an operator's command: whose connection it was is not known any more
)

// expectationPrefix begins, in any case, the headers by which a message is stored only if
// the stream is as its publisher expects.
const expectationPrefix = "nats-expected-"

// Bounds of the queue.
const (
	lanes               = 32              // submissions carried out at the same time
	submissionsAhead    = 512             // taken out of the queue and not done yet
	mostPerSubject      = 10_000          // of one account and verb; more are turned away by the server
	mostSubmissions     = 1_000_000       // waiting
	mostSubmissionBytes = 4 << 30         // waiting
	submissionWait      = 5 * time.Second // until one that nobody works on any more is handed out again
	submissionAlive     = submissionWait / 3
	firstRetry          = 200 * time.Millisecond
	longestRetry        = 10 * time.Second
	queuePause          = time.Second
	queuePatience       = 30 * time.Second       // for the server to make the queue, which a slow disk makes long
	longestHeaderName   = 100                    // bytes that are said of one
	submissionDuplicate = 100 * time.Millisecond // the least the server takes: a client's choice of message ids must not matter
)

// Submissions carries out commands that were published to a stream instead of being
// sent as requests: each in the end, however often the service restarts, and those of
// one account in the order in which they were published. What becomes of one is
// published on push.result.<account>.<command id>; if that is missed, submitting the
// same Command-Id again has it said again.
type Submissions struct {
	handler *Handler
	conn    *nats.Conn
	queue   jetstream.Consumer
	intake  *intake.Intake
	logger  *slog.Logger

	mu   sync.Mutex
	held map[uint64]jetstream.Msg // taken out and not done, by their place in the stream
}

// OpenSubmissions makes the queue if it is missing and takes commands in. Each connection
// has the rights of its part alone: conn may use the JetStream API and publish results,
// and door what an intake needs.
func OpenSubmissions(ctx context.Context, conn, door *nats.Conn, handler *Handler, logger *slog.Logger) (*Submissions, error) {
	js, err := jetstream.New(conn, jetstream.WithDefaultTimeout(queuePatience))
	if err != nil {
		return nil, fmt.Errorf("commands: %w", err)
	}
	_, err = js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: submissionStream, Description: "commands to be carried out", Subjects: []string{queuePrefix + "*.*"},
		Storage: jetstream.FileStorage, Retention: jetstream.WorkQueuePolicy, Discard: jetstream.DiscardNew,
		MaxMsgs: mostSubmissions, MaxBytes: mostSubmissionBytes, MaxMsgsPerSubject: mostPerSubject, DiscardNewPerSubject: true,
		MaxMsgSize: 2 * maxBody, Duplicates: submissionDuplicate,
	})
	if err != nil {
		return nil, fmt.Errorf("commands: stream %s: %w", submissionStream, err)
	}
	queue, err := js.CreateOrUpdateConsumer(ctx, submissionStream, jetstream.ConsumerConfig{
		Durable: submissionConsumer, AckPolicy: jetstream.AckExplicitPolicy, AckWait: submissionWait, MaxAckPending: submissionsAhead,
	})
	if err != nil {
		return nil, fmt.Errorf("commands: consumer %s: %w", submissionConsumer, err)
	}
	taken, err := intake.Open(door, intake.Route{
		Outside: submissionPrefix, Inside: queuePrefix, Tokens: 2,
		Inbox:   func(subject string) string { return "_INBOX." + strings.Split(subject, ".")[2] + "." },
		Headers: []string{"Command-Id", "traceparent"}, Mark: expects,
	}, logger)
	if err != nil {
		return nil, fmt.Errorf("commands: %w", err)
	}
	return &Submissions{handler: handler, conn: conn, queue: queue, intake: taken, logger: logger, held: make(map[uint64]jetstream.Msg)}, nil
}

// expects marks a command whose sender made it depend on what is in the queue, which
// clients cannot know. Carried out without that it would be another command.
func expects(headers nats.Header) (name, value string) {
	var first string
	for given := range headers {
		if strings.HasPrefix(strings.ToLower(given), expectationPrefix) && (first == "" || given < first) {
			first = given
		}
	}
	if first == "" {
		return "", ""
	}
	return headerExpects, strconv.QuoteToASCII(first[:min(len(first), longestHeaderName)])
}

// Run works until ctx ends; then it takes nothing in any more, finishes what is being
// carried out and returns nil.
// What was taken out of the queue and not begun comes again at the next start.
func (s *Submissions) Run(ctx context.Context) error {
	var working sync.WaitGroup
	queues := make([]chan jetstream.Msg, lanes)
	for i := range queues {
		queues[i] = make(chan jetstream.Msg, submissionsAhead) // never full: that many are handed out at most
		working.Go(func() {
			for message := range queues[i] {
				s.carryOut(ctx, message)
			}
		})
	}
	working.Go(func() { s.keepAlive(ctx) })
	for ctx.Err() == nil {
		if err := s.take(ctx, queues); err != nil && ctx.Err() == nil {
			s.logger.WarnContext(ctx, "submitted commands cannot be taken in", "error", err)
			pause(ctx, queuePause)
		}
	}
	err := s.intake.Close()
	for _, queue := range queues {
		close(queue)
	}
	working.Wait()
	s.giveBack()
	return err
}

// giveBack returns what was not begun, which otherwise comes again only after a while.
func (s *Submissions) giveBack() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, message := range s.held {
		if err := message.Nak(); err != nil {
			s.logger.Warn("a submitted command could not be given back and comes again later", "error", err)
		}
	}
	clear(s.held)
}

// take hands submissions to the lanes, all of one account to the same.
func (s *Submissions) take(ctx context.Context, queues []chan jetstream.Msg) error {
	messages, err := s.queue.Messages(jetstream.PullMaxMessages(submissionsAhead))
	if err != nil {
		return err
	}
	defer messages.Stop()
	seed := maphash.MakeSeed()
	for {
		message, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return err
		}
		if !s.hold(message) {
			continue // it is in a lane already
		}
		account := strings.Split(message.Subject(), ".")[2]
		queues[maphash.String(seed, account)%lanes] <- message
	}
}

func (s *Submissions) hold(message jetstream.Msg) bool {
	place, err := message.Metadata()
	if err != nil {
		return false // no message of a stream
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.held[place.Sequence.Stream]; known || len(s.held) >= submissionsAhead {
		return false
	}
	s.held[place.Sequence.Stream] = message
	return true
}

// keepAlive tells the queue of everything that waits here that it is not forgotten.
func (s *Submissions) keepAlive(ctx context.Context) {
	for pause(ctx, submissionAlive) {
		s.mu.Lock()
		for _, message := range s.held {
			_ = message.InProgress() // at worst it is handed out again, which does no harm
		}
		s.mu.Unlock()
	}
}

// carryOut tries a command until it is decided. Its result has left before it is taken
// off the queue; after a crash between the two it is decided again and said again.
func (s *Submissions) carryOut(ctx context.Context, message jetstream.Msg) {
	place, err := message.Metadata()
	if err != nil {
		return
	}
	command := submitted(message, place)
	if s.handler.byOperator(command) {
		command.Origin = submittedOrigin
	}
	for wait := firstRetry; ctx.Err() == nil; wait = min(2*wait, longestRetry) {
		reply := s.decide(ctx, command, message.Headers().Get(headerExpects))
		if !reply.OK && reply.Error.Code == push.CodeUnavailable {
			pause(ctx, wait)
			continue
		}
		err := s.answer(command, reply)
		if err == nil {
			err = message.DoubleAck(context.WithoutCancel(ctx))
		}
		if err == nil {
			s.letGo(place.Sequence.Stream)
			return
		}
		s.logger.WarnContext(ctx, "result of a submitted command not sent yet", "command_id", reply.CommandID, "error", err)
		pause(ctx, wait)
	}
}

func (s *Submissions) letGo(place uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.held, place)
}

func (s *Submissions) decide(ctx context.Context, command Command, expects string) Reply {
	if expects != "" {
		return failure(command.ID, &push.Refusal{
			Code: push.CodeUnknownHeader, Message: "not carried out: a submitted command cannot expect anything of the queue, leave out the header " + expects,
			MessageZH: "未执行：提交的命令不支持该消息头 " + expects,
		})
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience) // what has begun is finished
	defer cancel()
	return s.handler.Handle(ctx, command)
}

// submitted reads a command off the queue. One without an id gets one that is the same
// at every delivery.
func submitted(message jetstream.Msg, place *jetstream.MsgMetadata) Command {
	tokens := strings.Split(message.Subject(), ".")
	command := Command{
		Account: tokens[2], Verb: tokens[3], ID: commandID(message.Headers()),
		Traceparent: message.Headers().Get("traceparent"), Body: message.Data(),
	}
	if command.ID == "" {
		origin := command.Account + "\n" + strconv.FormatUint(place.Sequence.Stream, 10) + "\n" + place.Timestamp.UTC().Format(time.RFC3339Nano)
		command.ID = uuid.NewSHA1(uuid.NameSpaceOID, []byte("submission\n"+origin)).String()
	}
	return command
}

func (s *Submissions) answer(command Command, reply Reply) error {
	id, err := uuid.Parse(command.ID)
	if err != nil {
		return nil //nolint:nilerr // there is no subject for such an id; the server's log has the refusal
	}
	body, err := encode(reply, s.conn.MaxPayload())
	if err != nil {
		return err
	}
	if err := s.conn.Publish(resultPrefix+command.Account+"."+id.String(), body); err != nil {
		return err
	}
	return s.conn.FlushTimeout(patience)
}

// pause waits and reports whether ctx still goes on.
func pause(ctx context.Context, wait time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(wait):
		return true
	}
}
