package pushes

import (
	"context"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/aggregates/words"
	"github.com/pushledger/pushledger/eventstore"
)

// TimelineRequest asks for the history of a push.
type TimelineRequest struct {
	PushID string `json:"push_id"`
}

// Timeline is everything that happened to a push and its purchase.
type Timeline struct {
	PushID string          `json:"push_id"`
	Events []TimelineEvent `json:"events" nullable:"false"`
}

// TimelineEvent is one event in words and as it was recorded.
type TimelineEvent struct {
	Seq       uint64    `json:"seq"`
	Type      string    `json:"type"`
	Time      time.Time `json:"time" doc:"when it was recorded"`
	Actor     string    `json:"actor" doc:"account that caused it, or service"`
	CommandID string    `json:"command_id,omitzero" required:"false"`
	Origin    string    `json:"origin,omitzero" required:"false" doc:"where an operator's command came from; for operators and auditors only"`
	EN        string    `json:"en"`
	ZH        string    `json:"zh"`
	// Body holds any JSON: the documents of the events describe it.
	Body any `json:"body" doc:"the event exactly as recorded; for traders without the payer and the payment page"`
}

// Timeline shows the history of a push, oldest event first, as fresh as the log.
func (q *Queries) Timeline(ctx context.Context, viewer Viewer, request TimelineRequest) (Timeline, error) {
	if _, err := q.visible(ctx, viewer, request.PushID); err != nil {
		return Timeline{}, err
	}
	history, err := q.log.Load(ctx, pushStream(request.PushID))
	if err != nil {
		return Timeline{}, err
	}
	timeline := Timeline{PushID: request.PushID, Events: make([]TimelineEvent, len(history))}
	var story words.Story
	for i, recorded := range history {
		text := words.Text{EN: recorded.Type, ZH: recorded.Type}
		if event, ours := recorded.Event.(push.Event); ours {
			story, text = story.Tell(event)
		}
		timeline.Events[i] = timelineEvent(recorded, text)
		viewer.complete(&timeline.Events[i], recorded)
	}
	return timeline, nil
}

// complete adds what traders are not shown: where an operator's command came from, and who
// paid.
func (v Viewer) complete(shown *TimelineEvent, recorded eventstore.Recorded) {
	if v.SeesAll {
		shown.Origin, shown.Body = recorded.Metadata.Origin, jsontext.Value(recorded.Body)
	}
}

// timelineEvent is an event as traders are shown it.
func timelineEvent(recorded eventstore.Recorded, text words.Text) TimelineEvent {
	return TimelineEvent{
		Seq: recorded.Sequence, Type: recorded.Type, Time: recorded.Time, Actor: recorded.Metadata.Actor,
		CommandID: recorded.Metadata.CommandID, EN: text.EN, ZH: text.ZH, Body: forTraders(recorded),
	}
}

// forTraders is the event as it was recorded, but without the ids of whoever paid, and without
// what tells accounts at Alipay apart. They are for operators and auditors: the seller must not
// learn from whose account the money came, and neither must a buyer for whom somebody else has
// paid. The payment page, which may hold a digest of the buyer's identity, is shown by the push
// itself, to its buyer.
func forTraders(recorded eventstore.Recorded) jsontext.Value {
	var shown any
	switch e := recorded.Event.(type) {
	case push.Accepted:
		if e.Payer == (push.Payer{}) && e.PayURL == "" {
			break
		}
		e.Payer, e.PayURL = push.Payer{}, ""
		shown = e
	case push.Paid:
		if e.Payer == (push.Payer{}) {
			break
		}
		e.Payer = push.Payer{}
		shown = e
	case push.StrayReceived:
		if e.Payer == (push.Payer{}) {
			break
		}
		e.Payer = push.Payer{}
		shown = e
	case push.PayoutRefused:
		if e.Payee == "" {
			break
		}
		e.Payee = ""
		shown = e
	default:
	}
	if shown == nil {
		return jsontext.Value(recorded.Body)
	}
	body, err := json.Marshal(shown, json.Deterministic(true)) // as it was written
	if err != nil {
		return jsontext.Value("{}")
	}
	return body
}
