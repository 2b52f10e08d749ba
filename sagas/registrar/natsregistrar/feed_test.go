package natsregistrar_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/sagas/registrar"
	"github.com/pushledger/pushledger/sagas/registrar/natsregistrar"
)

// errorCounter is a log that counts the errors.
type errorCounter struct {
	slog.Handler
	errors atomic.Int32
}

func (c *errorCounter) Enabled(context.Context, slog.Level) bool { return true }

func (c *errorCounter) Handle(_ context.Context, record slog.Record) error {
	if record.Level >= slog.LevelError {
		c.errors.Add(1)
	}
	return nil
}

type feed struct {
	js      jetstream.JetStream
	log     *errorCounter
	handled chan string // ids of events that were handled
	fail    atomic.Int32
	keeper  natsregistrar.Keeper
}

// kept is a keeper in memory.
type kept struct{ data atomic.Pointer[[]byte] }

func (k *kept) Load() ([]byte, error) {
	if data := k.data.Load(); data != nil {
		return *data, nil
	}
	return nil, nil
}

func (k *kept) Save(data []byte) error {
	k.data.Store(&data)
	return nil
}

func openFeed(t *testing.T) *feed {
	t.Helper()
	conn := connect(t)
	js, err := jetstream.New(conn)
	require.NoError(t, err)
	for range 2 { // the second time it is there
		require.NoError(t, natsregistrar.EnsureStream(t.Context(), js))
	}
	taken, err := natsregistrar.OpenIntake(conn, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, taken.Close()) })
	return &feed{js: js, log: &errorCounter{}, handled: make(chan string, 100)}
}

func (f *feed) publish(t *testing.T, body string) {
	t.Helper()
	_, err := f.js.Publish(t.Context(), "registrar.event.deleted", []byte(body))
	require.NoError(t, err)
}

func event(id string) string {
	return fmt.Sprintf(`{"event_id":%q,"kind":"deleted","domain":"a.com","at":"2026-01-02T03:04:05Z"}`, id)
}

// follow runs the feed until the returned function is called. Handling fails while
// fail is above zero.
func (f *feed) follow(t *testing.T) func() {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- natsregistrar.NewFeed(f.js, "reader", f.keeper, slog.New(f.log)).Follow(ctx, func(_ context.Context, event registrar.Event) error {
			if f.fail.Add(-1) >= 0 {
				return errors.New("not now")
			}
			f.handled <- event.ID
			return nil
		})
	}()
	return func() {
		cancel()
		require.NoError(t, <-ended)
	}
}

func (f *feed) next(t *testing.T) string {
	t.Helper()
	select {
	case id := <-f.handled:
		return id
	case <-time.After(patience):
		require.FailNow(t, "no event came")
		return ""
	}
}

// settled waits until the server owes the reader nothing.
func (f *feed) settled(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool {
		consumer, err := f.js.Consumer(t.Context(), natsregistrar.Stream, "reader")
		if err != nil {
			return false
		}
		info := consumer.CachedInfo()
		return info.NumPending == 0 && info.NumAckPending == 0
	}, patience, 10*time.Millisecond)
}

func TestFeedDeliversAgainWhatFailed(t *testing.T) {
	f := openFeed(t)
	f.fail.Store(2)
	f.publish(t, event("e-1"))
	stop := f.follow(t)
	require.Equal(t, "e-1", f.next(t))
	f.settled(t)
	stop()
	require.Empty(t, f.handled, "handled once is enough")
	require.Zero(t, f.log.errors.Load())
}

func TestFeedParksRubbish(t *testing.T) {
	f := openFeed(t)
	f.publish(t, `rubbish`)
	f.publish(t, event("e-1"))
	stop := f.follow(t)
	require.Equal(t, "e-1", f.next(t))
	f.settled(t)
	stop()
	require.Equal(t, int32(1), f.log.errors.Load(), "the parked one is logged, once")
	stream, err := f.js.Stream(t.Context(), natsregistrar.Stream)
	require.NoError(t, err)
	parked, err := stream.GetMsg(t.Context(), 1)
	require.NoError(t, err)
	require.Equal(t, "rubbish", string(parked.Data), "and kept for whoever looks into it")
}

