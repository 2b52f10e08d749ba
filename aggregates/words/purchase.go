package words

import (
	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/push"
)

func (s Story) payment(e push.Paid) Text {
	if s.free() {
		return fill("There is nothing to pay; {0} can be delivered at once.", "无需付款，{0}可立即交割。", s.domains())
	}
	if s.frozen {
		return fill(
			"The buyer paid {0}; Alipay keeps it frozen until {1} {2} delivered.", "买家已付款{0}，由支付宝冻结，待{1}交割后结算给卖家。",
			yuan(e.Amount), s.domains(), s.verb("is", "are"),
		)
	}
	return fill(
		"The buyer paid {0}; the platform keeps it in escrow until {1} {2} delivered.", "买家已付款{0}，由平台托管，待{1}交割后付给卖家。",
		yuan(e.Amount), s.domains(), s.verb("is", "are"),
	)
}

// paymentClosed comes after the end of a push, and so says once more why it ended.
func (s Story) paymentClosed() Text {
	return fill("The payment was closed at Alipay and can be made no more. {0}", "支付宝付款已关闭，不能再付款。{0}", s.over())
}

// over says once more why the push has ended, if it has ended by itself.
func (s Story) over() Text {
	if s.ended == (Text{}) {
		return Text{}
	}
	return fill("The push has ended: {0}.", "push 已失效：{0}。", s.ended)
}

func (s Story) held(count int) Text {
	switch {
	case count == 0:
		return fill("The registrar cannot hold {0}; delivery goes on all the same.", "注册商不支持锁定{0}，交割照常进行。", s.domains())
	case count < s.Domains:
		return say("The registrar holds %d of the %d domains; it cannot hold the others.", "注册商已锁定 %[2]d 个域名中的 %[1]d 个，其余不支持锁定。", count, s.Domains)
	default:
		return fill("The registrar holds {0} until the push has ended.", "注册商已锁定{0}，直至交易结束。", s.domains())
	}
}

func (s Story) buyerActed(e push.BuyerActed) Text {
	escrow := Text{}
	if !s.free() {
		escrow = fill(", and {0} stay in escrow", "，{0}仍由平台托管", yuan(s.Total))
	}
	if s.frozen {
		escrow = fill(", and {0} stay frozen at Alipay", "，{0}仍由支付宝冻结", yuan(s.Total))
	}
	return fill(
		"The buyer has not left a delivered domain alone before all was delivered: {0}. Delivery has stopped{1}; a person will see to it.",
		"交割尚未全部完成，买家已有处置行为：{0}。交割已暂停{1}，待人工处理。", cause(e.Code, e.Domain, e.Cause), escrow,
	)
}

func (s Story) returning(e push.ReturnStarted) Text {
	money := Text{}
	if !s.free() {
		money = Text{EN: ", and the money to the buyer's Alipay account", ZH: "，款项将退还至买家的支付宝账户"}
	}
	return fill(
		"The push of {0} at {1} cannot be delivered: {2}. Whatever has been moved goes back to the seller{3}.",
		"带价 push 无法交割：{2}。涉及{0}，{1}。已转移的域名将退回卖家账户{3}。",
		s.domains(), s.price(), cause(e.Code, e.Domain, e.Cause), money,
	)
}

// returned tells the place as it is: what is gone has not stayed with anybody.
func returned(e push.DomainReturned) Text {
	switch e.Place {
	case push.PlaceReturned:
		return fill("{0} is back in the seller's account.", "域名{0}已退回卖家账户。", named(e.Domain))
	case push.PlaceKept:
		return fill("{0} was never moved from the seller's account.", "域名{0}未移动，始终在卖家账户中。", named(e.Domain))
	case push.PlaceTransferredOut:
		return fill("{0} has been transferred out to another registrar.", "域名{0}已转出本注册商。", named(e.Domain))
	case push.PlaceDeleted:
		return fill("{0} has been deleted.", "域名{0}已被删除。", named(e.Domain))
	case push.PlaceGone:
		return fill("{0} is in the account of neither party.", "域名{0}已不在双方账户。", named(e.Domain))
	default:
		return fill("{0}: {1}.", "域名{0}：{1}。", named(e.Domain), Place(e.Place))
	}
}

func (s Story) moveReversed(e push.MoveReversed) Text {
	now := Text{EN: "another account", ZH: "其他账户"}
	if e.To == s.Seller {
		now = Text{EN: "the seller's account", ZH: "卖家账户"}
	}
	return fill(
		"The registrar has taken back the move of {0} after it was delivered; it is in {1} now. A person will see to it.",
		"域名{0}交割后被注册商撤销转移，现位于{1}。待人工处理。", named(e.Domain), now,
	)
}

// task is a step that a person sees to, with its domain.
func task(step push.StepKind, name domainname.Name) Text {
	if name == "" {
		return Step(step)
	}
	return fill("{0} of {1}", "{0}（{1}）", Step(step), named(name))
}

func (s Story) settledByHand(e push.SettledByHand) Text {
	what := fill("An operator settled the {0} by hand", "运营人员已人工处理：{0}", task(e.Step, e.Domain))
	switch e.Step {
	case push.StepCheckFunding:
		what = fill("An operator looked into the source of the payment: {0}", "付款的资金来源已由运营人员核实：{0}", checked(e.Decision))
	case push.StepBuyerAct:
		what = fill(
			"An operator decided what follows from what the buyer did with {0}: {1}", "买家处置域名{0}一事已由运营人员人工处理：{1}",
			named(e.Domain), s.decision(e.Decision),
		)
	default:
	}
	return fill("{0}; reason: {1}, reference: {2}.", "{0}，原因：{1}，凭证号：{2}。", what, quoted(e.Reason), quoted(e.Reference))
}

func checked(decision push.Decision) Text {
	if decision == push.DecisionRefundBuyer {
		return Text{EN: "the money goes back to the buyer", ZH: "款项退还买家"}
	}
	return Text{EN: "the money pays the push", ZH: "确认为有效付款"}
}

func (s Story) decision(decision push.Decision) Text {
	switch {
	case decision == push.DecisionPaySeller && s.free():
		return Text{EN: "delivery goes on", ZH: "继续交割"}
	case decision == push.DecisionPaySeller:
		return Text{EN: "delivery goes on, and the seller is paid after it", ZH: "继续交割，随后打款给卖家"}
	case decision == push.DecisionRefundBuyer && s.free():
		return Text{EN: "what can be brought back is", ZH: "退回可退回的域名"}
	case decision == push.DecisionRefundBuyer:
		return Text{EN: "what can be brought back is, and the buyer is refunded", ZH: "退回可退回的域名，并退款给买家"}
	default:
		return Decision(decision)
	}
}
