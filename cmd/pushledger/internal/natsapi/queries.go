package natsapi

import (
	"context"
	"errors"

	"github.com/go-json-experiment/json"

	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/projections/pushes"
)

// maxBody bounds the parameters of a query, in bytes.
const maxBody = 8 << 10

type query func(ctx context.Context, from *pushes.Queries, viewer pushes.Viewer, body []byte) (any, error)

// queries are the names under which a question can be asked.
var queries = map[string]query{
	"push":     ask((*pushes.Queries).Push),
	"pushes":   ask((*pushes.Queries).Pushes),
	"timeline": ask((*pushes.Queries).Timeline),
	"domain":   ask((*pushes.Queries).Domain),
	"journal":  ask((*pushes.Queries).Journal),
	"balances": ask((*pushes.Queries).Balances),
}

// ask reads the parameters of a query strictly; an empty body has none.
func ask[R, A any](question func(*pushes.Queries, context.Context, pushes.Viewer, R) (A, error)) query {
	return func(ctx context.Context, from *pushes.Queries, viewer pushes.Viewer, body []byte) (any, error) {
		if len(body) > maxBody {
			return nil, push.Refuse(push.CodeTooLarge, "")
		}
		var request R
		if len(body) > 0 {
			err := json.Unmarshal(body, &request, json.RejectUnknownMembers(true))
			switch {
			case errors.Is(err, json.ErrUnknownName):
				return nil, push.Refuse(push.CodeUnknownField, "")
			case err != nil:
				return nil, push.Refuse(push.CodeInvalidJSON, "")
			}
		}
		return question(from, ctx, viewer, request)
	}
}
