package bill_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/pushledger/pushledger/aggregates/money"
	"github.com/pushledger/pushledger/sagas/payment/bill"
)

func parse(t require.TestingT, text string) bill.Bill {
	read, err := bill.Read(strings.NewReader(text))
	require.NoError(t, err)
	require.Len(t, read, 1)
	return read[0]
}

func sample(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	require.NoError(t, err)
	return string(text)
}

// at is a time of Alipay's on the day of the samples.
func at(clock string) time.Time {
	zone := time.FixedZone("CST", 8*60*60)
	moment, err := time.ParseInLocation(time.DateTime, "2026-11-02 "+clock, zone)
	if err != nil {
		panic(err)
	}
	return moment.UTC()
}

func inUTC(parsed bill.Bill) bill.Bill {
	parsed.From, parsed.To = parsed.From.UTC(), parsed.To.UTC()
	for i := range parsed.Movements {
		parsed.Movements[i].At = parsed.Movements[i].At.UTC()
	}
	parsed.Digest = "" // of the rows, which are in no other spelling here
	return parsed
}

var (
	trades = bill.Bill{
		From: at("00:00:00"), To: at("00:00:00").AddDate(0, 0, 1), Fees: map[string]bill.Fees{},
		Movements: []bill.Movement{
			{Kind: bill.Payment, Business: "交易", Number: "Tone", ProviderNo: "2026110222001400000000000001", Amount: 1999_00, Order: 1999_00, At: at("10:00:05"), Line: 6},
			{Kind: bill.Payment, Business: "交易", Number: "Ttwo", ProviderNo: "2026110222001400000000000002", Amount: 50, Order: 50, At: at("11:30:00"), Line: 7},
			{Kind: bill.Refund, Business: "退款", Number: "Ttwo", RequestNo: "Rtwo", ProviderNo: "2026110222001400000000000002", Amount: 50, Order: 50, At: at("11:31:00"), Line: 8},
		},
	}
	account = bill.Bill{
		From: at("00:00:00"), To: at("00:00:00").AddDate(0, 0, 1), Payouts: true,
		Fees: map[string]bill.Fees{"2026-11-02": {Charged: 12_00}},
		Movements: []bill.Movement{
			{Kind: bill.Income, Business: "在线支付", Number: "Tone", ProviderNo: "2026110222001400000000000001", Amount: 1999_00, At: at("10:00:05"), Line: 6},
			{Kind: bill.Expense, Business: "转账", Number: "Pone", ProviderNo: "20261102110070001506000000000009", Amount: 1999_00, At: at("10:00:09"), Line: 8},
			{Kind: bill.Income, Business: "在线支付", Number: "Ttwo", ProviderNo: "2026110222001400000000000002", Amount: 50, At: at("11:30:00"), Line: 9},
			{Kind: bill.Expense, Business: "交易退款", Number: "Ttwo", ProviderNo: "2026110222001400000000000002", Amount: 50, At: at("11:31:00"), Line: 10},
		},
	}
)

func TestBothBillsAreReadInBothEncodings(t *testing.T) {
	for name, want := range map[string]bill.Bill{"trade.csv": trades, "signcustomer.csv": account} {
		text := sample(t, name)
		require.Equal(t, want, inUTC(parse(t, text)), name)
		require.Equal(t, want, inUTC(parse(t, "\ufeff"+text)), name)
		gbk, err := simplifiedchinese.GBK.NewEncoder().String(text)
		require.NoError(t, err)
		require.NotEqual(t, text, gbk)
		require.Equal(t, want, inUTC(parse(t, gbk)), name)
	}
}

func TestABillWithoutPeriodIsRefused(t *testing.T) {
	text := sample(t, "trade.csv")
	_, err := bill.Read(strings.NewReader(text[strings.Index(text, "支付宝交易号"):]))
	require.ErrorIs(t, err, bill.ErrNoPeriod)
}

