package main

import (
	"context"
	"fmt"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/pushledger/pushledger/aggregates/words"
	"github.com/pushledger/pushledger/projections/pushes"
)

// queryFlags are common to all queries.
type queryFlags struct {
	targetFlags
	outputFlags
	MinSeq uint64 `help:"Wait until the answer shows this position of the ledger."`
}

type showCommand struct {
	queryFlags
	Push string `arg:"" help:"Id of the push."`
	AsOf string `help:"How it stood then: a sequence, or a time in RFC 3339, or a date: the end of that day here."`
}

// Run prints one push.
func (c *showCommand) Run(ctx context.Context, screen *terminal) error {
	reader, err := c.client()
	if err != nil {
		return err
	}
	defer reader.Close()
	view, err := reader.Push(ctx, pushes.PushRequest{PushID: c.Push, AsOf: asOf(screen.err, c.AsOf)}, c.MinSeq)
	if err != nil {
		return err
	}
	var reason string
	if c.Output != "json" {
		if reason, err = takedownReason(ctx, reader, view, c.MinSeq); err != nil {
			return err
		}
	}
	err = c.print(screen.out, view, func(drawn table.Writer) {
		drawn.AppendRows([]table.Row{
			{"push", view.PushID},
			{"status", statusOf(view)},
			{"seller", view.Seller},
			{"buyer", view.Buyer},
			{"total", view.Total},
			{"remark", view.Remark},
			{"offered", when(view.OfferedAt)},
			{"expires", when(view.ExpiresAt)},
			{"payment", paymentOf(view)},
			{"ended", when(view.EndedAt)},
			{"because", both(words.End(view.Status, view.EndReason))},
			{"reason", reason},
			{"seq", view.Seq},
		})
		for _, item := range view.Items {
			drawn.AppendRow(table.Row{item.Domain.Both(), item.Price.String() + "  " + both(words.Delivery(item.Delivery))})
		}
	})
	return c.whereToPay(screen, view, err)
}

// whereToPay prints below a table the page on which to pay, if the viewer is shown one,
// and until when: on lines of their own, so that an address can be taken whole.
func (f queryFlags) whereToPay(screen *terminal, view pushes.View, printed error) error {
	if printed != nil || f.Output == "json" || view.Payment.URL == "" {
		return printed
	}
	_, err := fmt.Fprintf(screen.out, "pay by: %s\npay at:\n%s\n", when(view.Payment.ExpiresAt), plainLine(view.Payment.URL))
	return err
}

type listCommand struct {
	queryFlags
	Role   string `help:"Your side of the pushes: seller or buyer." enum:",seller,buyer" default:""`
	Status string `help:"Only of this status: Offered, Accepted, Paid, Completed, Withdrawn, Declined, Expired, Invalidated or Refunded." enum:",Offered,Accepted,Paid,Completed,Withdrawn,Declined,Expired,Invalidated,Refunded" default:""`
	Domain string `help:"Only with this domain."`
	From   string `help:"Offered at or after, RFC 3339 or a date: its first instant here."`
	To     string `help:"Offered before, RFC 3339, or up to the end of a date here."`
	Sort   string `help:"By the time of the offer: asc or desc." enum:"asc,desc" default:"desc"`
	Limit  int    `help:"How many at once." default:"50"`
	Cursor string `help:"Go on from the cursor of the page before."`
}

// Run prints a page of pushes.
func (c *listCommand) Run(ctx context.Context, screen *terminal) error {
	reader, err := c.client()
	if err != nil {
		return err
	}
	defer reader.Close()
	from, to := between(screen.err, c.From, c.To)
	page, err := reader.Pushes(ctx, pushes.ListRequest{
		Role: c.Role, Status: c.Status, Domain: c.Domain, From: from, To: to,
		Sort: c.Sort, Limit: c.Limit, Cursor: c.Cursor,
	}, c.MinSeq)
	if err != nil {
		return err
	}
	err = c.print(screen.out, page, func(drawn table.Writer) {
		drawn.AppendHeader(table.Row{"push", "status", "seller", "buyer", "domains", "total", "offered"})
		for _, view := range page.Pushes {
			drawn.AppendRow(table.Row{
				view.PushID, statusOf(view), view.Seller, view.Buyer, firstOf(view.Items), view.Total, when(view.OfferedAt),
			})
		}
	})
	return c.next(screen, page.NextCursor, err)
}

