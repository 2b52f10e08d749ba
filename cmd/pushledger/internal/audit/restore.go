package audit

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/pushledger/pushledger/eventstore/durablefile"
	eventlog "github.com/pushledger/pushledger/eventstore/jetstream"
	"github.com/pushledger/pushledger/eventstore/natsserver"
	"github.com/pushledger/pushledger/eventstore/transparency"
)

// Restored tells of a restored log.
type Restored struct {
	transparency.Checkpoint
	SetAside string // where the damaged log is now
}

// Restore rebuilds the log of a stopped service from the entry bundles beside its tiles.
// The bundles are verified before anything is touched; the damaged log is set aside, not
// deleted; and what was restored is read back and proved equal to the newest checkpoint.
// Events that no checkpoint covers yet are in neither copy for certain and are left out.
func Restore(ctx context.Context, data, tiles, key string, progress func(sequence, last uint64)) (restored Restored, err error) {
	verifier, err := transparency.ParseKey(key)
	if err != nil {
		return Restored{}, err
	}
	kept, err := transparency.OpenCopy(os.DirFS(tiles), verifier)
	if err != nil {
		return Restored{}, err
	}
	restored.Checkpoint = kept.Checkpoint()
	tell := func(sequence uint64) { progress(sequence, restored.Size) }
	if err := equal(ctx, kept, kept); err != nil {
		return Restored{}, fmt.Errorf("audit: the second copy is damaged as well: %w", err)
	}
	if restored.SetAside, err = setAside(data); err != nil {
		return Restored{}, err
	}
	server, conn, err := serveAlone(data)
	if err != nil {
		return Restored{}, err
	}
	defer func() {
		conn.Close()
		err = errors.Join(err, server.Close())
	}()
	if err := eventlog.Restore(ctx, conn, kept, tell); err != nil {
		return Restored{}, err
	}
	store, err := eventlog.Open(ctx, conn, Registry(), eventlog.Options{})
	if err != nil {
		return Restored{}, err
	}
	defer store.Close()
	return restored, equal(ctx, store, kept)
}

// equal proves a log equal to the checkpoint of a copy.
func equal(ctx context.Context, log transparency.Source, kept *transparency.Copy) error {
	check := transparency.NewCheck([]transparency.Checkpoint{kept.Checkpoint()}, kept)
	err := transparency.Scan(ctx, log, 0, kept.Checkpoint().Size,
		func(transparency.Entry) (struct{}, error) { return struct{}{}, nil },
		func(entry transparency.Scanned[struct{}]) error { return check.Add(entry.Hash) })
	if err != nil {
		return err
	}
	return check.Finish()
}

// setAside moves the directory of the damaged stream out of the server's, under the lock
// that keeps a running service's away.
func setAside(data string) (to string, err error) {
	lock, err := natsserver.Lock(NATSDir(data))
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	to = filepath.Join(data, "damaged", eventlog.StreamName+"-"+time.Now().UTC().Format("20060102T150405.000000000"))
	if err := durablefile.MakeDir(filepath.Dir(to)); err != nil {
		return "", fmt.Errorf("audit: %w", err)
	}
	err = durablefile.Move(natsserver.StreamDir(NATSDir(data), eventlog.StreamName), to)
	if errors.Is(err, fs.ErrNotExist) {
		return "nowhere: there was none", nil
	}
	if err != nil {
		return "", fmt.Errorf("audit: set the damaged log aside: %w", err)
	}
	return to, nil
}
