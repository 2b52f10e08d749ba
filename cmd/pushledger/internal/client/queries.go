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
	address := strings.TrimSuffix(c.target.HTTPURL, "/") + path + "?" + parameters.encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return answer, fmt.Errorf("client: %w", err)
	}
	request.Header.Set("Authorization", "Bearer "+c.target.Token)
	if minSeq > 0 {
		request.Header.Set("Min-Seq", strconv.FormatUint(minSeq, 10))
	}
	response, err := c.http.Do(request)
	if err != nil {
		return answer, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return answer, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	if response.StatusCode != http.StatusOK {
		return answer, refusal(response.StatusCode, body)
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return answer, fmt.Errorf("client: answer of %s: %w", path, err)
	}
	return answer, nil
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
