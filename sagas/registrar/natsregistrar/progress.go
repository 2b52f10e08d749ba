package natsregistrar

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Keeper keeps a few bytes across restarts. Load returns nothing if nothing was kept;
// Save replaces what was kept, as a whole or not at all.
type Keeper interface {
	Load() ([]byte, error)
	Save(data []byte) error
}

const positionEvery = 10 * time.Second // what came after it is handled again after a crash

// progress is up to which event of the stream everything has been handled. The server's own
// account of that is not relied on: it has no checksum.
type progress struct {
	keeper Keeper // nil: each start begins at the first event that is kept

	mu      sync.Mutex
	pending map[uint64]bool // begun and not handled yet
	highest uint64          // begun
	saved   uint64
	savedAt time.Time
}

func newProgress(keeper Keeper) *progress {
	return &progress{keeper: keeper, pending: make(map[uint64]bool)}
}

// load finds where to go on. A position beyond the end of the stream is of another one.
func (p *progress) load(ctx context.Context, js jetstream.JetStream) error {
	if p.keeper == nil {
		return nil
	}
	data, err := p.keeper.Load()
	if err != nil || len(data) == 0 {
		return err
	}
	position, err := strconv.ParseUint(strings.TrimSpace(string(data)), 10, 64)
	if err != nil {
		return fmt.Errorf("natsregistrar: kept position: %w", err)
	}
	stream, err := js.Stream(ctx, Stream)
	if err != nil {
		return fmt.Errorf("natsregistrar: stream %s: %w", Stream, err)
	}
	if last := stream.CachedInfo().State.LastSeq; position > last {
		return fmt.Errorf("natsregistrar: kept position %d: %w, it ends at %d", position, errOtherStream, last)
	}
	p.highest, p.saved = position, position
	return nil
}

var errOtherStream = errors.New("it is of another stream")

func (p *progress) begin(sequence uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pending[sequence] = true
	p.highest = max(p.highest, sequence)
}

// end notes that an event has been handled, or parked.
func (p *progress) end(sequence uint64) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.pending, sequence)
	if time.Since(p.savedAt) < positionEvery {
		return nil
	}
	return p.save()
}

// position is the last event before which, itself included, all are handled.
func (p *progress) position() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.floor()
}

func (p *progress) floor() uint64 {
	floor := p.highest
	for sequence := range p.pending {
		floor = min(floor, sequence-1)
	}
	return floor
}

// stop saves the position for the next start.
func (p *progress) stop() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.save()
}

func (p *progress) save() error {
	floor := p.floor()
	if p.keeper == nil || floor == p.saved {
		return nil
	}
	if err := p.keeper.Save([]byte(strconv.FormatUint(floor, 10) + "\n")); err != nil {
		return fmt.Errorf("natsregistrar: keep the position: %w", err)
	}
	p.saved, p.savedAt = floor, time.Now()
	return nil
}
