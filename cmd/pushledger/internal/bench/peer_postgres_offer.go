package bench

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/money"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/commands"
)

// offer carries one offer out: its form, the partners' facts, the rules, the transaction.
func (p *postgresService) offer(ctx context.Context, seller, commandID string, body []byte) (commands.Reply, error) {
	id, err := uuid.Parse(commandID)
	if err != nil {
		return commands.Reply{}, push.Refuse(push.CodeInvalidCommandID, "")
	}
	wanted, err := parseOffer(seller, body)
	if err != nil {
		return commands.Reply{}, err
	}
	facts, err := p.facts(ctx, wanted)
	if err != nil {
		return commands.Reply{}, err
	}
	wanted.PushID = uuid.Must(uuid.NewV7()).String()
	events, err := push.DecideOffer(push.State{}, wanted, facts, time.Now().UTC()) // what is taken the transaction finds out
	if err != nil {
		return commands.Reply{}, err
	}
	kept, err := p.store.keep(ctx, id, sha256.Sum256(body), events[0].(push.Offered))
	if err != nil {
		return commands.Reply{}, err
	}
	p.outbox.wake()
	return commands.Reply{OK: true, PushID: kept, Status: push.StatusOffered, Version: 1, CommandID: commandID}, nil
}

// facts asks the partners at the same time.
func (p *postgresService) facts(ctx context.Context, offer push.Offer) (push.OfferFacts, error) {
	facts := push.OfferFacts{CheckedAt: time.Now().UTC()}
	names := make([]domainname.Name, len(offer.Items))
	for i, item := range offer.Items {
		names[i] = item.Domain
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) { facts.Seller, err = p.registrar.Account(ctx, offer.Seller); return err })
	group.Go(func() (err error) { facts.Buyer, err = p.registrar.Account(ctx, offer.Buyer); return err })
	group.Go(func() (err error) { facts.Domains, err = p.registrar.Facts(ctx, names); return err })
	return facts, group.Wait()
}

// parseOffer reads an offer strictly.
func parseOffer(seller string, body []byte) (push.Offer, error) {
	var given offerBody
	if err := json.Unmarshal(body, &given, json.RejectUnknownMembers(true)); err != nil {
		return push.Offer{}, push.Refuse(push.CodeInvalidJSON, "")
	}
	offer := push.Offer{Seller: seller, Buyer: given.Buyer}
	for _, item := range given.Items {
		name, err := domainname.Parse(item.Domain)
		if err != nil {
			return push.Offer{}, push.Refuse(push.CodeInvalidDomain, item.Domain)
		}
		price, err := money.Parse(item.Price)
		if err != nil {
			return push.Offer{}, push.Refuse(push.CodeInvalidPrice, item.Price)
		}
		offer.Items = append(offer.Items, push.Item{Domain: name, Price: price})
	}
	if refused := push.RefuseAll(push.CheckItems(offer.Items)); refused != nil {
		return push.Offer{}, refused
	}
	return offer, nil
}
