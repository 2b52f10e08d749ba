package bench

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/pushledger/pushledger/aggregates"
	"github.com/pushledger/pushledger/aggregates/catalog"
	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/listing"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/eventstore"
	eventlog "github.com/pushledger/pushledger/eventstore/jetstream"
	"github.com/pushledger/pushledger/eventstore/transparency"
	"github.com/pushledger/pushledger/sagas/ledger"
)

const (
	historyTogether = 64                  // purchases that are under way at the same time
	historyPace     = 5 * time.Second     // between two of them
	historyAge      = 60 * 24 * time.Hour // of the newest: nobody is told of them any more
	openPace        = 10 * time.Millisecond
	openAge         = 2 * time.Hour // of the first open offer
	mostSellers     = 1000
	pushesOfSeller  = 100 // at least, where there are so many
	payURLLength    = 900 // of a signed order
)

// history is a log of completed purchases of one domain each and of offers that are open,
// every event of which comes from the function that decides it in the service. It is made as
// it is read, so it takes no memory however long it is.
type history struct {
	eventstore.Store // of the port, it does only what a read model needs
	purchases        int
	open             int // offers, made after all purchases
	registry         *eventstore.Registry
	began, opened    time.Time // of the first purchase and the first open offer
}

func newHistory(purchases int) *history {
	return &history{
		purchases: purchases, registry: eventstore.NewRegistry(catalog.Events()...),
		began: time.Now().UTC().Add(-historyAge - time.Duration(purchases)*historyPace), opened: time.Now().UTC().Add(-openAge),
	}
}

// Events of one domain.
const (
	eventsPerPurchase = 14
	eventsPerOffer    = 2
)

// newest is the sequence of its last event.
func (h *history) newest() uint64 {
	return uint64(h.purchases)*eventsPerPurchase + uint64(h.open)*eventsPerOffer // #nosec G115 -- counts
}

func historyPush(i int) string { return fmt.Sprintf("h-%07d", i) }

// sellers is how many sellers there are.
func (h *history) sellers() int { return max(1, min(mostSellers, h.purchases/pushesOfSeller)) }

func historySeller(i int) string { return fmt.Sprintf("seller-%d", i) }

// LastSequence implements eventstore.Store and transparency.Source.
func (h *history) LastSequence(context.Context) (uint64, error) {
	return h.newest(), nil
}

// Follow implements eventstore.Store.
func (h *history) Follow(ctx context.Context, after uint64, handle func(eventstore.Recorded) error, caughtUp func()) error {
	for recorded, err := range h.events() {
		if err == nil && recorded.Sequence > after {
			err = handle(recorded)
		}
		if err != nil || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
	}
	if caughtUp != nil {
		caughtUp()
	}
	<-ctx.Done()
	return ctx.Err()
}

