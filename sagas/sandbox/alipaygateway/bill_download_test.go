package alipaygateway_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	sdk "github.com/smartwalle/alipay/v3"
	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/money"
	"github.com/pushledger/pushledger/sagas/payment"
	"github.com/pushledger/pushledger/sagas/payment/bill"
	"github.com/pushledger/pushledger/sagas/sandbox/alipaygateway"
)

// today is the day of the gateway in Alipay's zone.
func (s sandbox) today() string {
	return time.Now().Add(time.Duration(s.ahead.Load())).In(bill.Zone).Format(time.DateOnly)
}

func (s sandbox) paid(t testing.TB, number, push string) {
	t.Helper()
	s.open(t, order(number, push))
	s.do(t, "pay", `{"push_id":%q,"notify":"lost"}`, push)
}

func TestTheBillsOfADayAreFetched(t *testing.T) {
	s := start(t)
	day := s.today()
	s.paid(t, "T1", "push-1")
	require.NoError(t, s.Refund(t.Context(), payment.Refund{TradeNo: "T1", RequestNo: "R1", Amount: 1999_00, Reason: "test"}))
	_, err := s.Payout(t.Context(), payment.Payout{PayoutNo: "P1", PushID: "push-1", Account: "ann@example.com", Name: "安", Amount: 50, Title: "push"})
	require.NoError(t, err)
	s.do(t, "bill", `{"ready":true}`)

	trade, err := s.Bill(t.Context(), bill.TypeTrade, day)
	require.NoError(t, err)
	account, err := s.Bill(t.Context(), bill.TypeAccount, day)
	require.NoError(t, err)
	require.Len(t, trade, 1)
	require.Len(t, account, 1)
	require.Len(t, trade[0].Movements, 2)
	require.Len(t, account[0].Movements, 3, "the fee is none of them")
	require.Equal(t, map[string]bill.Fees{day: {Charged: money.Fen(11_99)}}, account[0].Fees, "0.6 percent of 1999.00")
	again, err := s.Bill(t.Context(), bill.TypeAccount, day)
	require.NoError(t, err)
	require.Equal(t, account[0].Digest, again[0].Digest)

	s.do(t, "bill", `{"twice":"P1"}`)
	changed, err := s.Bill(t.Context(), bill.TypeAccount, day)
	require.NoError(t, err)
	require.Len(t, changed[0].Movements, 4)
	require.NotEqual(t, account[0].Digest, changed[0].Digest)
}

// As Alipay has it: a day that is not over is no argument, and its bill is there at nine
// o'clock on the next.
func TestABillIsThereOnTheNextMorning(t *testing.T) {
	day := time.Date(2026, 11, 2, 0, 0, 0, 0, bill.Zone)
	for clock, want := range map[string]string{
		"2026-11-02 12:00": "isv.invalid_arguments", "2026-11-02 23:59": "isv.invalid_arguments",
		"2026-11-03 00:00": "isp.bill_not_exist", "2026-11-03 08:59": "isp.bill_not_exist", "2026-11-03 09:00": "", "2027-01-01 00:00": "",
	} {
		now, err := time.ParseInLocation("2006-01-02 15:04", clock, bill.Zone)
		require.NoError(t, err)
		require.Equal(t, want, alipaygateway.TooEarly(day, now.UTC()), clock)
	}
}

func TestWhatIsNoBillIsRefused(t *testing.T) {
	s := start(t)
	day := s.today()
	s.paid(t, "T1", "push-1")
	var refusal *payment.Refused
	for _, asked := range [][2]string{{bill.TypeTrade, day}, {bill.TypeTrade, "2026-13-01"}, {bill.TypeTrade, "2026-11"}, {"trade_zft_merchant", "2026-01-01"}} {
		_, err := s.Bill(t.Context(), asked[0], asked[1])
		require.ErrorAs(t, err, &refusal, asked)
		require.Equal(t, "isv.invalid_arguments", refusal.Code)
	}
	_, err := s.Bill(t.Context(), bill.TypeTrade, "2026-01-01")
	require.ErrorIs(t, err, bill.ErrNotThere, "nothing moved on that day")
}

// billAddress is what the gateway says of where the bill of this day lies.
func (s sandbox) billAddress(t *testing.T) string {
	t.Helper()
	app, key := s.ownKey(t)
	fields, err := s.merchant(t, app, key).URLValues(sdk.BillDownloadURLQuery{BillType: bill.TypeTrade, BillDate: s.today()})
	require.NoError(t, err)
	var said struct {
		Node struct {
			Address string `json:"bill_download_url"`
		} `json:"alipay_data_dataservice_bill_downloadurl_query_response"`
	}
	text := s.post(t, fields)
	require.NoError(t, json.Unmarshal([]byte(text), &said), text)
	require.NotEmpty(t, said.Node.Address, text)
	return said.Node.Address
}

func (s sandbox) fetched(t *testing.T, address string, status int) string {
	t.Helper()
	answer, err := s.street.Client().Get(address)
	require.NoError(t, err)
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, status, answer.StatusCode)
	return string(body)
}

func TestTheAddressOfABillIsGoodForThirtySeconds(t *testing.T) {
	s := start(t)
	s.paid(t, "T1", "push-1")
	s.do(t, "bill", `{"ready":true}`)
	address := s.billAddress(t)
	require.Equal(t, "PK", s.fetched(t, address, http.StatusOK)[:2])
	require.Equal(t, "没有权限\n", s.fetched(t, strings.Replace(address, "token=", "token=0", 1), http.StatusForbidden))
	s.ahead.Add(int64(31 * time.Second))
	require.Contains(t, s.fetched(t, address, http.StatusOK), "下载超时")
}
