package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/acceptance"
	"github.com/pushledger/pushledger/projections"
	"github.com/pushledger/pushledger/projections/accounts"
	"github.com/pushledger/pushledger/projections/pushes"
)

const (
	queryPatience = 40 * time.Second // for one answer, longer than the service waits for Min-Seq
	maxAnswer     = 64 << 20         // bytes
)

// Each query takes the sequence that its answer must show at least, such as that of a
// command's reply; 0 takes what is there.

// Push asks for one push.
func (c *Client) Push(ctx context.Context, request pushes.PushRequest, minSeq uint64) (pushes.View, error) {
	return get[pushes.View](ctx, c, "/v1/pushes/"+url.PathEscape(request.PushID), parameters{"as_of": request.AsOf}, minSeq)
}

// Pushes asks for a page of a list.
func (c *Client) Pushes(ctx context.Context, request pushes.ListRequest, minSeq uint64) (pushes.Page, error) {
	return get[pushes.Page](ctx, c, "/v1/pushes", parameters{
		"account": request.Account, "role": request.Role, "status": request.Status, "domain": request.Domain,
		"from": request.From, "to": request.To, "sort": request.Sort, "limit": number(request.Limit), "cursor": request.Cursor,
	}, minSeq)
}

// Timeline asks for the history of a push.
func (c *Client) Timeline(ctx context.Context, request pushes.TimelineRequest, minSeq uint64) (pushes.Timeline, error) {
	return get[pushes.Timeline](ctx, c, "/v1/pushes/"+url.PathEscape(request.PushID)+"/timeline", nil, minSeq)
}

// Facts asks what the registrar says of the domains of a push now.
func (c *Client) Facts(ctx context.Context, request acceptance.FactsRequest, minSeq uint64) (acceptance.Facts, error) {
	return get[acceptance.Facts](ctx, c, "/v1/pushes/"+url.PathEscape(request.PushID)+"/facts", nil, minSeq)
}

// Domain asks for a domain.
func (c *Client) Domain(ctx context.Context, request pushes.DomainRequest, minSeq uint64) (pushes.Domain, error) {
	return get[pushes.Domain](ctx, c, "/v1/domains/"+url.PathEscape(request.Domain), nil, minSeq)
}

// Journal asks for a page of the journal.
func (c *Client) Journal(ctx context.Context, request pushes.JournalRequest, minSeq uint64) (pushes.JournalPage, error) {
	return get[pushes.JournalPage](ctx, c, "/v1/journal", parameters{
		"push_id": request.PushID, "limit": number(request.Limit), "cursor": request.Cursor,
	}, minSeq)
}

// Balances asks where all money is.
func (c *Client) Balances(ctx context.Context, minSeq uint64) (pushes.Balances, error) {
	return get[pushes.Balances](ctx, c, "/v1/journal/balances", nil, minSeq)
}

// Statement asks for the statement of an account.
func (c *Client) Statement(ctx context.Context, request accounts.StatementRequest, minSeq uint64) (accounts.Statement, error) {
	return get[accounts.Statement](ctx, c, "/v1/accounts/"+url.PathEscape(request.Account)+"/statement",
		parameters{"from": request.From, "to": request.To}, minSeq)
}

// Projections asks how the read models stand.
func (c *Client) Projections(ctx context.Context) ([]projections.Status, error) {
	answer, err := get[struct {
		Projections []projections.Status `json:"projections"`
	}](ctx, c, "/v1/projections", nil, 0)
	return answer.Projections, err
}

// Rebuild has a read model made anew. It returns once that has been taken in.
func (c *Client) Rebuild(ctx context.Context, model string) error {
	request, err := c.request(ctx, http.MethodPost, "/v1/projections/"+url.PathEscape(model)+"/rebuild", nil)
	if err != nil {
		return err
	}
	_, err = c.answer(request)
	return err
}

// parameters of a query; an empty one is left out.
type parameters map[string]string

func (p parameters) encode() string {
	values := url.Values{}
	for name, value := range p {
		if value != "" {
			values.Set(name, value)
		}
	}
	return values.Encode()
}

func number(value int) string {
	if value == 0 {
		return ""
	}
	return strconv.Itoa(value)
}

func get[A any](ctx context.Context, c *Client, path string, parameters parameters, minSeq uint64) (A, error) {
	var answer A
	request, err := c.request(ctx, http.MethodGet, path, parameters)
	if err != nil {
		return answer, err
	}
	if minSeq > 0 {
		request.Header.Set("Min-Seq", strconv.FormatUint(minSeq, 10))
	}
	body, err := c.answer(request)
	if err != nil {
		return answer, err
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return answer, fmt.Errorf("client: answer of %s: %w", path, err)
	}
	return answer, nil
}

func (c *Client) request(ctx context.Context, method, path string, parameters parameters) (*http.Request, error) {
	if c.target.HTTPURL == "" {
		return nil, fmt.Errorf("%w: this goes over HTTP: give --http-url as well", ErrNoAddress)
	}
	address := strings.TrimSuffix(c.target.HTTPURL, "/") + path + "?" + parameters.encode()
	request, err := http.NewRequestWithContext(ctx, method, address, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("client: %w", hiding(c.target.HTTPURL, err))
	}
	request.Header.Set("Authorization", "Bearer "+c.target.Token)
	return request, nil
}

// answer reads the whole answer, which must be a yes.
func (c *Client) answer(request *http.Request) ([]byte, error) {
	response, err := c.http.Do(request)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, hiding(c.target.HTTPURL, err))
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	if response.StatusCode != http.StatusOK && response.StatusCode != http.StatusAccepted {
		return nil, refusal(response.StatusCode, body)
	}
	return body, nil
}

// refusal reads a problem document. Without one the answer did not come from the service.
func refusal(status int, body []byte) error {
	var problem struct {
		Code      string `json:"code"`
		Detail    string `json:"detail"`
		MessageZH string `json:"message_zh"`
	}
	if err := json.Unmarshal(body, &problem); err != nil || problem.Code == "" {
		return fmt.Errorf("%w: it answers %d %s", ErrUnreachable, status, http.StatusText(status))
	}
	return &push.Refusal{
		Code: problem.Code, Message: cmp.Or(problem.Detail, problem.Code), MessageZH: problem.MessageZH,
	}
}
