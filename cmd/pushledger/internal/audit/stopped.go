package audit

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/pushledger/pushledger/aggregates/catalog"
	"github.com/pushledger/pushledger/eventstore"
	eventlog "github.com/pushledger/pushledger/eventstore/jetstream"
	"github.com/pushledger/pushledger/eventstore/natsserver"
	"github.com/pushledger/pushledger/eventstore/transparency"
)

// NATSDir is where a service keeps the log, below its data directory.
func NATSDir(data string) string { return filepath.Join(data, "nats") }

// Registry knows every event of the ledger.
func Registry() *eventstore.Registry { return eventstore.NewRegistry(catalog.Events()...) }

// Stopped is a service that does not run, read through a server that listens nowhere.
type Stopped struct {
	*eventlog.Store
	checkpoints *eventlog.Checkpoints
	tiles       string
	server      *natsserver.Server
	conn        *nats.Conn
}

var _ Ledger = (*Stopped)(nil)

// OpenStopped opens the log in a data directory. It fails while a service uses it.
func OpenStopped(ctx context.Context, data, transparencyDir string) (*Stopped, error) {
	server, conn, err := serveAlone(data)
	if err != nil {
		return nil, err
	}
	stopped := &Stopped{tiles: transparencyDir, server: server, conn: conn}
	if err := stopped.open(ctx); err != nil {
		return nil, errors.Join(err, stopped.Close())
	}
	return stopped, nil
}

func serveAlone(data string) (*natsserver.Server, *nats.Conn, error) {
	if _, err := os.Stat(NATSDir(data)); err != nil {
		return nil, nil, fmt.Errorf("audit: there is no ledger in %s: %w", data, err)
	}
	server, err := natsserver.Start(natsserver.Options{
		StoreDir: NATSDir(data), SyncAlways: true, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return nil, nil, err
	}
	conn, err := server.Connect("audit", natsserver.Grant{Name: "audit", Publish: []string{">"}, Subscribe: []string{">"}})
	if err != nil {
		return nil, nil, errors.Join(err, server.Close())
	}
	return server, conn, nil
}

func (s *Stopped) open(ctx context.Context) error {
	js, err := jetstream.New(s.conn)
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	for _, name := range []string{eventlog.StreamName, eventlog.CheckpointStream} {
		if _, err := js.Stream(ctx, name); err != nil { // which opening it would make
			return fmt.Errorf("audit: stream %s: %w", name, err)
		}
	}
	if s.checkpoints, err = eventlog.OpenCheckpoints(ctx, s.conn); err != nil {
		return err
	}
	s.Store, err = eventlog.Open(ctx, s.conn, Registry(), eventlog.Options{})
	return err
}

// Checkpoints implements Ledger.
func (s *Stopped) Checkpoints(ctx context.Context) ([]eventlog.SignedCheckpoint, error) {
	var all []eventlog.SignedCheckpoint
	for position := uint64(0); ; {
		some, next, err := s.checkpoints.After(ctx, position)
		if err != nil || len(some) == 0 {
			return all, err
		}
		all, position = append(all, some...), next
	}
}

// Tiles implements Ledger.
func (s *Stopped) Tiles() fs.FS { return os.DirFS(s.tiles) }

// Close stops the server again.
func (s *Stopped) Close() error {
	if s.Store != nil {
		s.Store.Close()
	}
	s.conn.Close()
	return s.server.Close()
}

// Bundle is an exported file.
type Bundle struct {
	*transparency.Copy
	files *zip.ReadCloser
}

var _ Ledger = (*Bundle)(nil)

// maxFiles bounds the files of a bundle: enough for half a billion events.
const maxFiles = 4 << 20

// OpenBundle opens an exported file, whose checkpoint the key must have signed.
func OpenBundle(path, key string) (*Bundle, error) {
	verifier, err := transparency.ParseKey(key)
	if err != nil {
		return nil, err
	}
	files, err := zip.OpenReader(path)
	if err == nil && len(files.File) > maxFiles {
		err = errors.Join(fmt.Errorf("more than %d files", maxFiles), files.Close())
	}
	if err != nil {
		return nil, fmt.Errorf("audit: bundle %s: %w", path, err)
	}
	whole, err := transparency.OpenCopy(files, verifier)
	if err != nil {
		return nil, errors.Join(err, files.Close())
	}
	return &Bundle{Copy: whole, files: files}, nil
}

// EntriesOf implements Ledger.
func (b *Bundle) EntriesOf(ctx context.Context, stream eventstore.StreamID) ([]transparency.Entry, error) {
	last, err := b.LastSequence(ctx)
	if err != nil {
		return nil, err
	}
	var found []transparency.Entry
	err = b.Entries(ctx, 0, last, func(entry transparency.Entry) error {
		if entry.Subject == eventlog.SubjectPrefix+stream.String() {
			found = append(found, entry)
		}
		return nil
	})
	return found, err
}

// Checkpoints implements Ledger.
func (b *Bundle) Checkpoints(context.Context) ([]eventlog.SignedCheckpoint, error) {
	notes, err := transparency.ArchivedCheckpoints(b.files)
	all := make([]eventlog.SignedCheckpoint, len(notes))
	for i, note := range notes {
		all[i].Note = note
	}
	return all, err
}

// Tiles implements Ledger.
func (b *Bundle) Tiles() fs.FS { return b.files }

// Close closes the file.
func (b *Bundle) Close() error { return b.files.Close() }
