package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
	"github.com/nats-io/nats.go"

	"github.com/pushledger/pushledger/cmd/pushledger/internal/commands"
)

const (
	connectPatience = 5 * time.Second
	answerPatience  = 20 * time.Second // when the caller sets no deadline
)

// Reply is the answer to a command.
type Reply = commands.Reply

// Client speaks to one service as one account. It is safe for concurrent use.
type Client struct {
	target  Target
	account string
	http    *http.Client

	mu   sync.Mutex
	conn *nats.Conn
}

// New returns a client. Nothing is sent yet, so that queries need no NATS and commands
// no HTTP. It fails on a token that names no account.
func New(target Target) (*Client, error) {
	account, err := target.Account()
	if err != nil {
		return nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = target.TLS.Clone()
	return &Client{target: target, account: account, http: &http.Client{Timeout: queryPatience, Transport: transport}}, nil
}

// Account is who the client speaks for.
func (c *Client) Account() string { return c.account }

// NATS is the client's connection, made at the first call.
func (c *Client) NATS() (*nats.Conn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn != nil {
		return c.conn, nil
	}
	if c.target.NATSURL == "" {
		return nil, fmt.Errorf("%w: this goes over NATS: give --nats-url as well", ErrNoAddress)
	}
	options := []nats.Option{
		nats.Name("pushledger " + c.account), nats.Token(c.target.Token),
		nats.CustomInboxPrefix("_INBOX." + c.account), nats.Timeout(connectPatience),
	}
	if c.target.TLS != nil {
		options = append(options, nats.Secure(c.target.TLS.Clone()))
	}
	conn, err := nats.Connect(c.target.NATSURL, options...)
	if errors.Is(err, nats.ErrAuthorization) || errors.Is(err, nats.ErrAuthExpired) {
		return nil, fmt.Errorf("%w: %s does not take the token: %w", ErrNotSignedIn, withoutUser(c.target.NATSURL), hiding(c.target.NATSURL, err))
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrUnreachable, withoutUser(c.target.NATSURL), hiding(c.target.NATSURL, err))
	}
	c.conn = conn
	return conn, nil
}

// Close closes the connection to NATS, if there is one.
func (c *Client) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn != nil {
		c.conn.Close()
	}
	c.http.CloseIdleConnections()
}

// Command sends a command of the client's account, such as "offer". body is anything
// that encodes to the command's JSON. commandID is a UUID; without one the command gets
// a new one, which the reply names. A refused command returns its reply and, as the
// error, its *push.Refusal. Of one that had been carried out before, under the same id, the
// reply is the same and says that it is repeated.
func (c *Client) Command(ctx context.Context, verb string, body any, commandID string) (Reply, error) {
	if commandID == "" {
		commandID = uuid.Must(uuid.NewV7()).String()
	}
	data, err := json.Marshal(body)
	if err != nil {
		return Reply{}, fmt.Errorf("client: encode %s: %w", verb, err)
	}
	conn, err := c.NATS()
	if err != nil {
		return Reply{}, err
	}
	ctx, cancel := withPatience(ctx)
	defer cancel()
	message := nats.NewMsg("push.cmd." + c.account + "." + verb)
	message.Header.Set("Command-Id", commandID)
	message.Data = data
	answer, err := conn.RequestMsgWithContext(ctx, message)
	if err != nil {
		return Reply{CommandID: commandID}, fmt.Errorf("%w: %s: %w", ErrUnreachable, verb, err)
	}
	var reply Reply
	if err := json.Unmarshal(answer.Data, &reply); err != nil {
		return Reply{CommandID: commandID}, fmt.Errorf("client: reply to %s: %w", verb, err)
	}
	reply.Repeated = answer.Header.Get(commands.HeaderRepeated) == "true"
	if !reply.OK {
		if reply.Error == nil {
			return reply, errors.New("client: a reply that neither says yes nor why not")
		}
		return reply, reply.Error
	}
	return reply, nil
}

func withPatience(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, limited := ctx.Deadline(); limited {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, answerPatience)
}
