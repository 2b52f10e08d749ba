// Package natsregistrar reaches the registrar and the account directory over NATS. An
// answer counts only if it comes in time, is of bounded size and has the form of the
// contract; everything else is registrar.ErrUnavailable, which says nothing about what
// the other side has done.
package natsregistrar

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go"
	"go.opentelemetry.io/otel/propagation"
	"golang.org/x/sync/errgroup"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/sagas/registrar"
)

// Subjects of the contract.
const (
	SubjectFacts     = "registrar.v1.facts"
	SubjectMove      = "registrar.v1.move"
	SubjectHold      = "registrar.v1.hold"
	SubjectOperation = "registrar.v1.operation"
	SubjectAccount   = "accounts.v1.facts"
)

// Bounds of one call.
const (
	maxChunk     = 100     // domains in one question
	chunksAtOnce = 8       // questions of one Facts call at the same time
	maxAnswer    = 1 << 20 // bytes
)

// Client implements registrar.Registrar and registrar.Directory.
type Client struct {
	conn     *nats.Conn
	timeout  time.Duration
	domains  *pooledFacts
	accounts *sharedAccounts
}

// New returns a client that waits up to timeout for each answer. The connection stays
// the caller's.
func New(conn *nats.Conn, timeout time.Duration) *Client {
	c := &Client{conn: conn, timeout: timeout}
	c.domains, c.accounts = newPooledFacts(c.chunk), newSharedAccounts(c.account)
	return c
}

// Facts implements registrar.Registrar.
func (c *Client) Facts(ctx context.Context, domains []domainname.Name) ([]push.DomainFacts, error) {
	if len(domains) <= maxChunk {
		return c.domains.facts(ctx, domains)
	}
	chunks := slices.Collect(slices.Chunk(domains, maxChunk))
	answers := make([][]push.DomainFacts, len(chunks))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(chunksAtOnce)
	for i, chunk := range chunks {
		group.Go(func() error {
			facts, err := c.domains.facts(ctx, chunk)
			answers[i] = facts
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return slices.Concat(answers...), nil
}

// chunk asks for those who share the question, so it ends with the time for one answer
// and not with any of them.
func (c *Client) chunk(domains []domainname.Name) ([]push.DomainFacts, error) {
	question := struct {
		Domains []domainname.Name `json:"domains"`
	}{domains}
	var answer factsAnswer
	if err := c.ask(context.Background(), SubjectFacts, question, &answer); err != nil {
		return nil, err
	}
	facts, err := answer.inOrderOf(domains)
	if err != nil {
		return nil, unusable(SubjectFacts, err)
	}
	return facts, nil
}

// Move implements registrar.Registrar.
func (c *Client) Move(ctx context.Context, move registrar.Move) (registrar.MoveResult, error) {
	question := struct {
		OperationID    string          `json:"operation_id"`
		Domain         domainname.Name `json:"domain"`
		From           string          `json:"from"`
		To             string          `json:"to"`
		ExpectRevision uint64          `json:"expect_revision,omitzero"`
		Registrant     string          `json:"registrant,omitzero"`
		VoidAuthCode   bool            `json:"void_auth_code,omitzero"`
		Undoes         string          `json:"undoes,omitzero"`
	}{move.OperationID, move.Domain, move.From, move.To, move.ExpectRevision, move.Registrant, move.VoidAuthCode, move.Undoes}
	var answer moveAnswer
	if err := c.ask(ctx, SubjectMove, question, &answer); err != nil {
		return registrar.MoveResult{}, err
	}
	result, err := answer.result()
	if err == nil && result.State == registrar.MoveUnknown {
		err = fmt.Errorf("a move cannot be answered with state %q", result.State)
	}
	if err != nil {
		return registrar.MoveResult{}, unusable(SubjectMove, err)
	}
	return result, nil
}

// Hold implements registrar.Registrar. A registrar that answers for domains and listens to
// no such request cannot hold.
func (c *Client) Hold(ctx context.Context, hold registrar.Hold) (registrar.HoldResult, error) {
	question := struct {
		OperationID string          `json:"operation_id"`
		Domain      domainname.Name `json:"domain"`
		Hold        bool            `json:"hold"`
	}{hold.OperationID, hold.Domain, hold.Held}
	var answer holdAnswer
	err := c.ask(ctx, SubjectHold, question, &answer)
	if errors.Is(err, nats.ErrNoResponders) {
		// It may only be starting, or be away: then it does not answer for the domain either.
		if _, err := c.domains.facts(ctx, []domainname.Name{hold.Domain}); err != nil {
			return registrar.HoldResult{}, err
		}
		if err = c.ask(ctx, SubjectHold, question, &answer); errors.Is(err, nats.ErrNoResponders) {
			return registrar.HoldResult{State: registrar.HoldUnsupported}, nil
		}
	}
	if err != nil {
		return registrar.HoldResult{}, err
	}
	result, err := answer.result()
	if err != nil {
		return registrar.HoldResult{}, unusable(SubjectHold, err)
	}
	return result, nil
}

// Operation implements registrar.Registrar.
func (c *Client) Operation(ctx context.Context, operationID string) (registrar.MoveResult, error) {
	question := struct {
		OperationID string `json:"operation_id"`
	}{operationID}
	var answer moveAnswer
	if err := c.ask(ctx, SubjectOperation, question, &answer); err != nil {
		return registrar.MoveResult{}, err
	}
	result, err := answer.result()
	if err != nil {
		return registrar.MoveResult{}, unusable(SubjectOperation, err)
	}
	return result, nil
}

// Account implements registrar.Directory.
func (c *Client) Account(ctx context.Context, account string) (push.AccountFacts, error) {
	return c.accounts.account(ctx, account)
}

func (c *Client) account(account string) (push.AccountFacts, error) {
	question := struct {
		Account string `json:"account"`
	}{account}
	var answer accountAnswer
	if err := c.ask(context.Background(), SubjectAccount, question, &answer); err != nil {
		return push.AccountFacts{}, err
	}
	facts, err := answer.facts(account)
	if err != nil {
		return push.AccountFacts{}, unusable(SubjectAccount, err)
	}
	return facts, nil
}

func (c *Client) ask(ctx context.Context, subject string, question, answer any) error {
	body, err := json.Marshal(question)
	if err != nil {
		return unusable(subject, err)
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	request := &nats.Msg{Subject: subject, Header: make(nats.Header), Data: body}
	propagation.TraceContext{}.Inject(ctx, headerCarrier{request.Header})
	reply, err := c.conn.RequestMsgWithContext(ctx, request)
	if err != nil {
		return unusable(subject, err)
	}
	if err := decodeAnswer(reply.Data, answer); err != nil {
		return unusable(subject, err)
	}
	return nil
}

// headerCarrier lets a trace be carried in the headers of a message.
type headerCarrier struct{ nats.Header }

// Keys implements propagation.TextMapCarrier.
func (c headerCarrier) Keys() []string { return slices.Collect(maps.Keys(c.Header)) }

func unusable(subject string, cause error) error {
	return fmt.Errorf("natsregistrar: %s: %w: %w", subject, registrar.ErrUnavailable, cause)
}
