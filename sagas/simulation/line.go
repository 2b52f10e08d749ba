package simulation

import (
	"context"
	"errors"
	"net/url"
	"time"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/money"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/eventstore"
	"github.com/pushledger/pushledger/eventstore/memory"
	"github.com/pushledger/pushledger/sagas/payment"
	"github.com/pushledger/pushledger/sagas/registrar"
)

// fault is what becomes of one call.
type fault int

const (
	none      fault = iota
	lostOrder       // it does not arrive
	lostReply       // it is carried out, and the answer is lost
	late            // it arrives long after the caller has given up
	refuse          // the partner says no for good
	pend            // the partner takes its time
	raced           // the log says that somebody else was first
	dieBefore       // the process dies before the call
	dieAfter        // the process dies before it has the answer
)

var faultNames = [...]string{"none", "lost order", "lost reply", "late", "refused", "pending", "raced", "process dies before", "process dies after"}

var errLost = errors.New("simulation: no answer")

// line is what connects one process with the partners and the log. Calls go wrong on it,
// and others act while one is under way.
type line struct {
	w *world
	p *process
}

// call makes one call with what goes wrong with it.
func call[T any](l *line, name string, do func(fault) (T, error), possible ...fault) (T, error) {
	var unanswered T
	if l.p.dead {
		return unanswered, errLost
	}
	l.w.meanwhile()
	wrong := l.w.fault(name, append(possible, lostOrder, lostReply, dieBefore, dieAfter)...)
	l.p.dead = l.p.dead || wrong == dieBefore
	if l.p.dead || wrong == lostOrder {
		return unanswered, errLost
	}
	answer, err := do(wrong)
	l.w.meanwhile()
	l.p.dead = l.p.dead || wrong == dieAfter
	if l.p.dead || wrong == lostReply {
		return unanswered, errLost
	}
	return answer, err
}

// provider is the provider at the other end of a line.
type provider struct {
	*line
	bank *bank
}

var _ payment.Provider = provider{}

// PayURL implements payment.Provider.
func (p provider) PayURL(order payment.Order) (string, error) { return page(order), nil }

// Open implements payment.Provider.
func (p provider) Open(_ context.Context, payURL string) error {
	_, err := call(p.line, "open payment", func(fault) (bool, error) { return true, p.bank.open(payURL) })
	return err
}

// Clock implements payment.Provider: the bank's, once it has answered.
func (p provider) Clock() time.Time {
	if p.p.answered {
		return p.w.now
	}
	return p.p.now()
}

// ask is call for what the bank answers.
func ask[T any](p provider, name string, do func(fault) (T, error), possible ...fault) (T, error) {
	answer, err := call(p.line, name, do, possible...)
	p.p.answered = p.p.answered || !errors.Is(err, errLost)
	return answer, err
}

// Query implements payment.Provider.
func (p provider) Query(_ context.Context, tradeNo string) (payment.Trade, error) {
	return ask(p, "query", func(fault) (payment.Trade, error) { return p.bank.query(tradeNo) })
}

// Close implements payment.Provider.
func (p provider) Close(_ context.Context, tradeNo string) error {
	_, err := ask(p, "close", func(fault) (bool, error) { return true, p.bank.close(tradeNo) })
	return err
}

// Refund implements payment.Provider.
func (p provider) Refund(_ context.Context, refund payment.Refund) error {
	_, err := ask(p, "refund", func(wrong fault) (bool, error) {
		return true, p.money("refund", refund.RequestNo, refund.Amount, wrong, func() { p.bank.refund(refund) })
	}, refuse)
	return err
}

// Payout implements payment.Provider.
func (p provider) Payout(_ context.Context, payout payment.Payout) (string, error) {
	return ask(p, "payout", func(wrong fault) (string, error) {
		if payout.Merchant != "" {
			return p.confirm(payout, wrong)
		}
		if wrong == late {
			p.bank.underway = append(p.bank.underway, payout)
			return "", errLost
		}
		return "out" + payout.PayoutNo, p.bank.transfer(payout, wrong)
	}, refuse, late)
}

// FindPayout implements payment.Provider.
func (p provider) FindPayout(_ context.Context, payout payment.Payout) (string, error) {
	return call(p.line, "find payout", func(fault) (string, error) { return p.bank.find(payout.PayoutNo) })
}

