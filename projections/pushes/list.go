package pushes

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/push"
)

// Bounds of a page.
const (
	DefaultLimit = 50
	MaxLimit     = 200
)

// Sides that an account can stand on, and orders of a list.
const (
	RoleSeller = "seller"
	RoleBuyer  = "buyer"
	RoleAll    = "all"
	SortAsc    = "asc"
	SortDesc   = "desc"
)

// ListRequest asks for pushes. Every member may be empty.
type ListRequest struct {
	Account string `json:"account,omitzero"` // the viewer's own unless it sees all; empty: the own, or all
	Role    string `json:"role,omitzero"`    // the account's side; empty: all
	Status  string `json:"status,omitzero"`
	Domain  string `json:"domain,omitzero"` // in any spelling
	From    string `json:"from,omitzero"`   // offered at or after, RFC 3339
	To      string `json:"to,omitzero"`     // offered before, RFC 3339
	Sort    string `json:"sort,omitzero"`   // by the time of the offer; empty: desc
	Limit   int    `json:"limit,omitzero"`  // 1 to MaxLimit; 0: DefaultLimit
	Cursor  string `json:"cursor,omitzero"` // of the page before
}

// Page is a part of a list.
type Page struct {
	Pushes     []View `json:"pushes" nullable:"false"`
	NextCursor string `json:"next_cursor" doc:"of the next page; empty on the last"`
}

// Pushes lists pushes in the order in which they were offered. Going on with a cursor
// shows each push once, however many are added meanwhile.
func (q *Queries) Pushes(ctx context.Context, viewer Viewer, request ListRequest) (Page, error) {
	query, err := request.query(viewer)
	if err != nil {
		return Page{}, err
	}
	found, next, err := q.list(ctx, query)
	if err != nil {
		return Page{}, fmt.Errorf("pushes: list: %w", err)
	}
	page := Page{Pushes: make([]View, len(found)), NextCursor: next}
	for i, found := range found {
		page.Pushes[i] = viewer.view(found.state, found.sequence)
	}
	return page, nil
}

// list reads a page and the cursor of the next one, which is empty on the last.
func (q *Queries) list(ctx context.Context, query *listQuery) (found []row, next string, err error) {
	now := q.shown()
	text := query.text() // which adds an argument
	var last cursor
	err = q.ReadRows(ctx, text, func(rows *sql.Rows) error {
		if len(found) == query.limit { // the row beyond the page
			next = last.String()
			return nil
		}
		var sequence uint64
		var state sql.RawBytes
		if err := rows.Scan(&last.first, &last.second, &sequence, &state); err != nil {
			return err
		}
		one, err := q.known.decode(now, last.second, sequence, state)
		found = append(found, one)
		return err
	}, query.args...)
	if err != nil {
		return nil, "", err
	}
	return found, next, nil
}

// listQuery is a list on its way to SQL.
type listQuery struct {
	parties    []string // conditions of which one must hold; none: no such condition
	conditions []string // which all must hold
	descending bool
	limit      int
	args       []any
}

// arg adds a value and gives its placeholder.
func (l *listQuery) arg(value any) string {
	l.args = append(l.args, value)
	return "$" + strconv.Itoa(len(l.args))
}

func (l *listQuery) where(condition string, value any) {
	l.conditions = append(l.conditions, condition+l.arg(value))
}

// text has one SELECT for each party, so that each is read in the order of its own
// index; no push has the same account on both sides (rule T10).
func (l *listQuery) text() string {
	const columns = "SELECT offered_at, push_id, seq, state FROM pushes WHERE "
	var selects []string
	for _, party := range l.parties {
		selects = append(selects, columns+strings.Join(append([]string{party}, l.conditions...), " AND "))
	}
	if len(selects) == 0 {
		selects = []string{columns + strings.Join(append([]string{"TRUE"}, l.conditions...), " AND ")}
	}
	order := " ORDER BY offered_at, push_id"
	if l.descending {
		order = " ORDER BY offered_at DESC, push_id DESC"
	}
	return strings.Join(selects, " UNION ALL ") + order + " LIMIT " + l.arg(l.limit+1)
}

