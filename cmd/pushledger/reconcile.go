package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/client"
	"github.com/pushledger/pushledger/projections/pushes"
	"github.com/pushledger/pushledger/sagas/payment/bill"
)

// errBillDiffers means that the journal and the provider's bill do not agree.
var errBillDiffers = errors.New("the journal and the bill differ")

type reconcileCommand struct {
	targetFlags
	outputFlags
	Bill []string `help:"CSV of a bill as downloaded from Alipay, 业务明细 or 账务明细; several days may be given." required:"" type:"existingfile"`
}

// Run holds the journal against the bills and prints every difference.
func (c *reconcileCommand) Run(ctx context.Context, screen *terminal) error {
	bills := make([]bill.Bill, len(c.Bill))
	for i, path := range c.Bill {
		var err error
		if bills[i], err = readBill(path); err != nil {
			return fmt.Errorf("%w: %s: %w", errUsage, path, err)
		}
	}
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

func readBill(path string) (bill.Bill, error) {
	file, err := os.Open(path) // #nosec G304 -- the user names the file
	if err != nil {
		return bill.Bill{}, err
	}
	defer func() { _ = file.Close() }() // only read
	return bill.Parse(file)
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
		for _, entry := range page.Entries {
			if line, moved := lineOf(entry); moved {
				lines = append(lines, line)
			}
		}
		if page.NextCursor == "" {
			return lines, nil
		}
		request.Cursor = page.NextCursor
	}
}

func lineOf(entry pushes.JournalEntry) (bill.Line, bool) {
	line := bill.Line{PushID: entry.PushID, Seq: entry.Seq, Amount: entry.Amount, At: entry.Time}
	switch {
	case entry.To == push.FrozenAccount: // a fee that was taken, on bills that are not read
		return line, false
	case entry.From == push.ClearingAccount:
		line.Kind, line.Number = bill.Payment, entry.TradeNo
	case entry.To != push.ClearingAccount:
		return line, false
	case entry.PayoutNo != "":
		line.Kind, line.Number = bill.Payout, entry.PayoutNo
	default:
		line.Kind, line.Number, line.RequestNo = bill.Refund, entry.TradeNo, entry.RequestNo
	}
	return line, true
}

func (c *reconcileCommand) report(screen *terminal, differences []bill.Difference) error {
	answer := struct {
		Differences []bill.Difference `json:"differences"`
	}{differences}
	return c.print(screen.out, answer, func(drawn table.Writer) {
		drawn.AppendHeader(table.Row{"kind", "what", "number", "push", "seq", "line of the bill", "journal", "bill"})
		for _, d := range differences {
			drawn.AppendRow(table.Row{d.Kind, d.What, d.Number, d.PushID, d.Seq, d.Line, d.Journal, d.Bill})
		}
		drawn.AppendFooter(table.Row{"", "", "", "", "", "", "differences", len(differences)})
	})
}
