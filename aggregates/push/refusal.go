package push

import (
	"strings"
	"time"

	"github.com/pushledger/pushledger/aggregates/domainname"
)

// Violation is one broken rule, of one domain or of the push as a whole.
type Violation struct {
	// Domain is the A-label, or the text that was sent when it is no domain name; empty when
	// the push as a whole breaks the rule. It is text for that reason: who is told no must be
	// able to read it.
	Domain string `json:"domain,omitzero"`
	// DomainUnicode is the domain as people read it, when that is another text. Whoever
	// answers fills it in.
	DomainUnicode string `json:"domain_unicode,omitzero"`
	Input         string `json:"input,omitzero"` // what was sent, when it is no domain name or price
	Rule          string `json:"rule,omitzero"`  // id such as "P2"
	// From is when the domain may be offered, of too_young; zero of any other.
	From      time.Time `json:"from,omitzero"`
	Code      string    `json:"code"`
	Message   string    `json:"message"`
	MessageZH string    `json:"message_zh"`
}

// Subject is the domain in both its forms, for people to read; empty when the push as a
// whole breaks the rule.
func (v Violation) Subject() string {
	if v.DomainUnicode == "" {
		return v.Domain
	}
	return v.DomainUnicode + " (" + v.Domain + ")"
}

// Refusal is the answer no. A refused command changed nothing. It is the only error
// that decisions return.
type Refusal struct {
	Code       string      `json:"code"`
	Message    string      `json:"message"`
	MessageZH  string      `json:"message_zh"`
	Violations []Violation `json:"violations,omitempty"`
}

// Error implements error.
func (r *Refusal) Error() string {
	var text strings.Builder
	text.WriteString(r.Code + ": " + r.Message)
	for _, violation := range r.Violations {
		if violation.Domain != "" {
			text.WriteString("; " + violation.Domain + ": " + violation.Code)
		}
	}
	return text.String()
}

// Refuse makes a refusal of one code. detail is added to both messages when it says
// more than the code alone: a name or a number, which is the same in every language, or of
// already_ended the status or the code of the end, which is put in words.
func Refuse(code, detail string) *Refusal {
	if code == CodeAlreadyEnded && detail != "" {
		return RefuseSaying(code, endInWords(detail))
	}
	return RefuseSaying(code, Words{detail, detail})
}

// RefuseSaying is Refuse with a detail that has words of its own in each language.
func RefuseSaying(code string, detail Words) *Refusal {
	text := messages[code]
	return &Refusal{Code: code, Message: text.EN + suffix(detail.EN, " (", ")"), MessageZH: text.ZH + suffix(detail.ZH, "（", "）")}
}

func endInWords(detail string) Words {
	if text, is := statuses[Status(detail)]; is {
		return text
	}
	if text, is := messages[detail]; is {
		return text
	}
	return Words{detail, detail}
}

// RefuseAll makes one refusal of all violations, or nil if there is none. Its code is
// that of the first; each violation keeps its own.
func RefuseAll(violations []Violation) *Refusal {
	if len(violations) == 0 {
		return nil
	}
	first := violations[0]
	return &Refusal{Code: first.Code, Message: first.Message, MessageZH: first.MessageZH, Violations: violations}
}

// violate makes one violation of one domain.
func violate(rule, code string, domain domainname.Name) Violation {
	violation := Violate(rule, code)
	violation.Domain = string(domain)
	return violation
}

// Violate makes one violation of a whole push.
func Violate(rule, code string) Violation {
	text := messages[code]
	return Violation{Rule: rule, Code: code, Message: text.EN, MessageZH: text.ZH}
}

func suffix(detail, before, after string) string {
	if detail == "" {
		return ""
	}
	return before + detail + after
}
