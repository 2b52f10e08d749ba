package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/pushledger/pushledger/cmd/pushledger/internal/app"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/audit"
)

type auditDiffCommand struct {
	auditFlags
	Served string `help:"Data directory of the running service, to read the served rows from its files instead of asking for a copy." type:"existingdir"`
}

// errDiffers means that a read model is not what the log makes of it.
var errDiffers = errors.New("a read model differs from the log")

// Run compares.
func (c *auditDiffCommand) Run(ctx context.Context, screen *terminal) error {
	return c.audited(ctx, func(log audit.Ledger) (err error) {
		dir, err := os.MkdirTemp("", "pushledger-diff-")
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
		served, err := c.served(ctx, filepath.Join(dir, "served"))
		if err != nil {
			return err
		}
		progress, done := follow(screen, "rebuild")
		differences, rows, err := audit.Diff(ctx, log, served, dir, progress)
		done()
		if err != nil {
			return err
		}
		for _, difference := range differences {
			fmt.Fprintln(screen.out, wrap(plainLine(fmt.Sprint(difference)), widthOf(screen.out), 2))
		}
		if len(differences) > 0 {
			return fmt.Errorf("%w: %d differences", errDiffers, len(differences))
		}
		_, err = fmt.Fprintf(screen.out, "%d rows are what the log makes of them\n", rows)
		return err
	})
}

// served finds the rows that are served: in a data directory, or in copies that the
// running service makes of them.
func (c *auditDiffCommand) served(ctx context.Context, copies string) ([]audit.ReadModel, error) {
	if data := cmp.Or(c.Served, c.Data); data != "" {
		return app.ReadModels(data), nil
	}
	if err := os.Mkdir(copies, 0o700); err != nil {
		return nil, err
	}
	speaker, err := c.client()
	if err != nil {
		return nil, err
	}
	defer speaker.Close()
	models := app.ReadModels(copies)
	for _, model := range models {
		if err := speaker.CopyProjection(ctx, model.Name, model.Path); err != nil {
			return nil, err
		}
	}
	return models, nil
}
