package httpapi

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/access"
	"github.com/pushledger/pushledger/projections/pushes"
)

var unauthenticated = &push.Refusal{
	Code: "unauthenticated", Message: "a valid bearer token is needed", MessageZH: "需要有效的 Bearer 令牌",
}

var uncertified = &push.Refusal{
	Code: "unauthenticated", Message: "a client certificate is needed", MessageZH: "需要客户端证书",
}

type (
	viewerKey struct{}
	tokenKey  struct{}
)

func viewerOf(ctx context.Context) pushes.Viewer {
	viewer, _ := ctx.Value(viewerKey{}).(pushes.Viewer) // without one: an account that owns nothing
	return viewer
}

// identify lets in whoever bears a good token of a role that may use the path. Why another
// token is bad is for the log.
func (s *server) identify(ctx huma.Context, next func(huma.Context)) {
	if state := ctx.TLS(); s.Certified && (state == nil || len(state.VerifiedChains) == 0) {
		s.refuse(ctx, http.StatusUnauthorized, uncertified)
		return
	}
	scheme, token, _ := strings.Cut(ctx.Header("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		s.turnAway(ctx)
		return
	}
	who, err := s.Authenticate(token)
	if err != nil {
		s.Logger.InfoContext(ctx.Context(), "bearer token refused", "error", err)
		s.turnAway(ctx)
		return
	}
	if path := ctx.Operation(); !access.MayRequest(who.Role, path.Method+" "+path.Path) {
		s.refuse(ctx, http.StatusForbidden, pushes.NotAllowed())
		return
	}
	ctx = huma.WithValue(ctx, tokenKey{}, token)
	next(huma.WithValue(ctx, viewerKey{}, pushes.Viewer{
		Account: who.Account,
		SeesAll: who.Role.SeesAll(),
	}))
}

// stillIn reports why the bearer of a request that goes on for long is not to be served any
// more: its token has run out, or the key of it was withdrawn.
func (s *server) stillIn(ctx context.Context) error {
	token, _ := ctx.Value(tokenKey{}).(string)
	_, err := s.Authenticate(token)
	return err
}

func (s *server) turnAway(ctx huma.Context) {
	ctx.SetHeader("WWW-Authenticate", "Bearer")
	s.refuse(ctx, http.StatusUnauthorized, unauthenticated)
}

func (s *server) refuse(ctx huma.Context, status int, why *push.Refusal) {
	if err := huma.WriteErr(s.api, ctx, status, "", why); err != nil {
		s.Logger.WarnContext(ctx.Context(), "answer not sent", "error", err)
	}
}
