package telemetry

import (
	"context"
	"log/slog"
	"regexp"
	"sync"
	"sync/atomic"
	"time"
)

const (
	linePeriod = time.Minute
	maxKinds   = 64 // of lines that are told apart
	otherKind  = "…"
)

// Outside is a slog.Handler for lines that strangers can cause as often as they like: of each
// kind it passes one line a minute on, and at the end of the minute the last one of those that
// it has left out, with their number as "more". It is safe for concurrent use.
type Outside struct {
	next  slog.Handler
	lines *lines
}

// lines are the kinds of lines of the last minute.
type lines struct {
	leftOut atomic.Uint64

	mu     sync.Mutex
	kinds  map[string]*kind
	closed bool
}

// kind is lines that differ in numbers, names and addresses only.
type kind struct {
	more  uint64 // left out since the last line was passed on
	last  slog.Record
	next  slog.Handler // for the last one
	timer *time.Timer
}

// NewOutside passes lines on to next. Close has it tell what it has left out.
func NewOutside(next slog.Handler) *Outside {
	return &Outside{next: next, lines: &lines{kinds: make(map[string]*kind)}}
}

// LeftOut is how many lines were left out so far.
func (o *Outside) LeftOut() float64 { return float64(o.lines.leftOut.Load()) }

// Enabled implements slog.Handler.
func (o *Outside) Enabled(ctx context.Context, level slog.Level) bool {
	return o.next.Enabled(ctx, level)
}

// WithAttrs implements slog.Handler.
func (o *Outside) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &Outside{next: o.next.WithAttrs(attrs), lines: o.lines}
}

// WithGroup implements slog.Handler.
func (o *Outside) WithGroup(name string) slog.Handler {
	return &Outside{next: o.next.WithGroup(name), lines: o.lines}
}

// Handle implements slog.Handler.
func (o *Outside) Handle(ctx context.Context, record slog.Record) error {
	if !o.lines.first(record, o.next) {
		return nil
	}
	return o.next.Handle(ctx, record)
}

// first reports whether a line is the first of its kind in its minute.
func (l *lines) first(record slog.Record, next slog.Handler) bool {
	name := kindOf(record)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return true
	}
	known := l.kinds[name]
	if known == nil && len(l.kinds) >= maxKinds {
		name = otherKind
		known = l.kinds[name]
	}
	if known != nil {
		known.more++
		known.last, known.next = record.Clone(), next
		l.leftOut.Add(1)
		return false
	}
	l.kinds[name] = &kind{timer: time.AfterFunc(linePeriod, func() { l.over(name) })}
	return true
}

// over ends the minute of a kind, and begins another one if there was more of it.
func (l *lines) over(name string) {
	l.mu.Lock()
	known := l.kinds[name]
	if known == nil { // closed meanwhile
		l.mu.Unlock()
		return
	}
	if known.more == 0 {
		delete(l.kinds, name)
		l.mu.Unlock()
		return
	}
	record, next := known.summary(), known.next
	known.more = 0
	known.timer.Reset(linePeriod)
	l.mu.Unlock()
	_ = next.Handle(context.Background(), record) // nobody hears of a log that cannot be written
}

// summary is the last line, with the number of those that were left out.
func (k *kind) summary() slog.Record {
	record := k.last
	record.AddAttrs(slog.Uint64("more", k.more))
	return record
}

// Close tells what was left out. Lines that come later are passed on as they are.
func (o *Outside) Close() error {
	l := o.lines
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for _, known := range l.kinds {
		known.timer.Stop()
		if known.more > 0 {
			_ = known.next.Handle(context.Background(), known.summary()) // as above
		}
	}
	clear(l.kinds)
	return nil
}

// variable is what differs between lines of one kind: the client of the NATS server with its
// address, quoted texts, and everything with a digit in it.
var variable = regexp.MustCompile(`^(nats: )\S+ - cid:\d+( - "[^"]*")?|"(?:[^"\\]|\\.)*"|\S*\d\S*`)

func kindOf(record slog.Record) string {
	return record.Level.String() + " " + variable.ReplaceAllString(record.Message, "$1")
}
