package push

import "strings"

// Funding is what the sources of a payment are to the ledger (rule T6).
type Funding int

// The kinds of Funding. What is not known to be money is not taken for money.
const (
	FundingUnknown  Funding = iota // nobody here knows the source: the money goes back
	FundingMoney                   // the buyer's own, or given to the buyer by Alipay
	FundingMerchant                // the platform itself would pay for it: less comes in than the total
	FundingCredit                  // lent to the buyer
	FundingUntold                  // no source was told at all
)

// CreditPayMode is the source of a trade that the buyer pays later: Alipay's credit_pay_mode
// is set, whatever it says. The mode follows it in a list of sources.
const CreditPayMode = "CREDIT_PAY_MODE" //nolint:gosec // no credential, but what Alipay calls a way of paying

// bankCard is a card of whichever kind: only the fund type, which follows it in a list of
// sources, says whether it lends.
const bankCard = "BANKCARD"

// fundings are the sources that are known, in capitals and without - and _. Read in Alipay's
// list of fund channels (COUPON to PCREDIT) and in that of the channels that an order can
// allow or forbid, of which the names come in capitals. A name that stands on neither is
// older, or comes from credit_pay_mode; it is here only if it lends.
var fundings = map[string]Funding{
	"ALIPAYACCOUNT":    FundingMoney, // balance
	"BALANCE":          FundingMoney, // likewise
	"FINANCEACCOUNT":   FundingMoney, // 余额宝, a money market fund
	"MONEYFUND":        FundingMoney, // likewise
	"DEBITCARD":        FundingMoney, // as the type of a card
	"DEBITCARDEXPRESS": FundingMoney,
	"PCARD":            FundingMoney, // 预付卡, which was paid for before
	"COUPON":           FundingMoney, // 支付宝红包
	"POINT":            FundingMoney, // 集分宝
	"DISCOUNT":         FundingMoney, // 折扣券, Alipay's

	"MCARD":     FundingMerchant, // 商家储值卡
	"MDISCOUNT": FundingMerchant, // 商户优惠券
	"MCOUPON":   FundingMerchant, // 商户红包

	"CREDITCARD": FundingCredit, "CREDITCARDEXPRESS": FundingCredit, "CREDITCARDCARTOON": FundingCredit, "OPTIMIZEDMOTO": FundingCredit,
	"MIXEDCARD": FundingCredit, // debit and credit in one: it may have lent
	"CREDIT":    FundingCredit, "CREDITGROUP": FundingCredit, "PCREDIT": FundingCredit, "PCREDITPAY": FundingCredit,
	"PCREDITPAYINSTALLMENT": FundingCredit, "HUABEI": FundingCredit, "JIEBEI": FundingCredit,
	"HONEYPAY":      FundingCredit, // 亲情卡: somebody else's, who may pay on credit
	"CREDITPAYMODE": FundingCredit, "CREDITADVANCEV2": FundingCredit,
}

// cardFundings are the types of a bank card.
var cardFundings = map[string]Funding{
	"DEBITCARD": FundingMoney, "CREDITCARD": FundingCredit, "MIXEDCARD": FundingCredit,
}

// FundingOf is what the sources of a payment come to together: one that lends makes it all
// credit, one that nobody knows makes it all unknown, and one that the merchant pays for
// leaves less than the total. A bank card is what the type that follows it says.
func FundingOf(channels []string) Funding {
	if len(channels) == 0 {
		return FundingUntold
	}
	found := map[Funding]bool{}
	for i := range channels {
		found[fundingAt(channels, i)] = true
	}
	for _, worst := range []Funding{FundingCredit, FundingUnknown, FundingMerchant} {
		if found[worst] {
			return worst
		}
	}
	return FundingMoney
}

func fundingAt(channels []string, i int) Funding {
	switch name := plain(channels[i]); {
	case name != bankCard:
		return fundings[name]
	case i+1 < len(channels):
		return cardFundings[plain(channels[i+1])]
	default:
		return FundingUnknown
	}
}

// CreditChannel reports whether a funding channel lends the buyer money (rule T6).
func CreditChannel(channel string) bool { return fundings[plain(channel)] == FundingCredit }

func plain(channel string) string {
	return strings.NewReplacer("_", "", "-", "").Replace(strings.ToUpper(channel))
}
