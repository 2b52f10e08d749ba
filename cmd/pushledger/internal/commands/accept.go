package commands

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/eventstore"
	"github.com/pushledger/pushledger/sagas/ledger"
	"github.com/pushledger/pushledger/sagas/payment"
)

// accept starts a purchase.
func (h *Handler) accept(ctx context.Context, command Command, metadata eventstore.Metadata) (ledger.Outcome, error) {
	var body acceptBody
	if err := decode(command.Body, &body); err != nil {
		return ledger.Outcome{}, err
	}
	accept, err := body.accept(command.Account, h.Window)
	accept.OwnAccount = h.OwnAccount
	if err != nil {
		return ledger.Outcome{}, err
	}
	if err := h.idempotency.check(ctx, metadata, body.PushID); err != nil {
		return ledger.Outcome{}, err
	}
	// The registrar is asked only for who may accept. That may rest on what is in
	// memory; a no may not.
	known, err := h.Ledger.Recent(ctx, body.PushID)
	if err == nil && h.acceptable(known, accept, metadata, h.Now()) != nil {
		known, err = h.Ledger.Load(ctx, body.PushID)
	}
	if err != nil {
		return ledger.Outcome{}, err
	}
	if done, found := known.Command(metadata.CommandID); found && h.sees(known.State, command.Account) {
		return sameCommand(done, metadata)
	}
	if err := h.acceptable(known, accept, metadata, h.Now()); err != nil {
		return ledger.Outcome{}, err
	}
	facts, err := h.acceptFacts(ctx, known.State)
	if err != nil {
		return ledger.Outcome{}, err
	}
	outcome, err := h.decide(ctx, metadata, body.PushID, func(state push.State) ([]push.Event, error) {
		events, err := push.DecideAccept(state, accept, facts, h.Now())
		if err != nil {
			return nil, err
		}
		return h.withPayURL(state, events, facts.Buyer.IdentityHash)
	})
	var refused *push.Refusal
	if errors.As(err, &refused) && len(refused.Violations) > 0 {
		if ending := h.endDead(ctx, body.PushID, facts); ending != nil {
			return ledger.Outcome{}, ending
		}
	}
	return outcome, err
}

// acceptFacts asks the registrar and the directory at the same time.
func (h *Handler) acceptFacts(ctx context.Context, state push.State) (push.AcceptFacts, error) {
	facts := push.AcceptFacts{NeedsMerchant: h.ByMerchant, Limits: h.Limits}
	group, asking := errgroup.WithContext(ctx)
	group.Go(func() (err error) { facts.Seller, err = h.Directory.Account(asking, state.Seller); return err })
	group.Go(func() (err error) { facts.Domains, err = h.Registrar.Facts(asking, state.Domains()); return err })
	if h.OwnAccount && state.Total > 0 {
		group.Go(func() (err error) { facts.Buyer, err = h.Directory.Account(asking, state.Buyer); return err })
	}
	err := group.Wait()
	return facts, err
}

// endDead ends an open push if facts of one of its domains are a trigger, as if it had
// been reported (rule L7). The service records that by itself: the command is refused.
func (h *Handler) endDead(ctx context.Context, id string, facts push.AcceptFacts) error {
	_, err := h.Ledger.Record(ctx, id, func(state push.State) []push.Event {
		if state.Status != push.StatusOffered {
			return nil
		}
		for _, domain := range facts.Domains {
			if events := push.DecideFacts(state, domain, h.Now()); len(events) > 0 {
				return events
			}
		}
		return nil
	})
	return err
}

// withPayURL adds the signed page on which the buyer pays, which only the provider's
// adapter can make. identity is of who alone may pay on it; empty: anybody.
func (h *Handler) withPayURL(state push.State, events []push.Event, identity string) ([]push.Event, error) {
	for i, event := range events {
		accepted, is := event.(push.Accepted)
		if !is || accepted.TradeNo == "" {
			continue
		}
		url, err := h.Provider.PayURL(payment.Order{
			TradeNo: accepted.TradeNo, PushID: state.ID, Amount: accepted.Total,
			Subject: "域名带价 push " + state.ID, PayBy: accepted.PayBy, IdentityHash: identity, Merchant: accepted.Merchant,
		})
		if err != nil {
			return nil, err
		}
		accepted.PayURL = url
		events[i] = accepted
	}
	return events, nil
}

// acceptable reports why an account may not accept a push now, as far as the push alone
// tells.
func (h *Handler) acceptable(known ledger.Push, accept push.Accept, metadata eventstore.Metadata, now time.Time) error {
	if !h.sees(known.State, metadata.Actor) {
		return push.Refuse(push.CodePushNotFound, "")
	}
	return push.CheckAccept(known.State, accept, now)
}
