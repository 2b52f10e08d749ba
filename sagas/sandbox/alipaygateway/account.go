package alipaygateway

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/pushledger/pushledger/aggregates/money"
)

const (
	openingKey = "alipay.account.opening"

	opening = money.Fen(1_000_000_00) // of the merchant's account, unless a control sets its balance
	// feeRate is what Alipay takes of what a payment brings, in parts per million. How it rounds,
	// and whether it gives a fee back with a refund, is not known: here it rounds half up and
	// keeps it, which leaves the merchant less.
	feeRate = 6_000
)

// feeOf is Alipay's fee for what a payment brings.
func feeOf(received money.Fen) money.Fen {
	return (received*feeRate + money.Fen(money.Whole)/2) / money.Fen(money.Whole)
}

// Payee is an account at Alipay that can be paid.
type Payee struct {
	Name    string // its legal name
	Company bool
}

// limits of payouts; 0 is none.
type limits struct {
	Person, Company money.Fen // of one payout, by the payee's kind
	Day             money.Fen // of all of a day, by Alipay's clock
}

// alipaysLimits are those that Alipay's descriptions of its refusals tell.
var alipaysLimits = limits{Person: 50_000_00, Company: 100_000_00, Day: 1_000_000_00}

// account is the merchant's money at Alipay and what may leave it. Money is taken before the
// record of it is written, so that two calls never take the same fen.
type account struct {
	mu      sync.Mutex
	balance money.Fen
	opening money.Fen // what the balance was before anything moved; below 0 if a control has made it so
	limits  limits
	day     string // of paid
	paid    money.Fen
	payees  map[string]payeeSaid // by login: what a control has said
	next    map[string]string    // by push: how its next payout stands, in place of SUCCESS
}

// errNoBalance means that the merchant has not enough.
var errNoBalance = errors.New("alipaygateway: the balance is not enough")

func (a *account) openedWith() money.Fen {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.opening
}

// take takes money out, if it is there.
func (a *account) take(amount money.Fen) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.balance < amount {
		return errNoBalance
	}
	a.balance -= amount
	return nil
}

// add puts money in; a negative amount takes back what was put in for nothing.
func (a *account) add(amount money.Fen) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.balance += amount
}

// reserve notes a payout of a day, if the day's limit leaves room for it.
func (a *account) reserve(day string, amount money.Fen) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.day != day {
		a.day, a.paid = day, 0
	}
	if a.limits.Day > 0 && a.paid+amount > a.limits.Day {
		return false
	}
	a.paid += amount
	return true
}

// release takes back what was reserved for nothing.
func (a *account) release(day string, amount money.Fen) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.day == day {
		a.paid -= amount
	}
}

func (a *account) limit(payee Payee) money.Fen {
	a.mu.Lock()
	defer a.mu.Unlock()
	if payee.Company {
		return a.limits.Company
	}
	return a.limits.Person
}

// standing is how the next payout of a push stands once it is made; asking forgets it.
func (a *account) standing(pushID string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	status, is := a.next[pushID]
	if !is {
		return payoutSuccess
	}
	delete(a.next, pushID)
	return status
}

// payee finds an account by its login. What a control has said counts before the directory.
func (g *Gateway) payee(login, name string) (Payee, bool) {
	known, exists := Payee{Name: name}, true
	if g.payees != nil {
		known, exists = g.payees(login)
	}
	g.account.mu.Lock()
	defer g.account.mu.Unlock()
	if said, is := g.account.payees[login]; is {
		return said.apply(known, exists)
	}
	return known, exists
}

// openAccount finds the balance: what was there, and what has moved since.
func (g *Gateway) openAccount(ctx context.Context) error {
	g.account.opening, g.account.limits = opening, alipaysLimits
	g.account.payees, g.account.next = make(map[string]payeeSaid), make(map[string]string)
	entry, err := g.kv.Get(ctx, openingKey)
	switch {
	case errors.Is(err, jetstream.ErrKeyNotFound):
	case err != nil:
		return fmt.Errorf("alipaygateway: load %s: %w", openingKey, err)
	default:
		var kept int64
		if err := json.Unmarshal(entry.Value(), &kept); err != nil {
			return fmt.Errorf("alipaygateway: load %s: %w", openingKey, err)
		}
		g.account.opening = money.Fen(kept)
	}
	g.account.balance = g.account.opening
	today := g.format(g.now())[:len("2006-01-02")]
	for _, moved := range g.movements() {
		g.account.balance += moved.signed()
		if moved.payout.OutBizNo != "" && g.format(moved.at)[:len(today)] == today {
			g.account.reserve(today, moved.payout.Amount)
		}
	}
	return nil
}

