package words

import (
	"github.com/pushledger/pushledger/aggregates/push"
)

// ExpiresSoon says that the offer of an open push ends before long.
func ExpiresSoon(story Story) Text {
	return tidy(fill(
		"The push of {0} at {1} ends soon: it is open until {2}.", "带价 push 即将过期：{0}，{1}，有效期至{2}。",
		story.domains(), story.price(), instant(story.ExpiresAt),
	))
}

// sentence tells the newest event of the story. Those of the purchase are in purchase.go
// and settlement.go.
func (s Story) sentence(event push.Event) Text {
	switch e := event.(type) {
	case push.Offered:
		return s.offered()
	case push.Withdrawn:
		return fill("The seller withdrew the push of {0}.", "卖家撤回了带价 push：{0}。", s.domains())
	case push.Declined:
		return reasoned(fill("The buyer declined the push of {0}", "买家拒绝了带价 push：{0}", s.domains()), e.Reason)
	case push.Accepted:
		return s.acceptance()
	case push.Paid:
		return s.payment(e)
	case push.Expired:
		return fill(
			"The push of {0} at {1} has expired: {2}.", "带价 push 已过期失效：{2}。涉及{0}，{1}。",
			s.domains(), s.price(), s.ended,
		)
	case push.Invalidated:
		return s.invalidated()
	case push.Completed:
		return s.completed()
	case push.Refunded:
		return s.refunded(e)
	case push.PaymentOpened:
		return fill(
			"The payment page of {0} is ready at Alipay and waits for the buyer until {1}.", "支付宝付款页面已就绪：{0}，等待买家在{1}前付款。",
			yuan(s.Total), instant(s.payBy),
		)
	case push.PaymentClosed:
		return s.paymentClosed()
	case push.StrayReceived:
		return s.strayReceived(e)
	case push.StrayRefunded:
		return s.strayRefunded(e)
	case push.DeliveryStarted:
		return fill("{0} {1} being moved to the buyer's account.", "开始将{0}转入买家账户。", s.domains(), s.verb("is", "are"))
	case push.HoldStarted:
		return fill("The registrar is asked to hold {0} until the push has ended.", "已请求注册商在交易结束前锁定{0}。", s.domains())
	case push.DomainsHeld:
		return s.held(len(e.Held))
	case push.HoldsReleased:
		return fill("The registrar holds {0} no longer.", "注册商已解除对{0}的锁定。", s.domains())
	case push.BuyerActed:
		return s.buyerActed(e)
	case push.DomainMoved:
		return fill("{0} is in the buyer's account.", "域名{0}已转入买家账户。", named(e.Domain))
	case push.DomainMoveRefused:
		return fill(
			"{0} cannot be moved to the buyer's account: {1}.", "域名{0}无法转入买家账户：{1}。",
			named(e.Domain), why(e.Code, ""),
		)
	case push.ReturnStarted:
		return s.returning(e)
	case push.DomainReturned:
		return returned(e)
	case push.DomainReturnRefused:
		return fill(
			"{0} could not be moved back to the seller's account: {1}. A person will see to it.", "域名{0}未能退回卖家账户：{1}。待人工处理。",
			named(e.Domain), why(e.Code, ""),
		)
	case push.RefundRequested:
		return fill("A refund of {0} to the buyer's Alipay account was ordered.", "已发起退款：{0}，退还至买家的支付宝账户。", yuan(e.Amount))
	case push.RefundRefused:
		return s.refundRefused(e)
	case push.PayoutRequested:
		return s.payoutRequested(e)
	case push.PaidOut:
		return paidOut(e)
	case push.PayoutRefused:
		if e.FeeOnly {
			return s.feeRefused(e)
		}
		return fill(
			"Alipay refused to pay {0} to the seller: {1}. The amount stays owed to the seller; a person will see to it.",
			"支付宝拒绝向卖家打款{0}：{1}。该款项仍应付卖家，待人工处理。", yuan(s.Total-s.Fee), provider(e.Code, e.Message),
		)
	case push.PayoutRenumbered:
		return fill(
			"The payout to the account of before has failed for good. It is made anew to the Alipay account that the seller has now.",
			"付至原账户的打款已确认失败，现重新打款至卖家当前的支付宝账户。",
		)
	case push.MoveReversed:
		return s.moveReversed(e)
	case push.RetryOrdered:
		return reasoned(fill("An operator had the {0} tried again", "运营人员要求重试：{0}", task(e.Step, e.Domain)), e.Reason)
	case push.SettledByHand:
		return s.settledByHand(e)
	}
	return same(event.EventType())
}

