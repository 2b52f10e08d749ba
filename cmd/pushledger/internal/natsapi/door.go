// Package natsapi is the door for queries over NATS: a micro service that answers on
// push.query.<account>.<name> what httpapi answers on its paths, with the parameters in
// a JSON body. Whoever may publish there is that account; the NATS server confines each
// client to its own. The headers Min-Seq and Min-Seq-Timeout mean what they mean there.
package natsapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/acceptance"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/gate"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/notices"
	"github.com/pushledger/pushledger/projections"
	"github.com/pushledger/pushledger/projections/accounts"
	"github.com/pushledger/pushledger/projections/pushes"
)

const (
	patience  = projections.MaxPatience + 10*time.Second // for one query, waiting included
	replyRoom = 1 << 10                                  // bytes of a message beside its body

	inFlight    = 512 // queries worked on at the same time
	inFlightOne = 32  // of one account
)

var errBusy = errors.New("natsapi: too many queries at the same time")

// Config is what the door needs.
type Config struct {
	Pushes     *pushes.Queries
	Accounts   *accounts.Queries
	Acceptance *acceptance.Queries
	Notices    *notices.Notices
	SeesAll    func(account string) bool // by the role that it connected with
	Version    string                    // of the program, "1.2.3"
	Logger     *slog.Logger
}

// Door answers queries from NATS until it is closed.
type Door struct {
	config  Config
	conn    *nats.Conn
	service micro.Service
	room    int64 // bytes of the longest answer
	gate    *gate.Gate
	ctx     context.Context // ends when the door is closed
	cancel  context.CancelFunc
}

// Open starts to answer on a connection that may publish to inboxes only.
func Open(conn *nats.Conn, config Config) (*Door, error) {
	ctx, cancel := context.WithCancel(context.Background())
	door := &Door{
		config: config, conn: conn, room: conn.MaxPayload() - replyRoom, gate: gate.New(inFlight, inFlightOne), ctx: ctx, cancel: cancel,
	}
	service, err := micro.AddService(conn, micro.Config{
		Name: "pushledger-queries", Version: config.Version, Description: "queries on priced domain pushes",
	})
	if err != nil {
		cancel()
		return nil, fmt.Errorf("natsapi: %w", err)
	}
	door.service = service
	if err := service.AddEndpoint("queries", micro.HandlerFunc(door.receive), micro.WithEndpointSubject("push.query.*.*")); err != nil {
		_ = door.Close() // the first error says what is wrong
		return nil, fmt.Errorf("natsapi: %w", err)
	}
	if err := conn.Flush(); err != nil { // the server knows the subject before anybody may ask
		return nil, errors.Join(fmt.Errorf("natsapi: %w", err), door.Close())
	}
	return door, nil
}

// Close stops taking queries and ends those under way.
func (d *Door) Close() error {
	err := d.service.Stop()
	d.cancel()
	d.gate.Shut()
	return err
}

// receive hands a query to a goroutine of its own, or says at once that there are too
// many.
func (d *Door) receive(request micro.Request) {
	tokens := strings.Split(request.Subject(), ".")
	account, name := tokens[2], tokens[3]
	// The service has more rights than its clients. It answers into the caller's own
	// inbox only, so that nobody can make it write elsewhere.
	if !strings.HasPrefix(request.Reply(), "_INBOX."+account+".") {
		d.config.Logger.Warn("query with a foreign reply subject dropped", "account", account)
		return
	}
	if !d.gate.Enter(account) {
		d.refuse(request, pushes.Explain(errBusy))
		return
	}
	go func() {
		defer d.gate.Leave(account)
		ctx, cancel := context.WithTimeout(d.ctx, patience)
		defer cancel()
		viewer := pushes.Viewer{Account: account, SeesAll: d.config.SeesAll(account)}
		d.respond(ctx, request, name, viewer)
	}()
}

func (d *Door) respond(ctx context.Context, request micro.Request, name string, viewer pushes.Viewer) {
	answer, err := d.answer(ctx, viewer, name, request)
	if err != nil {
		refusal := pushes.Explain(err)
		if refusal.Code == push.CodeUnavailable {
			d.config.Logger.Warn("query not answered", "query", name, "error", err)
		}
		d.refuse(request, refusal)
		return
	}
	body, err := json.Marshal(answer, json.Deterministic(true))
	switch {
	case err != nil:
		d.config.Logger.Error("answer not encoded", "query", name, "error", err)
		d.refuse(request, pushes.Explain(err))
	case int64(len(body)) > d.room:
		d.refuse(request, push.RefuseSaying(push.CodeTooLarge, push.Words{EN: "ask for fewer at once", ZH: "请减少一次查询的数量"}))
	default:
		d.publish(&nats.Msg{Subject: request.Reply(), Data: body})
	}
}

func (d *Door) answer(ctx context.Context, viewer pushes.Viewer, name string, request micro.Request) (any, error) {
	question, known := questions[name]
	if !known {
		return nil, push.Refuse(push.CodeUnknownVerb, name)
	}
	headers := request.Headers()
	if err := question.model(d.config).Await(ctx, headers.Get("Min-Seq"), headers.Get("Min-Seq-Timeout")); err != nil {
		return nil, err
	}
	return question.ask(ctx, d.config, viewer, request.Data())
}

// refusalBody is the answer no, of the same shape as that to a command.
type refusalBody struct {
	OK    bool          `json:"ok"`
	Error *push.Refusal `json:"error"`
}

func (d *Door) refuse(request micro.Request, refusal *push.Refusal) {
	body, err := json.Marshal(refusalBody{Error: refusal})
	if err != nil {
		d.config.Logger.Error("refusal not encoded", "error", err)
		return
	}
	d.publish(&nats.Msg{
		Subject: request.Reply(), Data: body,
		Header: nats.Header{micro.ErrorHeader: {refusal.Message}, micro.ErrorCodeHeader: {refusal.Code}},
	})
}

// publish answers past the micro library, whose requests must not be answered once
// their handler has returned: it reads then what an answer writes.
func (d *Door) publish(answer *nats.Msg) {
	if err := d.conn.PublishMsg(answer); err != nil {
		d.config.Logger.Warn("answer not sent", "error", err)
	}
}
