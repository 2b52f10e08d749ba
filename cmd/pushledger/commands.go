package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/aggregates/words"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/client"
)

// commandFlags are common to all commands.
type commandFlags struct {
	targetFlags
	outputFlags
	CommandID string `help:"UUID that makes the command safe to repeat; made if not given."`
}

// send sends one command and prints the reply.
func (f commandFlags) send(ctx context.Context, screen *terminal, verb string, body any) error {
	sender, err := f.client()
	if err != nil {
		return err
	}
	defer sender.Close()
	reply, err := sender.Command(ctx, verb, body, f.CommandID)
	if err != nil {
		return err
	}
	err = f.print(screen.out, reply, func(drawn table.Writer) {
		drawn.AppendRows([]table.Row{
			{"push", reply.PushID},
			{"status", both(words.Status(reply.Status))},
			{"version", reply.Version},
			{"seq", reply.Seq},
			{"command", reply.CommandID},
		})
		if reply.Payment != nil {
			drawn.AppendRows([]table.Row{
				{"to pay", reply.Payment.Amount}, {"pay by", when(reply.Payment.ExpiresAt)},
			})
		}
	})
	if err != nil || f.Output == "json" || reply.Payment == nil {
		return err
	}
	_, err = fmt.Fprintf(screen.out, "pay at:\n%s\n", plainLine(reply.Payment.URL)) // on a line of its own, to be taken whole
	return err
}

type offerItem struct {
	Domain string `json:"domain"`
	Price  string `json:"price"`
}

type offerBody struct {
	PushID   string      `json:"push_id,omitzero"`
	Buyer    string      `json:"buyer"`
	Items    []offerItem `json:"items"`
	ValidFor string      `json:"valid_for,omitzero"`
	Remark   string      `json:"remark,omitzero"`
}

type offerCommand struct {
	commandFlags
	Buyer    string   `help:"The one account that may accept."`
	PushID   string   `help:"Id of the push; made from the command id if not given."`
	ValidFor string   `help:"How long the offer stands, such as 72h or 3d; a week at most."`
	Remark   string   `help:"A word to the buyer."`
	File     string   `help:"Send many offers: .jsonl with one body a line, or .csv with the columns push_id,buyer,domain,price (lines of one push_id are one push)." type:"existingfile"`
	Items    []string `arg:"" optional:"" placeholder:"DOMAIN=PRICE" help:"What is offered, such as example.com=1999.00."`
}

// Run sends the offer, or all offers of a file.
func (c *offerCommand) Run(ctx context.Context, screen *terminal) error {
	if c.File != "" {
		return c.sendFile(ctx, screen)
	}
	if c.Buyer == "" {
		return fmt.Errorf("%w: --buyer is missing: the one account that may accept", errUsage)
	}
	body := offerBody{PushID: c.PushID, Buyer: c.Buyer, ValidFor: durationOf(screen.err, c.ValidFor), Remark: c.Remark}
	for _, item := range c.Items {
		domain, price, found := strings.Cut(item, "=")
		if !found {
			return fmt.Errorf("%w: %q is not DOMAIN=PRICE", errUsage, item)
		}
		body.Items = append(body.Items, offerItem{Domain: domain, Price: price})
	}
	return c.send(ctx, screen, "offer", body)
}

// sendFile sends every offer of a file, prints a line for each, and fails with the
// first refusal once all were sent.
func (c *offerCommand) sendFile(ctx context.Context, screen *terminal) error {
	bodies, err := readOffers(c.File)
	if err != nil {
		return err
	}
	sender, err := c.client()
	if err != nil {
		return err
	}
	defer sender.Close()
	bar := screen.progress(len(bodies))
	var first error
	for i, body := range bodies {
		reply, err := sender.Command(ctx, "offer", body, "")
		if err := printResult(screen.out, i+1, reply, err); err != nil {
			return err
		}
		var refused *push.Refusal
		if err != nil && !errors.As(err, &refused) {
			return err
		}
		if first == nil {
			first = err
		}
		_ = bar.Add(1) // a bar that cannot be drawn changes nothing
	}
	return first
}

