package app

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/eventstore"
	"github.com/pushledger/pushledger/eventstore/memory"
	"github.com/pushledger/pushledger/eventstore/transparency"
)

// one is a log with one event in it, until it is cut.
type one struct{ cut bool }

func (o *one) LastSequence(context.Context) (uint64, error) {
	if o.cut {
		return 0, nil
	}
	return 1, nil
}

func (o *one) Entries(_ context.Context, _, _ uint64, handle func(transparency.Entry) error) error {
	return handle(transparency.Entry{Stream: "PUSH_EVENTS", Subject: "push.evt.push.p", Sequence: 1, Time: time.Unix(1, 0)})
}

func signed(t *testing.T, log *one) *transparency.Log {
	t.Helper()
	dir := t.TempDir()
	tree, err := transparency.Open(transparency.Options{
		Dir: filepath.Join(dir, "tiles"), KeyFile: filepath.Join(dir, "key"), Interval: time.Millisecond, Logger: slog.New(slog.DiscardHandler),
		Publish: func(context.Context, transparency.Checkpoint, string) error { return nil },
	})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- tree.Run(ctx, func(ctx context.Context, _ uint64, handle func(transparency.Entry) error) error {
			err := log.Entries(ctx, 0, 1, handle)
			<-ctx.Done()
			return errors.Join(err, ctx.Err())
		})
	}()
	require.Eventually(t, func() bool { return tree.Checkpoint().Size == 1 }, 10*time.Second, time.Millisecond)
	cancel()
	require.NoError(t, <-ended)
	return tree
}

// F40: on a damaged log nothing new is acknowledged, and the service says so.
func TestADamagedLogTakesNothingAndIsNotReady(t *testing.T) {
	log := &one{}
	tree := signed(t, log)
	service := &Service{audit: &auditing{log: tree}}
	store := sealed{Store: memory.New(eventstore.NewRegistry(), time.Now), sound: service.sound}
	ready := func() *httptest.ResponseRecorder {
		answer := httptest.NewRecorder()
		fine := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
		service.readiness(fine).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/readyz", http.NoBody))
		return answer
	}
	_, err := store.Append(t.Context(), eventstore.Metadata{})
	require.Error(t, err)
	require.NotErrorIs(t, err, eventstore.ErrUnavailable, "the store itself refuses an empty append")
	require.Equal(t, http.StatusOK, ready().Code)

	log.cut = true
	require.Error(t, tree.Guard(t.Context(), log))

	_, err = store.Append(t.Context(), eventstore.Metadata{})
	require.ErrorIs(t, err, eventstore.ErrUnavailable)
	require.Equal(t, http.StatusServiceUnavailable, ready().Code)
	require.Contains(t, ready().Body.String(), "first bad sequence 1")
}
