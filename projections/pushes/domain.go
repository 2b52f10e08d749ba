package pushes

import (
	"context"
	"database/sql"
	"fmt"
	"iter"
	"time"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/listing"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/eventstore"
)

// DomainRequest asks for a domain, in any spelling.
type DomainRequest struct {
	Domain string `json:"domain"`
}

// Domain is what the ledger knows of a domain, as far as the viewer may see it.
type Domain struct {
	Domain        domainname.Name `json:"domain" doc:"A-label"`
	DomainUnicode string          `json:"domain_unicode"`
	Push          *View           `json:"push,omitzero" required:"false" doc:"the live push that holds it; absent when none does"`
	History       []DomainEvent   `json:"history" nullable:"false" doc:"oldest first"`
}

// DomainEvent is a push taking hold of the domain or letting go of it.
type DomainEvent struct {
	Seq    uint64    `json:"seq"`
	Type   string    `json:"type" doc:"Reserved or Released"`
	Time   time.Time `json:"time"`
	PushID string    `json:"push_id"`
	Actor  string    `json:"actor" doc:"account that caused it, or service"`
}

// Domain shows a domain. One of which the viewer may see no push does not exist.
func (q *Queries) Domain(ctx context.Context, viewer Viewer, request DomainRequest) (Domain, error) {
	name, err := domainname.ParseRegistered(request.Domain)
	if err != nil {
		return Domain{}, push.Refuse(push.CodeInvalidDomain, "")
	}
	visible, live, err := q.pushesOf(ctx, viewer, name)
	if err != nil {
		return Domain{}, err
	}
	if len(visible) == 0 {
		return Domain{}, push.Refuse(push.CodePushNotFound, "")
	}
	registration, err := q.registration(ctx, name, visible)
	if err != nil {
		return Domain{}, err
	}
	history, err := q.log.Load(ctx, domainStream(registration))
	if err != nil {
		return Domain{}, err
	}
	shown := Domain{Domain: name, DomainUnicode: name.Unicode(), History: []DomainEvent{}}
	for _, recorded := range history {
		entry, err := domainEvent(recorded)
		if err != nil {
			return Domain{}, err
		}
		if visible[entry.PushID] {
			shown.History = append(shown.History, entry)
		}
	}
	shown.Push, err = q.holder(ctx, viewer, live)
	return shown, err
}

// registration is the name by which the pushes of a domain have reserved it (rule B6).
func (q *Queries) registration(ctx context.Context, name domainname.Name, visible map[string]bool) (domainname.Name, error) {
	if name.Unicode() == string(name) { // it has no variants
		return name, nil
	}
	for id := range visible {
		found, err := q.read(ctx, id)
		if err != nil {
			return "", err
		}
		if line, is := found.state.Line(name); is {
			return line.Registration(), nil
		}
	}
	return name, nil
}

func domainEvent(recorded eventstore.Recorded) (DomainEvent, error) {
	entry := DomainEvent{Seq: recorded.Sequence, Type: recorded.Type, Time: recorded.Time, Actor: recorded.Metadata.Actor}
	switch event := recorded.Event.(type) {
	case listing.Reserved:
		entry.PushID = event.PushID
	case listing.Released:
		entry.PushID = event.PushID
	default:
		return DomainEvent{}, fmt.Errorf("pushes: sequence %d: %s is no event of a domain", recorded.Sequence, recorded.Type)
	}
	return entry, nil
}

// pushesOf is every push of a domain that the viewer may see, and the live one among
// them; rule P8 allows one at the most.
func (q *Queries) pushesOf(ctx context.Context, viewer Viewer, name domainname.Name) (visible map[string]bool, live string, err error) {
	visible = make(map[string]bool)
	err = q.Read(func(db *sql.DB) error {
		rows, err := db.QueryContext(ctx, `
			SELECT push_id, status FROM push_domains JOIN pushes USING (push_id)
			WHERE domain = $1 AND ($2 OR seller = $3 OR buyer = $3)`, string(name), viewer.SeesAll, viewer.Account)
		if err != nil {
			return err
		}
		defer rows.Close() //nolint:errcheck // rows.Err says all there is
		for rows.Next() {
			var id string
			var status push.Status
			if err := rows.Scan(&id, &status); err != nil {
				return err
			}
			visible[id] = true
			if status.Live() {
				live = id
			}
		}
		return rows.Err()
	})
	if err != nil {
		return nil, "", fmt.Errorf("pushes: domain %s: %w", name, err)
	}
	return visible, live, nil
}

func (q *Queries) holder(ctx context.Context, viewer Viewer, live string) (*View, error) {
	if live == "" {
		return nil, nil //nolint:nilnil // no push holds it, which is an answer
	}
	found, err := q.visible(ctx, viewer, live)
	if err != nil {
		return nil, err
	}
	shown := viewer.view(found.state, found.sequence)
	return &shown, nil
}

const domainsAtOnce = 20_000 // of one question

// Domains are all domains that were ever pushed, each once, as far as the read model has
// come. An error is the last that is given.
func (q *Queries) Domains(ctx context.Context) iter.Seq2[domainname.Name, error] {
	return func(yield func(domainname.Name, error) bool) {
		for after := domainname.Name(""); ; {
			page, err := q.domainsAfter(ctx, after)
			if err != nil {
				yield("", fmt.Errorf("pushes: domains after %q: %w", after, err))
				return
			}
			if len(page) == 0 {
				return
			}
			for _, name := range page {
				if !yield(name, nil) {
					return
				}
			}
			after = page[len(page)-1]
		}
	}
}

func (q *Queries) domainsAfter(ctx context.Context, after domainname.Name) (page []domainname.Name, err error) {
	err = q.Read(func(db *sql.DB) error {
		page = page[:0]
		rows, err := db.QueryContext(ctx,
			"SELECT DISTINCT domain FROM push_domains WHERE domain > $1 ORDER BY domain LIMIT $2", string(after), domainsAtOnce)
		if err != nil {
			return err
		}
		defer rows.Close() //nolint:errcheck // rows.Err says all there is
		for rows.Next() {
			var name domainname.Name
			if err := rows.Scan(&name); err != nil {
				return err
			}
			page = append(page, name)
		}
		return rows.Err()
	})
	return page, err
}
