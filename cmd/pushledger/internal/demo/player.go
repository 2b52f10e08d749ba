package demo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/client"
	"github.com/pushledger/pushledger/projections/pushes"
	"github.com/pushledger/pushledger/sagas/registrar/natsregistrar"
)

const (
	controlPatience = 10 * time.Second
	waitPause       = 25 * time.Millisecond
	operator        = "operator"
)

// Player acts as every account of a sandbox.
type Player struct {
	target   client.Target
	tokens   map[string]string
	clients  map[string]*client.Client
	patience time.Duration
}

// NewPlayer acts in the sandbox at the addresses of a target, with its tokens. It waits
// for a status of a push as long as its patience.
func NewPlayer(target client.Target, tokens map[string]string, patience time.Duration) *Player {
	return &Player{target: target, tokens: tokens, clients: make(map[string]*client.Client), patience: patience}
}

// Close ends all connections.
func (p *Player) Close() {
	for _, known := range p.clients {
		known.Close()
	}
}

func (p *Player) as(account string) (*client.Client, error) {
	if known, exists := p.clients[account]; exists {
		return known, nil
	}
	token, exists := p.tokens[account]
	if !exists {
		return nil, fmt.Errorf("demo: the sandbox has no account %q", account)
	}
	made, err := client.New(client.Target{NATSURL: p.target.NATSURL, HTTPURL: p.target.HTTPURL, Token: token})
	if err != nil {
		return nil, err
	}
	p.clients[account] = made
	return made, nil
}

// Row is how a scenario ended.
type Row struct {
	Name, PushID      string
	Domains           int
	Total             string
	End, Money, Place string
	Wrong             []string // what is not as expected; empty: all is
}

// Play plays one scenario. An error means that it could not be played; an unexpected
// end is in the row.
func (p *Player) Play(ctx context.Context, scenario Scenario) (Row, error) {
	var made offer
	if err := json.Unmarshal(scenario.Offer, &made); err != nil {
		return Row{}, fmt.Errorf("demo: %s: offer: %w", scenario.Name, err)
	}
	row := Row{Name: scenario.Name, PushID: made.PushID, Domains: len(made.Items)}
	seller, err := p.as(scenario.Seller)
	if err != nil {
		return row, err
	}
	_, err = seller.Command(ctx, "offer", scenario.Offer, "")
	var refused *push.Refusal
	switch {
	case errors.As(err, &refused):
		row.End = "refused: " + refused.Code
		row.compare("refusal", refused.Code, scenario.Expect.Refused)
	case err != nil:
		return row, fmt.Errorf("demo: %s: %w", scenario.Name, err)
	default:
		if err := p.act(ctx, scenario, made, &row); err != nil {
			return row, fmt.Errorf("demo: %s: %w", scenario.Name, err)
		}
	}
	return row, p.inspect(ctx, scenario, made, &row)
}

func (r *Row) compare(what, is, wanted string) {
	if is != wanted {
		r.Wrong = append(r.Wrong, fmt.Sprintf("%s is %q, not %q", what, is, wanted))
	}
}

// act does what follows the offer and reads how the push stands then.
func (p *Player) act(ctx context.Context, scenario Scenario, made offer, row *Row) error {
	for _, action := range scenario.Then {
		if err := p.do(ctx, scenario, made, action, row); err != nil {
			return fmt.Errorf("%s: %w", action.Do, err)
		}
	}
	view, err := p.wait(ctx, scenario.Seller, made.PushID, scenario.Expect.Status)
	if err != nil {
		return err
	}
	row.End, row.Total = string(view.Status), view.Total.String()
	if view.EndReason != "" {
		row.End += ": " + view.EndReason
	}
	row.compare("refusal", "", scenario.Expect.Refused)
	row.compare("status", string(view.Status), scenario.Expect.Status)
	if scenario.Expect.EndReason != "" {
		row.compare("end reason", view.EndReason, scenario.Expect.EndReason)
	}
	return nil
}

func (p *Player) command(ctx context.Context, account, verb string, body any) error {
	actor, err := p.as(account)
	if err != nil {
		return err
	}
	_, err = actor.Command(ctx, verb, body, "")
	return err
}

// wait reads the push until it has the wanted status, or any if none is wanted. After
// its patience it returns the push as it stands: that is for the comparison to judge.
func (p *Player) wait(ctx context.Context, account, id, status string) (pushes.View, error) {
	reader, err := p.as(account)
	if err != nil {
		return pushes.View{}, err
	}
	over := time.After(p.patience)
	for {
		view, err := reader.Push(ctx, pushes.PushRequest{PushID: id}, 0)
		var refused *push.Refusal
		switch {
		case err == nil && (status == "" || string(view.Status) == status):
			return view, nil
		case err != nil && (!errors.As(err, &refused) || refused.Code != push.CodePushNotFound):
			return view, err
		}
		select {
		case <-ctx.Done():
			return view, ctx.Err()
		case <-over:
			return view, err
		case <-time.After(waitPause):
		}
	}
}

