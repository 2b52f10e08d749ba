package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/pushledger/pushledger/eventstore"
)

// requestCommit sends the last message of a batch and waits for its acknowledgement.
func requestCommit(ctx context.Context, conn *nats.Conn, message *nats.Msg) error {
	answer, err := conn.RequestMsgWithContext(ctx, message)
	if err != nil {
		return err
	}
	var said struct {
		Error *jetstream.APIError `json:"error"`
	}
	if err := json.Unmarshal(answer.Data, &said); err != nil {
		return err
	}
	if said.Error != nil {
		return said.Error
	}
	return nil
}

// Of the run that tells how many domains the measured ones need.
const (
	trialSpan  = 500 * time.Millisecond
	mostOffers = 30_000 // a second
	spare      = 2      // times as many domains as the offers of the trial's rate take
)

// writes measures single commands: W1, W2 and W3.
func writes(ctx context.Context, r *run) (err error) {
	r.Progress("start")
	_, size, err := r.trial(ctx, 1)
	if err != nil {
		return err
	}
	peer, err := startPlain(ctx, r.Options, size)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, peer.close()) }()
	if err := warmUp(ctx, peer.publish); err != nil {
		return err
	}
	if r.wanted("W1") || r.wanted("W3") {
		if err := r.throughput(ctx, peer, size); err != nil {
			return err
		}
	}
	if r.wanted("W2") {
		return r.latency(ctx, peer.batch)
	}
	return nil
}

// trial is how many offers a second a new service takes with a number of them in flight,
// and how many bytes an event of its log has.
func (r *run) trial(ctx context.Context, inFlight int) (rate float64, size int, err error) {
	ours, err := start(ctx, r.Options, int(2*mostOffers*trialSpan.Seconds()))
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, ours.close()) }()
	if err := warmUp(ctx, ours.offerOne); err != nil {
		return 0, 0, err
	}
	seen, err := load(ctx, inFlight, trialSpan, ours.offerOne)
	if err != nil {
		return 0, 0, err
	}
	size, err = eventSize(ctx, ours.service.Log())
	return seen.rate, size, err
}

// supplied is a service whose sellers own domains for all rounds with a number of offers
// in flight. It has not many more: the sandbox's registrar keeps them in the memory of the
// same process, which no service beside a real one would bear.
func (r *run) supplied(ctx context.Context, inFlight int) (*subject, error) {
	rate, _, err := r.trial(ctx, inFlight)
	if err != nil {
		return nil, err
	}
	ours, err := start(ctx, r.Options, int(spare*rate*rounds*r.span().Seconds()+mostOffers*trialSpan.Seconds()))
	if err != nil {
		return nil, err
	}
	if err := warmUp(ctx, ours.offerOne); err != nil {
		return nil, errors.Join(err, ours.close())
	}
	return ours, nil
}

const sizedEvents = 200 // of which the size is taken

// eventSize is how many bytes an event of the log has in the middle, headers included.
func eventSize(ctx context.Context, log eventstore.Store) (int, error) {
	total, seen := 0, 0
	err := log.Follow(ctx, 0, func(recorded eventstore.Recorded) error {
		entry := headerBytes + len(recorded.Type) + len(recorded.ID) + len(recorded.Body)
		for _, value := range []string{recorded.Metadata.CommandID, recorded.Metadata.CommandHash, recorded.Metadata.Actor, recorded.Metadata.Traceparent} {
			entry += len(value)
		}
		if total, seen = total+entry, seen+1; seen == sizedEvents {
			return errEnd
		}
		return nil
	}, nil)
	if !errors.Is(err, errEnd) {
		return 0, err
	}
	return total / seen, nil
}

// headerBytes is what the names of an event's headers take, with all that is around them.
const headerBytes = len("NATS/1.0\r\nNats-Msg-Id: \r\nEvent-Type: \r\nEvent-Version: 1\r\nCommand-Id: \r\nCommand-Hash: \r\nActor: \r\ntraceparent: \r\n\r\n")

