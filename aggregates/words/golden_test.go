package words_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/catalog"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/aggregates/words"
)

var update = flag.Bool("update", false, "write the golden file anew")

const golden = "../../testdata/golden/sentences.txt"

// The golden file is there to be read from top to bottom by whoever changes a word.
func TestEverySentenceOverTheGoldenHistories(t *testing.T) {
	var text strings.Builder
	text.WriteString("Every sentence, over histories that the rules have made. Times are those of the events.\n")
	met := make(map[string]bool)
	for _, history := range goldenHistories() {
		fmt.Fprintf(&text, "\n%s\n%s\n", history.heading, strings.Repeat("=", len(history.heading)))
		for _, line := range sentences(t, history.steps) {
			met[line.event.EventType()] = true
			fmt.Fprintf(&text, "\n%s\n  %s\n  %s\n", line.event.EventType(), line.EN, line.ZH)
		}
	}
	writeOthers(t, &text)
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(text.String()), 0o644))
	}
	stored, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(stored), text.String(), "if this is what people shall be told, run the test with -update")
	for _, event := range catalog.Events() {
		if _, ours := event.(push.Event); ours {
			require.True(t, met[event.EventType()], "%s is in no golden history", event.EventType())
		}
	}
}

// writeOthers adds what is said that no event says.
func writeOthers(t testing.TB, text *strings.Builder) {
	t.Helper()
	say := func(name string, said words.Text) { fmt.Fprintf(text, "\n%s\n  %s\n  %s\n", name, said.EN, said.ZH) }
	text.WriteString("\nBefore an offer ends\n====================\n")
	say("ExpiresSoon", words.ExpiresSoon(words.Open(lived(t, goldenHistories()[0].steps[:1]).state)))
	say("ExpiresSoon", words.ExpiresSoon(words.Open(lived(t, goldenHistories()[1].steps[:1]).state)))
	text.WriteString("\nStatement of a buyer\n====================\n")
	for _, event := range []string{"Paid", "PayoutRequested", "Refunded", "StrayReceived", "StrayRefunded"} {
		say(event, words.Entry{Event: event, Other: seller, Domain: qinghe, Domains: 1}.Text())
	}
	text.WriteString("\nStatement of a seller\n=====================\n")
	say("PayoutRequested", words.Entry{Event: "PayoutRequested", Selling: true, Other: buyer, Domain: shanhai, Domains: 3}.Text())
	say("PayoutRequested", words.Entry{Event: "PayoutRequested", Selling: true, Other: buyer, Domain: shanhai, Domains: 3, Fee: 5_00}.Text())
	say("PaidOut", words.Entry{Event: "PaidOut", Selling: true, Other: buyer, Domain: shanhai, Domains: 3}.Text())
	say("On every statement", words.NoInvoice)
}

// line is an event and what is said of it.
type line struct {
	event push.Event
	last  bool
	words.Text
}

func sentences(t testing.TB, steps []step) []line {
	t.Helper()
	lived := lived(t, steps)
	lines := make([]line, len(lived.events))
	var story words.Story
	for i, event := range lived.events {
		story, lines[i].Text = story.Tell(event)
		lines[i].event, lines[i].last = event, i == len(lines)-1
	}
	return lines
}

