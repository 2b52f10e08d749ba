package audit

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go"

	"github.com/pushledger/pushledger/eventstore"
	eventlog "github.com/pushledger/pushledger/eventstore/jetstream"
	"github.com/pushledger/pushledger/eventstore/transparency"
)

// Ledger is what an audit reads: a running service, a stopped one, or a bundle.
type Ledger interface {
	transparency.Source
	// EntriesOf gives every entry of one stream, oldest first.
	EntriesOf(ctx context.Context, stream eventstore.StreamID) ([]transparency.Entry, error)
	// Checkpoints gives all that were ever published, oldest first.
	Checkpoints(ctx context.Context) ([]eventlog.SignedCheckpoint, error)
	// Tiles are the files that prove something about the entries.
	Tiles() fs.FS
}

// ErrUnreachable means that no service answers an auditor. It is wrapped with the cause.
var ErrUnreachable = errors.New("audit: the service does not answer")

// ErrNotAllowed means that the token is not one of an auditor.
var ErrNotAllowed = errors.New("audit: only the role auditor may audit a running service")

// Remote is a running service.
type Remote struct {
	conn    *nats.Conn
	account string
	refused context.Context // ends when the server refuses what is asked
}

var _ Ledger = (*Remote)(nil)

// NewRemote asks as an account, over a connection that nobody else uses.
func NewRemote(conn *nats.Conn, account string) *Remote {
	refused, refuse := context.WithCancel(context.Background())
	conn.SetErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
		if errors.Is(err, nats.ErrPermissionViolation) {
			refuse()
		}
	})
	return &Remote{conn: conn, account: account, refused: refused}
}

const (
	remotePatience = 15 * time.Second
	readAhead      = 4 // answers with entries that are asked for before they are needed
)

func (r *Remote) ask(ctx context.Context, name string, asked question) ([]byte, error) {
	body, err := json.Marshal(asked)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, remotePatience)
	defer cancel()
	defer context.AfterFunc(r.refused, cancel)()
	reply, err := r.conn.RequestWithContext(ctx, "push.audit."+r.account+"."+name, body)
	if r.refused.Err() != nil {
		return nil, fmt.Errorf("%w (%s)", ErrNotAllowed, name)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrUnreachable, name, err)
	}
	reason := reply.Header.Get(headerError)
	if text := reply.Header.Get(headerDamage); text != "" {
		sequence, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("audit: answer: %w", err)
		}
		return nil, &transparency.Damage{Sequence: sequence, Reason: reason}
	}
	if reason != "" {
		return nil, fmt.Errorf("audit: the service says: %s", reason)
	}
	return reply.Data, nil
}

// LastSequence implements transparency.Source.
func (r *Remote) LastSequence(ctx context.Context) (uint64, error) {
	var end endAnswer
	data, err := r.ask(ctx, askEnd, question{})
	if err == nil {
		err = json.Unmarshal(data, &end)
	}
	return end.Last, err
}

// Entries implements transparency.Source. A whole log is read by the page, and while one
// is worked on the next one is on its way.
func (r *Remote) Entries(ctx context.Context, after, upTo uint64, handle func(transparency.Entry) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type page struct {
		entries []transparency.Entry
		err     error
	}
	pages := make(chan page, readAhead)
	go func() {
		defer close(pages)
		for position := after; position < upTo; {
			data, err := r.ask(ctx, askEntries, question{After: position})
			var next page
			if next.err = err; err == nil {
				next.entries, next.err = transparency.ReadPacked(data)
			}
			position += uint64(len(next.entries))
			select {
			case pages <- next:
			case <-ctx.Done():
				return
			}
			if next.err != nil || len(next.entries) == 0 {
				return
			}
		}
	}()
	for next := range pages {
		if next.err != nil {
			return next.err
		}
		for _, entry := range next.entries {
			if entry.Sequence != after+1 {
				return &transparency.Damage{Sequence: after + 1, Reason: "the service gave another one for it"}
			}
			if after++; after > upTo {
				return nil
			}
			if err := handle(entry); err != nil {
				return err
			}
		}
	}
	if after < upTo {
		return errors.Join(ctx.Err(), &transparency.Damage{Sequence: after + 1, Reason: "the service does not give it"})
	}
	return nil
}

// EntriesOf implements Ledger.
func (r *Remote) EntriesOf(ctx context.Context, stream eventstore.StreamID) ([]transparency.Entry, error) {
	var all []transparency.Entry
	for after := uint64(0); ; {
		data, err := r.ask(ctx, askEntries, question{After: after, Stream: stream.String()})
		if err != nil {
			return nil, err
		}
		entries, err := transparency.ReadPacked(data)
		if err != nil || len(entries) == 0 {
			return all, err
		}
		all, after = append(all, entries...), entries[len(entries)-1].Sequence
	}
}

// Checkpoints implements Ledger.
func (r *Remote) Checkpoints(ctx context.Context) ([]eventlog.SignedCheckpoint, error) {
	var all []eventlog.SignedCheckpoint
	for position := uint64(0); ; {
		data, err := r.ask(ctx, askCheckpoints, question{After: position})
		if err != nil {
			return nil, err
		}
		var some checkpointsAnswer
		if err := json.Unmarshal(data, &some); err != nil {
			return nil, fmt.Errorf("audit: checkpoints: %w", err)
		}
		if len(some.Checkpoints) == 0 {
			return all, nil
		}
		all, position = append(all, some.Checkpoints...), some.Position
	}
}

// Tiles implements Ledger.
func (r *Remote) Tiles() fs.FS { return remoteFiles{r} }

// remoteFiles reads whole files only.
type remoteFiles struct{ from *Remote }

// Open implements fs.FS.
func (remoteFiles) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: errors.ErrUnsupported}
}

// ReadFile implements fs.ReadFileFS.
func (f remoteFiles) ReadFile(name string) ([]byte, error) {
	data, err := f.from.ask(context.Background(), askFile, question{Path: name})
	if err != nil && strings.Contains(err.Error(), "there is no file") {
		return nil, &fs.PathError{Op: "read", Path: name, Err: fs.ErrNotExist}
	}
	return data, err
}
