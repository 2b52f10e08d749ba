package alipay_test

import (
	"archive/zip"
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/sagas/payment"
	"github.com/pushledger/pushledger/sagas/payment/alipay"
	"github.com/pushledger/pushledger/sagas/payment/bill"
)

const (
	billAddress = "alipay.data.dataservice.bill.downloadurl.query"
	aDay        = "2026-11-02"
)

// aBill is an archive with a bill of a day without rows.
func aBill(t testing.TB, day string) []byte {
	t.Helper()
	var whole bytes.Buffer
	writer := zip.NewWriter(&whole)
	entry, err := writer.Create("bill.csv")
	require.NoError(t, err)
	_, err = entry.Write([]byte("#支付宝业务明细查询\n#起始日期:[" + day + "] 终止日期:[" + day + "]\n支付宝交易号,商户订单号,业务类型,完成时间,订单金额（元）,退款批次号/请求号\n"))
	require.NoError(t, err)
	require.NoError(t, writer.Close())
	return whole.Bytes()
}

// at has the gateway name an address, and serve there what is given.
func (g *gateway) at(address string, serve http.HandlerFunc) {
	g.sign(billAddress, yes(`"bill_download_url":"`+address+`"`))
	g.say("", serve)
}

func TestABillIsDownloadedFromTheAddressThatAlipayNames(t *testing.T) {
	g := newGateway(t)
	g.at(g.server.URL+"/downloadBillFile.resource?token=1", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(aBill(t, aDay)) })
	bills, err := g.Bill(t.Context(), bill.TypeTrade, aDay)
	require.NoError(t, err)
	require.Len(t, bills, 1)
	require.Empty(t, bills[0].Movements)
	require.Equal(t, []string{billAddress, ""}, g.calls())
}

// Fault: thirty seconds have gone by, and the address answers with a page for people.
func TestAnAddressThatHasExpiredIsAskedForAnew(t *testing.T) {
	g := newGateway(t)
	var served atomic.Int32
	g.at(g.server.URL+"/bill", func(w http.ResponseWriter, _ *http.Request) {
		if served.Add(1) < 3 {
			_, _ = w.Write([]byte("<html>下载超时,请重新下载</html>"))
			return
		}
		_, _ = w.Write(aBill(t, aDay))
	})
	_, err := g.Bill(t.Context(), bill.TypeTrade, aDay)
	require.NoError(t, err)
	require.Equal(t, []string{billAddress, "", billAddress, "", billAddress, ""}, g.calls())

	served.Store(-10)
	_, err = g.Bill(t.Context(), bill.TypeTrade, aDay)
	require.ErrorContains(t, err, "expired", "it ends")
}

func TestABillThatIsNotThereYetHasAnErrorOfItsOwn(t *testing.T) {
	g := newGateway(t)
	for _, code := range []string{"isp.bill_not_exist", "BILL_NOT_EXIST", "isv.bill-not-exist"} {
		g.sign(billAddress, no("40004", code, "账单不存在"))
		_, err := g.Bill(t.Context(), bill.TypeTrade, aDay)
		require.ErrorIs(t, err, bill.ErrNotThere, code)
	}
	g.sign(billAddress, no("40004", "isv.invalid_arguments", "参数不合法"))
	_, err := g.Bill(t.Context(), bill.TypeTrade, aDay)
	var refusal *payment.Refused
	require.ErrorAs(t, err, &refusal)
	require.NotErrorIs(t, err, bill.ErrNotThere)
	g.say(billAddress, raw(`{"alipay_data_dataservice_bill_downloadurl_query_response":`+no("40004", "isp.bill_not_exist", "x")+`,"sign":"AAAA"}`))
	_, err = g.Bill(t.Context(), bill.TypeTrade, aDay)
	require.Error(t, err)
	require.NotErrorIs(t, err, bill.ErrNotThere, "a stranger's word")
}

// Nobody can make the ledger call any other host.
func TestABillIsNotDownloadedFromAForeignHost(t *testing.T) {
	foreign := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was called") }))
	defer foreign.Close()
	g := newGateway(t)
	host := strings.TrimPrefix(g.server.URL, "http://")
	for _, address := range []string{
		foreign.URL + "/bill", "http://169.254.169.254/latest", "https://alipay.com.example/bill", "https://notalipay.com/bill",
		"file:///etc/passwd", "ftp://dwbillcenter.alipay.com/bill", "https://dwbillcenter.alipay.com:22/bill", "http://dwbillcenter.alipay.com:8080/bill",
		"https://user@dwbillcenter.alipay.com/bill", "http://user@" + host + "/bill", "https://" + host + "/bill", "//" + host + "/bill", "", "%zz",
	} {
		g.at(address, func(http.ResponseWriter, *http.Request) { t.Error("it was called: " + address) })
		_, err := g.Bill(t.Context(), bill.TypeTrade, aDay)
		require.Error(t, err, address)
	}
}

func TestWhatIsNotTheBillAskedForIsRefused(t *testing.T) {
	g := newGateway(t)
	for name, serve := range map[string]http.HandlerFunc{
		"HTTP 403":           status(http.StatusForbidden),
		"nothing":            raw(""),
		"a page":             raw("<html>"),
		"no archive":         raw("PK\x03\x04"),
		"another day's":      func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(aBill(t, "2026-11-03")) },
		"one that is cut":    cut(raw("PK")),
		"one without end":    func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte("PK")); huge(w, r) },
		"a redirect to it":   redirect(g.server.URL + "/elsewhere"),
		"a dropped download": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		g.at(g.server.URL+"/bill?token=secret", serve)
		_, err := g.Bill(t.Context(), bill.TypeTrade, aDay)
		require.Error(t, err, name)
		require.NotContains(t, err.Error(), "secret", "whoever has the address has the bill")
	}
	g.at(g.server.URL+"/bill", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(aBill(t, aDay)) })
	_, err := g.Bill(t.Context(), bill.TypeAccount, aDay)
	require.ErrorContains(t, err, "it is trade", "another bill's")
}

func TestAlipaysOwnHostsAreAskedOverTLS(t *testing.T) {
	for text, want := range map[string]string{
		"http://dwbillcenter.alipay.com/downloadBillFile.resource?a=b":  "https://dwbillcenter.alipay.com/downloadBillFile.resource?a=b",
		"https://dwbillcenter.alipay.com/downloadBillFile.resource?a=b": "https://dwbillcenter.alipay.com/downloadBillFile.resource?a=b",
		"https://DWBILLCENTER.ALIPAY.COM/x":                             "https://DWBILLCENTER.ALIPAY.COM/x",
		"http://dwbillcenter.dl.alipaydev.com/x":                        "https://dwbillcenter.dl.alipaydev.com/x",
	} {
		settings := config(t, "https://openapi.alipay.com")
		got, err := alipay.OwnAddress(settings, text)
		require.NoError(t, err, text)
		require.Equal(t, want, got)
	}
}
