package commands

import (
	"context"
	"errors"
	"maps"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/eventstore"
	"github.com/pushledger/pushledger/sagas/ledger"
)

// offer publishes a push. The registrar and the directory are asked before the log is
// read, so the log is as fresh as can be when the decision falls.
func (h *Handler) offer(ctx context.Context, command Command, metadata eventstore.Metadata) (ledger.Outcome, error) {
	var body offerBody
	if err := decode(command.Body, &body); err != nil {
		return ledger.Outcome{}, err
	}
	offer, err := body.offer(command.Account)
	if err != nil {
		return ledger.Outcome{}, h.everyViolation(ctx, offer, err)
	}
	if offer.PushID == "" {
		if offer.PushID, err = h.ownPushID(ctx, command, metadata); err != nil {
			return ledger.Outcome{}, err
		}
	}
	if err := h.idempotency.check(ctx, metadata, offer.PushID); err != nil {
		return ledger.Outcome{}, err
	}
	facts, err := h.offerFacts(ctx, offer)
	if err != nil { // what was done before can be said without the partners
		return h.offeredBefore(ctx, offer.PushID, metadata, err)
	}
	offer.Items = push.Registered(offer.Items, facts.Domains)
	ownNames, err := h.Ledger.Holders(ctx, renamed(offer.Items))
	if err != nil {
		return ledger.Outcome{}, err
	}
	var replayed ledger.Outcome
	outcome, err := h.Ledger.Offer(ctx, metadata, offer.PushID, registrations(offer.Items),
		func(current ledger.Push, held map[domainname.Name]string) ([]push.Event, error) {
			if current.State.Status != push.StatusNone {
				var err error
				if replayed, err = repeated(current, metadata, push.Refuse(push.CodePushExists, "")); err != nil {
					return nil, err
				}
				return nil, errReplayed
			}
			now := h.Now()
			offer.FeeRate, facts.HeldBy = h.Fees.RateAt(now), heldByEither(offer.Items, held, ownNames)
			return push.DecideOffer(current.State, offer, facts, now)
		})
	return h.settle(ctx, metadata, offer.PushID, outcome, replayed, err)
}

// everyViolation adds to the refusal of malformed items what is wrong with the others,
// so that the seller learns of everything at once.
func (h *Handler) everyViolation(ctx context.Context, offer push.Offer, malformed error) error {
	var refusal *push.Refusal
	if !errors.As(malformed, &refusal) || len(refusal.Violations) == 0 || len(offer.Items) == 0 {
		return malformed
	}
	offer.Items = distinct(offer.Items) // that one is there twice has been said
	facts, err := h.offerFacts(ctx, offer)
	if err == nil {
		offer.Items = push.Registered(offer.Items, facts.Domains)
		facts.HeldBy, err = h.Ledger.Holders(ctx, append(registrations(offer.Items), renamed(offer.Items)...))
		facts.HeldBy = heldByEither(offer.Items, facts.HeldBy, facts.HeldBy)
	}
	if err != nil {
		return malformed // it is refused whatever the partners would have said
	}
	now := h.Now()
	_, err = push.DecideOffer(push.State{}, offer, facts, now)
	var others *push.Refusal
	if !errors.As(err, &others) {
		return malformed
	}
	all := slices.Clone(refusal.Violations)
	for _, violation := range others.Violations {
		if violation.Code != push.CodeBelowPayoutMinimum { // the sum is not whole here
			all = append(all, violation)
		}
	}
	return push.RefuseAll(all)
}

// distinct leaves out every item whose domain an earlier one has.
func distinct(items []push.Item) []push.Item {
	known := make(map[domainname.Name]bool, len(items))
	return slices.DeleteFunc(slices.Clone(items), func(item push.Item) bool {
		twice := known[item.Domain]
		known[item.Domain] = true
		return twice
	})
}

// offeredBefore answers an offer that cannot be decided now: with what it did, if it
// was carried out before.
func (h *Handler) offeredBefore(ctx context.Context, id string, metadata eventstore.Metadata, otherwise error) (ledger.Outcome, error) {
	known, err := h.Ledger.Load(ctx, id)
	if err != nil {
		return ledger.Outcome{}, errors.Join(otherwise, err)
	}
	return repeated(known, metadata, otherwise)
}

// offerFacts asks the registrar and the directory at the same time.
func (h *Handler) offerFacts(ctx context.Context, offer push.Offer) (push.OfferFacts, error) {
	facts := push.OfferFacts{CheckedAt: h.Now(), NeedsMerchant: h.ByMerchant, Limits: h.Limits}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) { facts.Seller, err = h.Directory.Account(ctx, offer.Seller); return err })
	group.Go(func() (err error) { facts.Buyer, err = h.Directory.Account(ctx, offer.Buyer); return err })
	group.Go(func() (err error) { facts.Domains, err = h.Registrar.Facts(ctx, names(offer.Items)); return err })
	err := group.Wait()
	return facts, err
}

func names(items []push.Item) []domainname.Name {
	list := make([]domainname.Name, len(items))
	for i, item := range items {
		list[i] = item.Domain
	}
	return list
}

// renamed are the domains whose registration has another name. A live push may have reserved
// them by their own, while the registrar did not tell the other yet.
func renamed(items []push.Item) []domainname.Name {
	var list []domainname.Name
	for _, item := range items {
		if item.Registration() != item.Domain {
			list = append(list, item.Domain)
		}
	}
	return list
}

// heldByEither tells which registrations a live push holds, by their name or by the domain's own.
func heldByEither(items []push.Item, held, ownNames map[domainname.Name]string) map[domainname.Name]string {
	either := maps.Clone(held)
	for _, item := range items {
		if holder := ownNames[item.Domain]; holder != "" && either[item.Registration()] == "" {
			either[item.Registration()] = holder
		}
	}
	return either
}

// registrations are the names by which the domains are reserved (rule B6).
func registrations(items []push.Item) []domainname.Name {
	list := make([]domainname.Name, len(items))
	for i, item := range items {
		list[i] = item.Registration()
	}
	return list
}
