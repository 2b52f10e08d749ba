package simulation

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/money"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/eventstore"
	"github.com/pushledger/pushledger/sagas/ledger"
	"github.com/pushledger/pushledger/sagas/payment"
)

// accounts trade with each other in domains.
var accounts = []string{"anna", "bo", "chen", "dora", "emil", "fang"}

const (
	domains   = 36
	operators = "operator"
	window    = 5 * time.Minute // of a payment
)

// names picks domains that somebody could offer: mostly of one account.
func (w *world) someDomains(seller string) []domainname.Name {
	var own []domainname.Name
	for _, name := range w.registry.names {
		if w.registry.domains[name].facts.Account == seller && w.books.holder[name] == "" || w.chance(1) {
			own = append(own, name)
		}
	}
	w.random.Shuffle(len(own), func(i, j int) { own[i], own[j] = own[j], own[i] })
	return own[:min(len(own), 1+w.random.IntN(3))]
}

// offers has an account publish a push.
func (w *world) offers(p *process, id string) {
	seller := accounts[w.random.IntN(len(accounts))]
	offer := push.Offer{PushID: id, Seller: seller, Buyer: accounts[w.random.IntN(len(accounts))]}
	for offer.Buyer == seller && !w.chance(2) {
		offer.Buyer = accounts[w.random.IntN(len(accounts))]
	}
	for _, name := range w.someDomains(seller) {
		offer.Items = append(offer.Items, push.Item{Domain: name, Price: money.Fen(100 * (1 + w.random.IntN(500)))})
	}
	switch w.random.IntN(10) {
	case 0:
		offer.ValidFor = time.Duration(1+w.random.IntN(600)) * time.Second
	case 1:
		for i := range offer.Items {
			offer.Items[i].Price = 0
		}
	case 2:
		offer.FeeRate = money.Whole / 20
	}
	ctx := context.Background()
	facts := push.OfferFacts{CheckedAt: p.now()}
	var errs [3]error
	facts.Seller, errs[0] = p.platform.Account(ctx, offer.Seller)
	facts.Buyer, errs[1] = p.platform.Account(ctx, offer.Buyer)
	facts.Domains, errs[2] = p.platform.Facts(ctx, itemNames(offer.Items))
	if err := errors.Join(errs[:]...); err != nil {
		return
	}
	_, err := p.ledger.Offer(ctx, command(id, "offer", seller), id, itemNames(offer.Items),
		func(current ledger.Push, held map[domainname.Name]string) ([]push.Event, error) {
			facts.HeldBy = held
			return push.DecideOffer(current.State, offer, facts, p.now())
		})
	w.answered(id, "offer", err)
}

func itemNames(items []push.Item) []domainname.Name {
	list := make([]domainname.Name, len(items))
	for i, item := range items {
		list[i] = item.Domain
	}
	return list
}

func command(id, verb, actor string) eventstore.Metadata {
	return eventstore.Metadata{CommandID: verb + "-" + id, CommandHash: "hash", Actor: actor}
}

// accepts has the buyer buy, mostly at the right total. Now and then it is somebody else.
func (w *world) accepts(p *process, id string) {
	known, err := p.ledger.Recent(context.Background(), id)
	if err != nil || known.State.Status == push.StatusNone {
		return
	}
	accept := push.Accept{Actor: known.State.Buyer, Total: known.State.Total, Window: window}
	switch w.random.IntN(25) {
	case 0:
		accept.Total++
	case 1:
		accept.Actor = accounts[w.random.IntN(len(accounts))]
	}
	if push.CheckAccept(known.State, accept, p.now()) != nil {
		return
	}
	ctx := context.Background()
	facts := push.AcceptFacts{NeedsMerchant: w.chance(50)} // the configuration of that moment
	var errs [2]error
	facts.Seller, errs[0] = p.platform.Account(ctx, known.State.Seller)
	facts.Domains, errs[1] = p.platform.Facts(ctx, known.State.Domains())
	if errors.Join(errs[:]...) != nil {
		return
	}
	w.decides(p, id, "accept", accept.Actor, func(state push.State) ([]push.Event, error) {
		events, err := push.DecideAccept(state, accept, facts, p.now())
		if err != nil {
			return nil, err
		}
		return withPayURL(p, state, events)
	})
	w.endsDead(p, id, facts)
}

// endsDead does what the command door does where facts refuse an acceptance: those that are
// a trigger end the push (rule L7).
func (w *world) endsDead(p *process, id string, facts push.AcceptFacts) {
	_, err := p.ledger.Record(context.Background(), id, func(state push.State) []push.Event {
		if state.Status != push.StatusOffered {
			return nil
		}
		for _, domain := range facts.Domains {
			if events := push.DecideFacts(state, domain, p.now()); len(events) > 0 {
				return events
			}
		}
		return nil
	})
	if err != nil {
		w.tracef("the end of %s is not recorded: %s", id, err)
	}
}

