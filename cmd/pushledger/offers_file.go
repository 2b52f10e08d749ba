package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/sethvargo/go-retry"

	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/client"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/offers"
)

const fromStdin = "-"

// Pace at which a command is sent again that the service had no room for.
const (
	firstPause   = 50 * time.Millisecond
	longestPause = time.Second
	sendPatience = 2 * time.Minute
)

// sendFile reads and checks a whole file, sends every offer of it, prints the result of each
// row, and fails with the first refusal once all were sent.
func (c *offerCommand) sendFile(ctx context.Context, screen *terminal) error {
	if len(c.Items) > 0 || c.PushID != "" || c.CommandID != "" {
		return fmt.Errorf("%w: --file says everything itself: give no DOMAIN=PRICE, --push-id or --command-id with it", errUsage)
	}
	results := results{out: screen.out, json: c.Output == "json", counts: make(map[string]int)}
	list, unused, err := c.readFile()
	if err != nil {
		return results.bad(c.File, err)
	}
	if len(unused) > 0 {
		fmt.Fprintf(screen.err, "note: columns that are not used: %s\n", plain(strings.Join(unused, ", ")))
	}
	sender, err := c.client()
	if err != nil {
		return err
	}
	defer sender.Close()
	ids, err := offers.CommandIDs(sender.Account(), c.batch(time.Now()), list)
	if err != nil {
		return err
	}
	bar := screen.progress(len(list))
	var first error
	for i, offer := range list {
		reply, err := sendPaced(ctx, sender, offer.Body, ids[i])
		if err := results.add(offer, reply, err); err != nil {
			return err
		}
		if !answered(err) {
			err = fmt.Errorf("%w\n%s", err, "       stopped; the same again goes on from here, and does nothing twice: give --batch if the day has changed")
			return errors.Join(err, results.notSent(list[i+1:]), results.sum(screen))
		}
		if first == nil {
			first = err
		}
		_ = bar.Add(1) // a bar that cannot be drawn changes nothing
	}
	return errors.Join(first, results.sum(screen))
}

// batch is the name of what is sent. Without one a file is the same batch for a day: sent
// again by mistake it has no second effect, and next week it is a new one.
func (c *offerCommand) batch(now time.Time) string {
	if c.Batch != "" {
		return c.Batch
	}
	return filepath.Base(c.File) + " " + now.Format(time.DateOnly)
}

func (c *offerCommand) readFile() ([]offers.Offer, []string, error) {
	format := offers.Table
	file := os.Stdin
	switch extension := strings.ToLower(filepath.Ext(c.File)); {
	case c.File == fromStdin:
	case extension == ".jsonl":
		format = offers.Lines
	case extension != ".csv":
		return nil, nil, errors.New("it is neither .csv nor .jsonl; save a spreadsheet as CSV UTF-8")
	}
	if c.File != fromStdin {
		opened, err := os.Open(c.File)
		if err != nil {
			return nil, nil, err
		}
		defer func() { _ = opened.Close() }() // only read
		file = opened
	}
	data, err := io.ReadAll(io.LimitReader(file, offers.MaxFile+1))
	if err != nil {
		return nil, nil, err
	}
	if len(data) > offers.MaxFile {
		return nil, nil, fmt.Errorf("it is larger than %d MiB", offers.MaxFile>>20)
	}
	if c.File == fromStdin {
		format = offers.FormatOf(data)
	}
	return offers.Read(data, format, offers.Defaults{Buyer: c.Buyer, Remark: c.Remark, ValidFor: c.ValidFor, Zone: time.Local})
}

// sendPaced sends a command, and sends it again under its id while the service has no room
// for it.
func sendPaced(ctx context.Context, sender *client.Client, body offers.Body, id string) (reply client.Reply, err error) {
	pace := retry.WithMaxDuration(sendPatience, retry.WithCappedDuration(longestPause, retry.NewExponential(firstPause)))
	err = retry.Do(ctx, pace, func(ctx context.Context) error {
		reply, err = sender.Command(ctx, "offer", body, id)
		if passing(err) {
			return retry.RetryableError(err)
		}
		return err
	})
	if errors.Is(err, context.Canceled) && !errors.Is(err, client.ErrUnreachable) {
		err = fmt.Errorf("%w: interrupted: %w", client.ErrUnreachable, err)
	}
	return reply, err
}

// passing reports a refusal that says nothing of the command: it may be sent again.
func passing(err error) bool {
	var refused *push.Refusal
	return errors.As(err, &refused) && (refused.Code == push.CodeRateLimited || refused.Code == push.CodeUnavailable)
}

// answered reports that the command was decided, with a yes or a no.
func answered(err error) bool {
	var refused *push.Refusal
	return err == nil || errors.As(err, &refused) && !passing(err)
}