// The same header and the same period, as other programs and other years write them.
func TestHeadersAndPeriodsHaveManySpellings(t *testing.T) {
	text := sample(t, "signcustomer.csv")
	const written = "#起始日期：[2026年11月02日 00:00:00]   终止日期：[2026年11月03日 00:00:00]"
	for _, period := range []string{
		written, "#起始日期:[2026年11月02日 00:00:00] 终止日期:[2026年11月03日 00:00:00],,,,", "#起始日期:[20261102] 终止日期:[20261102]",
		"#起始日期:[20261102]终止日期:[20261103]", "#起始日期：2026-11-02 终止日期：2026-11-02", "# 起始日期: [2026-11-02 00:00:00] 终止日期: [2026-11-03 00:00:00]\r",
	} {
		parsed := parse(t, strings.Replace(text, written, period, 1))
		require.Equal(t, account, inUTC(parsed), period)
	}
	for _, change := range [][]string{{"（+元）", "(+元)"}, {"（-元）", " (-元) "}, {"（", "("}, {"业务类型", " 业务类型 "}} {
		require.Equal(t, account, inUTC(parse(t, strings.ReplaceAll(text, change[0], change[1]))), change[0])
	}
	for _, none := range []string{"#起始日期：[]   终止日期：[]", "#起始日期：[yesterday]", "#起始日期:[20261103] 终止日期:[20261102]"} {
		_, err := bill.Read(strings.NewReader(strings.Replace(text, written, none, 1)))
		require.Error(t, err, none)
	}
}

// A line is a row: a name with quotes hides nothing of what follows.
func TestQuotesInAFreeTextHideNoRow(t *testing.T) {
	text := sample(t, "signcustomer.csv")
	for _, name := range []string{`"活动"服务费`, `套餐"A"`, `"`, `a"b`, `"a""b"`, `'x'`} {
		changed := strings.ReplaceAll(text, "域名带价 push", name)
		require.Equal(t, account, inUTC(parse(t, strings.Replace(changed, "服务费", name, 1))), name)
	}
	comma := strings.Replace(text, "域名带价 push", `"push, 2"`, 1)
	require.Equal(t, account, inUTC(parse(t, comma)), "a field that another program has quoted")
	trade := strings.ReplaceAll(sample(t, "trade.csv"), "域名带价 push", `"`)
	require.Equal(t, trades, inUTC(parse(t, trade)))
}

// Older bills write 0.00 on the side that is not used, and spreadsheets fill rows up.
func TestAnUnusedSideMayBeZero(t *testing.T) {
	text := sample(t, "signcustomer.csv")
	for _, zero := range []string{"0", "0.00", "+0.00", " ", "-0.00"} {
		changed := strings.ReplaceAll(text, ",1999.00,,", ",1999.00,"+zero+",")
		changed = strings.ReplaceAll(changed, ",,-1999.00,", ","+zero+",-1999.00,")
		require.Equal(t, account, inUTC(parse(t, changed)), zero)
	}
	_, err := bill.Read(strings.NewReader(strings.Replace(text, ",,-1999.00,", ",0.00,0.00,", 1)))
	require.ErrorContains(t, err, "line 8")
	_, err = bill.Read(strings.NewReader(strings.Replace(text, ",,-1999.00,", ",1.00,-1999.00,", 1)))
	require.ErrorContains(t, err, "line 8")
}

func TestABillIsTheSameWheneverItIsDownloaded(t *testing.T) {
	text := sample(t, "trade.csv")
	later := strings.Replace(text, "[2026年11月03日 09:00:00]", "[2026年11月04日 10:11:12]", 1)
	require.Equal(t, parse(t, text).Digest, parse(t, later).Digest)
	require.NotEqual(t, parse(t, text).Digest, parse(t, strings.Replace(text, "0.50", "0.51", 1)).Digest)
	require.Len(t, parse(t, text).Digest, 64)
}

// What the merchant itself has given has never come in.
func TestAPaymentIsWhatHasReachedTheMerchant(t *testing.T) {
	text := sample(t, "trade.csv")
	for received, want := range map[string]money.Fen{"1994.00": 1994_00, "0.00": 1999_00, "2000.00": 1999_00} {
		parsed := parse(t, strings.Replace(text, ",1999.00,1999.00,", ",1999.00,"+received+",", 1))
		require.Equal(t, want, parsed.Movements[0].Amount, received)
	}
}

