package jetstream_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/eventstore"
	"github.com/pushledger/pushledger/eventstore/jetstream"
	"github.com/pushledger/pushledger/eventstore/storetest"
)

// stored makes a log of n events and gives a store that has written none of them: what it
// follows, it reads from the server.
func stored(t *testing.T, n int, text string) (*nats.Conn, *jetstream.Store) {
	t.Helper()
	const together = 250
	conn, _ := start(t, t.TempDir())
	writer := open(t, conn)
	for first := 0; first < n; first += together {
		change := note(fmt.Sprintf("n%d", first), 0, text)
		for i := 1; i < min(together, n-first); i++ {
			change.Events = append(change.Events, storetest.Noted{Text: text})
		}
		_, err := writer.Append(t.Context(), eventstore.Metadata{}, change)
		require.NoError(t, err)
	}
	return conn, open(t, conn)
}

var errSeenAll = errors.New("seen all")

// followTo follows from the first event until the last one of n and requires every one of
// them in order. It calls before ahead of each, whose error is returned.
func followTo(ctx context.Context, t *testing.T, store *jetstream.Store, n int, before func(uint64) error) error {
	t.Helper()
	position := uint64(0)
	return store.Follow(ctx, 0, func(recorded eventstore.Recorded) error {
		if err := before(recorded.Sequence); err != nil {
			return err
		}
		if recorded.Sequence != position+1 {
			return fmt.Errorf("%d after %d", recorded.Sequence, position)
		}
		if position++; position == uint64(n) { // #nosec G115 -- a count
			return errSeenAll
		}
		return nil
	}, nil)
}

func TestAFollowerGoesOnWhenItsConsumerIsDeleted(t *testing.T) {
	const n = 12_000 // more than are asked for ahead
	conn, store := stored(t, n, "x")
	js, err := natsjs.New(conn)
	require.NoError(t, err)
	stream, err := js.Stream(t.Context(), jetstream.StreamName)
	require.NoError(t, err)
	deleted := 0
	err = followTo(t.Context(), t, store, n, func(sequence uint64) error {
		if sequence != 10 {
			return nil
		}
		for name := range stream.ConsumerNames(t.Context()).Name() {
			if err := stream.DeleteConsumer(t.Context(), name); err != nil {
				return err
			}
			deleted++
		}
		return nil
	})
	require.ErrorIs(t, err, errSeenAll)
	require.NotZero(t, deleted) // the feeds of both stores among them
}

func TestAFollowerEndsWhenTheConnectionIsClosed(t *testing.T) {
	const n = 12_000
	conn, store := stored(t, n, "x")
	err := followTo(t.Context(), t, store, n, func(sequence uint64) error {
		if sequence == 10 {
			conn.Close()
		}
		return nil
	})
	require.ErrorIs(t, err, eventstore.ErrUnavailable)
}

func TestFollowingHasNotEndedWhileAnEventIsHandled(t *testing.T) {
	const n = 1000
	_, store := stored(t, n, "x")
	ctx, cancel := context.WithCancel(t.Context())
	handled := false
	err := followTo(ctx, t, store, n, func(sequence uint64) error {
		if sequence == 10 {
			cancel()
			time.Sleep(200 * time.Millisecond) // in which a follower that does not wait would return
			handled = true
		}
		return nil
	})
	require.ErrorIs(t, err, context.Canceled)
	require.True(t, handled)
}

func TestAFollowerReadsLargeEventsInOrder(t *testing.T) {
	const n = 40 // some 20 MB: more than is asked for at once
	_, store := stored(t, n, strings.Repeat("x", eventstore.MaxEventBytes-1000))
	require.ErrorIs(t, followTo(t.Context(), t, store, n, func(uint64) error { return nil }), errSeenAll)
}
