package alipaygateway

import (
	"cmp"
	"slices"
	"strings"

	"github.com/pushledger/pushledger/aggregates/money"
)

const (
	bankCard    = "BANKCARD"
	debitCard   = "DEBIT_CARD"
	maxSources  = 16
	maxDisabled = 128 // characters of disable_pay_channels, as older descriptions of it say
)

// source is one source of the money of a trade.
type source struct {
	Channel string    `json:"channel"`
	Type    string    `json:"fund_type,omitzero"` // of a bank card only
	Amount  money.Fen `json:"amount"`
}

// merchantFunded are the channels that the merchant itself pays for, so that it does not
// receive their part.
var merchantFunded = []string{"MCARD", "MDISCOUNT", "MCOUPON"}

// huabei cannot pay for virtual goods.
var huabei = []string{"PCREDIT", "PCREDITPAYINSTALLMENT"}

// disabledBy are the names by which an order can forbid a channel, the groups that contain
// it among them. Which name forbids MCOUPON is not known: each that could is taken to. For
// a card that is both debit and credit there is none.
var disabledBy = map[string][]string{
	"ALIPAYACCOUNT":         {"balance"},
	"FINANCEACCOUNT":        {"moneyFund"},
	"COUPON":                {"coupon"},
	"POINT":                 {"point"},
	"DISCOUNT":              {"promotion"},
	"PCARD":                 {"pcard"},
	"MCARD":                 {"mcard"},
	"MDISCOUNT":             {"mdiscount", "promotion"},
	"MCOUPON":               {"voucher", "promotion"},
	"PCREDIT":               {"pcredit", "credit_group"},
	"PCREDITPAYINSTALLMENT": {"pcreditpayInstallment", "credit_group"},
	"CREDITCARD":            {"creditCard", "credit_group"},
	"HONEYPAY":              {"honeyPay"},
	"BANKCARD DEBIT_CARD":   {"debitCardExpress"},
	"BANKCARD CREDIT_CARD":  {"creditCard", "creditCardExpress", "creditCardCartoon", "credit_group"},
}

// forbids reports whether the order of a trade does not let a source pay.
func (t trade) forbids(from source) bool {
	if t.GoodsType == "0" && slices.Contains(huabei, from.Channel) {
		return true
	}
	name := strings.TrimSpace(from.Channel + " " + from.Type)
	disabled := strings.Split(t.Disabled, ",")
	return slices.ContainsFunc(disabledBy[name], func(by string) bool { return slices.Contains(disabled, by) })
}

// buyer is the user id of whoever paid.
func (t trade) buyer() string { return cmp.Or(t.Buyer, buyerUserID) }

// sources are those of a trade that is paid.
func (t trade) sources() []source {
	if len(t.Sources) > 0 || t.PaidAt.IsZero() {
		return t.Sources
	}
	return []source{{Channel: t.Channel, Amount: t.Amount}} // paid before sources were kept
}

// byMerchant is the part of a trade that the merchant itself has paid for.
func (t trade) byMerchant() money.Fen {
	sum := money.Fen(0)
	for _, from := range t.sources() {
		if slices.Contains(merchantFunded, from.Channel) {
			sum += from.Amount
		}
	}
	return sum
}

// received is what reaches the merchant, and byBuyer what the buyer gave of its own.
func (t trade) received() money.Fen {
	if t.Receipt != nil && *t.Receipt > 0 {
		return *t.Receipt
	}
	return t.Amount - t.byMerchant()
}

// receiptTold is the receipt_amount: what is received, unless the contract does not tell it.
func (t trade) receiptTold() money.Fen {
	if t.Receipt != nil {
		return *t.Receipt
	}
	return t.received()
}

// fundBills are the sources as the answer to a question lists them.
func (t trade) fundBills() []fundBill {
	var bills []fundBill
	for _, from := range t.sources() {
		bills = append(bills, fundBill(from))
	}
	return bills
}

// notifiedBills are the sources as notifications list them.
func (t trade) notifiedBills() []notifiedBill {
	var bills []notifiedBill
	for _, from := range t.sources() {
		bills = append(bills, notifiedBill{Channel: from.Channel, Type: from.Type, Amount: from.Amount})
	}
	return bills
}

// given is a source as a control names it. A bank card whose type is left out is a debit
// card, since Alipay tells the type of every card; an empty type is one that is not told.
type given struct {
	Channel string  `json:"channel"`
	Type    *string `json:"fund_type"`
	Amount  *string `json:"amount"` // may be left out of the only one
}

func (s given) source() (source, error) {
	from := source{Channel: s.Channel}
	switch {
	case !channelPattern.MatchString(s.Channel):
		return from, refuse("invalid_channel", "channel %.80q", s.Channel)
	case s.Type != nil && *s.Type != "" && !channelPattern.MatchString(*s.Type):
		return from, refuse("invalid_channel", "fund_type %.80q", *s.Type)
	case s.Type != nil:
		from.Type = *s.Type
	case s.Channel == bankCard:
		from.Type = debitCard
	}
	if s.Amount == nil {
		return from, nil
	}
	amount, err := money.Parse(*s.Amount)
	if err != nil || amount < 1 {
		return from, refuse("invalid_sources", "amount %.40q", *s.Amount)
	}
	from.Amount = amount
	return from, nil
}

// split gives every source its amount; together they are what is paid.
func split(from []source, amount money.Fen) ([]source, error) {
	if len(from) == 1 && from[0].Amount == 0 {
		return []source{{Channel: from[0].Channel, Type: from[0].Type, Amount: amount}}, nil
	}
	sum := money.Fen(0)
	for _, part := range from {
		if part.Amount == 0 {
			return nil, refuse("invalid_sources", "source %s has no amount", part.Channel)
		}
		sum += part.Amount
	}
	if sum != amount {
		return nil, refuse("invalid_sources", "the sources are %s together, and %s is paid", sum, amount)
	}
	return from, nil
}
