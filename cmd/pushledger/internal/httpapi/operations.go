package httpapi

import (
	"context"

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

type balancesInput struct{ Freshness }

func (s *server) addOperations() {
	answer(s, "get-push", "/v1/pushes/{id}", "One push",
		func(ctx context.Context, viewer pushes.Viewer, in pushInput) (*pushOutput, error) {
			view, err := s.Queries.Push(ctx, viewer, pushes.PushRequest{PushID: in.ID, AsOf: in.AsOf})
			return s.tagged(view, in.Known), err
		})
	get(s, "list-pushes", "/v1/pushes", "Pushes in the order of their offers",
		func(ctx context.Context, viewer pushes.Viewer, in listInput) (pushes.Page, error) {
			return s.Queries.Pushes(ctx, viewer, pushes.ListRequest{
				Account: in.Account, Role: in.Role, Status: in.Status, Domain: in.Domain,
				From: in.From, To: in.To, Sort: in.Sort, Limit: in.Limit, Cursor: in.Cursor,
			})
		})
	get(s, "get-timeline", "/v1/pushes/{id}/timeline", "Every event of a push, in words",
		func(ctx context.Context, viewer pushes.Viewer, in timelineInput) (pushes.Timeline, error) {
			return s.Queries.Timeline(ctx, viewer, pushes.TimelineRequest{PushID: in.ID})
		})
	get(s, "get-domain", "/v1/domains/{name}", "The live push that holds a domain, and its history",
		func(ctx context.Context, viewer pushes.Viewer, in domainInput) (pushes.Domain, error) {
			return s.Queries.Domain(ctx, viewer, pushes.DomainRequest{Domain: in.Name})
		})
	get(s, "list-journal", "/v1/journal", "The double-entry journal (operator, auditor)",
		func(ctx context.Context, viewer pushes.Viewer, in journalInput) (pushes.JournalPage, error) {
			return s.Queries.Journal(ctx, viewer, pushes.JournalRequest{PushID: in.PushID, Limit: in.Limit, Cursor: in.Cursor})
		})
	get(s, "get-balances", "/v1/journal/balances", "Balances by account (operator, auditor)",
		func(ctx context.Context, viewer pushes.Viewer, _ balancesInput) (pushes.Balances, error) {
			return s.Queries.Balances(ctx, viewer, pushes.BalancesRequest{})
		})
}
