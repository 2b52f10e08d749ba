package httpapi

import (
	"context"
	"io"
	"net/http"
	"reflect"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/go-json-experiment/json"

	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/projections/pushes"
)

const (
	eventStreams    = 1024             // followers at the same time
	eventStreamsOne = 16               // of one account
	writePatience   = 20 * time.Second // for a reader who does not read
)

// heartbeat is how often either side notices whether the other has gone, and a stream whether
// its token is still good.
var heartbeat = 15 * time.Second

var tooManyStreams = &push.Refusal{
	Code: push.CodeRateLimited, Message: "too many event streams at the same time", MessageZH: "事件流连接过多",
}

type eventsInput struct {
	Freshness
	After  string `query:"after" doc:"Only what comes after this sequence of the ledger; end: only what is yet to come." pattern:"^([0-9]{1,20}|end)$"`
	LastID string `header:"Last-Event-ID" doc:"The last event that was received; it counts more than after." pattern:"^[0-9]{1,20}$"`
	PushID string `query:"push_id" doc:"Of this push alone." maxLength:"64"`
	Follow bool   `query:"follow" doc:"Go on with what is yet to come."`
}

// addEvents adds the events as server-sent events. Each has the ledger's sequence as its
// id, so that a client that lost the connection goes on where it stood.
func (s *server) addEvents() {
	described := operation(s, http.MethodGet, "follow-events", "/v1/events", "Every event of the own pushes, as it comes")
	schema := s.api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[pushes.LedgerEvent](), true, "LedgerEvent")
	described.Responses = map[string]*huma.Response{"200": {
		Description: "id is the sequence, event the type, data a LedgerEvent",
		Content:     map[string]*huma.MediaType{"text/event-stream": {Schema: schema}},
	}}
	huma.Register(s.api, described, func(ctx context.Context, input *eventsInput) (*huma.StreamResponse, error) {
		if err := s.Pushes.Await(ctx, input.MinSeq, input.Timeout); err != nil {
			return nil, s.explain(ctx, err)
		}
		request := pushes.FollowRequest{After: input.After, PushID: input.PushID, Follow: input.Follow}
		if input.LastID != "" {
			request.After = input.LastID
		}
		viewer := viewerOf(ctx)
		follower, err := s.Pushes.Follower(ctx, viewer, request)
		if err != nil {
			return nil, s.explain(ctx, err)
		}
		if !s.streams.Enter(viewer.Account) {
			return nil, problemOf(http.StatusTooManyRequests, tooManyStreams)
		}
		return &huma.StreamResponse{Body: func(ctx huma.Context) {
			defer s.streams.Leave(viewer.Account)
			s.stream(ctx, follower)
		}}, nil
	})
}

// stream sends events until the reader has gone or the service stops.
func (s *server) stream(ctx huma.Context, follower *pushes.Follower) {
	ctx.SetHeader("Content-Type", "text/event-stream")
	if ctx.Method() == http.MethodHead { // nothing follows, so there is nothing to wait for
		return
	}
	_, w := humago.Unwrap(ctx)
	out := eventWriter{w: w, control: http.NewResponseController(w)}
	following, stop := context.WithCancel(ctx.Context())
	events, ended := make(chan pushes.LedgerEvent), make(chan struct{})
	go func() {
		defer close(ended)
		err := follower.Run(following, func(event pushes.LedgerEvent) error {
			select {
			case events <- event:
				return nil
			case <-following.Done():
				return following.Err()
			}
		})
		if err != nil && following.Err() == nil {
			s.Logger.WarnContext(following, "event stream ended", "error", err)
		}
	}()
	defer func() { stop(); <-ended }()
	if err := s.pass(ctx.Context(), out, events, ended); err != nil {
		s.Logger.InfoContext(following, "reader of events dropped", "error", err)
	}
}

// pass hands events on until there are no more, the reader does not take them, or its token is
// not good any more.
func (s *server) pass(ctx context.Context, out eventWriter, events <-chan pushes.LedgerEvent, ended <-chan struct{}) error {
	if err := out.control.SetReadDeadline(time.Time{}); err != nil { // the request has been read
		return err
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for err := out.write(": connected\n\n"); ; {
		if err != nil {
			return err
		}
		select {
		case event := <-events:
			err = out.event(event)
		case <-beat.C:
			if err = s.stillIn(ctx); err == nil {
				err = out.write(": still here\n\n")
			}
		case <-s.Stopping:
			return nil
		case <-ended:
			return nil
		}
	}
}

// eventWriter writes server-sent events and gives a reader a while to take each.
type eventWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

func (e eventWriter) event(event pushes.LedgerEvent) error {
	text, err := json.Marshal(event, json.Deterministic(true))
	if err != nil {
		return err
	}
	return e.write("id: " + strconv.FormatUint(event.Seq, 10) + "\nevent: " + event.Type + "\ndata: " + string(text) + "\n\n")
}

func (e eventWriter) write(text string) error {
	if err := e.control.SetWriteDeadline(time.Now().Add(writePatience)); err != nil {
		return err
	}
	if _, err := io.WriteString(e.w, text); err != nil {
		return err
	}
	return e.control.Flush()
}
