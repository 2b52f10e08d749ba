package offers

import (
	"cmp"
	"errors"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/money"
	"github.com/pushledger/pushledger/aggregates/push"
)

var idPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// row is one row as it was written, without blanks around its cells.
type row struct {
	line                                            int
	pushID, buyer, domain, price, remark, valid, by string
}

// inherit takes what a row does not say itself from the first row of its push.
func (r *row) inherit(first row) {
	r.buyer, r.remark = cmp.Or(r.buyer, first.buyer), cmp.Or(r.remark, first.remark)
	if r.valid == "" && r.by == "" {
		r.valid, r.by = first.valid, first.by
	}
}

// head checks everything of a row but its domain and price.
func (r row) head(bad *bad, defaults Defaults) Body {
	body := Body{PushID: r.pushID, Buyer: cmp.Or(r.buyer, defaults.Buyer), Remark: cmp.Or(r.remark, defaults.Remark)}
	checkID(bad, r.line, push.CodeInvalidPushID, "push_id", body.PushID)
	if body.Buyer == "" {
		bad.add(r.line, CodeMissing, "it has no buyer, and there is no --buyer")
	} else {
		checkID(bad, r.line, push.CodeInvalidAccount, "buyer", body.Buyer)
	}
	if utf8.RuneCountInString(body.Remark) > push.MaxText {
		bad.add(r.line, push.CodeTooLarge, "the remark has more than %d characters", push.MaxText)
	}
	if err := r.validity(&body, defaults); err != nil {
		bad.add(r.line, push.CodeInvalidValidity, "%v", err)
	}
	return body
}

func (r row) validity(body *Body, defaults Defaults) (err error) {
	valid, by := r.valid, r.by
	if valid == "" && by == "" {
		valid = defaults.ValidFor
	}
	switch {
	case valid != "" && by != "":
		return errors.New("it has both a validity and an end")
	case by != "":
		body.ExpiresAt, err = parseEnd(by, defaults.Zone)
	case valid != "":
		body.ValidFor, body.ExpiresAt, err = parseValidity(valid, defaults.Zone)
	}
	return err
}

func checkID(bad *bad, line int, code, what, id string) {
	if id != "" && !idPattern.MatchString(id) {
		bad.add(line, code, "the %s %.80q is not 1 to 64 characters of A-Z a-z 0-9 _ -", what, id)
	}
}

// item checks the domain and the price of a row.
func (r row) item(bad *bad) Item {
	var item Item
	var err error
	if r.domain == "" {
		bad.add(r.line, CodeMissing, "it has no domain")
	} else if item.Domain, err = domainname.Parse(r.domain); err != nil {
		bad.add(r.line, push.CodeInvalidDomain, "%s", strings.TrimPrefix(err.Error(), "domainname: "))
	}
	if r.price == "" {
		bad.add(r.line, CodeMissing, "it has no price")
	} else if item.Price, err = money.Parse(r.price); err != nil {
		bad.add(r.line, priceCode(err), "the price %.80q is no amount such as 1999.00", r.price)
	}
	return item
}

func priceCode(err error) string {
	if errors.Is(err, money.ErrTooLarge) {
		return push.CodeAbovePayment
	}
	return push.CodeInvalidPrice
}