// goldenHistories are one for every way that a push can go.
func goldenHistories() []told {
	batch := offering(nil, item(shanhai, 1999_00), item(qinghe, 8800_00), item(yunfan, 0))
	bought := []step{batch, accepted, opened, paid}
	one := []step{offering(nil, item(qinghe, 8800_00)), accepted, opened}
	delivering := with(one, paid, held("", qinghe))
	failed := with(bought, held("", shanhai, yunfan), moved(shanhai), moveRefused(qinghe, "registry_lock", push.CauseMove))
	free := []step{offering(nil, item(shanhai, 0), item(qinghe, 0)), accepted}
	payout := push.Task{Step: push.StepPayout}
	refund := push.Task{Step: push.StepRefund}
	return []told{
		{"One domain is bought", with(delivering, moved(qinghe), paidOut, released)},
		{"Three domains, and a fee of 5 percent", []step{
			offering(func(offer *push.Offer) { offer.FeeRate = 50_000 }, item(shanhai, 1999_00), item(qinghe, 8800_00), item(yunfan, 0)),
			accepted, opened, paid, held("", shanhai, qinghe, yunfan), moved(shanhai, qinghe, yunfan), paidOut, released,
		}},
		{"Nothing to pay", with(free, held("", shanhai, qinghe), moved(shanhai, qinghe), released)},
		{"Nothing to pay, and a domain cannot be delivered", with(free,
			held(""), moved(shanhai), moveRefused(qinghe, push.CodeAccountMoveLocked, push.CauseCheck),
			placed(push.PlaceReturned, shanhai), placed(push.PlaceKept, qinghe))},
		{"Declined", []step{batch, declining("")}},
		{"Declined with a reason", []step{batch, declining(" 太贵了 \n 再考虑 ")}},
		{"Withdrawn", []step{batch, withdrawn}},
		{"Nobody accepts in 7 days", []step{batch, expired}},
		{"Nobody accepts by the seller's deadline", []step{
			offering(func(offer *push.Offer) { offer.ValidFor = 72 * 3600e9 }, item(qinghe, 8800_00)), expired,
		}},
		{"Accepted, but not paid in time", with(one, unpaid, closed)},
		{"I1, deleted", []step{batch, reported("deleted", qinghe)}},
		{"I1, transferred out", []step{batch, reported("transferred_out", shanhai)}},
		{"I1, being transferred out while the payment is open", with(one, reported("transfer_out_started", qinghe), closed)},
		{"I2", []step{batch, reported("account_moved", qinghe)}},
		{"I3", []step{batch, reported("registrant_changed", qinghe)}},
		{"I4, blacklisted", []step{batch, reported("blacklisted", qinghe)}},
		{"I4, moves restricted", []step{batch, reported("account_move_locked", qinghe)}},
		{"I4, otherwise restricted", []step{batch, reported("restricted", qinghe)}},
		{"I6", []step{batch, reported("auth_code_issued", qinghe)}},
		{"I7", []step{batch, reported("policy_violation", qinghe)}},
		{"I8, taken down while it is open", []step{batch, takenDown(" 法院裁定 17 号 ")}},
		{"I8, taken down after payment", with(bought, held("", qinghe), takenDown("法院裁定 17 号"),
			placed(push.PlaceKept, shanhai, qinghe, yunfan), refunded, released)},
		{"A domain of three cannot be delivered", with(failed,
			placed(push.PlaceReturned, shanhai), placed(push.PlaceKept, qinghe, yunfan), refunded, released)},
		{"The check before the move stops it", with(delivering, moveRefused(qinghe, push.CodeAuthCodeIssued, push.CauseCheck),
			placed(push.PlaceKept, qinghe), refunded, released)},
		{"Transferred out while paid", with(delivering, reported("transferred_out", qinghe),
			placed(push.PlaceTransferredOut, qinghe), refunded, released)},
		{"Deleted while paid", with(delivering, reported("deleted", qinghe), placed(push.PlaceDeleted, qinghe), refunded, released)},
		{"Moved to a third account while paid", with(delivering, reported("account_moved", qinghe),
			placed(push.PlaceGone, qinghe), refunded, released)},
		{"The registrar refuses to hold a domain", with(bought, held("dispute"),
			placed(push.PlaceKept, shanhai, qinghe, yunfan), refunded, released)},
		{"The registrar cannot hold domains", with(one, paid, held(""), moved(qinghe), paidOut)},
		{"Paid from a credit channel", with(one, paying(func(money *push.Receipt) { money.Channels = []string{"PCREDIT"} }), refunded)},
		{"Paid from a channel that nobody knows", with(one, paying(func(money *push.Receipt) { money.Channels = []string{"CORPORATE"} }), refunded)},
		{"Paid from another's account", []step{
			offering(nil, item(qinghe, 8800_00)), bound, opened,
			paying(func(money *push.Receipt) { money.Payer.UserID = "2088-other" }), refunded, unpaid,
		}},
		{"Paid with a merchant's coupon", with(one, paying(func(money *push.Receipt) { money.Received = money.Amount - 5_00 }), refunded, unpaid)},
		{"Nobody says from what it was paid, and it counts", with(one, untold, checked(push.DecisionAcceptPayment), held(""), moved(qinghe), paidOut)},
		{"Nobody says from what it was paid, and it goes back", with(one, untold, checked(push.DecisionRefundBuyer), refunded)},
		{"Money comes after the payment window", with(one, unpaid, paying(func(money *push.Receipt) { money.PaidAt = money.PaidAt.Add(window) }), refunded)},
		{"Money comes twice, and Alipay will not send it back", with(one, paid, paying(func(money *push.Receipt) { money.TradeNo = "T-2" }),
			refundRefused("ACQ.SELLER_BALANCE_NOT_ENOUGH", "卖家余额不足"), func(h *history) {
				retried(push.Task{Step: push.StepRefund, RequestNo: h.refundNo()}, "余额已补足")(h)
			}, refunded)},
		{"Money of another amount, sent back by hand", with(one, paying(func(money *push.Receipt) { money.Amount-- }),
			refundRefused("ACQ.SYSTEM_ERROR", ""), func(h *history) {
				settled(push.Task{Step: push.StepRefund, RequestNo: h.refundNo()}, nil, "")(h)
			}, unpaid)},
		{"Money for a trade that nobody asked for", []step{batch, paying(func(money *push.Receipt) { money.TradeNo = "T-3" }), refunded}},
		{"The seller is paid by confirming the trade, and Alipay refuses the fee", []step{
			offering(func(offer *push.Offer) { offer.FeeRate = 50_000 }, item(qinghe, 8800_00)), acceptedForMerchant, opened, paid,
			held("", qinghe), moved(qinghe), feeRefused("ACQ.TXN_RESULT_ACCOUNT_BALANCE_NOT_ENOUGH", "账户余额不足"), settled(payout, nil, ""), released,
		}},
		{"Alipay refuses the payout, twice", with(delivering, moved(qinghe), payoutRefused("PAYEE_NOT_EXIST", "收款账号不存在"),
			retried(payout, "卖家已更换支付宝账户"), payoutRefused("PAYEE_NOT_EXIST", "收款账号不存在"), settled(payout, nil, ""), released)},
		{"The seller changes its account after a payout that has failed", with(delivering, moved(qinghe), payoutFailed("PAYEE_NOT_EXIST", "收款账号不存在"),
			retried(payout, "卖家已更换支付宝账户"), payoutRenumbered, paidOut, released)},
		{"Alipay refuses the refund", with(failed, placed(push.PlaceReturned, shanhai), placed(push.PlaceKept, qinghe, yunfan),
			refundRefused("ACQ.TRADE_HAS_FINISHED", "交易已完结"), settled(refund, nil, ""), released)},
		{"A domain cannot be moved back", with(failed, stuck(shanhai, "locked"),
			retried(push.Task{Step: push.StepReturn, Domain: shanhai}, "已解锁"), stuck(shanhai, "locked"), placed(push.PlaceKept, qinghe, yunfan),
			settled(push.Task{Step: push.StepReturn, Domain: shanhai}, func(command *push.Settle) { command.Place = push.PlaceReturned }, seller),
			refunded, released)},
		{"The buyer acts on a delivered domain, and the seller is paid", with(bought, held("", shanhai, qinghe, yunfan), moved(shanhai),
			reported("account_moved", shanhai), decidedFor(push.DecisionPaySeller), moved(qinghe, yunfan), paidOut, released)},
		{"The buyer acts on a delivered domain, and is refunded", with(bought, held(""), moved(shanhai),
			reported("auth_code_issued", shanhai), decidedFor(push.DecisionRefundBuyer),
			placed(push.PlaceTransferredOut, shanhai), placed(push.PlaceKept, qinghe, yunfan), refunded)},
		{"The buyer acts on a domain that is to come back", with(failed,
			placed(push.PlaceGone, shanhai), placed(push.PlaceKept, qinghe, yunfan))},
		{"The buyer acts where there is nothing to pay", with(free, held(""), moved(shanhai), reported("transferred_out", shanhai),
			decidedFor(push.DecisionRefundBuyer), placed(push.PlaceTransferredOut, shanhai), placed(push.PlaceKept, qinghe))},
		{"The registrar takes a move back", with(delivering, moved(qinghe), reversed(qinghe, seller), paidOut, released,
			settled(push.Task{Step: push.StepReversal, Domain: qinghe}, nil, ""), reversed(qinghe, "carl"))},
	}
}

func untold(h *history) {
	paying(func(money *push.Receipt) { money.Channels, money.Insisted = nil, true })(h)
}

func checked(decision push.Decision) step {
	task := push.Task{Step: push.StepCheckFunding}
	return settled(task, func(command *push.Settle) { command.Decision, command.Reason = decision, "已向支付宝核实" }, "")
}

func decidedFor(decision push.Decision) step {
	task := push.Task{Step: push.StepBuyerAct, Domain: shanhai}
	return settled(task, func(command *push.Settle) { command.Decision, command.Reason = decision, "双方已协商" }, "")
}
