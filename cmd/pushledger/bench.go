package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/pushledger/pushledger/cmd/pushledger/internal/bench"
)

type benchCommand struct {
	outputFlags
	Only    []string `help:"Rows to measure by id, such as W1,W2; all that need no large ledger otherwise."`
	Quick   bool     `help:"Short rounds: any one id takes less than 20 s. No proof of anything."`
	Full    bool     `help:"Also the rows that need a large ledger, for the whole table."`
	Large   int      `help:"Completed pushes in the large ledger; the targets are for a million." default:"1000000"`
	Open    int      `help:"Open offers in the large ledgers; the targets are for 500,000 (W5) and 300,000 (S2), the default."`
	Against string   `help:"Another build of this program, to be measured beside this one." type:"existingfile"`

	Profiles string `help:"Directory for profiles of the service alone, one of its time and one of its memory for each that is started." type:"existingdir"`
}

// Run measures and prints. A missed target is said in its row and changes no exit code:
// the figures of one run on a shared machine are no verdict.
func (c *benchCommand) Run(ctx context.Context, screen *terminal) error {
	bar := screen.progress(-1)
	report, err := bench.Run(ctx, bench.Options{
		Only: c.Only, Quick: c.Quick, Full: c.Full, Large: max(c.Large, 1), Open: max(c.Open, 0), Against: c.Against, Profiles: c.Profiles,
		Progress: func(step string) { bar.Describe(step); _ = bar.Add(1) }, // a bar that cannot be drawn changes nothing
		Logger:   slog.New(slog.NewTextHandler(screen.err, &slog.HandlerOptions{Level: slog.LevelError})),
	})
	_ = bar.Clear()
	if err != nil {
		return err
	}
	for _, missing := range report.Missing {
		fmt.Fprintln(screen.err, "not measured:", missing)
	}
	for _, note := range report.Notes {
		fmt.Fprintln(screen.err, "note:", note)
	}
	return c.print(screen.out, report, func(drawn table.Writer) { drawReport(drawn, report) })
}

func drawReport(printed table.Writer, report bench.Report) {
	printed.Style().Format.Header = text.FormatDefault // capitals are no letters of units
	printed.AppendHeader(table.Row{
		"row", "ours", "peer", "unit", "the peer is", "ratio", "target", "met", "rounds differ", "processor time of ours (user+system, µs a call)", "of the peer",
	})
	for _, row := range report.Rows {
		met := "yes"
		switch {
		case row.Why != "":
			met = "NO: " + row.Why
		case !row.Met:
			met = "NO"
		}
		printed.AppendRow(table.Row{
			row.Name, fmt.Sprintf("%.5g", row.Ours), fmt.Sprintf("%.5g", row.Peer), row.Unit, row.PeerName,
			fmt.Sprintf("%.3g", row.Ratio), row.Target, met, fmt.Sprintf("×%.2f, ×%.2f", row.OursSpread, row.PeerSpread),
			spent(row.OursTime), spent(row.PeerTime),
		})
	}
}

// spent says what each process used for one call: user and system time.
func spent(list []bench.Spent) string {
	var texts []string
	for _, one := range list {
		texts = append(texts, fmt.Sprintf("%s %.3g+%.3g", one.Process, one.User, one.System))
	}
	return strings.Join(texts, ", ")
}
