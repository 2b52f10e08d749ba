package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime/pprof"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/pushledger/pushledger/cmd/pushledger/internal/bench"
)

type benchCommand struct {
	outputFlags
	Only       []string `help:"Rows to measure by id, such as W1,W2; all that need no large ledger otherwise."`
	Quick      bool     `help:"Short rounds: any one id takes less than 20 s."`
	Full       bool     `help:"Also the rows that need a large ledger."`
	Large      int      `help:"Completed pushes in the large ledger; the targets are for a million." default:"1000000"`
	CPUProfile string   `name:"cpu-profile" help:"File for a CPU profile of the whole run." type:"path"`
}

// Run measures and prints. A missed target is said in its row and changes no exit code:
// the figures of one run on a shared machine are no verdict.
func (c *benchCommand) Run(ctx context.Context, screen *terminal) (err error) {
	stop, err := c.profile()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	bar := screen.progress(-1)
	report, err := bench.Run(ctx, bench.Options{
		Only: c.Only, Quick: c.Quick, Full: c.Full, Large: max(c.Large, 1),
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

// profile starts to record where the time goes, if that is wanted.
func (c *benchCommand) profile() (stop func() error, err error) {
	if c.CPUProfile == "" {
		return func() error { return nil }, nil
	}
	file, err := os.Create(c.CPUProfile)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return func() error { pprof.StopCPUProfile(); return file.Close() }, nil
}

func drawReport(printed table.Writer, report bench.Report) {
	printed.AppendHeader(table.Row{"row", "ours", "peer", "unit", "the peer is", "ratio", "target", "met"})
	for _, row := range report.Rows {
		met := "yes"
		if !row.Met {
			met = "NO"
		}
		printed.AppendRow(table.Row{
			row.Name, fmt.Sprintf("%.5g", row.Ours), fmt.Sprintf("%.5g", row.Peer), row.Unit, row.PeerName,
			fmt.Sprintf("%.3g", row.Ratio), row.Target, met,
		})
	}
}