type balanceAnswer struct {
	status
	Total     string `json:"total_amount"`
	Available string `json:"available_amount"`
	Frozen    string `json:"freeze_amount"`
}

// balanceQuery tells the balance, of which nothing is ever frozen here.
func (g *Gateway) balanceQuery(context.Context, call) (any, error) {
	g.account.mu.Lock()
	defer g.account.mu.Unlock()
	return balanceAnswer{
		status: success, Total: g.account.balance.String(), Available: g.account.balance.String(), Frozen: money.Fen(0).String(),
	}, nil
}

// balanceControl answers sandbox.alipay.balance: it tells the balance, and sets it if an
// amount is given.
func (g *Gateway) balanceControl(ctx context.Context, body []byte) (any, error) {
	var wanted struct {
		Amount *string `json:"amount"`
	}
	if err := read(body, &wanted); err != nil {
		return nil, err
	}
	g.account.mu.Lock()
	defer g.account.mu.Unlock()
	if wanted.Amount != nil {
		amount, err := money.Parse(*wanted.Amount)
		if err != nil {
			return nil, refuse("invalid_amount", "amount %.40q", *wanted.Amount)
		}
		began := g.account.opening + amount - g.account.balance
		if err := g.put(ctx, openingKey, int64(began)); err != nil {
			return nil, err
		}
		g.account.opening, g.account.balance = began, amount
	}
	return balanceSaid{OK: true, Balance: g.account.balance.String()}, nil
}

type balanceSaid struct {
	OK      bool   `json:"ok"` // true
	Balance string `json:"balance"`
}

// limitsControl answers sandbox.alipay.limits; what is left out stays, 0.00 is none.
func (g *Gateway) limitsControl(_ context.Context, body []byte) (any, error) {
	var wanted struct {
		Person  *string `json:"person"`
		Company *string `json:"company"`
		Day     *string `json:"day"`
	}
	if err := read(body, &wanted); err != nil {
		return nil, err
	}
	g.account.mu.Lock()
	defer g.account.mu.Unlock()
	changed := g.account.limits
	for _, one := range []struct {
		given *string
		limit *money.Fen
	}{{wanted.Person, &changed.Person}, {wanted.Company, &changed.Company}, {wanted.Day, &changed.Day}} {
		if one.given == nil {
			continue
		}
		amount, err := money.Parse(*one.given)
		if err != nil {
			return nil, refuse("invalid_amount", "limit %.40q", *one.given)
		}
		*one.limit = amount
	}
	g.account.limits = changed
	return done{OK: true}, nil
}

// payeeSaid is what sandbox.alipay.payee says of an account at Alipay; what is left out is
// as the directory has it.
type payeeSaid struct {
	Account string  `json:"account"` // its login
	Exists  *bool   `json:"exists"`
	Name    *string `json:"name"`
	Type    *string `json:"type"` // person or company
}

func (s payeeSaid) apply(known Payee, exists bool) (Payee, bool) {
	if s.Exists != nil {
		exists = *s.Exists
	}
	if s.Name != nil {
		known.Name, exists = *s.Name, exists || s.Exists == nil
	}
	if s.Type != nil {
		known.Company = *s.Type == "company"
	}
	return known, exists
}

// payeeControl answers sandbox.alipay.payee.
func (g *Gateway) payeeControl(_ context.Context, body []byte) (any, error) {
	var wanted payeeSaid
	if err := read(body, &wanted); err != nil {
		return nil, err
	}
	if wanted.Account == "" || len(wanted.Account) > maxText || wanted.Type != nil && *wanted.Type != "person" && *wanted.Type != "company" {
		return nil, refuse("invalid_payee", "an account has a login, and type person or company")
	}
	g.account.mu.Lock()
	defer g.account.mu.Unlock()
	g.account.payees[wanted.Account] = wanted
	return done{OK: true}, nil
}
