package telemetry_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/cmd/pushledger/internal/telemetry"
)

// lines are what was written; the summaries come from goroutines of their own.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(line)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func outside(into *lines) (*telemetry.Outside, *slog.Logger) {
	handler := telemetry.NewOutside(slog.NewTextHandler(into, &slog.HandlerOptions{ReplaceAttr: func(_ []string, attr slog.Attr) slog.Attr {
		if attr.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return attr
	}}))
	return handler, slog.New(handler)
}

// F54: whoever does something forbidden twenty thousand times fills no log.
func TestOneLineAKindAndMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var written lines
		handler, log := outside(&written)
		defer func() { require.NoError(t, handler.Close()) }()
		for i := range 20_000 {
			log.Warn(fmt.Sprintf(`nats: 10.0.%d.7:%d - cid:%d - "v1.49" - Publish Violation - User "anna%d", Subject "push.evt.%d"`, i%9, i, i, i, i))
			log.With("remote", i).Warn("notification refused", "error", "forged")
		}
		require.Equal(t, 2, strings.Count(written.String(), "\n"))
		require.Equal(t, 39_998.0, handler.LeftOut())

		time.Sleep(61 * time.Second)
		synctest.Wait()

		told := strings.Split(strings.TrimSpace(written.String()), "\n")
		require.Len(t, told, 4)
		require.Contains(t, strings.Join(told[2:], "\n"), `msg="notification refused" remote=19999 error=forged more=19999`)
		require.Contains(t, strings.Join(told[2:], "\n"), `push.evt.19999`)

		time.Sleep(2 * time.Minute)
		synctest.Wait()
		log.Warn("notification refused", "error", "again")
		require.Equal(t, 5, strings.Count(written.String(), "\n"), "once it is quiet, the next line is told at once")
	})
}

func TestWhatWasLeftOutIsToldAtTheEnd(t *testing.T) {
	var written lines
	handler, log := outside(&written)
	log.Info("client refused", "reason", "no token")
	log.Info("client refused", "reason", "expired")
	log.Error("client refused")
	require.Equal(t, 2, strings.Count(written.String(), "\n"), "another level is another kind")
	require.NoError(t, handler.Close())
	require.Contains(t, written.String(), `msg="client refused" reason=expired more=1`)
	log.Info("client refused")
	require.Equal(t, 4, strings.Count(written.String(), "\n"))
}

// Nobody can make up kinds without end.
func TestKindsAreBounded(t *testing.T) {
	var written lines
	handler, log := outside(&written)
	defer func() { require.NoError(t, handler.Close()) }()
	word := func(i int) string { return strings.Repeat("a", i+1) }
	for i := range 1000 {
		log.Warn("strange " + word(i))
	}
	require.LessOrEqual(t, strings.Count(written.String(), "\n"), 65)
}
