package natsapi

import (
	"context"
	"errors"

	"github.com/go-json-experiment/json"

	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/acceptance"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/commands"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/notices"
	"github.com/pushledger/pushledger/projections"
	"github.com/pushledger/pushledger/projections/accounts"
	"github.com/pushledger/pushledger/projections/pushes"
)

// maxBody bounds the parameters of a query, in bytes.
const maxBody = 8 << 10

// question is one that can be asked.
type question struct {
	model func(Config) *projections.Served // that it is answered from
	ask   func(ctx context.Context, from Config, viewer pushes.Viewer, body []byte) (any, error)
}

// questions are the names under which they can be asked.
var questions = map[string]question{
	"push":      onPushes((*pushes.Queries).Push),
	"pushes":    onPushes((*pushes.Queries).Pushes),
	"timeline":  onPushes((*pushes.Queries).Timeline),
	"domain":    onPushes((*pushes.Queries).Domain),
	"journal":   onPushes((*pushes.Queries).Journal),
	"balances":  onPushes((*pushes.Queries).Balances),
	"bills":     onPushes((*pushes.Queries).Bills),
	"purchases": onPushes((*pushes.Queries).Purchases),
	"events":    onPushes((*pushes.Queries).EventsPage),
	"statement": onAccounts((*accounts.Queries).Statement),
	"facts":     {model: func(config Config) *projections.Served { return config.Pushes.Served }, ask: facts},
	"notices":   {model: func(config Config) *projections.Served { return config.Pushes.Served }, ask: missed},
	"stats":     onAccounts((*accounts.Queries).Daily),
}

func onPushes[R, A any](ask func(*pushes.Queries, context.Context, pushes.Viewer, R) (A, error)) question {
	return question{
		model: func(config Config) *projections.Served { return config.Pushes.Served },
		ask: func(ctx context.Context, from Config, viewer pushes.Viewer, body []byte) (any, error) {
			return put(ctx, ask, from.Pushes, viewer, body)
		},
	}
}

func onAccounts[R, A any](ask func(*accounts.Queries, context.Context, pushes.Viewer, R) (A, error)) question {
	return question{
		model: func(config Config) *projections.Served { return config.Accounts.Served },
		ask: func(ctx context.Context, from Config, viewer pushes.Viewer, body []byte) (any, error) {
			return put(ctx, ask, from.Accounts, viewer, body)
		},
	}
}

// facts answers with what the registrar says of the domains of a push.
func facts(ctx context.Context, from Config, viewer pushes.Viewer, body []byte) (any, error) {
	return put(ctx, (*acceptance.Queries).Facts, from.Acceptance, viewer, body)
}

// missed answers with the notices that an account has missed.
func missed(ctx context.Context, from Config, viewer pushes.Viewer, body []byte) (any, error) {
	return put(ctx, (*notices.Notices).Page, from.Notices, viewer, body)
}

// put reads the parameters of a question strictly and asks it; an empty body has none.
func put[Q, R, A any](
	ctx context.Context, ask func(Q, context.Context, pushes.Viewer, R) (A, error), from Q, viewer pushes.Viewer, body []byte,
) (any, error) {
	if len(body) > maxBody {
		return nil, push.Refuse(push.CodeTooLarge, "")
	}
	var request R
	if len(body) > 0 {
		err := json.Unmarshal(body, &request, json.RejectUnknownMembers(true))
		switch {
		case errors.Is(err, json.ErrUnknownName):
			return nil, push.RefuseValue(push.CodeUnknownField, "", commands.UnknownField(err))
		case err != nil:
			return nil, push.Refuse(push.CodeInvalidJSON, "")
		}
	}
	return ask(from, ctx, viewer, request)
}
