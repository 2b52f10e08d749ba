package pushes

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/money"
	"github.com/pushledger/pushledger/aggregates/push"
)

// PurchasesRequest asks for purchases in progress. Every member may be empty.
type PurchasesRequest struct {
	State  string `json:"state,omitzero"`  // running, stuck or alarm; empty: all. stuck holds those of alarm as well
	Limit  int    `json:"limit,omitzero"`  // 1 to MaxLimit; 0: DefaultLimit
	Cursor string `json:"cursor,omitzero"` // of the page before
}

// PurchasesPage is a part of the purchases in progress, oldest offer first.
type PurchasesPage struct {
	Purchases  []Purchase `json:"purchases" nullable:"false"`
	NextCursor string     `json:"next_cursor" doc:"of the next page; empty on the last"`
}

// Purchase is a purchase in progress. The members of its most urgent step stand in it as
// well.
type Purchase struct {
	PushID     string      `json:"push_id"`
	Status     push.Status `json:"status"`
	Seller     string      `json:"seller"`
	Buyer      string      `json:"buyer"`
	Total      money.Fen   `json:"total"`
	AcceptedAt time.Time   `json:"accepted_at,omitzero" required:"false"`
	State      Work        `json:"state" doc:"running; stuck: a person must help; alarm: it goes on by itself once a person has seen to the merchant's balance, contract or configuration"`
	// Payer is who paid, or whoever sent the money of which a person must decide.
	Payer push.Payer `json:"payer,omitzero" required:"false" doc:"by the payment provider's ids"`
	PurchaseStep
	Steps []PurchaseStep `json:"steps" nullable:"false" doc:"everything that is to be done, most urgent first"`
	Seq   uint64         `json:"seq" doc:"sequence of its last event"`
}

// PurchaseStep is something that is to be done for a purchase.
type PurchaseStep struct {
	Step      push.StepKind   `json:"step,omitzero" required:"false" doc:"open_payment, await_payment, deliver, return, payout, refund, close_payment, reversal, buyer_act or check_funding"`
	RequestNo string          `json:"request_no,omitzero" required:"false" doc:"the refund that is meant"`
	Domain    domainname.Name `json:"domain,omitzero" required:"false" doc:"the domain that a person must see to"`
	Attempts  int             `json:"attempts" doc:"that came to nothing: since the service started, or, of what waits for a person, in all"`
	NextTry   time.Time       `json:"next_try,omitzero" required:"false" doc:"absent when it is under way, or waits for a person"`
	Since     time.Time       `json:"since,omitzero" required:"false" doc:"since when it waits for a person, or for what somebody must see to"`
	LastError string          `json:"last_error,omitzero" required:"false" doc:"code and words of the partner, as they came"`
}

// Purchases lists the purchases in progress for those who see everything.
func (q *Queries) Purchases(ctx context.Context, viewer Viewer, request PurchasesRequest) (PurchasesPage, error) {
	if err := viewer.mustSeeAll(); err != nil {
		return PurchasesPage{}, err
	}
	var alarmed []string
	if q.Alarmed != nil {
		alarmed = q.Alarmed()
	}
	query, err := request.query(alarmed)
	if err != nil {
		return PurchasesPage{}, err
	}
	found, next, err := q.list(ctx, query)
	if err != nil {
		return PurchasesPage{}, fmt.Errorf("pushes: purchases: %w", err)
	}
	page := PurchasesPage{Purchases: []Purchase{}, NextCursor: next}
	for _, found := range found {
		shown := q.purchase(found)
		if shown.State == WorkRunning && slices.Contains(alarmed, shown.PushID) {
			shown.State = WorkAlarm // its row may not show the step yet that waits
		}
		page.Purchases = append(page.Purchases, shown)
	}
	return page, nil
}

func (r PurchasesRequest) query(alarmed []string) (*listQuery, error) {
	limit, err := pageLimit(r.Limit)
	if err != nil {
		return nil, err
	}
	query := &listQuery{limit: limit, conditions: []string{"work <> ''"}}
	switch Work(r.State) {
	case WorkNone:
	case WorkRunning:
		query.conditions = append(query.conditions, "work = 'running'", "NOT "+query.among(alarmed))
	case WorkStuck:
		query.conditions = append(query.conditions, "(work = 'stuck' OR "+query.among(alarmed)+")")
	case WorkAlarm:
		query.conditions = append(query.conditions, "work = 'running'", query.among(alarmed))
	default:
		return nil, RefuseQuery("state", "running", "stuck")
	}
	return query, ListRequest{Cursor: r.Cursor}.addCursor(query)
}

// among is the condition that a push is one of those named.
func (l *listQuery) among(pushes []string) string {
	list, err := json.Marshal(pushes)
	if err != nil {
		panic(err) // only for what is no text
	}
	return "push_id IN (SELECT value FROM json_each(" + l.arg(string(list)) + "))"
}

func (q *Queries) purchase(found row) Purchase {
	state := found.state
	shown := Purchase{
		PushID: state.ID, Status: state.Status, Seller: state.Seller, Buyer: state.Buyer, Total: state.Total,
		AcceptedAt: state.AcceptedAt, State: work(state), Payer: payer(state), Steps: stuckAt(state), Seq: found.sequence,
	}
	for _, step := range push.Next(state) {
		pending := PurchaseStep{Step: step.Kind, RequestNo: step.RequestNo}
		if q.Attempts != nil {
			pending.Attempts, pending.NextTry, pending.LastError, pending.Since = q.Attempts(state.ID, step)
		}
		shown.Steps = append(shown.Steps, pending)
	}
	if len(shown.Steps) > 0 {
		shown.PurchaseStep = shown.Steps[0]
	} else {
		shown.Steps = []PurchaseStep{}
	}
	return shown
}

// payer is who paid the push, or else whoever sent the money that came last.
func payer(state push.State) push.Payer {
	if last := len(state.Strays) - 1; !state.Payment.Paid && last >= 0 {
		return state.Strays[last].Payer
	}
	return state.Payment.Payer
}
