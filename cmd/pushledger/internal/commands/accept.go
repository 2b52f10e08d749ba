package commands

import (
	"context"
	"time"

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
	total, code := parsePrice(body.Total)
	if code != "" {
		return ledger.Outcome{}, push.Refuse(code, "total")
	}
	accept := push.Accept{Actor: command.Account, Total: total, Window: h.Window}
	if err := checkPushID(body.PushID); err != nil {
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
	facts, err := h.Registrar.Facts(ctx, known.State.Domains())
	if err != nil {
		return ledger.Outcome{}, err
	}
	return h.decide(ctx, metadata, body.PushID, func(state push.State) ([]push.Event, error) {
		events, err := push.DecideAccept(state, accept, facts, nil, h.Now()) // a live push itself holds its domains
		if err != nil {
			return nil, err
		}
		return h.withPayURL(state, events)
	})
}

// withPayURL adds the signed page on which the buyer pays, which only the provider's
// adapter can make.
func (h *Handler) withPayURL(state push.State, events []push.Event) ([]push.Event, error) {
	for i, event := range events {
		accepted, is := event.(push.Accepted)
		if !is || accepted.TradeNo == "" {
			continue
		}
		url, err := h.Provider.PayURL(payment.Order{
			TradeNo: accepted.TradeNo, PushID: state.ID, Amount: accepted.Total,
			Subject: "域名带价 push " + state.ID, PayBy: accepted.PayBy,
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
