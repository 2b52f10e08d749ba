package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/app"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/audit"
)

type auditReplayCommand struct {
	auditFlags
	outputFlags
	AsOf string `help:"Sequence, RFC 3339 time, or date (the end of that day here) up to which to replay; everything if empty."`
	Push string `help:"Only the push of this id."`
}

// Run replays.
func (c *auditReplayCommand) Run(ctx context.Context, screen *terminal) error {
	until, err := parseUntil(asOf(screen.err, c.AsOf))
	if err != nil {
		return err
	}
	return c.audited(ctx, func(log audit.Ledger) error {
		if c.Push != "" {
			state, err := audit.ReplayPush(ctx, log, c.Push, until)
			if err != nil {
				return err
			}
			return c.print(screen.out, state, func(drawn table.Writer) { drawState(drawn, state) })
		}
		progress, done := follow(screen, "replay")
		replayed, err := audit.Replay(ctx, log, until, progress)
		done()
		if err != nil {
			return err
		}
		return c.print(screen.out, replayed, func(drawn table.Writer) {
			drawn.AppendRow(table.Row{"events", replayed.Events})
			drawSummary(drawn, replayed.Summary)
		})
	})
}

func parseUntil(text string) (audit.Until, error) {
	if text == "" {
		return audit.Until{}, nil
	}
	if sequence, err := strconv.ParseUint(text, 10, 64); err == nil && sequence > 0 {
		return audit.Until{Sequence: sequence}, nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return audit.Until{}, fmt.Errorf("%w: --as-of is a sequence from 1 or an RFC 3339 time, not %q", errUsage, text)
	}
	return audit.Until{Time: at}, nil
}

func drawState(drawn table.Writer, state push.State) {
	drawn.AppendRows([]table.Row{
		{"push", state.ID},
		{"status", state.Status},
		{"version", state.Version},
		{"seller", state.Seller},
		{"buyer", state.Buyer},
		{"total", state.Total},
		{"offered", when(state.OfferedAt)},
		{"accepted", when(state.AcceptedAt)},
		{"paid", when(state.PaidAt)},
		{"ended", when(state.EndedAt)},
		{"reason", state.EndReason},
	})
	for _, line := range state.Lines {
		drawn.AppendRow(table.Row{line.Domain.Both(), fmt.Sprintf("%s %s", line.Price, line.Delivery)})
	}
}

type auditRestoreCommand struct {
	Data            string `help:"Data directory of the stopped service." required:"" type:"existingdir"`
	TransparencyDir string `help:"Its directory of tiles, if that is not in the data directory." type:"existingdir"`
	Key             string `help:"Public key of the log, or a file with it." required:""`
}

// Run restores.
func (c *auditRestoreCommand) Run(ctx context.Context, screen *terminal) error {
	key, err := keyText(c.Key)
	if err != nil {
		return err
	}
	tiles := c.TransparencyDir
	if tiles == "" {
		tiles = app.TransparencyDir(c.Data)
	}
	progress, done := follow(screen, "restore")
	restored, err := audit.Restore(ctx, c.Data, tiles, key, progress)
	done()
	if err != nil {
		return err
	}
	fmt.Fprintf(screen.out, "restored %d events, equal to the checkpoint of %s\n", restored.Size, restored.Origin)
	_, err = fmt.Fprintf(screen.out, "the damaged log was set aside in %s\n", restored.SetAside)
	return err
}