func TestFeedGoesOnWhereItStopped(t *testing.T) {
	f := openFeed(t)
	stop := f.follow(t)
	f.publish(t, event("e-1"))
	require.Equal(t, "e-1", f.next(t))
	f.settled(t)
	stop()
	f.publish(t, event("e-2"))
	stop = f.follow(t)
	require.Equal(t, "e-2", f.next(t))
	f.settled(t)
	stop()
	require.Empty(t, f.handled)
}

func TestOneFailingEventHoldsNothingUp(t *testing.T) {
	f := openFeed(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- natsregistrar.NewFeed(f.js, "reader", f.keeper, slog.New(f.log)).Follow(ctx, func(_ context.Context, event registrar.Event) error {
			if event.ID == "bad" {
				return errors.New("never")
			}
			f.handled <- event.ID
			return nil
		})
	}()
	f.publish(t, event("bad"))
	f.publish(t, event("good"))
	require.Equal(t, "good", f.next(t))
	cancel()
	require.NoError(t, <-ended)
}

func TestFeedSurvivesTheLossOfItsConsumer(t *testing.T) {
	f := openFeed(t)
	stop := f.follow(t)
	f.publish(t, event("e-1"))
	require.Equal(t, "e-1", f.next(t))
	require.NoError(t, f.js.DeleteConsumer(t.Context(), natsregistrar.Stream, "reader"))
	f.publish(t, event("e-2"))
	next := f.next(t)
	if next == "e-1" { // its handling was not noted yet
		next = f.next(t)
	}
	require.Equal(t, "e-2", next, "a consumer made anew begins behind what is handled")
	stop()
}

func TestFeedWithoutAStreamFails(t *testing.T) {
	js, err := jetstream.New(connect(t))
	require.NoError(t, err)
	err = natsregistrar.NewFeed(js, "reader", nil, slog.New(slog.DiscardHandler)).Follow(t.Context(), nil)
	require.ErrorIs(t, err, jetstream.ErrStreamNotFound)
}

// A stream of an earlier version captured what the registrar publishes by itself. What is
// in it is still handed out, and from now on only the service writes into it.
func TestAnEarlierStreamIsTakenOver(t *testing.T) {
	conn := connect(t)
	js, err := jetstream.New(conn)
	require.NoError(t, err)
	_, err = js.CreateStream(t.Context(), jetstream.StreamConfig{Name: natsregistrar.Stream, Subjects: []string{"registrar.event.>"}, MaxMsgs: 77})
	require.NoError(t, err)
	f := &feed{js: js, log: &errorCounter{}, handled: make(chan string, 100)}
	f.publish(t, event("early"))
	require.NoError(t, natsregistrar.EnsureStream(t.Context(), js))
	stream, err := js.Stream(t.Context(), natsregistrar.Stream)
	require.NoError(t, err)
	require.Equal(t, []string{"registrar.kept.*"}, stream.CachedInfo().Config.Subjects)
	require.EqualValues(t, 77, stream.CachedInfo().Config.MaxMsgs, "the rest is left as it is")

	taken, err := natsregistrar.OpenIntake(conn, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, taken.Close()) })
	f.publish(t, event("late"))
	stop := f.follow(t)
	require.ElementsMatch(t, []string{"early", "late"}, []string{f.next(t), f.next(t)})
	stop()
}

// F56: the server's own account of what was handled has no checksum and is not needed.
func TestTheFeedGoesOnWithoutItsConsumer(t *testing.T) {
	f := openFeed(t)
	position := new(kept)
	f.keeper = position
	stop := f.follow(t)
	for _, id := range []string{"e1", "e2", "e3"} {
		f.publish(t, event(id))
		require.Equal(t, id, <-f.handled)
	}
	stop()
	require.NoError(t, f.js.DeleteConsumer(t.Context(), natsregistrar.Stream, "reader"))
	f.publish(t, event("e4"))

	stop = f.follow(t)

	require.Equal(t, "e4", <-f.handled, "what was handled does not come again")
	stop()
	require.NoError(t, f.js.DeleteConsumer(t.Context(), natsregistrar.Stream, "reader"))
	beyond := []byte("1000")
	position.data.Store(&beyond) // of another stream
	stop = f.follow(t)
	again := []string{<-f.handled, <-f.handled, <-f.handled, <-f.handled}
	require.ElementsMatch(t, []string{"e1", "e2", "e3", "e4"}, again)
	stop()
}
