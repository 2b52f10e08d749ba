package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/pushledger/pushledger/aggregates/words"
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
	File     string   `help:"Send many offers: a .csv with a row of column names (domain and price, also buyer, push_id, remark, valid_for, expires_at, or in Chinese; rows of one push_id are one push), a .jsonl with one body a line, or - for either from standard input. Nothing is sent of a file with a bad row." type:"existingfile"`
	Batch    string   `help:"Name of what --file sends: the same file under the same name has no second effect. The file's name and the day if not given."`
	Items    []string `arg:"" optional:"" placeholder:"DOMAIN=PRICE" help:"What is offered, such as example.com=1999.00."`
}

// Run sends the offer, or all offers of a file.
func (c *offerCommand) Run(ctx context.Context, screen *terminal) error {
	if c.File != "" {
		return c.sendFile(ctx, screen)
	}
	if c.Batch != "" {
		return fmt.Errorf("%w: --batch belongs to --file", errUsage)
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
