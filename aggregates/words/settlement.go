package words

import "github.com/pushledger/pushledger/aggregates/push"

func (s Story) strayReceived(e push.StrayReceived) Text {
	if e.Cause == push.StraySourcesUntold {
		return fill(
			"{0} came in, and {1}. It is not known yet whether it pays the push; a person will see to it.",
			"收到款项{0}，但{1}，暂不能确认其为有效付款，待人工处理。", yuan(e.Amount), about(push.CodeSourcesUntold, ""),
		)
	}
	return fill(
		"{0} came in that pays nothing: {1}. It goes back where it came from.", "收到误入款{0}：{1}。该款项将原路退回。",
		yuan(e.Amount), s.astray(e.Cause),
	)
}

// astray is why money pays nothing.
func (s Story) astray(cause push.StrayCause) Text {
	if s.free() {
		return Text{EN: "there is nothing to pay for this push", ZH: "该 push 无需付款"}
	}
	switch cause {
	case push.StrayLate:
		return Text{EN: "the push had ended, or its payment window was over", ZH: "付款时 push 已结束或付款时限已过"}
	case push.StrayDuplicate:
		return Text{EN: "the push was paid already", ZH: "该 push 已付款，属于重复付款"}
	case push.StrayAmountMismatch:
		return fill("it is not the total of {0}", "金额与总价{0}不符", yuan(s.Total))
	case push.StrayCreditFunding:
		return about(push.CodeCreditFunding, "")
	case push.StrayUnknownChannel:
		return about(push.CodeUnknownChannel, "")
	case push.StrayOtherPayer:
		return Text{EN: "it was paid from another Alipay account than the buyer's own", ZH: "并非由买家本人的支付宝账户付款"}
	case push.StraySourcesUntold:
		return about(push.CodeSourcesUntold, "")
	case push.StrayOtherTrade:
		return Text{EN: "it belongs to a payment that this push never asked for", ZH: "并非该 push 发起的付款"}
	default:
		return same(string(cause))
	}
}

// strayRefunded may be the last that is said of a push, which then says why it ended.
func (s Story) strayRefunded(e push.StrayRefunded) Text {
	back := fill("{0} that paid nothing went back where it came from.", "误入款{0}已原路退回。", yuan(e.Amount))
	if e.To == push.ByHandAccount {
		back = fill("{0} that paid nothing went back by hand, outside of Alipay.", "误入款{0}已由人工退回，未经支付宝。", yuan(e.Amount))
	}
	if s.paid || s.ended == (Text{}) {
		return back
	}
	return fill("{0} {1}", "{0}{1}", back, s.over())
}

func (s Story) refunded(e push.Refunded) Text {
	back := Text{EN: "went back to the buyer's Alipay account", ZH: "已退还至买家的支付宝账户"}
	switch {
	case e.To == push.ByHandAccount:
		back = Text{EN: "went back to the buyer by hand, outside of Alipay", ZH: "已由人工退还买家，未经支付宝"}
	case e.RequestNo != s.refundNo: // it never paid the push
		back = Text{EN: "went back to the buyer where it came from", ZH: "已原路退还买家"}
	}
	return fill("{0} for {1} {2}. {3}", "退款{0}{2}，涉及{1}。{3}", yuan(e.Amount), s.domains(), back, s.again())
}

func (s Story) refundRefused(e push.RefundRefused) Text {
	if e.RequestNo != s.refundNo {
		return fill(
			"Alipay refused to send money back that paid nothing: {0}. A person will see to it.", "支付宝拒绝退回误入款：{0}。待人工处理。",
			provider(e.Code, e.Message),
		)
	}
	return fill(
		"Alipay refused to refund {0} to the buyer: {1}. A person will see to it.", "支付宝拒绝向买家退款{0}：{1}。待人工处理。",
		yuan(s.Total), provider(e.Code, e.Message),
	)
}

func (s Story) payoutRequested(e push.PayoutRequested) Text {
	amount := yuan(e.Amount)
	if e.Fee != 0 {
		amount = fill("{0}, the price of {1} less the fee of {2},", "{0}（总价{1}，扣除手续费{2}）", amount, yuan(e.Amount+e.Fee), yuan(e.Fee))
	}
	return fill(
		"{0} {1} been delivered. A payout of {2} to the seller's Alipay account was ordered.", "{0}已交割完毕，已发起打款：{2}，付至卖家的支付宝账户。",
		s.domains(), s.verb("has", "have"), amount,
	)
}

// feeRefused is of a seller who has its money.
func (s Story) feeRefused(e push.PayoutRefused) Text {
	return fill(
		"The seller has its money, but Alipay refused to give the platform its fee of {0}: {1}. A person will see to it.",
		"卖家已收到结算款，但支付宝拒绝划付手续费{0}：{1}。待人工处理。", yuan(s.Fee), provider(e.Code, e.Message),
	)
}

func paidOut(e push.PaidOut) Text {
	if e.FeeFrom == push.ByHandAccount {
		return fill(
			"The seller received {0} in its Alipay account; the fee of {1} was collected by hand.", "卖家的支付宝账户已收到转让款{0}；手续费{1}已由人工收取。",
			yuan(e.Amount), yuan(e.Fee),
		)
	}
	if e.To == push.ByHandAccount {
		return fill("The seller was paid {0} by hand, outside of Alipay.", "已由人工向卖家打款{0}，未经支付宝。", yuan(e.Amount))
	}
	return fill("The seller received {0} in its Alipay account.", "卖家的支付宝账户已收到转让款{0}。", yuan(e.Amount))
}