// patiently tries until something is done, as long as the player's patience lasts.
func (p *Player) patiently(ctx context.Context, try func() (done bool, err error)) error {
	for over := time.After(p.patience); ; {
		done, err := try()
		if done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-over:
			return errors.New("it does not come to that")
		case <-time.After(waitPause):
		}
	}
}

// control gives an order to the sandbox. What the sandbox refuses is a *push.Refusal.
func (p *Player) control(ctx context.Context, subject string, body, answer any) error {
	conn, err := p.operator()
	if err != nil {
		return err
	}
	request, err := json.Marshal(body)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, controlPatience)
	defer cancel()
	response, err := conn.RequestWithContext(ctx, subject, request)
	if err != nil {
		return fmt.Errorf("%s: %w", subject, err)
	}
	var outcome struct {
		OK    bool         `json:"ok"`
		Error push.Refusal `json:"error"`
	}
	if err := json.Unmarshal(response.Data, &outcome); err != nil {
		return fmt.Errorf("%s: %w", subject, err)
	}
	if outcome.Error.Code != "" && !outcome.OK {
		return fmt.Errorf("%s: %w", subject, &outcome.Error)
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(response.Data, answer)
}

func (p *Player) operator() (*nats.Conn, error) {
	known, err := p.as(operator)
	if err != nil {
		return nil, err
	}
	return known.NATS()
}

// inspect asks the payment provider and the registrar where money and domains are.
func (p *Player) inspect(ctx context.Context, scenario Scenario, made offer, row *Row) error {
	var err error
	if row.Money, err = p.money(ctx, made.PushID); err != nil {
		return fmt.Errorf("demo: %s: %w", scenario.Name, err)
	}
	if row.Place, err = p.places(ctx, scenario.Seller, made); err != nil {
		return fmt.Errorf("demo: %s: %w", scenario.Name, err)
	}
	row.compare("money", row.Money, scenario.Expect.Money)
	row.compare("place of the domains", row.Place, scenario.Expect.Domains)
	return nil
}

// money tells from the provider's own books who has the money of a push.
func (p *Player) money(ctx context.Context, id string) (string, error) {
	if id == "" {
		return "none", nil
	}
	type movement struct {
		Amount string `json:"amount"`
	}
	var books struct {
		Trades  []movement `json:"trades"`
		Refunds []movement `json:"refunds"`
		Payouts []movement `json:"payouts"`
	}
	if err := p.control(ctx, "sandbox.alipay.ledger", map[string]any{"push_id": id}, &books); err != nil {
		return "", err
	}
	switch in, back, out := len(books.Trades), len(books.Refunds), len(books.Payouts); {
	case in == 0 && back == 0 && out == 0:
		return "none", nil
	case in == 1 && back == 0 && out == 1 && books.Payouts[0] == books.Trades[0]:
		return "seller", nil
	case in == 1 && back == 1 && out == 0 && books.Refunds[0] == books.Trades[0]:
		return "buyer", nil
	default:
		return fmt.Sprintf("%d in, %d back, %d out", in, back, out), nil
	}
}

// places tells from the registrar's own records who holds the domains of a push.
func (p *Player) places(ctx context.Context, seller string, made offer) (string, error) {
	conn, err := p.operator()
	if err != nil {
		return "", err
	}
	var names []domainname.Name
	for _, item := range made.Items {
		name, err := domainname.Parse(item.Domain)
		if err != nil {
			return "", err
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	facts, err := natsregistrar.New(conn, controlPatience).Facts(ctx, names)
	if err != nil {
		return "", err
	}
	var places []string
	for _, domain := range facts {
		if place := placeOf(domain, seller, made.Buyer); !slices.Contains(places, place) {
			places = append(places, place)
		}
	}
	if len(places) == 1 {
		return places[0], nil
	}
	return fmt.Sprint(places), nil
}

func placeOf(domain push.DomainFacts, seller, buyer string) string {
	left := !domain.RegistrarOK && len(domain.Pending) == 0
	switch {
	case !domain.Exists || left:
		return "elsewhere"
	case domain.Account == seller:
		return "seller"
	case domain.Account == buyer:
		return "buyer"
	default:
		return "elsewhere"
	}
}

// Books reads the journal's balances as the auditor and reports what is wrong with
// them, given that every purchase has ended: a sum that is not zero, or an account that
// should be empty.
func (p *Player) Books(ctx context.Context) ([]string, error) {
	auditor, err := p.as("auditor")
	if err != nil {
		return nil, err
	}
	balances, err := auditor.Balances(ctx, 0)
	if err != nil {
		return nil, err
	}
	var wrong []string
	if balances.Sum != "0.00" {
		wrong = append(wrong, "the journal sums to "+balances.Sum)
	}
	for _, balance := range balances.Balances {
		if balance.Balance != "0.00" {
			wrong = append(wrong, balance.Account+" holds "+balance.Balance)
		}
	}
	return wrong, nil
}
