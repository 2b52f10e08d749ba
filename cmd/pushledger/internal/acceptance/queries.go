// Package acceptance shows a push's parties what the registrar says of its domains now,
// and what would refuse the acceptance, by the same rules by which it is decided. What it
// guarantees: nothing is recorded, nobody learns of domains that are not its business,
// and no account can have the registrar asked without end.
package acceptance

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/gate"
	"github.com/pushledger/pushledger/projections/pushes"
	"github.com/pushledger/pushledger/sagas/registrar"
)

// Bounds of what is asked of the registrar.
const (
	inFlight    = 256 // questions at the same time
	inFlightOne = 16  // of one account

	perSecond = 100               // domains that one account may ask about, in the long run
	burst     = 2 * push.MaxItems // and at once after a pause
)

var errBusy = errors.New("acceptance: too many questions to the registrar at the same time")

// tooMany says what rate_limited means of a question.
var tooMany = &push.Refusal{
	Code: push.CodeRateLimited, Message: "too many domains asked about by this account; try again shortly", MessageZH: "该账户查询域名过于频繁，请稍后再试",
}

// Registrar is the part of the registrar's port that tells facts.
type Registrar interface {
	// Facts returns one entry for every domain asked for, in the same order.
	Facts(ctx context.Context, domains []domainname.Name) ([]push.DomainFacts, error)
}

// Config is what Queries needs; every field but ByMerchant.
type Config struct {
	Pushes    *pushes.Queries
	Registrar Registrar
	Directory registrar.Directory
	Limits    push.PayoutLimits // rule T11
	Now       func() time.Time
	// ByMerchant demands of an acceptance that the seller is a merchant at Alipay (rule T7).
	ByMerchant bool
}

// Queries answers questions. Its methods return a *push.Refusal when the answer is no. It
// is safe for concurrent use.
type Queries struct {
	Config
	gate *gate.Gate
	pace *gate.Pace
}

// New returns queries that are bounded together, whichever door they come by.
func New(config Config) *Queries {
	return &Queries{Config: config, gate: gate.New(inFlight, inFlightOne), pace: gate.NewPace(perSecond, burst)}
}

// FactsRequest asks for the facts of one push.
type FactsRequest struct {
	PushID string `json:"push_id"`
}

// Facts asks registrar and directory about a push that the viewer may see.
func (q *Queries) Facts(ctx context.Context, viewer pushes.Viewer, request FactsRequest) (Facts, error) {
	state, err := q.Pushes.State(ctx, viewer, request.PushID)
	if err != nil {
		return Facts{}, err
	}
	if !q.gate.Enter(viewer.Account) {
		return Facts{}, errBusy
	}
	defer q.gate.Leave(viewer.Account)
	now := q.Now()
	if !q.pace.Allow(viewer.Account, len(state.Lines), now) {
		return Facts{}, tooMany
	}
	facts, err := q.ask(ctx, state, now)
	if err != nil {
		return Facts{}, fmt.Errorf("acceptance: push %s: %w", state.ID, err)
	}
	return show(viewer, state, facts, now), nil
}

// ask asks both at the same time; of the seller only for the rules of an open push.
func (q *Queries) ask(ctx context.Context, state push.State, now time.Time) (push.AcceptFacts, error) {
	facts := push.AcceptFacts{NeedsMerchant: q.ByMerchant, Limits: q.Limits}
	group, asking := errgroup.WithContext(ctx)
	if open(state, now) {
		group.Go(func() (err error) { facts.Seller, err = q.Directory.Account(asking, state.Seller); return err })
	}
	group.Go(func() (err error) { facts.Domains, err = q.Registrar.Facts(asking, state.Domains()); return err })
	err := group.Wait()
	return facts, err
}
