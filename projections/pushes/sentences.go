package pushes

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/push"
)

type words struct{ en, zh string }

// sentences has one for every type of event. {total}, {amount}, {domain}, {message}, {reason}
// and {reference} stand for members of the event, {why} for the words of its code, reason or place.
var sentences = map[string]words{
	"Offered":             {"The seller offered the push at {total} CNY.", "卖家发布了带价 push，总价 {total} 元。"},
	"Withdrawn":           {"The seller withdrew the push.", "卖家撤回了 push。"},
	"Declined":            {"The buyer declined the push.", "买家拒绝了 push。"},
	"Accepted":            {"The buyer accepted the push at {total} CNY.", "买家以总价 {total} 元接收了 push。"},
	"Paid":                {"The buyer paid {amount} CNY, which the platform holds.", "买家已支付 {amount} 元，由平台保管。"},
	"Expired":             {"The push expired: {why}.", "push 已失效：{why}。"},
	"Invalidated":         {"The push became invalid: {why}.", "push 已作废：{why}。"},
	"Completed":           {"The push is completed and final.", "push 已成交，不可撤销。"},
	"Refunded":            {"{amount} CNY went back to the buyer.", "已向买家退款 {amount} 元。"},
	"PaymentOpened":       {"Alipay knows the payment and waits for the buyer.", "支付宝交易已创建，等待买家付款。"},
	"PaymentClosed":       {"The payment was closed at Alipay.", "支付宝交易已关闭。"},
	"StrayReceived":       {"{amount} CNY came in that does not pay this push; it goes back.", "收到不能用于支付本 push 的款项 {amount} 元，将原路退回。"},
	"StrayRefunded":       {"{amount} CNY that did not pay this push went back.", "不能用于支付本 push 的款项 {amount} 元已退回。"},
	"DeliveryStarted":     {"The domains are being moved to the buyer.", "开始将域名转入买家账户。"},
	"HoldStarted":         {"The registrar is asked to hold the domains until the push has ended.", "已请求注册商在交易结束前锁定域名。"},
	"DomainsHeld":         {"The registrar holds the domains that it can hold.", "注册商已锁定可锁定的域名。"},
	"HoldsReleased":       {"The registrar holds the domains no longer.", "注册商已解除对域名的锁定。"},
	"BuyerActed":          {"The buyer has done something with {domain} before the push was completed: {why}. A person will decide.", "交易完成前，买家已处置域名 {domain}：{why}。将由人工裁定。"},
	"DomainMoved":         {"{domain} is in the buyer's account.", "域名 {domain} 已转入买家账户。"},
	"DomainMoveRefused":   {"{domain} cannot be moved to the buyer: {why}.", "域名 {domain} 无法转入买家账户：{why}。"},
	"ReturnStarted":       {"The push cannot be delivered: {why}. Domains and money go back.", "push 无法交付：{why}。域名与款项将退回。"},
	"DomainReturned":      {"{domain} will not reach the buyer: {why}.", "域名 {domain} 不再交付买家：{why}。"},
	"DomainReturnRefused": {"{domain} could not be moved back: {why}. A person will see to it.", "域名 {domain} 未能退回：{why}。将由人工处理。"},
	"RefundRequested":     {"A refund of {amount} CNY to the buyer was ordered.", "已发起向买家退款 {amount} 元。"},
	"RefundRefused":       {"Alipay refused the refund: {message}", "支付宝拒绝退款：{message}"},
	"PayoutRequested":     {"All domains are delivered; a payout of {amount} CNY to the seller was ordered.", "域名已全部交付，已发起向卖家付款 {amount} 元。"},
	"PaidOut":             {"The seller received {amount} CNY.", "卖家已收到 {amount} 元。"},
	"PayoutRefused":       {"Alipay refused the payout: {message}", "支付宝拒绝付款：{message}"},
	"MoveReversed":        {"The registrar took back the move of {domain} after it was delivered. A person will see to it.", "域名 {domain} 交付后又被注册商撤回。将由人工处理。"},
	"RetryOrdered":        {"An operator had a refused step tried again: {reason}", "运营人员要求重试被拒绝的步骤：{reason}"},
	"SettledByHand":       {"An operator settled by hand what was refused: {reason} ({reference})", "运营人员已人工处理被拒绝的步骤：{reason}（{reference}）"},
}

// reasons are the words for reasons and places that are no codes of package push.
var reasons = map[string]words{
	string(push.ExpiryValidity):       {"its 7 days were over", "7 天有效期已满"},
	string(push.ExpirySellerDeadline): {"the end set by the seller was reached", "已到卖家设定的截止时间"},
	string(push.ExpiryPaymentWindow):  {"it was not paid in time", "买家未在规定时间内付款"},
	string(push.PlaceReturned):        {"it is back with the seller", "已退回卖家账户"},
	string(push.PlaceKept):            {"it never left the seller", "始终在卖家账户中"},
	string(push.PlaceTransferredOut):  {"it has left for another registrar", "已转出本注册商"},
	string(push.PlaceDeleted):         {"it is registered no more", "已被删除"},
	string(push.PlaceGone):            {"it is with neither seller nor buyer", "已不在买卖双方账户中"},
}

// facts are the members of events that sentences speak of.
type facts struct {
	Domain  domainname.Name `json:"domain"`
	Total   string          `json:"total"`
	Amount  string          `json:"amount"`
	Code    string          `json:"code"`
	Reason  string          `json:"reason"`
	Place   string          `json:"place"`
	Message string          `json:"message"`

	Reference string `json:"reference"`
}

// sentence says in English and Chinese what an event means. An event without words is
// shown by its name.
func sentence(name string, body []byte) (en, zh string, err error) {
	text, known := sentences[name]
	if !known {
		return name, name, nil
	}
	var told facts
	if err := json.Unmarshal(body, &told); err != nil {
		return "", "", fmt.Errorf("pushes: words for %s: %w", name, err)
	}
	why := told.why()
	return told.fill(text.en, why.en), told.fill(text.zh, why.zh), nil
}

func (f facts) why() words {
	code := cmp.Or(f.Code, f.Reason, f.Place)
	if text, known := reasons[code]; known {
		return text
	}
	if en, zh := push.Message(code); en != "" {
		return words{en, zh}
	}
	return words{code, code} // a partner's own code, as it came
}

// fill puts the members in the places of a template that are named after them.
func (f facts) fill(template, why string) string {
	var filled strings.Builder
	for {
		before, rest, found := strings.Cut(template, "{")
		filled.WriteString(before)
		name, after, closed := strings.Cut(rest, "}")
		if !found || !closed {
			return filled.String()
		}
		filled.WriteString(f.member(name, why))
		template = after
	}
}

func (f facts) member(name, why string) string {
	switch name {
	case "total":
		return f.Total
	case "amount":
		return f.Amount
	case "domain":
		return f.Domain.Both()
	case "message":
		return f.Message
	case "why":
		return why
	case "reason":
		return f.Reason
	case "reference":
		return f.Reference
	default:
		panic("pushes: a sentence speaks of {" + name + "}")
	}
}