func TestWhatIsNoBillIsNamed(t *testing.T) {
	text := sample(t, "trade.csv")
	for name, test := range map[string]struct{ text, says string }{
		"nothing":               {"", "neither"},
		"another table":         {"a,b,c\n1,2,3\n", "neither"},
		"bytes":                 {"\xff\xff\xff", "neither"},
		"an unknown business":   {strings.Replace(text, ",交易,", ",捐赠,", 1), `line 6: business "捐赠"`},
		"a bad amount":          {strings.Replace(text, "1999.00", "1,999", 1), "line 6"},
		"a line without end":    {strings.Replace(text, "0.50", strings.Repeat("0", 70000), 1), "line 7"},
		"three decimals":        {strings.Replace(text, ",1999.00", ",1999.001", 1), `line 6: amount "1999.001"`},
		"a bad receipt":         {strings.Replace(text, ",1999.00,1999.00,", ",1999.00,x,", 1), `line 6: received "x"`},
		"a bad time":            {strings.Replace(text, "2026-11-02 10:00:05", "yesterday", 1), `line 6: time "yesterday"`},
		"a row cut short":       {strings.Replace(text, ",0.50,0.50,", "\n", 1), "line 7: "},
		"a period that is none": {strings.Replace(text, "2026年11月03日", "2026年11月01日", 1), "period"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := bill.Read(strings.NewReader(test.text))
			require.ErrorContains(t, err, test.says)
		})
	}
}

// journal agrees with the samples.
func journal() []bill.Line {
	return []bill.Line{
		{Kind: bill.Payment, Number: "Tone", PushID: "one", Seq: 4, Amount: 1999_00, At: at("10:00:06")},
		{Kind: bill.Payout, Number: "Pone", PushID: "one", Seq: 9, Amount: 1999_00, At: at("10:00:09")},
		{Kind: bill.Payment, Number: "Ttwo", PushID: "two", Seq: 14, Amount: 50, At: at("11:30:01")},
		{Kind: bill.Refund, Number: "Ttwo", RequestNo: "Rtwo", PushID: "two", Seq: 18, Amount: 50, At: at("11:31:01")},
	}
}

func TestAJournalThatAgreesHasNoDifference(t *testing.T) {
	require.Empty(t, bill.Compare(journal(), trades))
	require.Empty(t, bill.Compare(journal(), account))
	require.Empty(t, bill.Compare(journal(), trades, account), "either bill is held against the journal by itself")
	require.NotEmpty(t, bill.Compare(journal(), trades, trades), "the same movements must not be given twice")
}

