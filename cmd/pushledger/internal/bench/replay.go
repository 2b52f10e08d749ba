package bench

import (
	"context"

	"github.com/pushledger/pushledger/projections"
	"github.com/pushledger/pushledger/projections/accounts"
	"github.com/pushledger/pushledger/projections/commandids"
	"github.com/pushledger/pushledger/projections/pushes"
)

const (
	historyShort   = 500
	historyRegular = 60_000 // purchases in the log that is read
	rebuildTarget  = 50_000 // events a second of which a read model is made (R3)
)

const counting = "ordered consumer that only counts"

// readModels are those that R3 makes.
var readModels = []projections.Model{pushes.Model(), accounts.Model(), commandids.Model()}

// replays measures reading the whole log: R1 and R2 against an ordered consumer that only
// counts, and R3, read models from zero. Each reading is done in a process of its own, again
// and again until its time is over.
func replays(ctx context.Context, r *run) (err error) {
	var ends closers
	defer ends.close(&err)
	dir, err := tempDir("replay", &ends)
	if err != nil {
		return err
	}
	count := historyRegular
	if r.Quick {
		count = historyShort
	}
	if err := build(ctx, r.Options, dir, newHistory(count)); err != nil {
		return err
	}
	sides := []side{r.reading(counting, dir, readCount)}
	rows := []func(ours, counted series) Row{nil}
	add := func(id, name, what string, row func(name string, ours, counted series) Row) {
		if r.wanted(id) {
			sides = append(sides, r.reading(id+" "+name, dir, what))
			rows = append(rows, func(ours, counted series) Row { return row(id+" "+name, ours, counted) })
		}
	}
	byCounting := func(limit float64) func(string, series, series) Row {
		return func(name string, ours, counted series) Row {
			return compared(name, "events/s", counting, ours.rates(), counted.rates(), atLeast(limit))
		}
	}
	add("R1", "replay", readFold, byCounting(0.8))
	add("R2", "audit verify", readVerify, byCounting(0.5))
	for _, model := range readModels {
		add("R3", model.Name, readRebuild+model.Name, func(name string, ours, _ series) Row {
			return compared(name, "events/s", targetItself, ours.rates(), constant(rebuildTarget, r.rounds()), atLeast(1))
		})
	}
	all, err := r.turns(ctx, "R", sides)
	if err != nil {
		return err
	}
	for i, row := range rows {
		if row != nil {
			r.add(row(all[i], all[0]))
		}
	}
	return nil
}

func (r *run) reading(name, dir, what string) side {
	return r.fresh(name, setup{Kind: kindReading, Dir: dir, Tree: what == readVerify}, order{What: what})
}
