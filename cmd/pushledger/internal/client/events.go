package client

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/pushledger/pushledger/projections/pushes"
)

const (
	maxEvent    = 8 << 20          // bytes of one event
	silence     = 40 * time.Second // after which a stream that says nothing is taken for lost
	followAgain = time.Second      // before a lost stream is asked for again
)

// Events calls handle for each event that the account may see and comes after a position
// of the ledger, in order. It goes on until ctx ends, and asks again when the connection
// is lost, of which lost is told; only the first attempt returns ErrUnreachable.
func (c *Client) Events(ctx context.Context, request pushes.FollowRequest, handle func(pushes.LedgerEvent) error, lost func(error)) error {
	for first := true; ; first = false {
		err := c.stream(ctx, &request, handle)
		switch {
		case ctx.Err() != nil:
			return nil //nolint:nilerr // it was to end
		case err == nil && !request.Follow:
			return nil
		case !errors.Is(err, ErrUnreachable) && err != nil, first && err != nil:
			return err
		}
		lost(err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(followAgain):
		}
	}
}

// stream reads one connection and keeps the position in the request.
func (c *Client) stream(ctx context.Context, wanted *pushes.FollowRequest, handle func(pushes.LedgerEvent) error) error {
	ctx, hangUp := context.WithCancel(ctx)
	defer hangUp()
	request, err := c.request(ctx, http.MethodGet, "/v1/events", parameters{
		"after": wanted.After, "push_id": wanted.PushID, "follow": strconv.FormatBool(wanted.Follow),
	})
	if err != nil {
		return err
	}
	body, err := c.open(request)
	if err != nil {
		return err
	}
	defer body.Close() //nolint:errcheck // only read
	watchdog := time.AfterFunc(silence, hangUp)
	defer watchdog.Stop()
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, maxEvent)
	for lines.Scan() {
		watchdog.Reset(silence)
		data, is := strings.CutPrefix(lines.Text(), "data: ")
		if !is {
			continue
		}
		var event pushes.LedgerEvent
		if err := json.Unmarshal([]byte(data), &event); err != nil {
			return fmt.Errorf("client: event: %w", err)
		}
		if err := handle(event); err != nil {
			return err
		}
		wanted.After = strconv.FormatUint(event.Seq, 10)
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	return nil
}
