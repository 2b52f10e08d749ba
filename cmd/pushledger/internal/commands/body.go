package commands

import (
	"errors"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/money"
	"github.com/pushledger/pushledger/aggregates/push"
)

// maxBody bounds a command: 500 domains of the longest kind fit well.
const maxBody = 512 << 10

var idPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

type offerBody struct {
	PushID    *string    `json:"push_id"`
	Buyer     string     `json:"buyer"`
	Items     []itemBody `json:"items"`
	ValidFor  *string    `json:"valid_for"`
	ExpiresAt *string    `json:"expires_at"`
	Remark    string     `json:"remark"`
}

type itemBody struct {
	Domain string         `json:"domain"`
	Price  jsontext.Value `json:"price"` // text only; a number is an invalid price, not invalid JSON
}

type withdrawBody struct {
	PushID string `json:"push_id"`
}

type acceptBody struct {
	PushID     string         `json:"push_id"`
	Total      jsontext.Value `json:"total"`
	Registrant *string        `json:"registrant"`
}

// accept checks the form of an acceptance.
func (b acceptBody) accept(buyer string, window time.Duration) (push.Accept, error) {
	total, code := parsePrice(b.Total)
	if code != "" {
		return push.Accept{}, push.Refuse(code, "total "+quoted(b.Total))
	}
	accept := push.Accept{Actor: buyer, Total: total, Window: window}
	if b.Registrant != nil {
		if !idPattern.MatchString(*b.Registrant) {
			return push.Accept{}, push.RefuseValue(push.CodeInvalidRegistrant, "", *b.Registrant)
		}
		accept.Registrant = *b.Registrant
	}
	return accept, checkPushID(b.PushID)
}

type reasonBody struct {
	PushID string `json:"push_id"`
	Reason string `json:"reason"`
}

// decode reads a command strictly: one JSON object, no unknown and no doubled member,
// valid UTF-8, nothing after it.
func decode(body []byte, into any) error {
	if len(body) > maxBody {
		return push.Refuse(push.CodeTooLarge, "")
	}
	err := json.Unmarshal(body, into, json.RejectUnknownMembers(true))
	switch {
	case errors.Is(err, json.ErrUnknownName):
		return push.RefuseValue(push.CodeUnknownField, "", UnknownField(err))
	case err != nil || jsontext.Value(body).Kind() != jsontext.KindBeginObject:
		return push.Refuse(push.CodeInvalidJSON, "")
	}
	return nil
}

// UnknownField is the member for which a strict reader has refused a body, with those that
// it stands in.
func UnknownField(refused error) string {
	var at *json.SemanticError
	if !errors.As(refused, &at) {
		return ""
	}
	return strings.TrimPrefix(string(at.JSONPointer), "/")
}

// offer checks the form of an offer and normalises it. Every malformed item is named in
// the refusal; the offer that comes with it has every domain that is one, at a price of 0
// where the price is none.
func (b offerBody) offer(seller string) (push.Offer, error) {
	offer := push.Offer{Seller: seller, Buyer: b.Buyer, Remark: b.Remark}
	if b.PushID != nil {
		offer.PushID = *b.PushID
	}
	switch {
	case b.PushID != nil && !idPattern.MatchString(*b.PushID):
		return offer, push.RefuseValue(push.CodeInvalidPushID, "", *b.PushID)
	case !idPattern.MatchString(b.Buyer):
		return offer, push.RefuseValue(push.CodeInvalidAccount, "buyer", b.Buyer)
	case utf8.RuneCountInString(b.Remark) > push.MaxText:
		return offer, push.Refuse(push.CodeTooLarge, "remark")
	case len(b.Items) > push.MaxItems:
		return offer, push.RefuseAll([]push.Violation{push.Violate("B3", push.CodeBatchTooLarge)})
	}
	if err := b.validity(&offer); err != nil {
		return offer, err
	}
	violations := b.items(&offer)
	if len(violations) == 0 || len(offer.Items) > 0 { // a list of nothing but malformed items is not empty
		violations = append(violations, push.CheckItems(offer.Items)...)
	}
	if refusal := push.RefuseAll(violations); refusal != nil {
		return offer, refusal
	}
	return offer, nil
}

