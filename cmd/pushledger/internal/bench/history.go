package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/eventstore"
	"github.com/pushledger/pushledger/sagas/ledger"
)

const historyWriters = 256

// writeHistory records so many completed purchases of one domain each, every decision by
// the function that makes it in the service.
func writeHistory(ctx context.Context, store eventstore.Store, purchases int) error {
	book := ledger.New(store)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(historyWriters)
	for i := range purchases {
		group.Go(func() error {
			if err := writePurchase(ctx, book, fmt.Sprintf("h-%07d", i), domainname.Name(fmt.Sprintf("h-%07d.com", i))); err != nil {
				return fmt.Errorf("purchase %d: %w", i, err)
			}
			return nil
		})
	}
	return group.Wait()
}

func writePurchase(ctx context.Context, book *ledger.Ledger, id string, name domainname.Name) error {
	now := time.Now().UTC()
	by := func(actor string) eventstore.Metadata {
		return eventstore.Metadata{Actor: actor, CommandID: uuid.NewString(), CommandHash: "bench"}
	}
	_, err := book.Offer(ctx, by(sellerName(0)), id, []domainname.Name{name}, func(current ledger.Push, held map[domainname.Name]string) ([]push.Event, error) {
		return push.DecideOffer(current.State, push.Offer{
			PushID: id, Seller: sellerName(0), Buyer: buyer, Items: []push.Item{{Domain: name, Price: 10_00}},
		}, push.OfferFacts{
			CheckedAt: now, HeldBy: held, Buyer: push.AccountFacts{Exists: true},
			Seller: push.AccountFacts{Exists: true, RealNameVerified: true, AlipayAccount: "bound"},
		}, now)
	})
	if err != nil {
		return err
	}
	_, err = book.Decide(ctx, by(buyer), id, func(current ledger.Push) ([]push.Event, error) {
		return push.DecideAccept(current.State, push.Accept{Actor: buyer, Total: current.State.Total, Window: time.Hour}, nil, nil, now)
	})
	if err != nil {
		return err
	}
	for _, decide := range []func(push.State) []push.Event{
		func(state push.State) []push.Event { return push.DecideOpened(state, now) },
		func(state push.State) []push.Event {
			return push.DecideReceipt(state, push.Receipt{
				TradeNo: push.TradeNo(id), Amount: state.Total, Channels: []string{"ALIPAYACCOUNT"}, PaidAt: now,
			}, now)
		},
		func(state push.State) []push.Event {
			return push.DecideMoves(state, []push.MoveOutcome{{Domain: name, Moved: true}}, now)
		},
		func(state push.State) []push.Event { return push.DecidePaidOut(state, "2088", now) },
	} {
		if _, err := book.Record(ctx, id, decide); err != nil {
			return err
		}
	}
	return nil
}