func (s Story) offered() Text {
	terms := s.price()
	switch {
	case s.free():
		terms = fill("{0}, with nothing to pay", "{0}，无需付款", terms)
	case s.Fee != 0:
		terms = fill(
			"{0}, of which the fee is {1} and the seller receives {2}", "{0}（手续费{1}，卖家将收到{2}）",
			terms, yuan(s.Fee), yuan(s.Total-s.Fee),
		)
	}
	return fill(
		"The seller offered {0} to {1} at {2}; the push is open until {3}.", "卖家向{1}发起带价 push：{0}，{2}，有效期至{3}。",
		s.precisely(), say("%s", " %s ", s.Buyer), terms, instant(s.ExpiresAt),
	)
}

func (s Story) acceptance() Text {
	if s.free() {
		return fill("The buyer accepted {0} at {1}; there is nothing to pay.", "买家接收了带价 push：{0}，{1}，无需付款。", s.domains(), s.price())
	}
	return fill(
		"The buyer accepted {0} at {1} and has until {2} to pay; if no payment is made by then, the push expires.",
		"买家接收了带价 push：{0}，{1}，须在{2}前付款，逾期未付款则 push 过期失效。",
		s.domains(), s.price(), instant(s.payBy),
	)
}

// expiry is why a push expired, as part of a sentence.
func (s Story) expiry(e push.Expired) Text {
	switch e.Reason {
	case push.ExpirySellerDeadline:
		return fill("nobody accepted it by the seller's deadline, {0}", "到达卖家截止时间{0}，买家未接收", instant(s.ExpiresAt))
	case push.ExpiryPaymentWindow:
		return fill("it was not paid in time, by {0}", "逾期未付款，付款时限为{0}", instant(s.payBy))
	case push.ExpiryValidity:
		return fill("nobody accepted it in its 7 days, until {0}", "7 天有效期至{0}已满，买家未接收", instant(s.ExpiresAt))
	default:
		return Expiry(e.Reason)
	}
}

// invalidated tells the end of an offer, or of a purchase that has failed.
func (s Story) invalidated() Text {
	switch {
	case !s.paid:
		return fill(
			"The push of {0} at {1}, {2}, has become invalid: {3}.", "带价 push 已失效：{3}。涉及{0}，{1}，原{2}。",
			s.domains(), s.price(), s.deadline(), s.ended,
		)
	case s.free():
		return fill(
			"The push has become invalid: {1}. The purchase of {0} at {2} has failed. {3}", "带价 push 已失效：{1}。{0}未能成交，{2}。{3}",
			s.domains(), s.ended, s.price(), s.again(),
		)
	default:
		return fill(
			"The push has become invalid: {1}. The purchase of {0} has failed; the money, {2}, goes back to the buyer's Alipay account. {3}",
			"带价 push 已失效：{1}。{0}未能成交，买家所付的{2}将退还至买家的支付宝账户。{3}",
			s.domains(), s.ended, yuan(s.Total), s.again(),
		)
	}
}

// again is what a buyer can do whose purchase has failed (rule B2).
func (s Story) again() Text {
	return fill("To buy {0} again, ask the seller for a new push.", "如仍需购买，请联系卖家重新发起带价 push。", s.verb("it", "them"))
}

func (s Story) completed() Text {
	if s.free() {
		return fill("The push of {0} is completed and final: no domain comes back.", "交易成功：{0}。一经成交，域名不可退回。", s.domains())
	}
	return fill(
		"The push of {0} at {1} is completed and final: neither domain nor money comes back.",
		"交易成功：{0}，{1}。一经成交，域名与款项均不可退回。", s.domains(), s.price(),
	)
}
