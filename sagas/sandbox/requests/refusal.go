package requests

import (
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// ErrNoAnswer has a request end without an answer.
var ErrNoAnswer = errors.New("requests: a fault swallows the answer")

// Refusal is what the sender of a request did wrong.
type Refusal struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Error implements error.
func (r *Refusal) Error() string { return r.Code + ": " + r.Message }

// Refuse makes a Refusal.
func Refuse(code, format string, values ...any) error {
	return &Refusal{Code: code, Message: fmt.Sprintf(format, values...)}
}

// failure is the answer to a request that was not served. On the subjects of the
// registrar and the directory it is no answer of their contracts, on purpose.
type failure struct {
	OK    bool    `json:"ok"` // false
	Error Refusal `json:"error"`
}

func (s *Server) failure(subject string, err error) failure {
	var refused *Refusal
	if errors.As(err, &refused) {
		return failure{Error: *refused}
	}
	s.logger.Error("sandbox: a request failed", "subject", subject, "error", err)
	return failure{Error: Refusal{Code: "unavailable", Message: "the sandbox could not do it; try again"}}
}

// Read decodes a control, whose members must all be known.
func Read(body []byte, into any) error {
	return decode(body, into, json.RejectUnknownMembers(true))
}

// ReadContract decodes a request of a contract, which may grow members.
func ReadContract(body []byte, into any) error { return decode(body, into) }

func decode(body []byte, into any, options ...json.Options) error {
	err := json.Unmarshal(body, into, options...)
	switch {
	case errors.Is(err, json.ErrUnknownName):
		return Refuse("unknown_field", "%v", err)
	case err != nil:
		return Refuse("invalid_json", "%v", err)
	case jsontext.Value(body).Kind() != jsontext.KindBeginObject:
		return Refuse("invalid_json", "send an object")
	default:
		return nil
	}
}