// money moves money, unless its number is refused: then it is refused for ever.
func (p provider) money(api, number string, amount money.Fen, wrong fault, move func()) error {
	if wrong == refuse && !p.bank.moved(number) {
		p.bank.refused[number] = true
	}
	if p.bank.refused[number] {
		return &payment.Refused{API: api, Code: "REFUSED", Message: "refused by the simulation"}
	}
	if !p.bank.moved(number) && p.bank.balance() < amount {
		return short(api)
	}
	move()
	return nil
}

// Notification implements payment.Provider. Notifications come in behind this door.
func (p provider) Notification(url.Values) (payment.Trade, error) {
	return payment.Trade{}, payment.ErrForged
}

// platform is the registrar and the account directory at the other end of a line.
type platform struct {
	*line
	registry *registry
}

var (
	_ registrar.Registrar = platform{}
	_ registrar.Directory = platform{}
)

// Facts implements registrar.Registrar.
func (p platform) Facts(_ context.Context, names []domainname.Name) ([]push.DomainFacts, error) {
	return call(p.line, "facts", func(fault) ([]push.DomainFacts, error) {
		facts := make([]push.DomainFacts, len(names))
		for i, name := range names {
			facts[i] = p.registry.domains[name].facts
		}
		return facts, nil
	})
}

// Move implements registrar.Registrar.
func (p platform) Move(_ context.Context, move registrar.Move) (registrar.MoveResult, error) {
	return call(p.line, "move "+string(move.Domain), func(wrong fault) (registrar.MoveResult, error) {
		if wrong == late {
			p.registry.underway = append(p.registry.underway, order{move.Domain, func() { p.registry.order(move, none) }})
			return registrar.MoveResult{}, errLost
		}
		p.w.books.ordered(move)
		return p.registry.order(move, wrong), nil
	}, refuse, pend, late)
}

// Operation implements registrar.Registrar.
func (p platform) Operation(_ context.Context, id string) (registrar.MoveResult, error) {
	return call(p.line, "operation", func(fault) (registrar.MoveResult, error) {
		known, exists := p.registry.operations[id]
		if !exists {
			return registrar.MoveResult{State: registrar.MoveUnknown}, nil
		}
		return known.result, nil
	})
}

// Account implements registrar.Directory.
func (p platform) Account(_ context.Context, account string) (push.AccountFacts, error) {
	return call(p.line, "account", func(fault) (push.AccountFacts, error) {
		facts := push.AccountFacts{
			Account: account, Exists: true, RealNameVerified: true,
			AlipayAccount: p.w.loginOf(account), AlipayName: account, AlipayType: "real_name", AlipayMerchantID: merchantOf(account),
		}
		if p.w.unbound[account] {
			facts.AlipayAccount = ""
		}
		return facts, nil
	})
}

// wire is the log at the other end of a line.
type wire struct {
	*memory.Store
	*line
}

var _ eventstore.Store = wire{}

// Append implements eventstore.Store.
func (l wire) Append(ctx context.Context, metadata eventstore.Metadata, changes ...eventstore.Change) (uint64, error) {
	sequence, err := call(l.line, "append", func(wrong fault) (uint64, error) {
		if wrong == raced {
			return 0, eventstore.ErrConflict
		}
		sequence, err := l.Store.Append(ctx, metadata, changes...)
		l.w.read()
		return sequence, err
	}, raced)
	return sequence, unavailable(err)
}

// Load implements eventstore.Store.
func (l wire) Load(ctx context.Context, stream eventstore.StreamID) ([]eventstore.Recorded, error) {
	history, err := call(l.line, "load", func(fault) ([]eventstore.Recorded, error) { return l.Store.Load(ctx, stream) })
	return history, unavailable(err)
}

// Last implements eventstore.Store.
func (l wire) Last(ctx context.Context, streams ...eventstore.StreamID) (map[eventstore.StreamID]eventstore.Recorded, error) {
	newest, err := call(l.line, "last", func(fault) (map[eventstore.StreamID]eventstore.Recorded, error) {
		return l.Store.Last(ctx, streams...)
	})
	return newest, unavailable(err)
}

func unavailable(err error) error {
	if errors.Is(err, errLost) {
		return errors.Join(eventstore.ErrUnavailable, err)
	}
	return err
}

// Hold implements registrar.Registrar.
func (p platform) Hold(_ context.Context, hold registrar.Hold) (registrar.HoldResult, error) {
	return call(p.line, "hold "+string(hold.Domain), func(wrong fault) (registrar.HoldResult, error) {
		if wrong == late {
			p.registry.underway = append(p.registry.underway, order{hold.Domain, func() { p.registry.hold(hold, none) }})
			return registrar.HoldResult{}, errLost
		}
		return p.registry.hold(hold, wrong), nil
	}, refuse, pend, late)
}
