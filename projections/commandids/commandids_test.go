package commandids_test

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/pushledger/pushledger/aggregates"
	"github.com/pushledger/pushledger/aggregates/catalog"
	"github.com/pushledger/pushledger/aggregates/listing"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/eventstore"
	"github.com/pushledger/pushledger/eventstore/memory"
	"github.com/pushledger/pushledger/projections"
	"github.com/pushledger/pushledger/projections/commandids"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestACommandIsFoundByItsAccountAndID(t *testing.T) {
	log := memory.New(eventstore.NewRegistry(catalog.Events()...), time.Now)
	offered, withdrawn, step := uuid.NewString(), uuid.NewString(), uuid.NewString()
	write := func(metadata eventstore.Metadata, changes ...eventstore.Change) {
		_, err := log.Append(t.Context(), metadata, changes...)
		require.NoError(t, err)
	}
	stream := eventstore.StreamID{Kind: "push", Key: "p-1"}
	write(eventstore.Metadata{CommandID: offered, CommandHash: "hash", Actor: "anna"},
		eventstore.Change{Stream: eventstore.StreamID{Kind: "domain", Key: "one"}, Events: []aggregates.Event{listing.Reserved{PushID: "p-1"}}},
		eventstore.Change{Stream: stream, Events: []aggregates.Event{push.Offered{PushID: "p-1"}}})
	write(eventstore.Metadata{CommandID: step, Actor: "service"}, eventstore.Change{Stream: stream, Expect: 2, Events: []aggregates.Event{push.PaymentOpened{}}})
	write(eventstore.Metadata{CommandID: withdrawn, CommandHash: "hash", Actor: "anna"},
		eventstore.Change{Stream: stream, Expect: 3, Events: []aggregates.Event{push.Withdrawn{}}})

	path := filepath.Join(t.TempDir(), "commands.db")
	for _, process := range []string{"that folds", "that learns what another has folded"} {
		t.Run("a process "+process, func(t *testing.T) {
			index, err := commandids.OpenIndex(func(model projections.Model) (*projections.Served, error) {
				return projections.OpenServed(t.Context(), path, model, log, slog.New(slog.DiscardHandler))
			})
			require.NoError(t, err)
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- index.Run(ctx) }()
			defer func() { stop(); require.NoError(t, errors.Join(<-ended, index.Close())) }()
			require.NoError(t, index.WaitReady(t.Context()))
			ask := func(t *testing.T) {
				t.Helper()
				for _, known := range []struct {
					account, id string
					found       bool
				}{
					{"anna", offered, true},
					{"anna", withdrawn, true},
					{"bo", offered, false},
					{"anna", uuid.NewString(), false},
					{"service", step, false},
				} {
					id, found, err := index.PushOf(t.Context(), known.account, known.id)
					require.NoError(t, err)
					require.Equal(t, known.found, found, known)
					if found {
						require.Equal(t, "p-1", id)
					}
				}
			}
			ask(t)
			index.Learn(t.Context())
			ask(t)
		})
	}
}
