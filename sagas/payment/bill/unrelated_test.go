package bill_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/pushledger/pushledger/aggregates/money"
	"github.com/pushledger/pushledger/sagas/payment/bill"
)

// Whatever a bill calls a movement, its number and direction say what it is.
func TestTheNameOfABusinessDecidesNothing(t *testing.T) {
	text := sample(t, "signcustomer.csv")
	for _, name := range []string{"批量代发到账户", "其它", "分账", "退款（交易退款）", "交易付款", "转账", ""} {
		for _, business := range []string{"在线支付", "转账", "交易退款"} {
			changed := strings.ReplaceAll(text, ","+business+",", ","+name+",")
			require.Empty(t, bill.Compare(journal(), parse(t, changed)), business+" as "+name)
		}
	}
	repeated := line(text, "交易退款")
	for _, name := range []string{"退款（交易退款）", "退款", "其它"} {
		again := strings.Replace(text, repeated, repeated+strings.Replace(repeated, "交易退款", name, 1), 1)
		require.Equal(t, []string{"extra expense 11"}, told(bill.Compare(journal(), parse(t, again))), name)
	}
}

// Which of ours stands on the row of a refund is not known of every bill.
func TestARefundIsFoundByEitherOfItsNumbers(t *testing.T) {
	text := sample(t, "signcustomer.csv")
	row := line(text, "交易退款")
	for _, changed := range []string{
		strings.Replace(row, "Ttwo", "Rtwo", 1), strings.Replace(strings.Replace(row, "Ttwo", "", 1), "2026110222001400000000000002", "Rtwo", 1),
	} {
		require.Empty(t, bill.Compare(journal(), parse(t, strings.Replace(text, row, changed, 1))), changed)
	}
}

// Rows that are not the ledger's are shown with their line, but for what Alipay itself has
// charged and what the merchant moves on its own account.
func TestRowsOfOthersAreShown(t *testing.T) {
	text := sample(t, "signcustomer.csv")
	row := func(business, in, out string) string {
		return strings.Replace(text, "#-----------------------------------------账务明细列表结束", fmt.Sprintf(
			"9000000000006	,2026110222001400000000000077	,X1	,茶	,2026-11-02 12:00:00,c***@example.com	,%s,%s,0.00,支付宝,%s,\n"+
				"#-----------------------------------------账务明细列表结束", in, out, business), 1)
	}
	for name, test := range map[string]struct {
		text string
		want []string
	}{
		"the merchant bought something": {row("在线支付", "", "-9.00"), []string{"unrelated expense 11"}},
		"somebody sent money":           {row("转账", "9.00", "0.00"), []string{"unrelated income 11"}},
		"a business nobody knows":       {row("保证金", "0", "-9.00"), []string{"unrelated expense 11"}},
		"a withdrawal":                  {row("提现", "", "-9.00"), nil},
		"a deposit":                     {row("充值", "9.00", ""), nil},
		"a charge":                      {row("收费", "", "-9.00"), nil},
		"a charge given back":           {row("退费", "9.00", ""), nil},
	} {
		require.Equal(t, test.want, told(bill.Compare(journal(), parse(t, test.text))), name)
	}
	back := parse(t, row("退费", "9.00", ""))
	require.Equal(t, map[string]bill.Fees{"2026-11-02": {Charged: 12_00, Back: 9_00}}, back.Fees)
}

// What the merchant gave to an order has not come in: both amounts are told.
func TestGrossAndReceivedAreBothTold(t *testing.T) {
	text := strings.Replace(sample(t, "trade.csv"), ",1999.00,1999.00,", ",1999.00,1994.00,", 1)
	differences := bill.Compare(journal(), parse(t, text))
	require.Len(t, differences, 1)
	require.Equal(t, bill.WrongAmount, differences[0].Kind)
	require.Equal(t, []money.Fen{1999_00, 1994_00, 1999_00}, []money.Fen{differences[0].Journal, differences[0].OnBill, differences[0].Order})
}

func TestFeesThatWereBookedAreHeldAgainstTheBill(t *testing.T) {
	booked := func(charged, back money.Fen) []bill.Line {
		return append(journal(),
			bill.Line{Kind: bill.Fee, Number: "2026-11-02", Seq: 30, Amount: charged, At: at("10:00:00").AddDate(0, 0, 1)},
			bill.Line{Kind: bill.FeeBack, Number: "2026-11-02", Seq: 30, Amount: back, At: at("10:00:00").AddDate(0, 0, 1)})
	}
	require.Empty(t, bill.Compare(booked(12_00, 0), account))
	require.Empty(t, bill.Compare(journal(), account), "nothing was booked")
	require.Empty(t, bill.Compare(booked(13_00, 0), trades), "they are on the other bill")
	require.Equal(t, []bill.Difference{
		{Kind: bill.WrongAmount, Bill: "signcustomer", What: bill.Fee, Number: "2026-11-02", Seq: 30, Journal: 13_00, OnBill: 12_00},
		{Kind: bill.WrongAmount, Bill: "signcustomer", What: bill.FeeBack, Number: "2026-11-02", Seq: 30, Journal: 1},
	}, bill.Compare(booked(13_00, 1), account))
}

