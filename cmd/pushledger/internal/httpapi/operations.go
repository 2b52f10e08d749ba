package httpapi

import (
	"context"
	"net/http"

	"github.com/pushledger/pushledger/cmd/pushledger/internal/acceptance"
	"github.com/pushledger/pushledger/projections/accounts"
	"github.com/pushledger/pushledger/projections/pushes"
)

type pushInput struct {
	Freshness
	Known string `header:"If-None-Match" doc:"Tags of answers that the caller has; 304 if it is one of them." maxLength:"1024"`
	ID    string `path:"id" maxLength:"64"`
	AsOf  string `query:"as_of" doc:"Show the push as it stood then: a sequence of the ledger, or a time (RFC 3339)." maxLength:"40"`
}

type listInput struct {
	Freshness
	Account string `query:"account" doc:"Whose pushes; operators and auditors only. Without it: the own, for them all." maxLength:"64"`
	Role    string `query:"role" doc:"The account's side." enum:"seller,buyer,all"`
	Status  string `query:"status" enum:"Offered,Accepted,Paid,Completed,Withdrawn,Declined,Expired,Invalidated,Refunded"`
	Domain  string `query:"domain" doc:"Pushes of this domain, in any spelling." maxLength:"1024"`
	From    string `query:"from" doc:"Offered at this time (RFC 3339) or after." maxLength:"40"`
	To      string `query:"to" doc:"Offered before this time (RFC 3339)." maxLength:"40"`
	Sort    string `query:"sort" doc:"By the time of the offer; desc if not given." enum:"asc,desc"`
	Limit   int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	Cursor  string `query:"cursor" doc:"next_cursor of the page before." maxLength:"200"`
}

type timelineInput struct {
	Freshness
	ID string `path:"id" maxLength:"64"`
}

type factsInput struct {
	Freshness
	ID string `path:"id" maxLength:"64"`
}

type domainInput struct {
	Freshness
	Name string `path:"name" doc:"In any spelling." maxLength:"1024"`
}

type journalInput struct {
	Freshness
	PushID string `query:"push_id" maxLength:"64"`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	Cursor string `query:"cursor" doc:"next_cursor of the page before." maxLength:"200"`
}

type purchasesInput struct {
	Freshness
	State  string `query:"state" doc:"stuck: a person must help, or see to what Alipay says; alarm: only the latter." enum:"running,stuck,alarm"`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	Cursor string `query:"cursor" doc:"next_cursor of the page before." maxLength:"200"`
}

type dailyInput struct {
	Freshness
	Account string `query:"account" doc:"Of whose pushes; operators and auditors only. Without it: of the own, for them of all." maxLength:"64"`
	From    string `query:"from" doc:"First day." format:"date"`
	To      string `query:"to" doc:"Last day." format:"date"`
}

type balancesInput struct{ Freshness }

type billsInput struct {
	Freshness
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	Before string `query:"before" doc:"Only days before this one." format:"date"`
}

func (s *server) addOperations() {
	answer(s, s.Pushes.Served, operation(s, http.MethodGet, "get-push", "/v1/pushes/{id}", "One push"),
		func(ctx context.Context, viewer pushes.Viewer, in pushInput) (*pushOutput, error) {
			view, err := s.Pushes.Push(ctx, viewer, pushes.PushRequest{PushID: in.ID, AsOf: in.AsOf})
			return s.tagged(view, in.Known), err
		})
	get(s, s.Pushes.Served, "list-pushes", "/v1/pushes", "Pushes in the order of their offers",
		func(ctx context.Context, viewer pushes.Viewer, in listInput) (pushes.Page, error) {
			return s.Pushes.Pushes(ctx, viewer, pushes.ListRequest{
				Account: in.Account, Role: in.Role, Status: in.Status, Domain: in.Domain,
				From: in.From, To: in.To, Sort: in.Sort, Limit: in.Limit, Cursor: in.Cursor,
			})
		})
	get(s, s.Pushes.Served, "get-timeline", "/v1/pushes/{id}/timeline", "Every event of a push, in words",
		func(ctx context.Context, viewer pushes.Viewer, in timelineInput) (pushes.Timeline, error) {
			return s.Pushes.Timeline(ctx, viewer, pushes.TimelineRequest{PushID: in.ID})
		})
	get(s, s.Pushes.Served, "get-facts", "/v1/pushes/{id}/facts", "What the registrar says of the domains of a push now, and what would refuse its acceptance",
		func(ctx context.Context, viewer pushes.Viewer, in factsInput) (acceptance.Facts, error) {
			return s.Acceptance.Facts(ctx, viewer, acceptance.FactsRequest{PushID: in.ID})
		})
	get(s, s.Pushes.Served, "get-domain", "/v1/domains/{name}", "The live push that holds a domain, and its history",
		func(ctx context.Context, viewer pushes.Viewer, in domainInput) (pushes.Domain, error) {
			return s.Pushes.Domain(ctx, viewer, pushes.DomainRequest{Domain: in.Name})
		})
	get(s, s.Pushes.Served, "list-journal", "/v1/journal", "The double-entry journal (operator, auditor)",
		func(ctx context.Context, viewer pushes.Viewer, in journalInput) (pushes.JournalPage, error) {
			return s.Pushes.Journal(ctx, viewer, pushes.JournalRequest{PushID: in.PushID, Limit: in.Limit, Cursor: in.Cursor})
		})
	get(s, s.Pushes.Served, "get-balances", "/v1/journal/balances", "Balances by account (operator, auditor)",
		func(ctx context.Context, viewer pushes.Viewer, _ balancesInput) (pushes.Balances, error) {
			return s.Pushes.Balances(ctx, viewer, pushes.BalancesRequest{})
		})
	get(s, s.Pushes.Served, "list-bills", "/v1/bills", "Days whose bills the journal was held against, the newest first (operator, auditor)",
		func(ctx context.Context, viewer pushes.Viewer, in billsInput) (pushes.BillsPage, error) {
			return s.Pushes.Bills(ctx, viewer, pushes.BillsRequest{Limit: in.Limit, Before: in.Before})
		})
	get(s, s.Pushes.Served, "list-purchases", "/v1/purchases", "Purchases in progress, with what is to be done (operator, auditor)",
		func(ctx context.Context, viewer pushes.Viewer, in purchasesInput) (pushes.PurchasesPage, error) {
			return s.Pushes.Purchases(ctx, viewer, pushes.PurchasesRequest{State: in.State, Limit: in.Limit, Cursor: in.Cursor})
		})
	get(s, s.Accounts.Served, "get-daily-statistics", "/v1/stats/daily", "Figures of each day",
		func(ctx context.Context, viewer pushes.Viewer, in dailyInput) (accounts.Daily, error) {
			return s.Accounts.Daily(ctx, viewer, accounts.DailyRequest{Account: in.Account, From: in.From, To: in.To})
		})
	s.addStatement()
}
