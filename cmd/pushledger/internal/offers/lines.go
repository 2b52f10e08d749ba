package offers

import (
	"errors"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/pushledger/pushledger/aggregates/push"
)

// lineBody is an offer as a line writes it.
type lineBody struct {
	PushID string `json:"push_id"`
	Buyer  string `json:"buyer"`
	Items  []struct {
		Domain string         `json:"domain"`
		Price  jsontext.Value `json:"price"` // a text: a number would be rounded somewhere
	} `json:"items"`
	ValidFor  string `json:"valid_for"`
	ExpiresAt string `json:"expires_at"`
	Remark    string `json:"remark"`
}

// readLines reads one offer of each line that is not blank.
func readLines(text string, defaults Defaults) ([]Offer, error) {
	var bad bad
	var list []Offer
	known := make(map[string]int) // push id → line
	number := 0
	for line := range strings.SplitSeq(text, "\n") {
		number++
		line = strings.TrimSpace(strings.TrimPrefix(line, byteOrderMark))
		if line == "" {
			continue
		}
		offer, read := readLine(number, line, defaults, &bad)
		if !read {
			continue
		}
		if at, exists := known[offer.PushID]; exists && offer.PushID != "" {
			bad.add(number, push.CodePushExists, "push %s stands on line %d already", offer.PushID, at)
		}
		known[offer.PushID] = number
		list = append(list, offer)
	}
	if len(list) == 0 && len(bad.rows) == 0 {
		bad.add(1, CodeUnreadable, "there is no line in it")
	}
	return list, bad.err()
}

func readLine(number int, line string, defaults Defaults, bad *bad) (Offer, bool) {
	var said lineBody
	err := json.Unmarshal([]byte(line), &said, json.RejectUnknownMembers(true))
	switch {
	case errors.Is(err, json.ErrUnknownName):
		bad.add(number, push.CodeUnknownField, "%v", err)
		return Offer{}, false
	case err != nil:
		bad.add(number, push.CodeInvalidJSON, "%v", err)
		return Offer{}, false
	case jsontext.Value(line).Kind() != jsontext.KindBeginObject:
		bad.add(number, push.CodeInvalidJSON, "it is not one JSON object of an offer")
		return Offer{}, false
	}
	whole := row{line: number, pushID: said.PushID, buyer: said.Buyer, remark: said.Remark, valid: said.ValidFor, by: said.ExpiresAt}
	offer := Offer{Body: whole.head(bad, defaults)}
	if len(said.Items) == 0 {
		bad.add(number, push.CodeBatchEmpty, "it has no items")
	}
	for _, item := range said.Items {
		one := row{line: number, domain: item.Domain, price: string(item.Price)} // what is no text is no price
		if item.Price.Kind() == jsontext.KindString {
			if err := json.Unmarshal(item.Price, &one.price); err != nil {
				bad.add(number, push.CodeInvalidJSON, "%v", err)
			}
		}
		if item.Price.Kind() == jsontext.KindNumber {
			bad.add(number, push.CodeInvalidPrice, "write the price %.40s as text, in quotes", item.Price)
			one.price = "0"
		}
		offer.Items = append(offer.Items, one.item(bad))
		offer.Rows = append(offer.Rows, number)
	}
	offer.checkItems(bad)
	return offer, true
}
