package platform

import (
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// errNoAnswer has a request end without an answer.
var errNoAnswer = errors.New("platform: a fault swallows the answer")

// refusal is what the sender of a request did wrong.
type refusal struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

func (r *refusal) Error() string { return r.Code + ": " + r.Message }

func refuse(code, format string, values ...any) error {
	return &refusal{Code: code, Message: fmt.Sprintf(format, values...)}
}

// failure is the answer to a request that was not served. On the subjects of the
// registrar and the directory it is no answer of their contracts, on purpose.
type failure struct {
	OK    bool    `json:"ok"` // false
	Error refusal `json:"error"`
}

func (p *Platform) failure(subject string, err error) failure {
	var refused *refusal
	if errors.As(err, &refused) {
		return failure{Error: *refused}
	}
	p.logger.Error("sandbox platform: a request failed", "subject", subject, "error", err)
	return failure{Error: refusal{Code: "unavailable", Message: "the sandbox could not do it; try again"}}
}

// read decodes a control strictly.
func read(body []byte, into any) error {
	return decode(body, into, json.RejectUnknownMembers(true))
}

// readContract decodes a request of a contract, which may grow members.
func readContract(body []byte, into any) error { return decode(body, into) }

func decode(body []byte, into any, options ...json.Options) error {
	err := json.Unmarshal(body, into, options...)
	switch {
	case errors.Is(err, json.ErrUnknownName):
		return refuse("unknown_field", "%v", err)
	case err != nil:
		return refuse("invalid_json", "%v", err)
	case jsontext.Value(body).Kind() != jsontext.KindBeginObject:
		return refuse("invalid_json", "send an object")
	default:
		return nil
	}
}