// Entries implements transparency.Source.
func (h *history) Entries(ctx context.Context, after, upTo uint64, handle func(transparency.Entry) error) error {
	for recorded, err := range h.events() {
		if err != nil || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		if recorded.Sequence <= after || recorded.Sequence > upTo {
			continue
		}
		entry, err := h.entry(recorded)
		if err == nil {
			err = handle(entry)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// entry is an event as the log keeps it.
func (h *history) entry(recorded eventstore.Recorded) (transparency.Entry, error) {
	body, err := h.registry.Encode(recorded.Event)
	entry := transparency.Entry{
		Stream: eventlog.StreamName, Subject: eventlog.SubjectPrefix + recorded.Stream.String(), Sequence: recorded.Sequence,
		Time: recorded.Time, Body: body,
		Headers: []transparency.Header{
			{Name: "Actor", Value: recorded.Metadata.Actor},
			{Name: "Command-Id", Value: recorded.Metadata.CommandID},
			{Name: "Event-Type", Value: recorded.Type},
			{Name: "Event-Version", Value: "1"},
			{Name: "Nats-Msg-Id", Value: recorded.ID},
			{Name: "traceparent", Value: recorded.Metadata.Traceparent},
		},
	}
	if recorded.Metadata.CommandHash != "" {
		entry.Headers = append(entry.Headers, transparency.Header{Name: "Command-Hash", Value: recorded.Metadata.CommandHash})
	}
	if !recorded.Last {
		entry.Headers = append(entry.Headers, transparency.Header{Name: "Append-More", Value: "1"})
	}
	return entry, err
}

// events are all of the log, in order.
func (h *history) events() iter.Seq2[eventstore.Recorded, error] {
	return func(yield func(eventstore.Recorded, error) bool) {
		sequence := uint64(0)
		write := func(written []eventstore.Recorded, err error) bool {
			if err != nil {
				yield(eventstore.Recorded{}, err)
				return false
			}
			for _, recorded := range written {
				sequence++
				recorded.Sequence = sequence
				if !yield(recorded, nil) {
					return false
				}
			}
			return true
		}
		for start := 0; start < h.purchases; start += historyTogether {
			under := make([]bargain, min(historyTogether, h.purchases-start))
			for i := range under {
				under[i] = h.bargain(start+i, h.began.Add(time.Duration(start+i)*historyPace))
			}
			for step := range steps {
				for i := range under {
					if !write(under[i].take(step)) {
						return
					}
				}
			}
		}
		for i := range h.open {
			offer := h.bargain(h.purchases+i, h.opened.Add(time.Duration(i)*openPace))
			if !write(offer.take(0)) {
				return
			}
		}
	}
}

func (h *history) bargain(number int, at time.Time) bargain {
	return bargain{number: number, seller: historySeller(number % h.sellers()), now: at}
}

// bargain is one purchase on its way.
type bargain struct {
	number int
	seller string
	now    time.Time
	state  push.State
}

func (b *bargain) domain() domainname.Name {
	return domainname.Name(historyPush(b.number) + ".com")
}

// step is a decision about a purchase and who makes it; nobody: the service.
type step struct {
	actor  func(*bargain) string
	decide func(*bargain) ([]push.Event, error)
}

func byService(decide func(push.State, time.Time) []push.Event) step {
	return step{decide: func(b *bargain) ([]push.Event, error) { return decide(b.state, b.now), nil }}
}

var steps = []step{
	{func(b *bargain) string { return b.seller }, (*bargain).offered},
	{func(*bargain) string { return buyer }, (*bargain).accepted},
	byService(push.DecideOpened),
	{decide: (*bargain).paid},
	{decide: (*bargain).moved},
	{decide: func(b *bargain) ([]push.Event, error) { return push.DecidePaidOut(b.state, "2088", b.now), nil }},
	byService(push.DecideReleased),
}

func (b *bargain) offered() ([]push.Event, error) {
	return push.DecideOffer(b.state, push.Offer{
		PushID: historyPush(b.number), Seller: b.seller, Buyer: buyer, Items: []push.Item{{Domain: b.domain(), Price: 10_00}},
	}, push.OfferFacts{
		CheckedAt: b.now, HeldBy: map[domainname.Name]string{}, Buyer: push.AccountFacts{Exists: true}, Seller: boundSeller,
	}, b.now)
}

var boundSeller = push.AccountFacts{Exists: true, RealNameVerified: true, AlipayAccount: "bound"}

func (b *bargain) accepted() ([]push.Event, error) {
	events, err := push.DecideAccept(b.state, push.Accept{Actor: buyer, Total: b.state.Total, Window: time.Hour}, push.AcceptFacts{Seller: boundSeller}, b.now)
	for i, event := range events {
		if accepted, is := event.(push.Accepted); is {
			accepted.PayURL = "https://pay.example/gateway.do?" + strings.Repeat("x", payURLLength)
			events[i] = accepted
		}
	}
	return events, err
}

func (b *bargain) paid() ([]push.Event, error) {
	return push.DecideReceipt(b.state, push.Receipt{
		TradeNo: push.TradeNo(b.state.ID), Amount: b.state.Total, Channels: []string{"ALIPAYACCOUNT"}, PaidAt: b.now,
	}, b.now), nil
}

func (b *bargain) moved() ([]push.Event, error) {
	held := []push.HoldOutcome{{Domain: b.domain(), Held: true}}
	return push.DecideDelivery(b.state, held, []push.MoveOutcome{{Domain: b.domain(), Moved: true}}, b.now), nil
}

// take makes the next decision and gives what is recorded of it: the domain first, then
// the push, as the ledger writes them.
func (b *bargain) take(step int) ([]eventstore.Recorded, error) {
	events, err := steps[step].decide(b)
	if err != nil || len(events) == 0 {
		return nil, fmt.Errorf("bench: purchase %d: nothing comes of step %d: %w", b.number, step, err)
	}
	metadata := eventstore.Metadata{
		CommandID: uuid.NewString(), Actor: ledger.ServiceActor, Traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
	}
	if actor := steps[step].actor; actor != nil {
		metadata.Actor, metadata.CommandHash = actor(b), strings.Repeat("0", 64)
	}
	before := b.state
	b.state = aggregates.Fold(b.state, push.Evolve, events...)
	b.now = b.now.Add(time.Millisecond)
	var written []eventstore.Recorded
	add := func(stream eventstore.StreamID, event aggregates.Event) {
		written = append(written, eventstore.Recorded{
			Stream: stream, ID: uuid.NewString(), Type: event.EventType(), Version: eventstore.SchemaVersion, Time: b.now, Metadata: metadata, Event: event,
		})
	}
	switch domain := ledger.DomainStream(b.domain()); {
	case before.Status == push.StatusNone:
		add(domain, listing.Reserved{PushID: b.state.ID, At: b.state.OfferedAt})
	case before.Status.Live() && !b.state.Status.Live():
		add(domain, listing.Released{PushID: b.state.ID, At: b.state.EndedAt})
	}
	for _, event := range events {
		add(ledger.PushStream(b.state.ID), event)
	}
	written[len(written)-1].Last = true
	return written, nil
}