func printResult(out io.Writer, number int, reply client.Reply, err error) error {
	var refused *push.Refusal
	var printErr error
	switch {
	case errors.As(err, &refused):
		_, printErr = fmt.Fprintf(out, "%d\trefused\t%s\n", number, plain(refused.Error()))
	case err == nil:
		_, printErr = fmt.Fprintf(out, "%d\t%s\t%s\n", number, both(words.Status(reply.Status)), reply.PushID)
	}
	return printErr
}

// readOffers reads the bodies of a .jsonl or .csv file.
func readOffers(path string) ([]any, error) {
	file, err := os.Open(path) // #nosec G304 -- the user names the file
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // only read
	switch filepath.Ext(path) {
	case ".jsonl":
		return readLines(file)
	case ".csv":
		return readTable(file)
	default:
		return nil, fmt.Errorf("%w: %s is neither .jsonl nor .csv", errUsage, path)
	}
}

const maxLine = 1 << 20

func readLines(file io.Reader) ([]any, error) {
	var bodies []any
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		if line := strings.TrimSpace(lines.Text()); line != "" {
			if !jsontext.Value(line).IsValid() {
				return nil, fmt.Errorf("%w: line %d is not JSON", errUsage, len(bodies)+1)
			}
			bodies = append(bodies, jsontext.Value(line))
		}
	}
	return bodies, lines.Err()
}

// readTable makes one push of all lines that share a push_id.
func readTable(file io.Reader) ([]any, error) {
	plain := bufio.NewReader(file)
	if mark, err := plain.Peek(3); err == nil && string(mark) == "\ufeff" { // as spreadsheets begin a file
		_, _ = plain.Discard(3) // it has just been seen
	}
	rows, err := csv.NewReader(plain).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errUsage, err)
	}
	if len(rows) == 0 || strings.Join(rows[0], ",") != "push_id,buyer,domain,price" {
		return nil, fmt.Errorf("%w: the first line must be push_id,buyer,domain,price", errUsage)
	}
	var order []*offerBody
	known := make(map[string]*offerBody)
	for number, row := range rows[1:] {
		body, exists := known[row[0]]
		if !exists || row[0] == "" {
			body = &offerBody{PushID: row[0], Buyer: row[1]}
			known[row[0]] = body
			order = append(order, body)
		}
		if body.Buyer != row[1] {
			return nil, fmt.Errorf("%w: line %d: push %s has two buyers", errUsage, number+2, row[0])
		}
		body.Items = append(body.Items, offerItem{Domain: row[2], Price: row[3]})
	}
	bodies := make([]any, len(order))
	for i, body := range order {
		bodies[i] = body
	}
	return bodies, nil
}

type withdrawCommand struct {
	commandFlags
	Push string `arg:"" help:"Id of the push."`
}

// Run sends the withdrawal.
func (c *withdrawCommand) Run(ctx context.Context, screen *terminal) error {
	return c.send(ctx, screen, "withdraw", map[string]string{"push_id": c.Push})
}

type acceptCommand struct {
	commandFlags
	Push       string `arg:"" help:"Id of the push."`
	Total      string `help:"The total that you saw." required:""`
	Registrant string `placeholder:"TEMPLATE" help:"Your template at the registrar with which the domains are to be registered; the registrar chooses if not given."`
}

// Run sends the acceptance.
func (c *acceptCommand) Run(ctx context.Context, screen *terminal) error {
	body := map[string]string{"push_id": c.Push, "total": c.Total}
	if c.Registrant != "" {
		body["registrant"] = c.Registrant
	}
	return c.send(ctx, screen, "accept", body)
}

type declineCommand struct {
	commandFlags
	Push   string `arg:"" help:"Id of the push."`
	Reason string `help:"Why."`
}

// Run sends the refusal of the offer.
func (c *declineCommand) Run(ctx context.Context, screen *terminal) error {
	return c.send(ctx, screen, "decline", withReason(c.Push, c.Reason))
}

type takedownCommand struct {
	commandFlags
	Push   string `arg:"" help:"Id of the push."`
	Reason string `help:"Why; it is recorded." required:""`
}

// Run sends the takedown.
func (c *takedownCommand) Run(ctx context.Context, screen *terminal) error {
	return c.send(ctx, screen, "takedown", withReason(c.Push, c.Reason))
}

func withReason(id, reason string) map[string]string {
	body := map[string]string{"push_id": id}
	if reason != "" {
		body["reason"] = reason
	}
	return body
}
