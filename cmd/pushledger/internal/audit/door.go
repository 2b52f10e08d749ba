package audit

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go"
	"golang.org/x/sync/errgroup"

	"github.com/pushledger/pushledger/eventstore"
	eventlog "github.com/pushledger/pushledger/eventstore/jetstream"
	"github.com/pushledger/pushledger/eventstore/transparency"
)

// What an auditor can ask for, on push.audit.<account>.<question>. An auditor has no
// rights on JetStream itself: whoever may ask it anything may also have it answer into
// the log, for the server does not look at where an answer goes.
const (
	askEnd         = "end"         // {} → {"last"}
	askEntries     = "entries"     // {"after"} or {"stream"} → packed entries
	askCheckpoints = "checkpoints" // {"after"} → {"checkpoints","position"}
	askFile        = "file"        // {"path"} → a tile, the checkpoint or the key

	headerError  = "Audit-Error"
	headerDamage = "Audit-Damage" // first bad sequence
)

const (
	maxPacked    = 768 << 10 // bytes of packed entries in an answer, but for a single larger one
	maxEntries   = 4096      // entries in an answer
	maxFile      = 16 << 10  // bytes; tiles have at most 8 KiB
	answersAtOne = 16        // questions worked on at the same time; more have to wait
	askPatience  = 10 * time.Second
)

type question struct {
	After  uint64 `json:"after,omitzero"`
	Stream string `json:"stream,omitzero"`
	Path   string `json:"path,omitzero"`
}

type endAnswer struct {
	Last uint64 `json:"last"`
}

type checkpointsAnswer struct {
	Checkpoints []eventlog.SignedCheckpoint `json:"checkpoints"`
	Position    uint64                      `json:"position"`
}

// Door answers auditors.
type Door struct {
	Conn        *nats.Conn // may publish to inboxes only
	Store       *eventlog.Store
	Checkpoints *eventlog.Checkpoints
	Files       fs.FS // of the tiles
	Logger      *slog.Logger
}

// Serve answers until ctx ends, and then waits for the answers under way.
func (d *Door) Serve(ctx context.Context) error {
	questions := make(chan *nats.Msg, answersAtOne)
	subscription, err := d.Conn.ChanQueueSubscribe("push.audit.*.*", "audit", questions)
	if err != nil {
		return fmt.Errorf("audit: door: %w", err)
	}
	group := new(errgroup.Group)
	for range answersAtOne {
		group.Go(func() error {
			for {
				select {
				case asked := <-questions:
					d.receive(ctx, asked)
				case <-ctx.Done():
					return nil
				}
			}
		})
	}
	err = group.Wait()
	return errors.Join(err, subscription.Unsubscribe())
}

// receive answers into the inbox of whoever asks, and nowhere else.
func (d *Door) receive(ctx context.Context, asked *nats.Msg) {
	tokens := strings.Split(asked.Subject, ".")
	if !strings.HasPrefix(asked.Reply, "_INBOX."+tokens[2]+".") {
		d.Logger.Warn("question of an auditor with a foreign reply subject dropped", "account", tokens[2])
		return
	}
	ctx, cancel := context.WithTimeout(ctx, askPatience)
	defer cancel()
	reply := nats.NewMsg(asked.Reply)
	var err error
	reply.Data, err = d.answer(ctx, tokens[3], asked.Data)
	if err != nil {
		reply.Data = nil
		reply.Header.Set(headerError, strings.ReplaceAll(err.Error(), "\n", "; "))
		var damage *transparency.Damage
		if errors.As(err, &damage) {
			reply.Header.Set(headerDamage, strconv.FormatUint(damage.Sequence, 10))
			reply.Header.Set(headerError, damage.Reason)
		}
	}
	if err := d.Conn.PublishMsg(reply); err != nil {
		d.Logger.Warn("answer to an auditor not sent", "error", err)
	}
}

var errQuestion = errors.New("audit: there is no such question")

func (d *Door) answer(ctx context.Context, name string, body []byte) ([]byte, error) {
	var asked question
	if err := json.Unmarshal(body, &asked, json.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("%w: %w", errQuestion, err)
	}
	switch name {
	case askEnd:
		last, err := d.Store.LastSequence(ctx)
		if err != nil {
			return nil, err
		}
		return json.Marshal(endAnswer{Last: last})
	case askEntries:
		return d.entries(ctx, asked)
	case askCheckpoints:
		some, position, err := d.Checkpoints.After(ctx, asked.After)
		if err != nil {
			return nil, err
		}
		return json.Marshal(checkpointsAnswer{Checkpoints: some, Position: position})
	case askFile:
		return d.file(asked.Path)
	default:
		return nil, errQuestion
	}
}

// errFull ends a reading when the answer is full.
var errFull = errors.New("audit: the answer is full")

func (d *Door) entries(ctx context.Context, asked question) ([]byte, error) {
	var packed []byte
	take := func(entry transparency.Entry) (err error) {
		before := len(packed)
		packed, err = transparency.AppendPacked(packed, entry)
		if err == nil && before > 0 && len(packed) > maxPacked {
			packed, err = packed[:before], errFull
		}
		return err
	}
	var err error
	if asked.Stream == "" {
		var last uint64
		if last, err = d.Store.LastSequence(ctx); err == nil {
			err = d.Store.Entries(ctx, asked.After, min(last, asked.After+maxEntries), take)
		}
	} else {
		err = d.ofStream(ctx, asked, take)
	}
	if err != nil && len(packed) > 0 { // what is good first; the next question meets the rest
		err = nil
	}
	return packed, err
}

func (d *Door) ofStream(ctx context.Context, asked question, take func(transparency.Entry) error) error {
	stream, err := eventstore.ParseStreamID(asked.Stream)
	if err != nil {
		return fmt.Errorf("%w: %w", errQuestion, err)
	}
	entries, err := d.Store.EntriesOf(ctx, stream)
	for _, entry := range entries {
		if err == nil && entry.Sequence > asked.After {
			err = take(entry)
		}
	}
	return err
}

// file gives what proves something about the log without showing an event.
func (d *Door) file(path string) ([]byte, error) {
	open := path == "checkpoint" || path == "key" ||
		strings.HasPrefix(path, "tile/") && !strings.HasPrefix(path, "tile/entries/")
	if !open || !fs.ValidPath(path) {
		return nil, errQuestion
	}
	info, err := fs.Stat(d.Files, path)
	if err != nil {
		return nil, errors.New("audit: there is no file " + path)
	}
	if info.IsDir() || info.Size() > maxFile {
		return nil, errQuestion
	}
	return fs.ReadFile(d.Files, path)
}
