package catalog_test

import (
	"time"

	"github.com/pushledger/pushledger/aggregates"
	"github.com/pushledger/pushledger/aggregates/daybill"
	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/listing"
	"github.com/pushledger/pushledger/aggregates/push"
)

var (
	at      = time.Date(2026, 11, 2, 4, 30, 0, 123456789, time.UTC)
	tradeNo = push.TradeNo("push-7")
	refund  = push.RefundNo("push-7", tradeNo)
	cause   = push.Cause{
		Kind: push.CauseRegistrarEvent, EventID: "reg-20261102-0042", Actor: "operator", Reason: "court order 17", Detail: "blacklisted",
	}
)

// examples hold every field of every event.
var examples = []aggregates.Event{
	push.Offered{
		PushID: "push-7", Seller: "seller-anna", Buyer: "buyer-bo", Currency: "CNY",
		Items: []push.Item{{Domain: "shanhai.com", Price: 199900}, {Domain: "xn--fsqu00a.xn--fiqz9s", Price: 0, Canonical: "xn--fsqu00a.xn--fiqs8s"}},
		Total: 199900, FeeRate: 50_000, OfferedAt: at, CheckedAt: at.Add(-time.Second),
		ExpiresAt: at.Add(72 * time.Hour), ExpiryReason: push.ExpirySellerDeadline, Remark: "两个一起出",
	},
	push.Withdrawn{At: at},
	push.Declined{At: at, Reason: "too dear"},
	push.Accepted{
		At: at, Total: 199900, TradeNo: tradeNo, PayBy: at.Add(30 * time.Minute),
		PayURL: "https://openapi.example.com/gateway.do?out_trade_no=" + tradeNo, Registrant: "template-3",
		Payer:    push.Payer{UserID: "2088102117900002", OpenID: "074a1CcTG1LelxKe4xQC0zgNdId0nxi95b5lsNpazWYoCo5", LoginMasked: "buy***@example.com"},
		Merchant: "2088000000000107",
	},
	push.Paid{
		At: at, Amount: 199900, TradeNo: tradeNo, ProviderTradeNo: "2026110222001471111111111111",
		Channels: []string{"ALIPAYACCOUNT", "BANKCARD"}, PaidAt: at.Truncate(time.Second),
		Payer: push.Payer{UserID: "2088102117900002", OpenID: "074a1CcTG1LelxKe4xQC0zgNdId0nxi95b5lsNpazWYoCo5", LoginMasked: "buy***@example.com"},
		From:  push.SuspenseAccount(tradeNo),
	},
	push.Expired{At: at, Reason: push.ExpiryPaymentWindow},
	push.Invalidated{At: at, Code: push.CodeBlacklisted, Domain: "shanhai.com", Cause: cause},
	push.Completed{At: at},
	push.Refunded{At: at, TradeNo: tradeNo, RequestNo: refund, Amount: 199900, From: push.RefundDueAccount("buyer-bo"), To: push.ByHandAccount},
	push.PaymentOpened{At: at, TradeNo: tradeNo},
	push.PaymentClosed{At: at, TradeNo: tradeNo},
	push.StrayReceived{
		At: at, TradeNo: tradeNo, ProviderTradeNo: "2026110222001471111111111111", Amount: 199900,
		Channels: []string{"PCREDIT"}, Cause: push.StrayCreditFunding, RequestNo: refund,
		Payer: push.Payer{UserID: "2088102117900002", OpenID: "074a1CcTG1LelxKe4xQC0zgNdId0nxi95b5lsNpazWYoCo5", LoginMasked: "buy***@example.com"},
		From:  push.FrozenAccount,
	},
	push.StrayRefunded{At: at, TradeNo: tradeNo, RequestNo: refund, Amount: 199900, To: push.ByHandAccount},
	push.DeliveryStarted{At: at},
	push.HoldStarted{At: at},
	push.DomainsHeld{At: at, Held: []domainname.Name{"shanhai.com"}},
	push.HoldsReleased{At: at},
	push.BuyerActed{At: at, Domain: "shanhai.com", Code: push.CodeAccountMoved, Cause: cause},
	push.DomainMoved{At: at, Domain: "shanhai.com", Revision: 18},
	push.DomainMoveRefused{At: at, Domain: "shanhai.com", Code: "registry_lock"},
	push.ReturnStarted{At: at, Code: push.CodeBlacklisted, Domain: "shanhai.com", Cause: cause},
	push.DomainReturned{At: at, Domain: "shanhai.com", Place: push.PlaceReturned, Revision: 19},
	push.DomainReturnRefused{At: at, Domain: "shanhai.com", Code: "registry_lock"},
	push.RefundRequested{At: at, Buyer: "buyer-bo", TradeNo: tradeNo, RequestNo: refund, Amount: 199900},
	push.RefundRefused{At: at, RequestNo: refund, Code: "ACQ.TRADE_HAS_FINISHED", Message: "交易已完结"},
	push.PayoutRequested{At: at, Seller: "seller-anna", PayoutNo: push.PayoutNo("push-7"), Amount: 189905, Fee: 9995},
	push.PaidOut{
		At: at, Seller: "seller-anna", PayoutNo: push.PayoutNo("push-7"), ProviderNo: "20261102110070001506", Amount: 189905, To: push.FrozenAccount,
		Fee: 9995, FeeFrom: push.ByHandAccount,
	},
	push.PayoutRefused{
		At: at, PayoutNo: push.PayoutNo("push-7"), Code: "PAYEE_NOT_EXIST", Message: "收款账号不存在", Failed: true, FeeOnly: true,
		Payee: push.PayeeDigest(push.PayoutNo("push-7"), "anna@example.com", "安娜"),
	},
	push.PayoutRenumbered{At: at, From: push.PayoutNo("push-7"), PayoutNo: push.PayoutNoAfter(push.PayoutNo("push-7"))},
	push.MoveReversed{At: at, Domain: "shanhai.com", EventID: "reg-20261103-0007", To: "seller-anna"},
	push.RetryOrdered{At: at, Step: push.StepRefund, RequestNo: refund, Domain: "shanhai.com", By: "operator", Reason: "balance topped up"},
	push.SettledByHand{
		At: at, Step: push.StepReturn, RequestNo: refund, Domain: "shanhai.com", Decision: push.DecisionPaySeller,
		By: "operator", Reason: "moved by the registrar's desk", Reference: "ticket 4711",
	},
	listing.Reserved{PushID: "push-7", At: at},
	listing.Released{PushID: "push-7", At: at},
	daybill.Reconciled{At: at, Found: daybill.Found{
		Day: "2026-11-02", Fees: 1199, FeesBack: 3, Payments: 12, Refunds: 2, Expenses: 11, Differences: 1,
		Digest: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
	}},
}