func (r ListRequest) query(viewer Viewer) (*listQuery, error) {
	query := &listQuery{descending: r.Sort != SortAsc}
	if r.Sort != "" && r.Sort != SortAsc && r.Sort != SortDesc {
		return nil, RefuseQuery("sort", SortAsc, SortDesc)
	}
	var err error
	if query.limit, err = pageLimit(r.Limit); err != nil {
		return nil, err
	}
	for _, add := range []func(*listQuery) error{
		func(l *listQuery) error { return r.addParties(l, viewer) },
		r.addStatus, r.addDomain, r.addTimes, r.addCursor,
	} {
		if err := add(query); err != nil {
			return nil, err
		}
	}
	return query, nil
}

func pageLimit(limit int) (int, error) {
	switch {
	case limit == 0:
		return DefaultLimit, nil
	case limit < 0 || limit > MaxLimit:
		return 0, RefuseQuery("limit", "1 to "+strconv.Itoa(MaxLimit))
	default:
		return limit, nil
	}
}

// addParties keeps everybody who does not see all to the own pushes (rule T1).
func (r ListRequest) addParties(query *listQuery, viewer Viewer) error {
	account := r.Account
	if !viewer.SeesAll {
		if account != "" && account != viewer.Account {
			return NotTheAccount()
		}
		account = viewer.Account
	}
	sides := map[string][]string{
		"": {"seller", "buyer"}, RoleAll: {"seller", "buyer"}, RoleSeller: {"seller"}, RoleBuyer: {"buyer"},
	}[r.Role]
	if sides == nil {
		return RefuseQuery("role", RoleSeller, RoleBuyer, RoleAll)
	}
	if account == "" && viewer.SeesAll {
		return nil
	}
	placeholder := query.arg(account)
	for _, side := range sides {
		query.parties = append(query.parties, side+" = "+placeholder)
	}
	return nil
}

var statuses = []push.Status{
	push.StatusOffered, push.StatusAccepted, push.StatusPaid, push.StatusCompleted, push.StatusWithdrawn,
	push.StatusDeclined, push.StatusExpired, push.StatusInvalidated, push.StatusRefunded,
}

func (r ListRequest) addStatus(query *listQuery) error {
	if r.Status == "" {
		return nil
	}
	if !slices.Contains(statuses, push.Status(r.Status)) {
		var allowed []string
		for _, status := range statuses {
			allowed = append(allowed, string(status))
		}
		return RefuseQuery("status", allowed...)
	}
	query.where("status = ", r.Status)
	return nil
}

func (r ListRequest) addDomain(query *listQuery) error {
	if r.Domain == "" {
		return nil
	}
	name, err := domainname.ParseRegistered(r.Domain)
	if err != nil {
		return push.Refuse(push.CodeInvalidDomain, "")
	}
	query.conditions = append(query.conditions,
		"push_id IN (SELECT push_id FROM push_domains WHERE domain = "+query.arg(string(name))+")")
	return nil
}

func (r ListRequest) addTimes(query *listQuery) error {
	var given []time.Time
	for _, bound := range []struct{ name, condition, text string }{
		{"from", "offered_at >= ", r.From}, {"to", "offered_at < ", r.To},
	} {
		if bound.text == "" {
			continue
		}
		at, err := time.Parse(time.RFC3339, bound.text)
		if err != nil {
			return RefuseQuery(bound.name, "a time such as 2026-11-02T00:00:00+08:00")
		}
		query.where(bound.condition, at.UnixMicro())
		given = append(given, at)
	}
	if len(given) == 2 && given[0].After(given[1]) {
		return RefuseQuery("from, which is after to,")
	}
	return nil
}

func (r ListRequest) addCursor(query *listQuery) error {
	if r.Cursor == "" {
		return nil
	}
	after, err := parseCursor(r.Cursor)
	if err != nil {
		return err
	}
	comparison := " > "
	if query.descending {
		comparison = " < "
	}
	query.conditions = append(query.conditions,
		"(offered_at, push_id)"+comparison+"("+query.arg(after.first)+", "+query.arg(after.second)+")")
	return nil
}
