package bill_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/pushledger/pushledger/sagas/payment/bill"
)

// file is one of an archive.
type file struct{ name, text string }

// gbk is a text as Alipay encodes it.
func gbk(t testing.TB, text string) string {
	t.Helper()
	encoded, err := simplifiedchinese.GBK.NewEncoder().String(text)
	require.NoError(t, err)
	return encoded
}

func archive(t testing.TB, files ...file) []byte {
	t.Helper()
	var whole bytes.Buffer
	writer := zip.NewWriter(&whole)
	for _, one := range files {
		entry, err := writer.CreateHeader(&zip.FileHeader{Name: one.name, NonUTF8: true, Method: zip.Deflate})
		require.NoError(t, err)
		_, err = io.WriteString(entry, one.text)
		require.NoError(t, err)
	}
	require.NoError(t, writer.Close())
	return whole.Bytes()
}

const summary = "#支付宝业务汇总查询\n#账号：[20886219937000010156]\n#起始日期：[2026年11月02日 00:00:00]   终止日期：[2026年11月03日 00:00:00]\n" +
	"门店编号,门店名称,交易订单总笔数,退款订单总笔数,订单金额（元）\n合计	,	,2,1,1999.00\n"

func TestAnArchiveIsReadAsAlipayMakesIt(t *testing.T) {
	named := func(what string) string { return gbk(t, "20886219937000010156_20261102_"+what+".csv") }
	whole := archive(t,
		file{named("业务明细"), gbk(t, sample(t, "trade.csv"))}, file{named("业务明细(汇总)"), gbk(t, summary)})
	bills, err := bill.Read(bytes.NewReader(whole))
	require.NoError(t, err)
	require.Len(t, bills, 1)
	require.Equal(t, trades, inUTC(bills[0]))

	plain, err := bill.Read(strings.NewReader(gbk(t, sample(t, "signcustomer.csv"))))
	require.NoError(t, err)
	require.Equal(t, account, inUTC(plain[0]))
}

// A day of very many rows comes in several files.
func TestABillInSeveralFilesIsOneBill(t *testing.T) {
	text := sample(t, "trade.csv")
	payments := strings.Replace(text, line(text, ",退款,"), "", 1)
	refunds := strings.Replace(strings.Replace(text, line(text, ",1999.00,"), "", 1), line(text, ",0.50,0.50,"), "", 1)
	bills, err := bill.Read(bytes.NewReader(archive(t, file{"a_1.csv", payments}, file{"a_2.csv", refunds})))
	require.NoError(t, err)
	require.Len(t, bills, 2)
	require.Empty(t, bill.Compare(journal(), bills...))
}

func TestNamesInAnArchiveDecideNothing(t *testing.T) {
	for _, name := range []string{"../../etc/passwd", "/etc/passwd", `C:\bill.csv`, "a\x00b", "\xff\xfe", strings.Repeat("n", 4000)} {
		bills, err := bill.Read(bytes.NewReader(archive(t, file{name, sample(t, "trade.csv")})))
		require.NoError(t, err, name)
		require.Equal(t, trades, inUTC(bills[0]), name)
	}
}

func TestAHostileArchiveIsRefused(t *testing.T) {
	sound := archive(t, file{"bill.csv", sample(t, "trade.csv")})
	many := make([]file, 65)
	for i := range many {
		many[i] = file{fmt.Sprint(i), "#"}
	}
	bomb := strings.Repeat("#\n", 65<<20)
	spoilt := bytes.Clone(sound)
	spoilt[60] ^= 0xff
	for name, test := range map[string]struct {
		raw  []byte
		says string
	}{
		"no archive":                   {[]byte("PK\x03\x04 nothing of the kind"), "archive"},
		"half of one":                  {sound[:len(sound)/2], "archive"},
		"one that was spoilt":          {spoilt, "file 1"},
		"many files":                   {archive(t, many...), "65 files"},
		"an empty one":                 {archive(t), "neither"},
		"another table":                {archive(t, file{"x", "a,b\n1,2\n"}), "file 1 of the archive"},
		"a bill in a foreign encoding": {archive(t, file{"x", "\xff\xfe\xff"}), "GBK"},
		"a summary alone":              {archive(t, file{"x", summary}), "neither"},
		"a line without end":           {archive(t, file{"x", strings.Repeat("1", 1<<20)}), "line 1"},
		"a bomb":                       {archive(t, file{"x", sample(t, "trade.csv")}, file{"y", bomb}), "longer than"},
	} {
		_, err := bill.Read(bytes.NewReader(test.raw))
		require.ErrorContains(t, err, test.says, name)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(archive(f, file{"a", sample(f, "trade.csv")}, file{"b", summary}))
	f.Add([]byte(sample(f, "signcustomer.csv")))
	f.Fuzz(func(t *testing.T, raw []byte) {
		bills, err := bill.Read(bytes.NewReader(raw))
		if err == nil {
			require.NotEmpty(t, bills)
			bill.Compare(nil, bills...)
		}
	})
}
