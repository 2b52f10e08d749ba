package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/pushledger/pushledger/cmd/pushledger/internal/booked"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/client"
	"github.com/pushledger/pushledger/projections/pushes"
	"github.com/pushledger/pushledger/sagas/payment/bill"
)

// errBillDiffers means that the journal and the provider's bill do not agree.
var errBillDiffers = errors.New("the journal and the bill differ")

type reconcileCommand struct {
	targetFlags
	outputFlags
	alipayFlags
	Bill  []string `help:"Bill as downloaded from Alipay, 业务明细 or 账务明细, as zip or CSV; several days may be given." type:"existingfile"`
	Fetch []string `help:"Day (YYYY-MM-DD, in Alipay's time) whose bills are fetched from Alipay; several may be given." placeholder:"DAY"`
}

// Run holds the journal against the bills and prints every difference.
func (c *reconcileCommand) Run(ctx context.Context, screen *terminal) error {
	if len(c.Bill)+len(c.Fetch) == 0 {
		return fmt.Errorf("%w: give --bill FILE or --fetch DAY", errUsage)
	}
	var bills []bill.Bill
	for _, path := range c.Bill {
		read, err := readBill(path)
		if err != nil {
			return fmt.Errorf("%w: %s: %w", errUsage, path, err)
		}
		bills = append(bills, read...)
	}
	fetched, err := c.fetch(ctx)
	if err != nil {
		return err
	}
	bills = append(bills, fetched...)
	reader, err := c.client()
	if err != nil {
		return err
	}
	defer reader.Close()
	lines, err := journalLines(ctx, reader)
	if err != nil {
		return err
	}
	differences := bill.Compare(lines, bills...)
	if err := c.report(screen, differences); err != nil {
		return err
	}
	if len(differences) > 0 {
		return fmt.Errorf("%w in %d places", errBillDiffers, len(differences))
	}
	return nil
}

func readBill(path string) ([]bill.Bill, error) {
	file, err := os.Open(path) // #nosec G304 -- the user names the file
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // only read
	return bill.Read(file)
}

// journalLines reads all of the journal that moved money at the provider.
func journalLines(ctx context.Context, reader *client.Client) ([]bill.Line, error) {
	var lines []bill.Line
	request := pushes.JournalRequest{Limit: pushes.MaxLimit}
	for {
		page, err := reader.Journal(ctx, request, 0)
		if err != nil {
			return nil, err
		}
		lines = append(lines, booked.Lines(page.Entries)...)
		if page.NextCursor == "" {
			return lines, nil
		}
		request.Cursor = page.NextCursor
	}
}

func (c *reconcileCommand) report(screen *terminal, differences []bill.Difference) error {
	answer := struct {
		Differences []bill.Difference `json:"differences"`
	}{differences}
	return c.print(screen.out, answer, func(drawn table.Writer) {
		drawn.AppendHeader(table.Row{"kind", "what", "number", "push", "seq", "bill", "line", "journal", "on the bill", "order"})
		for _, d := range differences {
			drawn.AppendRow(table.Row{d.Kind, d.What, d.Number, d.PushID, d.Seq, d.Bill, d.Line, d.Journal, d.OnBill, d.Order})
		}
		drawn.AppendFooter(table.Row{"", "", "", "", "", "", "", "", "differences", len(differences)})
	})
}
