package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/pushledger/pushledger/cmd/pushledger/internal/app"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/audit"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/client"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/commands"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/demo"
)

// errNotAsExpected means that a scenario of the demo ended otherwise than its file says.
var errNotAsExpected = errors.New("the demo did not end as its file says")

type demoCommand struct {
	Inventory  string        `help:"Accounts and domains of the sandbox." default:"testdata/demo/inventory.json" type:"existingfile"`
	Pushes     string        `help:"Scenarios, one JSON object a line." default:"testdata/demo/pushes.jsonl" type:"existingfile"`
	Settlement string        `help:"How sellers are paid, as of serve: transfer, confirm, or both one after the other." enum:"transfer,confirm,both" default:"both"`
	Patience   time.Duration `help:"How long to wait for a push to get where its scenario wants it." default:"60s"`
}

// Run plays every scenario, each way in which sellers can be paid, and prints how each ended.
func (c *demoCommand) Run(ctx context.Context, screen *terminal) (err error) {
	scenarios, err := demo.Load(c.Pushes)
	if err != nil {
		return err
	}
	for _, way := range []string{"transfer", byConfirmation} {
		if c.Settlement == way || c.Settlement == "both" {
			fmt.Fprintf(screen.out, "sellers are paid by %s\n", way)
			err = errors.Join(err, c.run(ctx, screen, scenarios, way == byConfirmation))
		}
	}
	return err
}

// run plays the scenarios in a sandbox of their own.
func (c *demoCommand) run(ctx context.Context, screen *terminal, scenarios []demo.Scenario, byMerchant bool) (err error) {
	dir, err := os.MkdirTemp("", "pushledger-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	service, err := app.Start(ctx, app.Config{
		Data: dir, NATSListen: "127.0.0.1:0", HTTPListen: "127.0.0.1:0", SyncAlways: true,
		PaymentWindow: 30 * time.Minute, Limit: commands.Limit{PerSecond: 1e6, Burst: 1e6}, Version: version, Sandbox: true, Inventory: c.Inventory, ByMerchant: byMerchant,
		Logger: slog.New(slog.NewTextHandler(screen.err, &slog.HandlerOptions{Level: slog.LevelError})),
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, service.Close()) }()
	player := demo.NewPlayer(client.Target{NATSURL: service.Ready.NATSURL, HTTPURL: service.Ready.HTTPURL}, service.Ready.Tokens, c.Patience)
	defer player.Close()
	return errors.Join(c.play(ctx, screen, player, scenarios), auditDemo(ctx, screen, service.Ready))
}

// auditDemo verifies the whole ledger as an auditor from outside would.
func auditDemo(ctx context.Context, screen *terminal, ready app.Ready) error {
	auditor, err := client.New(client.Target{NATSURL: ready.NATSURL, HTTPURL: ready.HTTPURL, Token: ready.Tokens["auditor"]})
	if err != nil {
		return err
	}
	defer auditor.Close()
	conn, err := auditor.NATS()
	if err != nil {
		return err
	}
	log := audit.NewRemote(conn, auditor.Account())
	signed, err := audit.ReadSigned(ctx, log, "")
	if err != nil {
		return err
	}
	report, err := audit.Verify(ctx, log, signed, audit.VerifyOptions{Progress: func(uint64, uint64) {}})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(screen.out, "audit: whole: %d events re-read, every history obeys the rules, %d of them signed, root %s\n",
		report.Events, report.Proved, report.Root)
	return err
}

func (c *demoCommand) play(ctx context.Context, screen *terminal, player *demo.Player, scenarios []demo.Scenario) error {
	var rows []demo.Row
	wrong := 0
	bar := screen.progress(len(scenarios))
	for _, scenario := range scenarios {
		bar.Describe(scenario.Name)
		row, err := player.Play(ctx, scenario)
		if err != nil {
			return err
		}
		_ = bar.Add(1) // a bar that cannot be drawn changes nothing
		rows = append(rows, row)
		wrong += len(row.Wrong)
	}
	books, err := player.Books(ctx)
	if err != nil {
		return err
	}
	if err := printRows(screen.out, rows, books); err != nil {
		return err
	}
	if wrong += len(books); wrong > 0 {
		return fmt.Errorf("%w: %d things are wrong", errNotAsExpected, wrong)
	}
	return nil
}

func printRows(out io.Writer, rows []demo.Row, books []string) error {
	err := drawTable(out, func(drawn table.Writer) {
		drawn.AppendHeader(table.Row{"push", "what happens", "domains", "total", "end", "money with", "domains with", ""})
		for _, row := range rows {
			verdict := "ok"
			if len(row.Wrong) > 0 {
				verdict = "WRONG: " + strings.Join(row.Wrong, "; ")
			}
			drawn.AppendRow(table.Row{row.PushID, row.Name, row.Domains, row.Total, row.End, row.Money, row.Place, verdict})
		}
	})
	if err != nil {
		return err
	}
	verdict := fmt.Sprintf("books: %d scenarios, every account of the journal is at 0.00, nothing in escrow", len(rows))
	if len(books) > 0 {
		verdict = "books: WRONG: " + plainLine(strings.Join(books, "; "))
	}
	_, err = fmt.Fprintln(out, wrap(verdict, widthOf(out), 2))
	return err
}