// next prints below a table how to go on; an answer in JSON has the cursor in it.
func (f queryFlags) next(screen *terminal, cursor string, printed error) error {
	if printed != nil || f.Output == "json" {
		return printed
	}
	return screen.nextPage(cursor)
}

// firstOf names the first domain of a push and how many more there are.
func firstOf(items []pushes.ItemView) string {
	switch len(items) {
	case 0:
		return ""
	case 1:
		return items[0].Domain.Both()
	default:
		return fmt.Sprintf("%s, %d more", items[0].Domain.Both(), len(items)-1)
	}
}

type timelineCommand struct {
	queryFlags
	Push string `arg:"" help:"Id of the push."`
}

// Run prints what happened to a push.
func (c *timelineCommand) Run(ctx context.Context, screen *terminal) error {
	reader, err := c.client()
	if err != nil {
		return err
	}
	defer reader.Close()
	timeline, err := reader.Timeline(ctx, pushes.TimelineRequest{PushID: c.Push}, c.MinSeq)
	if err != nil {
		return err
	}
	view, err := reader.Push(ctx, pushes.PushRequest{PushID: c.Push}, c.MinSeq)
	if err != nil {
		return err
	}
	err = c.print(screen.out, timeline, func(drawn table.Writer) {
		drawn.AppendHeader(table.Row{"seq", "time", "actor", "event", "", ""})
		for _, event := range timeline.Events {
			actor := event.Actor
			if event.Origin != "" {
				actor += " at " + event.Origin
			}
			drawn.AppendRow(table.Row{event.Seq, when(event.Time), actor, event.Type, event.EN, event.ZH})
		}
	})
	return c.whereToPay(screen, view, err)
}

type domainCommand struct {
	queryFlags
	Name string `arg:"" help:"The domain, in any spelling."`
}

// Run prints what the ledger knows of a domain.
func (c *domainCommand) Run(ctx context.Context, screen *terminal) error {
	reader, err := c.client()
	if err != nil {
		return err
	}
	defer reader.Close()
	known, err := reader.Domain(ctx, pushes.DomainRequest{Domain: c.Name}, c.MinSeq)
	if err != nil {
		return err
	}
	return c.print(screen.out, known, func(drawn table.Writer) {
		held := "nobody"
		if known.Push != nil {
			held = known.Push.PushID
		}
		drawn.SetTitle("%s, held by %s", known.Domain.Both(), held)
		drawn.AppendHeader(table.Row{"seq", "time", "event", "push", "actor"})
		for _, event := range known.History {
			drawn.AppendRow(table.Row{event.Seq, when(event.Time), event.Type, event.PushID, event.Actor})
		}
	})
}

type journalCommand struct {
	queryFlags
	Push     string `help:"Only of this push."`
	Limit    int    `help:"How many lines at once." default:"100"`
	Cursor   string `help:"Go on from the cursor of the page before."`
	Balances bool   `help:"Show what each account holds instead of the lines."`
}

// Run prints the journal or its balances.
func (c *journalCommand) Run(ctx context.Context, screen *terminal) error {
	reader, err := c.client()
	if err != nil {
		return err
	}
	defer reader.Close()
	if c.Balances {
		balances, err := reader.Balances(ctx, c.MinSeq)
		if err != nil {
			return err
		}
		return c.print(screen.out, balances, func(drawn table.Writer) {
			drawn.AppendHeader(table.Row{"account", "balance"})
			for _, balance := range balances.Balances {
				drawn.AppendRow(table.Row{balance.Account, balance.Balance})
			}
			drawn.AppendFooter(table.Row{"sum", balances.Sum})
		})
	}
	page, err := reader.Journal(ctx, pushes.JournalRequest{PushID: c.Push, Limit: c.Limit, Cursor: c.Cursor}, c.MinSeq)
	if err != nil {
		return err
	}
	err = c.print(screen.out, page, func(drawn table.Writer) {
		drawn.AppendHeader(table.Row{"seq", "time", "push", "event", "from", "to", "amount"})
		for _, entry := range page.Entries {
			drawn.AppendRow(table.Row{entry.Seq, when(entry.Time), entry.PushID, entry.Event, entry.From, entry.To, entry.Amount})
		}
	})
	return c.next(screen, page.NextCursor, err)
}