// Each planted difference is found, and nothing else.
func TestEveryKindOfDifferenceIsFound(t *testing.T) {
	without := func(line int) []bill.Line {
		lines := journal()
		return append(lines[:line:line], lines[line+1:]...)
	}
	drop := func(whole bill.Bill, at int) bill.Bill {
		whole.Movements = append(whole.Movements[:at:at], whole.Movements[at+1:]...)
		return whole
	}
	change := func(line int, amount money.Fen) []bill.Line {
		lines := journal()
		lines[line].Amount = amount
		return lines
	}
	for name, test := range map[string]struct {
		journal []bill.Line
		bill    bill.Bill
		want    bill.Difference
	}{
		"missing": {journal(), drop(trades, 0), bill.Difference{
			Kind: bill.Missing, Bill: "trade", What: bill.Payment, Number: "Tone", PushID: "one", Seq: 4, Journal: 1999_00,
		}},
		"refund missing": {journal(), drop(trades, 2), bill.Difference{
			Kind: bill.RefundMissing, Bill: "trade", What: bill.Refund, Number: "Ttwo", RequestNo: "Rtwo", PushID: "two", Seq: 18, Journal: 50,
		}},
		"refund missing from the account": {journal(), drop(account, 3), bill.Difference{
			Kind: bill.RefundMissing, Bill: "signcustomer", What: bill.Refund, Number: "Ttwo", RequestNo: "Rtwo", PushID: "two", Seq: 18, Journal: 50,
		}},
		"payout missing": {journal(), drop(account, 1), bill.Difference{
			Kind: bill.PayoutMissing, Bill: "signcustomer", What: bill.Payout, Number: "Pone", PushID: "one", Seq: 9, Journal: 1999_00,
		}},
		"extra payment": {without(0), trades, bill.Difference{
			Kind: bill.Extra, Bill: "trade", What: bill.Payment, Business: "交易", Number: "Tone", ProviderNo: "2026110222001400000000000001", Line: 6, OnBill: 1999_00,
		}},
		"a payout that the journal does not know": {without(1), account, bill.Difference{
			Kind: bill.Unrelated, Bill: "signcustomer", What: bill.Expense, Business: "转账", Number: "Pone", ProviderNo: "20261102110070001506000000000009", Line: 8, OnBill: 1999_00,
		}},
		"extra refund": {without(3), trades, bill.Difference{
			Kind: bill.Extra, Bill: "trade", What: bill.Refund, Business: "退款", Number: "Ttwo", RequestNo: "Rtwo", ProviderNo: "2026110222001400000000000002", Line: 8, OnBill: 50,
		}},
		"wrong amount": {change(0, 1998_00), trades, bill.Difference{
			Kind: bill.WrongAmount, Bill: "trade", What: bill.Payment, Business: "交易", Number: "Tone", ProviderNo: "2026110222001400000000000001",
			PushID: "one", Seq: 4, Line: 6, Journal: 1998_00, OnBill: 1999_00,
		}},
		"wrong amount of a payout": {change(1, 1), account, bill.Difference{
			Kind: bill.WrongAmount, Bill: "signcustomer", What: bill.Payout, Business: "转账", Number: "Pone", ProviderNo: "20261102110070001506000000000009",
			PushID: "one", Seq: 9, Line: 8, Journal: 1, OnBill: 1999_00,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, []bill.Difference{test.want}, bill.Compare(test.journal, test.bill))
		})
	}
}

func TestOnlyWhatABillCoversCanBeMissing(t *testing.T) {
	empty := func(from, to time.Time) bill.Bill { return bill.Bill{From: from, To: to} }
	day := at("00:00:00")
	line := func(moment time.Time) []bill.Line {
		return []bill.Line{{Kind: bill.Payment, Number: "T", Seq: 1, Amount: 1, At: moment}}
	}
	next := day.AddDate(0, 0, 1)
	for name, test := range map[string]struct {
		line  []bill.Line
		bills []bill.Bill
		count int
	}{
		"within":                     {line(day.Add(time.Hour)), []bill.Bill{empty(day, next)}, 1},
		"before":                     {line(day.Add(-time.Hour)), []bill.Bill{empty(day, next)}, 0},
		"at the border":              {line(next.Add(time.Minute)), []bill.Bill{empty(next, next.AddDate(0, 0, 1))}, 0},
		"at a border that is joined": {line(next.Add(time.Minute)), []bill.Bill{empty(next, next.AddDate(0, 0, 1)), empty(day, next)}, 1},
		"a payout on a trade bill":   {[]bill.Line{{Kind: bill.Payout, Number: "P", Amount: 1, At: day.Add(time.Hour)}}, []bill.Bill{empty(day, next)}, 0},
	} {
		require.Len(t, bill.Compare(test.line, test.bills...), test.count, name)
	}
}

func FuzzParse(f *testing.F) {
	for _, name := range []string{"trade.csv", "signcustomer.csv"} {
		text := sample(f, name)
		f.Add([]byte(text))
		gbk, err := simplifiedchinese.GBK.NewEncoder().Bytes([]byte(text))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(gbk)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		read, err := bill.Read(strings.NewReader(string(text)))
		if err != nil {
			return
		}
		for _, parsed := range read {
			for _, movement := range parsed.Movements {
				require.Positive(t, movement.Amount)
				require.NotEmpty(t, movement.Kind)
				require.Positive(t, movement.Line)
				require.NotEqual(t, bill.Payout, movement.Kind)
			}
		}
		bill.Compare(nil, read...)
	})
}
