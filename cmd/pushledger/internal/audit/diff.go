package audit

import (
	"context"
	"errors"

	"github.com/pushledger/pushledger/eventstore"
	"github.com/pushledger/pushledger/eventstore/transparency"
	"github.com/pushledger/pushledger/projections"
	"github.com/pushledger/pushledger/projections/pushes"
)

// Models are the read models that are compared.
func Models() []projections.Model { return []projections.Model{pushes.Model()} }

// Diff rebuilds every read model from the log into stores that begin with aside, and
// compares it row by row with the served one, as it stands at the position that it has
// reached. It returns the differences and how many rows were compared.
func Diff(
	ctx context.Context, log Ledger, served, aside string, progress func(sequence, last uint64),
) (different []string, rows int, err error) {
	for _, model := range Models() {
		told, count, err := diff(ctx, log, model, served, aside+"."+model.Name, progress)
		if err != nil {
			return nil, 0, err
		}
		different, rows = append(different, told...), rows+count
	}
	return different, rows, nil
}

func diff(
	ctx context.Context, log Ledger, model projections.Model, served, aside string, progress func(sequence, last uint64),
) (different []string, rows int, err error) {
	comparison, err := projections.Compare(ctx, model, served, aside)
	if err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, comparison.Close()) }()
	registry := Registry()
	err = transparency.Scan(ctx, log, 0, comparison.Position(),
		func(entry transparency.Entry) (eventstore.Recorded, error) { return decode(registry, entry) },
		func(entry transparency.Scanned[eventstore.Recorded]) error {
			progress(entry.Sequence, comparison.Position())
			return comparison.Add(ctx, entry.Prepared)
		})
	if err != nil {
		return nil, 0, err
	}
	return comparison.Differences(ctx)
}
