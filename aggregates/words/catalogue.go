package words

import "github.com/pushledger/pushledger/aggregates/push"

// Words for a paid push that is not simply being delivered.
var (
	BeingUndone = Text{EN: "Being undone", ZH: "退回中"}
	NeedsPerson = Text{EN: "Needs a person", ZH: "待人工处理"}
)

// NoInvoice stands on every statement (rule T3).
var NoInvoice = Text{EN: "This is a statement of account and not an invoice.", ZH: "本对账单不是发票，不作报销凭证。"}

// Status is the word for a status, or the status itself if there is none.
func Status(status push.Status) Text {
	return known(status.Words(), string(status))
}

// Payment is the word for how a payment stands: none, waiting, paid, refunded or closed.
func Payment(state string) Text { return known(payments[state], state) }

// Delivery is the word for where a domain is on its way: none, moving, delivered, refused,
// returning, returned, kept, gone or stuck.
func Delivery(delivery string) Text { return known(deliveries[delivery], delivery) }

// Step is the word for a step of a purchase.
func Step(step push.StepKind) Text { return known(steps[step], string(step)) }

// Place is the word for where a domain of a failed push has come to rest.
func Place(place push.Place) Text { return known(places[place], string(place)) }

// Expiry is the word for what ended an expired push.
func Expiry(reason push.ExpiryReason) Text { return known(expiries[reason], string(reason)) }

// Decision is the word for what becomes of money about which a person has decided.
func Decision(decision push.Decision) Text { return known(decisions[decision], string(decision)) }

// End says why a push of a status ended: a code, a reason of Expired, or the words of the
// buyer who declined. It is empty if there is nothing to say.
func End(status push.Status, reason string) Text {
	switch {
	case reason == "":
		return Text{}
	case status == push.StatusDeclined:
		return quoted(reason)
	case status == push.StatusExpired:
		return Expiry(push.ExpiryReason(reason))
	default:
		return code(reason)
	}
}

// code is the text of a code of the ledger, or a partner's own as it came.
func code(code string) Text {
	en, zh := push.Message(code)
	return known(Text{EN: en, ZH: zh}, code)
}

func known(text Text, otherwise string) Text {
	if text == (Text{}) {
		return same(otherwise)
	}
	return text
}

var payments = map[string]Text{
	"none":     {EN: "none", ZH: "无需付款"},
	"waiting":  {EN: "to be paid", ZH: "待付款"},
	"paid":     {EN: "paid", ZH: "已付款"},
	"refunded": {EN: "refunded", ZH: "已退款"},
	"closed":   {EN: "closed", ZH: "已关闭"},
}

var deliveries = map[string]Text{
	"none":                         {EN: "with the seller", ZH: "在卖家账户"},
	string(push.DeliveryMoving):    {EN: "moving", ZH: "转移中"},
	string(push.DeliveryDelivered): {EN: "with the buyer", ZH: "已到买家账户"},
	string(push.DeliveryRefused):   {EN: "refused", ZH: "转移被拒"},
	string(push.DeliveryReturning): {EN: "returning", ZH: "退回中"},
	string(push.DeliveryReturned):  {EN: "returned", ZH: "已退回"},
	string(push.DeliveryKept):      {EN: "never moved", ZH: "未移动"},
	string(push.DeliveryGone):      {EN: "gone", ZH: "已不在双方账户"},
	string(push.DeliveryStuck):     {EN: "stuck", ZH: "待人工"},
}

var steps = map[push.StepKind]Text{
	push.StepExpire:       {EN: "expiry", ZH: "到期"},
	push.StepOpenPayment:  {EN: "open payment", ZH: "打开支付页面"},
	push.StepAwaitPayment: {EN: "await payment", ZH: "等待付款"},
	push.StepDeliver:      {EN: "deliver", ZH: "交割域名"},
	push.StepReturn:       {EN: "return", ZH: "退回域名"},
	push.StepPayout:       {EN: "payout", ZH: "打款"},
	push.StepRefund:       {EN: "refund", ZH: "退款"},
	push.StepClosePayment: {EN: "close payment", ZH: "关闭支付"},
	push.StepRelease:      {EN: "release", ZH: "解除锁定"},
	push.StepReversal:     {EN: "reversal", ZH: "交割被撤销"},
	push.StepBuyerAct:     {EN: "buyer's act", ZH: "买家处置域名"},
	push.StepCheckFunding: {EN: "source of the payment", ZH: "核实资金来源"},
}

var places = map[push.Place]Text{
	push.PlaceReturned:       {EN: "back in the seller's account", ZH: "已退回卖家账户"},
	push.PlaceKept:           {EN: "never moved from the seller's account", ZH: "始终在卖家账户中"},
	push.PlaceTransferredOut: {EN: "transferred out to another registrar", ZH: "已转出本注册商"},
	push.PlaceDeleted:        {EN: "deleted", ZH: "已被删除"},
	push.PlaceGone:           {EN: "in the account of neither party", ZH: "已不在双方账户"},
}

var expiries = map[push.ExpiryReason]Text{
	push.ExpiryValidity:       {EN: "validity over", ZH: "有效期满"},
	push.ExpirySellerDeadline: {EN: "seller's deadline", ZH: "到达卖家截止时间"},
	push.ExpiryPaymentWindow:  {EN: "not paid in time", ZH: "逾期未付款"},
}

var decisions = map[push.Decision]Text{
	push.DecisionPaySeller:     {EN: "pay the seller", ZH: "打款给卖家"},
	push.DecisionRefundBuyer:   {EN: "refund the buyer", ZH: "退款给买家"},
	push.DecisionAcceptPayment: {EN: "accept the payment", ZH: "确认收款"},
}
