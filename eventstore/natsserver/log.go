package natsserver

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
)

// maxComplaints bounds what is kept of the log while the server starts.
const maxComplaints = 16

// serverLog passes the server's log on. Until forget it also keeps what the server
// complained about, because the server reports a failed start nowhere else.
type serverLog struct {
	logger *slog.Logger

	mu      sync.Mutex
	kept    []string
	died    string // first fatal line
	started bool
}

func (l *serverLog) write(level slog.Level, format string, v []any) string {
	line := strings.TrimSpace(fmt.Sprintf(format, v...))
	l.logger.Log(context.Background(), level, "nats: "+line)
	return line
}

func (l *serverLog) keep(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.started && len(l.kept) < maxComplaints {
		l.kept = append(l.kept, line)
	}
}

func (l *serverLog) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kept, l.started = nil, true
}

func (l *serverLog) complaints() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.kept, "; ")
}

func (l *serverLog) fatal() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.died
}

// Fatalf implements server.Logger.
func (l *serverLog) Fatalf(format string, v ...any) {
	line := l.write(slog.LevelError, format, v)
	l.keep(line)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.died == "" {
		l.died = line
	}
}

// Errorf implements server.Logger.
func (l *serverLog) Errorf(format string, v ...any) { l.keep(l.write(slog.LevelError, format, v)) }

// Warnf implements server.Logger.
func (l *serverLog) Warnf(format string, v ...any) { l.keep(l.write(slog.LevelWarn, format, v)) }

// Noticef implements server.Logger. What the server finds notable is detail here.
func (l *serverLog) Noticef(format string, v ...any) { l.write(slog.LevelDebug, format, v) }

// Debugf implements server.Logger.
func (l *serverLog) Debugf(format string, v ...any) { l.write(slog.LevelDebug, format, v) }

// Tracef implements server.Logger.
func (l *serverLog) Tracef(format string, v ...any) { l.write(slog.LevelDebug, format, v) }
