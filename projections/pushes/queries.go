package pushes

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/eventstore"
	"github.com/pushledger/pushledger/projections"
)

// Viewer is who asks.
type Viewer struct {
	Account string
	SeesAll bool // an operator or auditor; everybody else sees the own pushes only (rule T1)
}

func (v Viewer) sees(state push.State) bool {
	return state.Status != push.StatusNone && (v.SeesAll || v.Account == state.Seller || v.Account == state.Buyer)
}

// Queries answers questions. All its methods return a *push.Refusal when the answer is
// no, in particular push_not_found for what the viewer may not see. It is safe for
// concurrent use.
type Queries struct {
	*projections.Served // that of Model
	log                 eventstore.Store
	known               known
	// Attempts tells of a step that is to be done how often it was tried in vain, when
	// it will be tried again, what went wrong, and since when somebody has to see to that.
	// Alarmed lists the pushes that have such steps. Whoever does the steps knows; nil
	// where nobody does.
	Attempts func(pushID string, step push.Step) (attempts int, next time.Time, lastError string, alarmed time.Time)
	Alarmed  func() []string
}

// OpenQueries has its read model opened, and answers from it as it is served, and
// histories from the log.
func OpenQueries(open func(projections.Model) (*projections.Served, error), log eventstore.Store) (*Queries, error) {
	noted := newChanges()
	served, err := open(model(noted))
	if err != nil {
		return nil, err
	}
	return &Queries{Served: served, log: log, known: newKnown(noted)}, nil
}

// PushRequest asks for one push.
type PushRequest struct {
	PushID string `json:"push_id"`
	// AsOf asks how the push stood then: a sequence, or a time in RFC 3339. Empty
	// means now.
	AsOf string `json:"as_of,omitzero"`
}

// Push shows one push.
func (q *Queries) Push(ctx context.Context, viewer Viewer, request PushRequest) (View, error) {
	read := q.visible
	if request.AsOf != "" {
		read = q.past(request.AsOf)
	}
	found, err := read(ctx, viewer, request.PushID)
	if err != nil {
		return View{}, err
	}
	return viewer.view(found.state, found.sequence), nil
}

// State reads a push as the rules see it. It is shared and must not be changed.
func (q *Queries) State(ctx context.Context, viewer Viewer, id string) (push.State, error) {
	found, err := q.visible(ctx, viewer, id)
	return found.state, err
}

// visible reads a push that the viewer may see.
func (q *Queries) visible(ctx context.Context, viewer Viewer, id string) (row, error) {
	found, err := q.read(ctx, id)
	if err != nil {
		return row{}, err
	}
	if !viewer.sees(found.state) {
		return row{}, push.Refuse(push.CodePushNotFound, "")
	}
	return found, nil
}

// read reads a push; its zero row means that there is none.
func (q *Queries) read(ctx context.Context, id string) (row, error) {
	now := q.shown()
	if found, is := q.known.at(now, id); is {
		return found, nil
	}
	var sequence uint64
	var state []byte
	err := q.ReadRow(ctx, selectRow, func(result *sql.Row) error { return result.Scan(&sequence, &state) }, id)
	if errors.Is(err, sql.ErrNoRows) {
		return row{}, nil
	}
	if err != nil {
		return row{}, fmt.Errorf("pushes: read push: %w", err)
	}
	return q.known.decode(now, id, sequence, state)
}

// past reads pushes as they stood at a moment. It folds the log alone: whoever has just
// been told a sequence may ask for it without waiting for the read model.
func (q *Queries) past(asOf string) func(context.Context, Viewer, string) (row, error) {
	return func(ctx context.Context, viewer Viewer, id string) (row, error) {
		within, err := moment(asOf)
		if err != nil {
			return row{}, err
		}
		stream := pushStream(id)
		if stream.Validate() != nil { // no push has such an id
			return row{}, push.Refuse(push.CodePushNotFound, "")
		}
		history, err := q.log.Load(ctx, stream)
		if err != nil {
			return row{}, err
		}
		var then row
		for _, recorded := range history {
			if event, ours := recorded.Event.(push.Event); ours && within(recorded) {
				then = row{state: push.Evolve(then.state, event), sequence: recorded.Sequence}
			}
		}
		if then.state.Status == push.StatusNone || !viewer.sees(then.state) {
			return row{}, push.Refuse(push.CodePushNotFound, "")
		}
		return then, nil
	}
}

func moment(text string) (func(eventstore.Recorded) bool, error) {
	if sequence, err := strconv.ParseUint(text, 10, 64); err == nil {
		return func(event eventstore.Recorded) bool { return event.Sequence <= sequence }, nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return nil, RefuseQuery("as_of", "a sequence", "a time such as 2026-11-02T00:00:00+08:00")
	}
	return func(event eventstore.Recorded) bool { return !event.Time.After(at) }, nil
}

func pushStream(id string) eventstore.StreamID { return eventstore.StreamID{Kind: "push", Key: id} }

func domainStream(name domainname.Name) eventstore.StreamID {
	return eventstore.StreamID{Kind: "domain", Key: name.Token()}
}
