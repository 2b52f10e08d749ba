package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/pushledger/pushledger/cmd/pushledger/internal/client"
	"github.com/pushledger/pushledger/projections"
)

type projectionsCommand struct {
	List    projectionsListCommand    `cmd:"" help:"Show the read models and how far each is."`
	Rebuild projectionsRebuildCommand `cmd:"" help:"Make a read model anew from the log, beside the one that is served."`
}

type projectionsListCommand struct {
	targetFlags
	outputFlags
}

// Run prints how the read models stand.
func (c *projectionsListCommand) Run(ctx context.Context, screen *terminal) error {
	reader, err := c.client()
	if err != nil {
		return err
	}
	defer reader.Close()
	models, err := reader.Projections(ctx)
	if err != nil {
		return err
	}
	return c.print(screen.out, models, func(drawn table.Writer) {
		drawn.AppendHeader(table.Row{"model", "version", "state", "position", "end", "lag", "rebuilt", "error"})
		for _, model := range models {
			state := painted(screen.colour(colourOf(string(model.State)), string(model.State)))
			drawn.AppendRow(table.Row{model.Model, model.Version, state, model.Position, model.End, model.Lag, model.Rebuilt, model.Error})
		}
	})
}

type projectionsRebuildCommand struct {
	targetFlags
	Model string `arg:"" help:"Name of the read model."`
}

const progressPause = 200 * time.Millisecond

// errNotRebuilt means that the copy could not be made; the old one is still served.
var errNotRebuilt = errors.New("the read model could not be rebuilt")

// Run rebuilds a read model and waits until the new copy is served.
func (c *projectionsRebuildCommand) Run(ctx context.Context, screen *terminal) error {
	reader, err := c.client()
	if err != nil {
		return err
	}
	defer reader.Close()
	before, err := c.status(ctx, reader)
	if err != nil {
		return err
	}
	if err := reader.Rebuild(ctx, c.Model); err != nil {
		return err
	}
	bar := screen.progress(int(before.End)) //nolint:gosec // a sequence fits
	defer func() { _ = bar.Clear() }()      // a bar that cannot be cleared changes nothing
	for {
		now, err := c.status(ctx, reader)
		switch {
		case err != nil:
			return err
		case now.Rebuilds > before.Rebuilds:
			_, err := fmt.Fprintf(screen.out, "%s rebuilt, position %d\n", c.Model, now.Position)
			return err
		case now.State != projections.StateRebuilding && now.Error != "" && now.Error != before.Error:
			return fmt.Errorf("%w: %s", errNotRebuilt, now.Error)
		}
		bar.ChangeMax64(int64(now.End))   //nolint:gosec // a sequence fits
		_ = bar.Set64(int64(now.Rebuilt)) //nolint:gosec // a sequence fits; a bar that cannot be drawn changes nothing
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(progressPause):
		}
	}
}

func (c *projectionsRebuildCommand) status(ctx context.Context, reader *client.Client) (projections.Status, error) {
	models, err := reader.Projections(ctx)
	if err != nil {
		return projections.Status{}, err
	}
	for _, model := range models {
		if model.Model == c.Model {
			return model, nil
		}
	}
	return projections.Status{}, fmt.Errorf("%w: there is no read model %q", errUsage, c.Model)
}
