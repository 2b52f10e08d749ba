package audit

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/pushledger/pushledger/eventstore"
	"github.com/pushledger/pushledger/eventstore/transparency"
	"github.com/pushledger/pushledger/projections"
)

// ReadModel is a read model and the file in which it is served.
type ReadModel struct {
	projections.Model
	Path string
}

// Diff rebuilds read models from the log into files below aside, and compares each row by
// row with the served one, as it stands at the position that it has reached. It returns
// the differences and how many rows were compared. A service may go on using the served
// files.
func Diff(
	ctx context.Context, log Ledger, served []ReadModel, aside string, progress func(sequence, last uint64),
) (different []string, rows int, err error) {
	for _, model := range served {
		told, count, err := diff(ctx, log, model, filepath.Join(aside, model.Name+".db"), progress)
		if err != nil {
			return nil, 0, err
		}
		different, rows = append(different, told...), rows+count
	}
	return different, rows, nil
}

func diff(
	ctx context.Context, log Ledger, served ReadModel, aside string, progress func(sequence, last uint64),
) (different []string, rows int, err error) {
	comparison, err := projections.Compare(ctx, served.Model, served.Path, aside)
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