// withPayURL does what the command door does: the page is part of the event.
func withPayURL(p *process, state push.State, events []push.Event) ([]push.Event, error) {
	for i, event := range events {
		if accepted, is := event.(push.Accepted); is && accepted.TradeNo != "" {
			url, err := p.provider.PayURL(payment.Order{
				TradeNo: accepted.TradeNo, PushID: state.ID, Amount: accepted.Total, PayBy: accepted.PayBy, Merchant: accepted.Merchant,
			})
			if err != nil {
				return nil, err
			}
			accepted.PayURL = url
			events[i] = accepted
		}
	}
	return events, nil
}

func (w *world) decides(p *process, id, verb, actor string, decide func(push.State) ([]push.Event, error)) {
	_, err := p.ledger.Decide(context.Background(), command(id, verb, actor), id, func(current ledger.Push) ([]push.Event, error) {
		if current.State.Status == push.StatusNone {
			return nil, push.Refuse(push.CodePushNotFound, "")
		}
		return decide(current.State)
	})
	w.answered(id, verb, err)
}

func (w *world) withdraws(p *process, id string) {
	actor := w.whoever(id, func(r *record) string { return r.offered.Seller })
	w.decides(p, id, "withdraw", actor, func(state push.State) ([]push.Event, error) {
		return push.DecideWithdraw(state, push.Withdraw{Actor: actor}, p.now())
	})
}

func (w *world) declines(p *process, id string) {
	actor := w.whoever(id, func(r *record) string { return r.offered.Buyer })
	w.decides(p, id, "decline", actor, func(state push.State) ([]push.Event, error) {
		return push.DecideDecline(state, push.Decline{Actor: actor}, p.now())
	})
}

func (w *world) takesDown(p *process, id string) {
	w.decides(p, id, "takedown", operators, func(state push.State) ([]push.Event, error) {
		return push.DecideTakedown(state, push.Takedown{Actor: operators, Reason: "simulated"}, p.now())
	})
}

// whoever is who may give a command, and now and then somebody else.
func (w *world) whoever(id string, entitled func(*record) string) string {
	known, exists := w.books.pushes[id]
	if !exists || w.chance(5) {
		return accounts[w.random.IntN(len(accounts))]
	}
	return entitled(known)
}

// answered holds the ledger to its word: what was acknowledged stands in the log.
func (w *world) answered(id, verb string, err error) {
	var refused *push.Refusal
	switch {
	case err == nil:
		w.tracef("%s of %s is acknowledged", verb, id)
		w.read()
		if !slices.Contains(w.books.commands[id], verb+"-"+id) {
			w.violate(acknowledged, "%s of %s", verb, id)
		}
	case errors.As(err, &refused):
		w.tracef("%s of %s is refused: %s", verb, id, refused.Code)
	default:
		w.tracef("%s of %s is not answered: %s", verb, id, strings.ReplaceAll(err.Error(), "\n", "; "))
	}
}

// pays has the buyer pay: as a rule the right amount, once, in time and notified.
func (w *world) pays(id string) {
	known, exists := w.books.pushes[id]
	if !exists || known.accepted.TradeNo == "" {
		return
	}
	order := w.bank.signIn(known.accepted.PayURL)
	if order == nil || w.chance(10) { // over, or not paid yet
		return
	}
	if order.State == payment.TradePaid && w.chance(15) { // F9: another trade for the same push
		number := "X" + order.TradeNo
		if _, exists := w.bank.trades[number]; !exists {
			order = w.bank.add(number, id, order.Amount, order.payBy, order.kept)
		}
	}
	amount, from := known.accepted.Total, sources{}
	switch w.random.IntN(25) {
	case 0:
		amount += money.Fen(1 + w.random.IntN(100))
	case 1:
		amount -= money.Fen(1 + w.random.IntN(int(min(amount, 99))))
	case 2:
		from.funding = credit
	case 3:
		from.funding = odd
	case 4:
		from.funding = merchant
	case 5: // for good
		from = sources{funding: funding(w.random.IntN(4)), silent: true}
	case 6:
		from = sources{funding: funding(w.random.IntN(4)), silent: true, toldFrom: w.now.Add(time.Duration(w.random.IntN(600)) * time.Second)}
	}
	if amount > 0 && w.bank.pay(order, amount, from) {
		w.bank.notify(order, w.random.IntN(4))
	}
}