func (b offerBody) validity(offer *push.Offer) error {
	if b.ValidFor != nil {
		validFor, err := time.ParseDuration(*b.ValidFor)
		if err != nil || validFor <= 0 {
			return push.RefuseValue(push.CodeInvalidValidity, "valid_for", *b.ValidFor)
		}
		offer.ValidFor = validFor
	}
	if b.ExpiresAt != nil {
		expires, err := time.Parse(time.RFC3339, *b.ExpiresAt)
		expires = expires.UTC()
		if err != nil || expires.Year() < 0 || expires.Year() > 9999 {
			return push.RefuseValue(push.CodeInvalidValidity, "expires_at", *b.ExpiresAt)
		}
		offer.ExpiresAt = expires
	}
	return nil
}

func (b offerBody) items(offer *push.Offer) []push.Violation {
	var violations []push.Violation
	for _, item := range b.Items {
		name, err := domainname.Parse(item.Domain)
		if err != nil {
			violation := push.ViolateValue("T9", push.CodeInvalidDomain, item.Domain)
			violation.Input = clip(item.Domain)
			violation.Domain = violation.Input // as it came, for there is nothing better
			violations = append(violations, violation)
		}
		price, code := parsePrice(item.Price)
		if code != "" {
			violation := push.Violate("T8", code)
			said := push.Refuse(code, quoted(item.Price))
			violation.Message, violation.MessageZH = said.Message, said.MessageZH
			violation.Domain, violation.Input = string(name), clip(string(item.Price))
			violations = append(violations, violation)
		}
		if err == nil {
			offer.Items = append(offer.Items, push.Item{Domain: name, Price: price})
		}
	}
	return violations
}

// parsePrice reads an amount of money (rule T8). One that is well formed but too large
// breaks rule T11.
func parsePrice(value jsontext.Value) (money.Fen, string) {
	if value.Kind() != jsontext.KindString {
		return 0, push.CodeInvalidPrice
	}
	var text string
	if err := json.Unmarshal(value, &text); err != nil {
		return 0, push.CodeInvalidPrice
	}
	price, err := money.Parse(text)
	switch {
	case errors.Is(err, money.ErrTooLarge):
		return 0, push.CodeAbovePayment
	case err != nil:
		return 0, push.CodeInvalidPrice
	}
	return price, ""
}

// quoted is a price as it came, so that a number is told from a text.
func quoted(price jsontext.Value) string {
	switch price.Kind() {
	case jsontext.KindBeginArray:
		return "[…]"
	case jsontext.KindBeginObject:
		return "{…}"
	case jsontext.KindString:
		var text string
		if json.Unmarshal(price, &text) != nil {
			return push.Quote(string(price))
		}
		return push.Quote(text)
	case jsontext.KindInvalid: // there is none
		return push.Quote("")
	default:
		return strings.Trim(push.Quote(string(price)), `"`)
	}
}

// clip keeps what is echoed short and valid.
func clip(text string) string {
	const longest = 80
	runes := []rune(text)
	if len(runes) > longest {
		return string(runes[:longest]) + "…"
	}
	return string(runes)
}

func checkPushID(id string) error {
	if !idPattern.MatchString(id) {
		return push.RefuseValue(push.CodeInvalidPushID, "", id)
	}
	return nil
}

func checkReason(reason string, needed bool) error {
	switch {
	case utf8.RuneCountInString(reason) > push.MaxText:
		return push.Refuse(push.CodeTooLarge, "reason")
	case needed && strings.TrimSpace(reason) == "":
		return push.Refuse(push.CodeReasonRequired, "")
	}
	return nil
}
