package alipay

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"

	"github.com/pushledger/pushledger/sagas/payment"
)

const (
	maxRefusalText = 500 // characters of a refusal that are kept
	maxRefusalCode = 100
)

// answer is what the gateway can say.
type answer interface{ outcome() status }

// status is the part that every answer has.
type status struct {
	Code    string `json:"code"`
	Message string `json:"msg"`
	SubCode string `json:"sub_code"`
	SubText string `json:"sub_msg"`
}

func (s status) outcome() status { return s }

// check returns nil for success, *payment.Refused for a no, *payment.Misconfigured or
// *payment.Postponed for what these say, and otherwise an error that leaves the outcome open.
// What a *payment.Refused means, final or not, is the caller's to look at.
func (s status) check(api string) error {
	if s.Code == codeSuccess {
		return nil
	}
	code, text := clip(cmp.Or(s.SubCode, s.Code), maxRefusalCode), clip(cmp.Or(s.SubText, s.Message), maxRefusalText)
	switch meaningOf(api, s.Code, s.SubCode) {
	case final, missing, already, conflict:
		return refused(api, code, text)
	case misconfigured:
		return &payment.Misconfigured{API: api, Code: code, Message: text}
	case postponed:
		return &payment.Postponed{API: api, Code: code, Message: text}
	case askAgain:
	}
	return unknown(api, fmt.Errorf("answered %.20q %.100q, %.100q %.200q", s.Code, s.Message, s.SubCode, s.SubText))
}

// refused is Alipay's own no, in its own words up to a length (rule T5).
func refused(api, code, text string) *payment.Refused {
	return &payment.Refused{API: api, Code: clip(code, maxRefusalCode), Message: clip(text, maxRefusalText)}
}

// unknown wraps why nothing is known of an outcome.
func unknown(api string, cause error) error {
	var failed *url.Error
	if errors.As(cause, &failed) {
		cause = failed.Err // without the address, which holds the whole signed order
	}
	return fmt.Errorf("alipay: %s: outcome unknown: %w", api, cause)
}

// open words a refusal of a question as a cause that decides nothing of what it asked about.
// What else went wrong is told as it is.
func open(err error) error {
	if refusal := refusalOf(err); refusal != nil {
		return errors.New("outcome unknown: " + refusal.Error())
	}
	return err
}

// clip cuts a text after a number of characters.
func clip(text string, most int) string {
	for i := range text {
		if most == 0 {
			return text[:i]
		}
		most--
	}
	return text
}
