package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/pushledger/pushledger/cmd/pushledger/internal/audit"
	"github.com/pushledger/pushledger/eventstore/transparency"
)

type auditVerifyCommand struct {
	auditFlags
	outputFlags
	File           string `help:"An exported bundle to verify instead; needs --key." type:"existingfile"`
	FromCheckpoint string `help:"File with a checkpoint that you trust: go on behind it." type:"existingfile"`
}

// Run verifies.
func (c *auditVerifyCommand) Run(ctx context.Context, screen *terminal) error {
	if c.File == "" {
		return c.audited(ctx, func(log audit.Ledger) error { return c.verify(ctx, screen, log) })
	}
	key, err := keyText(c.Key)
	if err != nil {
		return err
	}
	if key == "" {
		return fmt.Errorf("%w: --file needs --key: a bundle cannot vouch for itself", errUsage)
	}
	bundle, err := audit.OpenBundle(c.File, key)
	if err != nil {
		return err
	}
	return errors.Join(c.verify(ctx, screen, bundle), bundle.Close())
}

func (c *auditVerifyCommand) verify(ctx context.Context, screen *terminal, log audit.Ledger) error {
	signed, err := c.signed(ctx, screen, log)
	if err != nil {
		return err
	}
	progress, done := follow(screen, "verify")
	defer done()
	options := audit.VerifyOptions{Progress: progress}
	if c.FromCheckpoint != "" {
		text, err := os.ReadFile(c.FromCheckpoint)
		if err != nil {
			return err
		}
		trusted, err := transparency.OpenCheckpoint(text, signed.Key)
		if err != nil {
			return err
		}
		options.From = &trusted
	}
	begun := time.Now()
	report, err := audit.Verify(ctx, log, signed, options)
	if err != nil {
		return err
	}
	report.Seconds = time.Since(begun).Seconds()
	report.Rate = float64(report.Events) / report.Seconds
	done()
	return c.print(screen.out, report, func(drawn table.Writer) { drawVerdict(drawn, report) })
}

func drawVerdict(drawn table.Writer, report audit.Report) {
	drawn.AppendRows([]table.Row{
		{"verdict", "whole: nothing was changed, removed, moved or put in"},
		{"log", report.Key},
		{"events", report.Events},
		{"events/s", fmt.Sprintf("%.0f", report.Rate)},
		{"checkpoints", report.Checkpoints},
		{"proved up to", report.Proved},
		{"not signed yet", report.Unsigned},
		{"root", report.Root},
	})
	drawSummary(drawn, report.Summary)
}

func drawSummary(drawn table.Writer, summary audit.Summary) {
	drawn.AppendRow(table.Row{"pushes", summary.Pushes})
	for _, status := range slices.Sorted(maps.Keys(summary.Statuses)) {
		drawn.AppendRow(table.Row{"  " + status, summary.Statuses[status]})
	}
	drawn.AppendRows([]table.Row{
		{"with something to do", summary.Open},
		{"domains held", summary.Domains},
		{"sum of the journal", summary.Sum},
	})
}

type auditExportCommand struct {
	auditFlags
	Out string `help:"File to write." required:"" type:"path"`
}

// Run writes a bundle, whole or not at all.
func (c *auditExportCommand) Run(ctx context.Context, screen *terminal) error {
	return c.audited(ctx, func(log audit.Ledger) (err error) {
		signed, err := c.signed(ctx, screen, log)
		if err != nil {
			return err
		}
		draft, err := os.CreateTemp(filepath.Dir(c.Out), ".export-*")
		if err != nil {
			return err
		}
		defer func() {
			if err != nil {
				_ = os.Remove(draft.Name()) // the first error says what is wrong
			}
		}()
		progress, done := follow(screen, "export")
		checkpoint, err := audit.Export(ctx, draft, log, signed, progress)
		done()
		if closeErr := draft.Close(); err == nil {
			err = closeErr
		}
		if err == nil {
			err = os.Rename(draft.Name(), c.Out)
		}
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(screen.out, "%s: %d events, signed by %s\n", c.Out, checkpoint.Size, checkpoint.Origin)
		return err
	})
}

type auditProveCommand struct {
	auditFlags
	Push string `help:"Id of the push." required:""`
	Out  string `help:"Directory for a file SEQUENCE.tlog-proof of each event; printed one after the other if empty." type:"path"`
}

// Run proves.
func (c *auditProveCommand) Run(ctx context.Context, screen *terminal) error {
	return c.audited(ctx, func(log audit.Ledger) error {
		signed, err := c.signed(ctx, screen, log)
		if err != nil {
			return err
		}
		proofs, err := audit.Prove(ctx, log, signed, c.Push)
		if err != nil {
			return err
		}
		for _, proof := range proofs {
			if err := c.write(screen, proof); err != nil {
				return err
			}
		}
		return nil
	})
}

func (c *auditProveCommand) write(screen *terminal, proof audit.Proof) error {
	if c.Out == "" {
		_, err := plainWriter{screen.out}.Write(proof.Text)
		return err
	}
	if err := os.MkdirAll(c.Out, 0o700); err != nil {
		return err
	}
	path := filepath.Join(c.Out, fmt.Sprintf("%d.tlog-proof", proof.Sequence))
	if err := os.WriteFile(path, proof.Text, 0o600); err != nil {
		return err
	}
	_, err := fmt.Fprintln(screen.out, path)
	return err
}
