package httpapi

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json"

	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/projections/pushes"
)

// Problem is an error as callers see it (RFC 9457).
type Problem struct {
	Type      string              `json:"type" doc:"always about:blank"`
	Title     string              `json:"title"`
	Status    int                 `json:"status"`
	Detail    string              `json:"detail" doc:"what is wrong, in English"`
	Code      string              `json:"code" doc:"what programs may rely on"`
	MessageZH string              `json:"message_zh" doc:"what is wrong, in Chinese"`
	Errors    []*huma.ErrorDetail `json:"errors,omitempty" required:"false" doc:"which parameter is wrong"`
}

// Error implements error.
func (p *Problem) Error() string { return p.Code + ": " + p.Detail }

// GetStatus implements huma.StatusError.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType implements huma.ContentTypeFilter.
func (p *Problem) ContentType(string) string { return problemType }

// GetHeaders implements huma.HeadersError: what is unavailable or too much now is worth
// another try.
func (p *Problem) GetHeaders() http.Header {
	if p.Status != http.StatusServiceUnavailable && p.Status != http.StatusTooManyRequests {
		return nil
	}
	return http.Header{"Retry-After": {retryAfter}}
}

const retryAfter = "1" // seconds

const problemType = "application/problem+json"

var (
	notFound   = &push.Refusal{Code: "not_found", Message: "there is nothing at this path", MessageZH: "该路径不存在"}
	notAllowed = &push.Refusal{
		Code: "method_not_allowed", Message: "this path does not take that method", MessageZH: "该路径不支持此方法",
	}
	invalidQuery = &push.Refusal{
		Code: pushes.CodeInvalidQuery, Message: "a parameter is not valid", MessageZH: "查询参数无效",
	}
)

// The library makes all its errors here; it offers no other place to give them codes.
func init() {
	huma.NewError = func(status int, _ string, errs ...error) huma.StatusError { return libraryProblem(status, errs) }
}

// maxNamed bounds how many wrong parameters the sentence of a problem names.
const maxNamed = 5

func libraryProblem(status int, errs []error) *Problem {
	var refusal *push.Refusal
	switch {
	case errors.As(errors.Join(errs...), &refusal):
		return problemOf(status, refusal)
	case status >= http.StatusInternalServerError:
		return problemOf(http.StatusServiceUnavailable, pushes.Explain(errors.Join(errs...)))
	}
	problem := problemOf(http.StatusBadRequest, invalidQuery)
	for _, err := range errs {
		var detailed huma.ErrorDetailer
		if !errors.As(err, &detailed) {
			continue
		}
		detail := detailed.ErrorDetail()
		problem.Errors = append(problem.Errors, detail)
		// Whoever shows people one sentence shows them this one. Values are in the errors alone;
		// the name of a parameter can be anything too.
		if len(problem.Errors) <= maxNamed {
			where := strings.ReplaceAll(push.Quote(detail.Location), `"`, "")
			problem.Detail += "; " + where + ": " + detail.Message
			problem.MessageZH += "；" + where + "：" + detail.Message
		}
	}
	return problem
}

func problemOf(status int, refusal *push.Refusal) *Problem {
	return &Problem{
		Type: "about:blank", Title: http.StatusText(status), Status: status,
		Detail: refusal.Message, Code: refusal.Code, MessageZH: refusal.MessageZH,
	}
}

// explain turns the error of a query into the problem that the caller is told; what is
// trouble of our own is logged.
func (s *server) explain(ctx context.Context, err error) error {
	problem := problemOf(http.StatusBadRequest, pushes.Explain(err))
	switch problem.Code {
	case push.CodePushNotFound:
		problem = problemOf(http.StatusNotFound, pushes.Explain(err))
	case pushes.CodeNotAllowed:
		problem = problemOf(http.StatusForbidden, pushes.Explain(err))
	case push.CodeRateLimited:
		problem = problemOf(http.StatusTooManyRequests, pushes.Explain(err))
	case push.CodeUnavailable:
		problem = problemOf(http.StatusServiceUnavailable, pushes.Explain(err))
		s.Logger.WarnContext(ctx, "query not answered", "error", err)
	}
	return problem
}

func writeProblem(w http.ResponseWriter, problem *Problem) {
	maps.Copy(w.Header(), problem.GetHeaders())
	w.Header().Set("Content-Type", problemType)
	w.WriteHeader(problem.Status)
	_ = json.MarshalWrite(w, problem) // the caller has gone, nobody is left to tell
}
