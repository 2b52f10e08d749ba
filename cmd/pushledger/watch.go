package main

import (
	"context"
	"fmt"
	"os"

	"github.com/go-json-experiment/json"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/mattn/go-isatty"

	"github.com/pushledger/pushledger/projections/pushes"
)

type watchCommand struct {
	targetFlags
	outputFlags
	Push   string `help:"Only of this push."`
	After  string `help:"Begin after this position of the ledger; end: with what is yet to come." default:"end"`
	Follow bool   `help:"Go on with what is yet to come." default:"true" negatable:""`
}

// Run prints events as they come, a line each.
func (c *watchCommand) Run(ctx context.Context, screen *terminal) error {
	reader, err := c.client()
	if err != nil {
		return err
	}
	defer reader.Close()
	request := pushes.FollowRequest{After: c.After, PushID: c.Push, Follow: c.Follow}
	return reader.Events(ctx, request, func(event pushes.LedgerEvent) error {
		if c.Output == "json" {
			line, err := json.Marshal(event, json.Deterministic(true))
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(screen.out, plain(string(line)))
			return err
		}
		line := fmt.Sprintf("%8d  %s  %s  %s  %s %s", event.Seq, when(event.Time), plainLine(event.PushID),
			screen.colour(colourOf(event.Type), plainLine(event.Type)), plainLine(event.EN), plainLine(event.ZH))
		_, err := fmt.Fprintln(screen.out, wrap(line, widthOf(screen.out), 10))
		return err
	}, func(reason error) {
		fmt.Fprintln(screen.err, "connection lost, trying again:", plainLine(reason.Error()))
	})
}

// colour paints words where somebody looks and has not asked for none (NO_COLOR).
func (t *terminal) colour(colour text.Color, words string) string {
	file, is := t.out.(*os.File)
	if !is || !isatty.IsTerminal(file.Fd()) || os.Getenv("NO_COLOR") != "" {
		return words
	}
	return colour.EscapeSeq() + words + text.Reset.EscapeSeq()
}

// colourOf tells good ends, bad ends and everything else apart.
func colourOf(word string) text.Color {
	switch word {
	case "Completed", "PaidOut", "live":
		return text.FgGreen
	case "Invalidated", "Refunded", "Expired", "RefundRefused", "PayoutRefused", "DomainReturnRefused", "stopped":
		return text.FgRed
	default:
		return text.FgCyan
	}
}
