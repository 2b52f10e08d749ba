package notices

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/projections/pushes"
)

// Bounds of a page.
const (
	defaultLimit = 50
	maxLimit     = 200
)

// Request asks for notices that were missed. Every member may be empty.
type Request struct {
	After  uint64 `json:"after,omitzero"`   // the id of the last notice that is known
	PushID string `json:"push_id,omitzero"` // of this push alone
	Limit  int    `json:"limit,omitzero"`   // 1 to 200; 0: 50
}

// Page is a part of an account's notices, oldest first.
type Page struct {
	Notices []Kept `json:"notices" nullable:"false"`
	After   uint64 `json:"after" doc:"for the next page; there is none yet when notices is empty"`
}

// Kept is a notice as it stands in the stream.
type Kept struct {
	ID     uint64 `json:"id" doc:"rises from notice to notice"`
	Notice any    `json:"notice"`
}

// Page reads the account's own notices, whatever its role. It asks for them in the name
// of the service, so that clients need no rights on JetStream, which answers to whatever
// subject a client names.
func (n *Notices) Page(ctx context.Context, viewer pushes.Viewer, request Request) (Page, error) {
	subject := SubjectPrefix + viewer.Account + ".>"
	if request.Limit == 0 {
		request.Limit = defaultLimit
	}
	if request.Limit < 0 || request.Limit > maxLimit {
		return Page{}, pushes.RefuseQuery("limit")
	}
	if request.After > 0 {
		info, err := n.stream.Info(ctx)
		if err != nil {
			return Page{}, fmt.Errorf("notices: read: %w", err)
		}
		if request.After > info.State.LastSeq {
			return Page{}, beyond(request.After, info.State.LastSeq)
		}
	}
	if request.PushID != "" {
		shown, err := n.Pushes.Push(ctx, viewer, pushes.PushRequest{PushID: request.PushID})
		if err != nil {
			return Page{}, err
		}
		subject = SubjectPrefix + viewer.Account + "." + shown.PushID + ".>"
	}
	page := Page{Notices: []Kept{}, After: request.After}
	for len(page.Notices) < request.Limit {
		message, err := n.stream.GetMsg(ctx, page.After+1, jetstream.WithGetMsgSubject(subject))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			break
		}
		if err != nil {
			return Page{}, fmt.Errorf("notices: read: %w", err)
		}
		var body jsontext.Value
		if err := json.Unmarshal(message.Data, &body); err != nil {
			return Page{}, fmt.Errorf("notices: read: %w", err)
		}
		page.Notices, page.After = append(page.Notices, Kept{ID: message.Sequence, Notice: body}), message.Sequence
	}
	return page, nil
}

// beyond refuses a notice that there is not: it is of another ledger or of a stream that was
// made anew, or a power cut has taken the newest away. An empty page would have whoever asks
// wait for that number, and miss everything up to it.
func beyond(after, end uint64) *push.Refusal {
	return &push.Refusal{
		Code: pushes.CodeInvalidQuery,
		Message: fmt.Sprintf("this cannot be asked: after is %d, and the newest notice is %d: what was known is not there any more; "+
			"begin again without after", after, end),
		MessageZH: fmt.Sprintf("查询参数无效：after 为 %d，而最新通知为 %d：此前的通知已不存在，请不带 after 重新开始", after, end),
	}
}
