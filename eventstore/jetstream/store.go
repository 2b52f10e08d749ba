// Package jetstream keeps the ledger's log in the JetStream stream PUSH_EVENTS, one
// literal subject an aggregate. Appends that wait at the same time leave in one atomic
// batch with one sync to disk; what each of them expects is checked by the server, so
// an append that lost a race fails alone.
package jetstream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/pushledger/pushledger/eventstore"
)

// Names of the log in JetStream.
const (
	StreamName    = "PUSH_EVENTS"
	SubjectPrefix = "push.evt."
)

// Options of a store.
type Options struct {
	// GroupSize is how many events may leave in one batch, at most what the server
	// takes; 0 means 1,000, the least that every server takes.
	GroupSize int
	// NewKind is the kind of stream to which appends are mostly the first one. Which of
	// them exist is then kept in memory, some 15 bytes each, for Unseen, once Learn has
	// been told; empty: none.
	NewKind string
}

const (
	queueLength     = 4096             // appends waiting; more are told to come back
	maxGroupBytes   = 8 << 20          // of event bodies in one group, but for an append that is larger by itself
	maxHeads        = 16 << 10         // streams remembered in one generation
	callPatience    = 10 * time.Second // for one answer of the server
	duplicateWindow = time.Second      // as short as useful: nothing relies on it
)

// Store is an eventstore.Store on JetStream. It is safe for concurrent use.
type Store struct {
	conn      *nats.Conn
	js        jetstream.JetStream
	direct    *direct
	registry  *eventstore.Registry
	groupSize int
	heads     heads // owned by the committer
	queue     chan *waiting
	lookups   chan *lookup
	closing   chan struct{}
	closeOnce sync.Once
	stopped   chan struct{} // closed when the committer has ended
	feed      *feed
	known     *knownStreams
	reading   sync.WaitGroup
	stopReads context.CancelFunc
}

var _ eventstore.Store = (*Store)(nil)

// Open makes the stream if it is missing and starts to take appends. A stream of other
// settings than the ledger's is refused: they would allow history to be lost.
func Open(ctx context.Context, conn *nats.Conn, registry *eventstore.Registry, options Options) (*Store, error) {
	js, err := jetstream.New(conn, jetstream.WithDefaultTimeout(callPatience))
	if err != nil {
		return nil, fmt.Errorf("jetstream: %w", err)
	}
	if err := ensureStream(ctx, js); err != nil {
		return nil, err
	}
	direct, err := newDirect(conn)
	if err != nil {
		return nil, err
	}
	size := options.GroupSize
	if size == 0 {
		size = eventstore.MaxEventsPerAppend
	}
	state, err := js.Stream(ctx, StreamName)
	if err != nil {
		return nil, fmt.Errorf("jetstream: %w", err)
	}
	reads, stopReads := context.WithCancel(context.Background())
	store := &Store{
		feed: newFeed(state.CachedInfo().State.LastSeq), known: newKnownStreams(options.NewKind), stopReads: stopReads,
		conn: conn, js: js, direct: direct, registry: registry, groupSize: max(size, eventstore.MaxEventsPerAppend),
		queue: make(chan *waiting, queueLength), lookups: make(chan *lookup, lookupsAhead), closing: make(chan struct{}), stopped: make(chan struct{}),
	}
	go store.commitGroups()
	store.reading.Go(store.answerLookups)
	store.reading.Go(func() { store.readFeed(reads) })
	return store, nil
}

// Close waits for the group under way. Appends that still wait and all later calls are
// told ErrUnavailable. The connection stays with its owner.
func (s *Store) Close() {
	s.closeOnce.Do(func() {
		close(s.closing)
		<-s.stopped
		s.direct.close()
		s.stopReads()
		s.reading.Wait()
	})
}

func streamConfig() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name: StreamName, Description: "every event of the ledger, for ever",
		Subjects: []string{SubjectPrefix + ">"}, Storage: jetstream.FileStorage, Replicas: 1,
		Retention: jetstream.LimitsPolicy, Discard: jetstream.DiscardNew,
		MaxMsgs: -1, MaxBytes: -1, MaxMsgsPerSubject: -1, MaxMsgSize: -1, MaxConsumers: -1,
		DenyDelete: true, DenyPurge: true, AllowDirect: true, AllowAtomicPublish: true,
		Duplicates: duplicateWindow,
	}
}

func ensureStream(ctx context.Context, js jetstream.JetStream) error {
	stream, err := js.Stream(ctx, StreamName)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		stream, err = js.CreateStream(ctx, streamConfig())
	}
	if err != nil {
		return fmt.Errorf("jetstream: open stream %s: %w", StreamName, err)
	}
	return checkConfig(stream.CachedInfo().Config)
}

// checkConfig refuses a stream whose settings break a promise of the ledger.
func checkConfig(is jetstream.StreamConfig) error {
	for _, demand := range []struct {
		broken bool
		reason string
	}{
		{!is.DenyDelete || !is.DenyPurge || is.AllowRollup, "it may delete"},
		{is.MaxAge != 0 || is.MaxMsgs > 0 || is.MaxBytes > 0 || is.MaxMsgsPerSubject > 0, "it forgets by age, size or number"},
		{is.AllowMsgTTL || is.AllowMsgSchedules || is.AllowMsgCounter, "it lets messages expire, be scheduled or count"},
		{is.Storage != jetstream.FileStorage, "it is not kept in files"},
		{is.PersistMode == jetstream.AsyncPersistMode || is.NoAck, "it acknowledges before it has synced"},
		{!is.AllowAtomicPublish || !is.AllowDirect, "it lacks atomic batches or direct reads"},
		{is.Retention != jetstream.LimitsPolicy || is.Discard != jetstream.DiscardNew || is.Sealed, "it drops or refuses messages"},
		{is.MaxMsgSize > 0, "it refuses large messages"},
		{!slices.Equal(is.Subjects, []string{SubjectPrefix + ">"}) || is.SubjectTransform != nil, "its subjects are not the ledger's"},
		{is.Mirror != nil || len(is.Sources) > 0, "it takes messages from other streams"},
		{is.RePublish != nil, "it passes events on"},
	} {
		if demand.broken {
			return fmt.Errorf("jetstream: stream %s cannot hold the ledger: %s", StreamName, demand.reason)
		}
	}
	return nil
}

func subject(stream eventstore.StreamID) string { return SubjectPrefix + stream.String() }

// streamOf reads what subject wrote. A subject of anybody else's is no stream.
func streamOf(subject string) (eventstore.StreamID, error) {
	name, ours := strings.CutPrefix(subject, SubjectPrefix)
	if !ours {
		return eventstore.StreamID{}, fmt.Errorf("jetstream: subject %.200q does not begin with %s", subject, SubjectPrefix)
	}
	return eventstore.ParseStreamID(name)
}