// told is kind, movement and line of each difference, or its number where it has no line.
func told(differences []bill.Difference) []string {
	var all []string
	for _, d := range differences {
		where := fmt.Sprint(d.Line)
		if d.Line == 0 {
			where = d.Number
		}
		all = append(all, fmt.Sprintf("%s %s %s", d.Kind, d.What, where))
	}
	return all
}

// line is the first line that holds a text.
func line(text, part string) string {
	for line := range strings.Lines(text) {
		if strings.Contains(line, part) {
			return line
		}
	}
	return ""
}

// Whatever is done to a bill that agrees, it is what is found, and nothing else.
func TestWhatIsPlantedInABillIsFound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kinds := rapid.SliceOfN(rapid.SampledFrom([]bill.Kind{bill.Payment, bill.Refund, bill.Payout}), 1, 12).Draw(t, "movements")
		var journal []bill.Line
		var rows, want []string
		for i, kind := range kinds {
			number, amount := fmt.Sprintf("%c%d", kind[0], i), money.Fen(100+i)
			journal = append(journal, bill.Line{Kind: kind, Number: number, Seq: uint64(i + 1), Amount: amount, At: at("10:00:00")}) // #nosec G115
			business := rapid.SampledFrom([]string{"在线支付", "交易付款", "交易退款", "退款（交易退款）", "转账", "批量代发到账户", "其它"}).Draw(t, "business")
			row := func(number string, amount money.Fen) string {
				in, out := amount.String(), rapid.SampledFrom([]string{"", "0", "0.00"}).Draw(t, "unused")
				if kind != bill.Payment {
					in, out = out, "-"+in
				}
				name := rapid.SampledFrom([]string{"茶", `"活动"服务费`, `套餐"A"`, `"`}).Draw(t, "name")
				return fmt.Sprintf("%d	,20261102%d	,%s	,%s,2026-11-02 10:00:00,,%s,%s,0.00,支付宝,%s,", i, i, number, name, in, out, business)
			}
			direction := bill.Expense
			if kind == bill.Payment {
				direction = bill.Income
			}
			switch rapid.SampledFrom([]string{"kept", "kept", "dropped", "repeated", "changed", "renamed", "joined by another's", "joined by a charge"}).Draw(t, "act") {
			case "dropped":
				want = append(want, fmt.Sprintf("%s %s %s", map[bill.Kind]string{bill.Payment: bill.Missing, bill.Refund: bill.RefundMissing, bill.Payout: bill.PayoutMissing}[kind], kind, number))
			case "repeated":
				rows = append(rows, row(number, amount), row(number, amount))
				want = append(want, fmt.Sprintf("extra %s %d", direction, len(rows)+5))
			case "changed":
				rows = append(rows, row(number, amount+1))
				want = append(want, fmt.Sprintf("wrong_amount %s %d", kind, len(rows)+5))
			case "renamed":
				rows = append(rows, row("Z"+number, amount))
				want = append(want, fmt.Sprintf("unrelated %s %d", direction, len(rows)+5),
					fmt.Sprintf("%s %s %s", map[bill.Kind]string{bill.Payment: bill.Missing, bill.Refund: bill.RefundMissing, bill.Payout: bill.PayoutMissing}[kind], kind, number))
			case "joined by another's":
				rows = append(rows, row(number, amount), row("other", amount))
				want = append(want, fmt.Sprintf("unrelated %s %d", direction, len(rows)+5))
			case "joined by a charge":
				rows = append(rows, row(number, amount), strings.ReplaceAll(row(number, 1), ","+business+",", ",收费,"))
			default:
				rows = append(rows, row(number, amount))
			}
		}
		text := "#支付宝账务明细查询\n#账号：[20886219937000010156]\n#起始日期：[2026年11月02日 00:00:00]   终止日期：[2026年11月03日 00:00:00]\n#----\n" +
			"账务流水号,业务流水号,商户订单号,商品名称,发生时间,对方账号,收入金额（+元）,支出金额（-元）,账户余额（元）,交易渠道,业务类型,备注\n" + strings.Join(rows, "\n")
		found := told(bill.Compare(journal, parse(t, text)))
		slices.Sort(found)
		slices.Sort(want)
		require.Equal(t, want, found, text)
	})
}
