package jetstream

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/pushledger/pushledger/eventstore"
)

// Names of the signed checkpoints in JetStream.
const (
	CheckpointStream  = "PUSH_CHECKPOINTS"
	CheckpointSubject = "push.checkpoint"
	headerKey         = "Checkpoint-Key"
)

// SignedCheckpoint is a checkpoint as it was published. Nothing of it has been verified.
type SignedCheckpoint struct {
	Note []byte
	Key  string // the public key, as whoever published it says
}

// Checkpoints is the stream of signed checkpoints, from which nothing can be deleted. It
// is safe for concurrent use.
type Checkpoints struct {
	js     jetstream.JetStream
	stream jetstream.Stream
}

// OpenCheckpoints makes the stream if it is missing.
func OpenCheckpoints(ctx context.Context, conn *nats.Conn) (*Checkpoints, error) {
	js, err := jetstream.New(conn, jetstream.WithDefaultTimeout(callPatience))
	if err != nil {
		return nil, fmt.Errorf("jetstream: %w", err)
	}
	stream, err := js.Stream(ctx, CheckpointStream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		stream, err = js.CreateStream(ctx, jetstream.StreamConfig{
			Name: CheckpointStream, Description: "signed checkpoints of the ledger, for ever",
			Subjects: []string{CheckpointSubject}, Storage: jetstream.FileStorage, Replicas: 1,
			Retention: jetstream.LimitsPolicy, Discard: jetstream.DiscardNew,
			MaxMsgs: -1, MaxBytes: -1, MaxMsgsPerSubject: -1, MaxMsgSize: -1, MaxConsumers: -1,
			DenyDelete: true, DenyPurge: true, AllowDirect: true, Duplicates: duplicateWindow,
		})
	}
	if err != nil {
		return nil, fmt.Errorf("jetstream: open stream %s: %w", CheckpointStream, err)
	}
	is := stream.CachedInfo().Config
	if !is.DenyDelete || !is.DenyPurge || is.AllowRollup || is.MaxAge != 0 || is.MaxMsgs > 0 || is.MaxBytes > 0 ||
		!slices.Equal(is.Subjects, []string{CheckpointSubject}) {
		return nil, fmt.Errorf("jetstream: stream %s cannot keep checkpoints: it may delete, or its subjects are others", CheckpointStream)
	}
	return &Checkpoints{js: js, stream: stream}, nil
}

// Publish adds a checkpoint and returns once it has been stored.
func (c *Checkpoints) Publish(ctx context.Context, checkpoint SignedCheckpoint) error {
	message := nats.NewMsg(CheckpointSubject)
	message.Header.Set(headerKey, checkpoint.Key)
	message.Data = checkpoint.Note
	if _, err := c.js.PublishMsg(ctx, message); err != nil {
		return fmt.Errorf("%w: publish checkpoint: %w", eventstore.ErrUnavailable, err)
	}
	return nil
}

// Last is the newest checkpoint; false when there is none.
func (c *Checkpoints) Last(ctx context.Context) (SignedCheckpoint, bool, error) {
	message, err := c.stream.GetLastMsgForSubject(ctx, CheckpointSubject)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return SignedCheckpoint{}, false, nil
	}
	if err != nil {
		return SignedCheckpoint{}, false, fmt.Errorf("%w: last checkpoint: %w", eventstore.ErrUnavailable, err)
	}
	return SignedCheckpoint{Note: message.Data, Key: message.Header.Get(headerKey)}, true, nil
}

const checkpointsAtOnce = 500

// After gives some of the checkpoints that follow a position in their stream, oldest
// first, and the position of the last of them; none when there are no more. Where some
// cannot be read, although nothing is ever deleted, one without a Note stands for them.
func (c *Checkpoints) After(ctx context.Context, position uint64) ([]SignedCheckpoint, uint64, error) {
	var some []SignedCheckpoint
	for len(some) < checkpointsAtOnce {
		message, err := c.stream.GetMsg(ctx, position+1, jetstream.WithGetMsgSubject(CheckpointSubject))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return c.tail(ctx, some, position)
		}
		if err != nil {
			return nil, position, fmt.Errorf("%w: checkpoint %d: %w", eventstore.ErrUnavailable, position+1, err)
		}
		if message.Sequence != position+1 {
			some = append(some, SignedCheckpoint{})
		}
		some, position = append(some, SignedCheckpoint{Note: message.Data, Key: message.Header.Get(headerKey)}), message.Sequence
	}
	return some, position, nil
}

// tail ends a reading behind which nothing can be read: is that the end of the stream?
func (c *Checkpoints) tail(ctx context.Context, some []SignedCheckpoint, position uint64) ([]SignedCheckpoint, uint64, error) {
	info, err := c.stream.Info(ctx)
	if err != nil {
		return nil, position, fmt.Errorf("%w: end of the checkpoints: %w", eventstore.ErrUnavailable, err)
	}
	if info.State.LastSeq <= position {
		return some, position, nil
	}
	if _, err := c.stream.GetMsg(ctx, info.State.LastSeq); err == nil { // published meanwhile
		return some, position, nil
	}
	return append(some, SignedCheckpoint{}), info.State.LastSeq, nil
}
