// Package commands is the door for commands: a NATS micro service that takes them in,
// checks their form once, fetches the facts they need and has them decided. Whoever
// may publish on push.cmd.<account>.<verb> is that account; the NATS server confines
// each client to its own. A refused command has changed nothing.
package commands

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/pushledger/pushledger/aggregates/push"
)

const (
	inFlight = 1024             // commands worked on at the same time
	patience = 15 * time.Second // for one command, partners included
)

// Door answers commands from NATS until it is closed.
type Door struct {
	handler *Handler
	logger  *slog.Logger
	conn    *nats.Conn
	service micro.Service
	ctx     context.Context // ends when the door is closed for good
	cancel  context.CancelFunc
	limiter *limiter
	tasks   chan task // to a worker that is free

	mu      sync.Mutex
	closed  bool
	workers int
	working sync.WaitGroup
}

// task is a command with the inbox of who waits for the answer.
type task struct {
	command Command
	reply   string
}

// Open starts to answer commands on a connection that may publish to inboxes only.
func Open(conn *nats.Conn, handler *Handler, limit Limit, version string, logger *slog.Logger) (*Door, error) {
	ctx, cancel := context.WithCancel(context.Background())
	door := &Door{handler: handler, logger: logger, conn: conn, ctx: ctx, cancel: cancel, tasks: make(chan task), limiter: newLimiter(limit)}
	service, err := micro.AddService(conn, micro.Config{
		Name: "pushledger", Version: version, Description: "commands on priced domain pushes",
	})
	if err != nil {
		cancel()
		return nil, fmt.Errorf("commands: %w", err)
	}
	door.service = service
	err = service.AddEndpoint("commands", micro.HandlerFunc(door.receive), micro.WithEndpointSubject("push.cmd.*.*"))
	if err == nil {
		err = conn.Flush() // the server knows the subject before anybody may ask
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("commands: %w", err), door.Close())
	}
	return door, nil
}

// Close stops taking commands and waits for those under way.
func (d *Door) Close() error {
	err := d.service.Stop()
	d.mu.Lock()
	if !d.closed {
		d.closed = true
		close(d.tasks)
	}
	d.mu.Unlock()
	d.working.Wait()
	d.cancel()
	return err
}

// hand gives a task to a worker and reports whether there is one. Workers stay: what a
// command needs of a goroutine's stack is grown once and not for every command.
func (d *Door) hand(given task) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return false
	}
	select {
	case d.tasks <- given:
		return true
	default:
	}
	if d.workers >= inFlight {
		return false
	}
	d.workers++
	d.working.Go(func() {
		d.work(given)
		for next := range d.tasks {
			d.work(next)
		}
	})
	return true
}

func (d *Door) work(given task) {
	defer d.limiter.leave(given.command.Account)
	ctx, cancel := context.WithTimeout(d.ctx, patience)
	defer cancel()
	if d.handler.Origin != nil && d.handler.byOperator(given.command) {
		given.command.Origin = d.handler.Origin(given.command.Account)
	}
	d.respond(given.reply, d.handler.Handle(ctx, given.command))
}

// receive hands a command to a worker. When too many are under way it
// says so at once: a short no is better than a long silence.
func (d *Door) receive(request micro.Request) {
	tokens := strings.Split(request.Subject(), ".")
	command := Command{
		Account: tokens[2], Verb: tokens[3],
		ID: commandID(request.Headers()), Traceparent: request.Headers().Get("traceparent"),
		Body: request.Data(),
	}
	// The service has more rights than its clients. It answers into the caller's own
	// inbox only, so that nobody can make it write elsewhere.
	if !strings.HasPrefix(request.Reply(), "_INBOX."+command.Account+".") {
		d.logger.Warn("command with a foreign reply subject dropped", "account", command.Account)
		return
	}
	if err := d.limiter.enter(command.Account); err != nil {
		d.respond(request.Reply(), failure(command.ID, err))
		return
	}
	if !d.hand(task{command, request.Reply()}) {
		d.limiter.leave(command.Account)
		d.respond(request.Reply(), failure(command.ID, push.Refuse(push.CodeUnavailable, "")))
	}
}

// commandID reads the header Command-Id. Names of headers have no case to people, but have
// one to NATS: an id that was overlooked would let a command be carried out twice. Two ids
// are none.
func commandID(headers map[string][]string) string {
	var given []string
	for name, values := range headers {
		if strings.EqualFold(name, "Command-Id") {
			given = append(given, values...)
		}
	}
	return strings.Join(given, ", ")
}

func (d *Door) respond(subject string, reply Reply) {
	body, err := encode(reply, d.conn.MaxPayload())
	if err != nil {
		d.logger.Error("reply not encoded", "error", err)
		return
	}
	message := &nats.Msg{Subject: subject, Data: body}
	if reply.Repeated {
		message.Header = nats.Header{HeaderRepeated: []string{"true"}}
	}
	if !reply.OK {
		message.Header = nats.Header{
			micro.ErrorCodeHeader: []string{reply.Error.Code}, micro.ErrorHeader: []string{reply.Error.Message},
		}
	}
	if err := d.conn.PublishMsg(message); err != nil {
		d.logger.Warn("reply not sent", "error", err)
	}
}