func warmUp(ctx context.Context, calls ...func(context.Context, int) error) error {
	for _, call := range calls {
		if _, err := load(ctx, 16, 300*time.Millisecond, call); err != nil {
			return err
		}
	}
	return nil
}

// throughput is W1 at both concurrencies and W3 at the lower one.
func (r *run) throughput(ctx context.Context, peer *plain, size int) error {
	database, err := startPostgres(ctx, size)
	switch {
	case errors.Is(err, errNoPostgres):
		r.report.Missing = append(r.report.Missing, "W1 PostgreSQL: "+err.Error())
	case err != nil:
		return fmt.Errorf("PostgreSQL: %w", err)
	default:
		defer func() { _ = database.close() }() // its directory is thrown away in any case
		if err := warmUp(ctx, database.insert); err != nil {
			return fmt.Errorf("PostgreSQL: %w", err)
		}
	}
	for _, at := range []concurrency{
		{inFlight: 64, plain: 1, sql: 1.2, latencySpread: true},
		{inFlight: 512, plain: 4, sql: 3},
	} {
		if err := r.throughputAt(ctx, at, peer, database); err != nil {
			return err
		}
	}
	return nil
}

// concurrency is how many offers are in flight, and what is to come of it.
type concurrency struct {
	inFlight      int
	plain, sql    float64 // at least so many times their rate
	latencySpread bool
}

// throughputAt measures a service of its own in turns with the peers; database may be nil.
func (r *run) throughputAt(ctx context.Context, at concurrency, peer *plain, database *postgres) (err error) {
	ours, err := r.supplied(ctx, at.inFlight)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ours.close()) }()
	var offers, published, inserted, slow, middle []float64
	for round := range rounds {
		r.Progress(fmt.Sprintf("W1@%d round %d of %d", at.inFlight, round+1, rounds))
		own, err := load(ctx, at.inFlight, r.span(), ours.offerOne)
		if err != nil {
			return fmt.Errorf("offers: %w", err)
		}
		offers = append(offers, own.rate)
		slow, middle = append(slow, own.percentile(0.99)), append(middle, own.percentile(0.5))
		other, err := load(ctx, at.inFlight, r.span(), peer.publish)
		if err != nil {
			return fmt.Errorf("plain publishing: %w", err)
		}
		published = append(published, other.rate)
		if database == nil {
			continue
		}
		if other, err = load(ctx, at.inFlight, r.span(), database.insert); err != nil {
			return fmt.Errorf("PostgreSQL: %w", err)
		}
		inserted = append(inserted, other.rate)
	}
	if r.wanted("W1") {
		r.add(compared(fmt.Sprintf("W1@%d publish", at.inFlight), "1/s", "one message published", offers, published, atLeast(at.plain)))
		if database != nil {
			r.add(compared(fmt.Sprintf("W1@%d postgres", at.inFlight), "1/s", "two inserts in PostgreSQL", offers, inserted, atLeast(at.sql)))
		}
	}
	if r.wanted("W3") && at.latencySpread {
		r.add(compared(fmt.Sprintf("W3@%d p99", at.inFlight), "ms", "our p50", slow, middle, atMost(5)))
	}
	return nil
}

// latency is W2.
func (r *run) latency(ctx context.Context, batch func(context.Context, int) error) (err error) {
	service, err := r.supplied(ctx, 1)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, service.close()) }()
	var ours, peer []float64
	for round := range rounds {
		r.Progress(fmt.Sprintf("W2 round %d of %d", round+1, rounds))
		own, err := load(ctx, 1, r.span(), service.offerOne)
		if err != nil {
			return fmt.Errorf("offers: %w", err)
		}
		other, err := load(ctx, 1, r.span(), batch)
		if err != nil {
			return fmt.Errorf("bare batches: %w", err)
		}
		ours, peer = append(ours, own.percentile(0.5)), append(peer, other.percentile(0.5))
	}
	r.add(compared("W2@1 p50", "ms", "bare batch of two messages", ours, peer, atMost(1.3)))
	return nil
}
