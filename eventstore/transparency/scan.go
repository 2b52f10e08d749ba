package transparency

import (
	"context"
	"runtime"

	"golang.org/x/mod/sumdb/tlog"
	"golang.org/x/sync/errgroup"
)

// Scanned is an entry with the hash of its leaf and whatever was prepared from it.
type Scanned[T any] struct {
	Entry
	Leaf     Leaf
	Hash     tlog.Hash
	Prepared T
}

// What one core takes at a time.
const (
	scanChunk = 512     // entries
	scanBytes = 8 << 20 // of their bodies, and one entry more
)

// chunk is a part of the log on its way through a scan.
type chunk[T any] struct {
	entries []Entry
	scanned []Scanned[T]
	err     error         // of the entry after those scanned
	done    chan struct{} // closed when scanned and err are there
}

// Scan re-reads the entries above after and up to upTo. Each is encoded, hashed and
// prepared on one of all cores; visit gets them in order. An entry that has no leaf is
// *Damage. The first error ends the scan.
func Scan[T any](
	ctx context.Context, log Source, after, upTo uint64,
	prepare func(Entry) (T, error), visit func(Scanned[T]) error,
) error {
	group, ctx := errgroup.WithContext(ctx)
	cores := runtime.GOMAXPROCS(0)
	work := make(chan *chunk[T], cores)
	order := make(chan *chunk[T], 4*cores)
	group.Go(func() error {
		defer close(order)
		defer close(work)
		return readChunks(ctx, log, after, upTo, func(next *chunk[T]) error {
			for _, queue := range []chan *chunk[T]{order, work} {
				select {
				case queue <- next:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			return nil
		})
	})
	for range cores {
		group.Go(func() error {
			for next := range work {
				next.scan(prepare)
			}
			return nil
		})
	}
	group.Go(func() error { return visitChunks(ctx, order, visit) })
	return group.Wait()
}

func readChunks[T any](ctx context.Context, log Source, after, upTo uint64, send func(*chunk[T]) error) error {
	begun, bytes := &chunk[T]{done: make(chan struct{})}, 0
	flush := func() error {
		full := begun
		begun, bytes = &chunk[T]{done: make(chan struct{})}, 0
		return send(full)
	}
	err := log.Entries(ctx, after, upTo, func(entry Entry) error {
		begun.entries = append(begun.entries, entry)
		if bytes += len(entry.Body); len(begun.entries) < scanChunk && bytes < scanBytes {
			return nil
		}
		return flush()
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	begun.err = err // an earlier entry may have something worse to say
	return flush()
}

func (c *chunk[T]) scan(prepare func(Entry) (T, error)) {
	defer close(c.done)
	c.scanned = make([]Scanned[T], 0, len(c.entries))
	for _, entry := range c.entries {
		leaf, err := entry.Leaf()
		if err != nil {
			c.err = damaged(entry.Sequence, "%v", err)
			return
		}
		prepared, err := prepare(entry)
		if err != nil {
			c.err = err
			return
		}
		c.scanned = append(c.scanned, Scanned[T]{Entry: entry, Leaf: leaf, Hash: leaf.Hash(), Prepared: prepared})
	}
}

func visitChunks[T any](ctx context.Context, order <-chan *chunk[T], visit func(Scanned[T]) error) error {
	for next := range order {
		select {
		case <-next.done:
		case <-ctx.Done():
			return ctx.Err()
		}
		for i := range next.scanned {
			if err := visit(next.scanned[i]); err != nil {
				return err
			}
		}
		if next.err != nil {
			return next.err
		}
	}
	return nil
}
