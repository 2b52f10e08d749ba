package main

import (
	"context"
	"io"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/pushledger/pushledger/projections/accounts"
)

type statementCommand struct {
	targetFlags
	Output  string `short:"o" help:"How to print: table, json or csv." enum:"table,json,csv" default:"table"`
	MinSeq  uint64 `help:"Wait until the answer shows this position of the ledger."`
	Account string `arg:"" help:"Account id."`
	From    string `help:"First instant, RFC 3339, or first day here."`
	To      string `help:"First instant after, RFC 3339, or last day here."`
}

// Run prints the statement of an account.
func (c *statementCommand) Run(ctx context.Context, screen *terminal) error {
	reader, err := c.client()
	if err != nil {
		return err
	}
	defer reader.Close()
	from, to := between(screen.err, c.From, c.To)
	statement, err := reader.Statement(ctx, accounts.StatementRequest{Account: c.Account, From: from, To: to}, c.MinSeq)
	if err != nil {
		return err
	}
	if c.Output == "csv" {
		return printCSV(screen.out, statement)
	}
	return outputFlags{Output: c.Output}.print(screen.out, statement, func(drawn table.Writer) {
		drawn.SetTitle("Statement of account %s, %s", statement.Account, statement.Currency)
		withFee := slices.ContainsFunc(statement.Lines, func(line accounts.StatementLine) bool { return line.Fee != "" })
		row := func(time, push, en, zh, amount, fee, balance any) table.Row {
			if !withFee {
				return table.Row{time, push, en, zh, amount, balance}
			}
			return table.Row{time, push, en, zh, amount, fee, balance}
		}
		drawn.AppendHeader(row("time", "push", "", "", "amount", "fee", "balance"))
		drawn.AppendRow(row(when(statement.From), "", "opening balance", "期初余额", "", "", statement.OpeningBalance))
		for _, line := range statement.Lines {
			drawn.AppendRow(row(when(line.Time), line.PushID, line.EN, line.ZH, line.Amount, line.Fee, line.Balance))
		}
		drawn.AppendRow(row(when(statement.To), "", "closing balance", "期末余额", "", "", statement.ClosingBalance))
		drawn.SetCaption("%s %s", statement.Notice, statement.NoticeZH)
	})
}

// printCSV prints a statement as a table for a spreadsheet. The byte order mark is ours; of
// all else no character may steer a terminal.
func printCSV(out io.Writer, statement accounts.Statement) error {
	var text strings.Builder
	if err := statement.WriteCSV(&text); err != nil {
		return err
	}
	rest, _ := strings.CutPrefix(text.String(), accounts.ByteOrderMark)
	_, err := io.WriteString(out, accounts.ByteOrderMark+plain(rest))
	return err
}
