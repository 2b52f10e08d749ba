package alipaygateway_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/aggregates/money"
	"github.com/pushledger/pushledger/sagas/payment"
	"github.com/pushledger/pushledger/sagas/payment/alipay"
)

func payTo(number, account, name string, amount money.Fen) payment.Payout {
	return payment.Payout{PayoutNo: number, PushID: "push-" + number, Account: account, Name: name, Amount: amount, Title: "push"}
}

func (s sandbox) balance(t *testing.T) money.Fen {
	t.Helper()
	balance, err := s.Balance(t.Context())
	require.NoError(t, err)
	return balance
}

func requirePostponed(t *testing.T, err error, code string) {
	t.Helper()
	var later *payment.Postponed
	require.ErrorAs(t, err, &later)
	require.Equal(t, code, later.Code)
}

// Payments bring what is received less the fee, refunds and payouts take out, and a refund
// brings no fee back.
func TestTheBalanceOfTheMerchant(t *testing.T) {
	s := start(t)
	require.Equal(t, money.Fen(1_000_000_00), s.balance(t))
	s.do(t, "balance", `{"amount":"0.00"}`)
	s.open(t, order("T1", "push-1")) // over 1999.00
	s.do(t, "pay", `{"push_id":"push-1","notify":"lost"}`)
	require.Equal(t, money.Fen(1999_00-11_99), s.balance(t), "0.6 % of it is the fee")
	refund := payment.Refund{TradeNo: "T1", RequestNo: "R1", Amount: 1999_00, Reason: "test"}
	requirePostponed(t, s.Refund(t.Context(), refund), "ACQ.SELLER_BALANCE_NOT_ENOUGH")
	_, err := s.Payout(t.Context(), payTo("P1", "ann@example.com", "安", 1999_00))
	requirePostponed(t, err, "PAYER_BALANCE_NOT_ENOUGH")
	s.do(t, "balance", `{"amount":"5000.00"}`)
	_, err = s.Payout(t.Context(), payTo("P1", "ann@example.com", "安", 1999_00))
	require.NoError(t, err, "the same call again, now that there is money")
	require.NoError(t, certain(func() error { return s.Refund(t.Context(), refund) }))
	require.Equal(t, money.Fen(5000_00-2*1999_00), s.balance(t))
}

func TestLimitsOfPayouts(t *testing.T) {
	s := start(t)
	s.do(t, "payee", `{"account":"inc@example.com","type":"company"}`)
	for i, test := range []struct {
		account string
		amount  money.Fen
		code    string
	}{
		{"ann@example.com", 50_000_00, ""},
		{"ann@example.com", 50_000_01, "EXCEED_LIMIT_PERSONAL_SM_AMOUNT"},
		{"inc@example.com", 100_000_00, ""},
		{"inc@example.com", 100_000_01, "EXCEED_LIMIT_ENT_SM_AMOUNT"},
	} {
		_, err := s.Payout(t.Context(), payTo(fmt.Sprintf("P%d", i), test.account, "名", test.amount))
		if test.code == "" {
			require.NoError(t, err)
			continue
		}
		var refused *payment.Refused
		require.ErrorAs(t, err, &refused)
		require.Equal(t, test.code, refused.Code)
		require.True(t, refused.Failed)
	}
	s.do(t, "limits", `{"day":"150000.10"}`)
	_, err := s.Payout(t.Context(), payTo("Pday", "ann@example.com", "名", 11))
	requirePostponed(t, err, "EXCEED_LIMIT_DM_MAX_AMOUNT")
	_, err = s.Payout(t.Context(), payTo("Plast", "ann@example.com", "名", 10))
	require.NoError(t, err)
}

// A refused number is remembered: the same call is refused again, another is taken for a
// number that stands for something else.
func TestARefusedNumberIsRemembered(t *testing.T) {
	s := start(t)
	s.do(t, "payee", `{"account":"ann@example.com","exists":false}`)
	s.do(t, "payee", `{"account":"bob@example.com","name":"波"}`)
	for account, code := range map[string]string{"ann@example.com": "PAYEE_NOT_EXIST", "bob@example.com": "PAYEE_USER_INFO_ERROR"} {
		number := "P" + account[:3]
		for _, about := range []string{"refused", "and again"} {
			_, err := s.Payout(t.Context(), payTo(number, account, "安", 1_00))
			requireFailed(t, err, code, false, about)
			s.do(t, "payee", `{"account":%q,"exists":true,"name":"安"}`, account)
		}
		_, err := s.Payout(t.Context(), payTo(number, "right@example.com", "安", 1_00))
		requireFailed(t, err, code, true, "with another payee")
		_, err = s.FindPayout(t.Context(), payTo(number, "right@example.com", "安", 1_00))
		requireFailed(t, err, code, false, "asked about")
		_, err = s.Payout(t.Context(), payTo(number+"_2", "right@example.com", "安", 1_00))
		require.NoError(t, err, "another number")
	}
	_, err := s.FindPayout(t.Context(), payTo("Pnone", "ann@example.com", "安", 1_00))
	require.ErrorIs(t, err, payment.ErrPayoutNotFound)
}

func requireFailed(t *testing.T, err error, code string, otherwise bool, about string) {
	t.Helper()
	var refused *payment.Refused
	require.ErrorAs(t, err, &refused, about)
	require.Equal(t, code, refused.Code, about)
	require.True(t, refused.Failed, about)
	require.Equal(t, otherwise, refused.Otherwise, about)
}

func TestAPayoutUnderWayAndOneThatComesBack(t *testing.T) {
	s := start(t)
	s.do(t, "payout", `{"push_id":"push-P1","status":"DEALING"}`)
	wanted := payTo("P1", "ann@example.com", "安", 5_00)
	_, err := s.Payout(t.Context(), wanted)
	requirePostponed(t, err, "DEALING")
	require.NotContains(t, s.ledger(t, `{}`), `"P1"`, "it has not moved")
	s.do(t, "payout", `{"push_id":"push-P1","status":"SUCCESS"}`)
	_, err = s.Payout(t.Context(), wanted)
	require.NoError(t, err)
	before := s.balance(t)
	s.do(t, "payout", `{"push_id":"push-P1","status":"REFUND"}`)
	require.Equal(t, before+5_00, s.balance(t))
	_, err = s.Payout(t.Context(), wanted)
	var refused *payment.Refused
	require.ErrorAs(t, err, &refused)
	require.Equal(t, "REFUND", refused.Code)
	require.False(t, refused.Failed, "only a FAIL lets another number be paid")
}

// Not every contract lets the balance be asked for.
func TestABalanceThatIsNotTold(t *testing.T) {
	s := start(t)
	s.do(t, "fault", `{"api":"balance","mode":"business_error"}`)
	_, err := s.Balance(t.Context())
	var wrong *payment.Misconfigured
	require.ErrorAs(t, err, &wrong)
	require.Equal(t, "isv.insufficient-isv-permissions", wrong.Code)
}

// Alipay does not sign that it does not know the application; nothing follows from that.
func TestAnUnknownApplicationIsToldWithoutASignature(t *testing.T) {
	s := start(t)
	config := s.certified()
	config.AppID = "2021"
	stranger, err := alipay.New(config)
	require.NoError(t, err)
	t.Cleanup(stranger.Disconnect)
	_, err = stranger.Query(t.Context(), "T1")
	require.ErrorContains(t, err, "an unsigned answer")
	require.ErrorContains(t, err, "isv.invalid-app-id")
	var wrong *payment.Misconfigured
	require.NotErrorAs(t, err, &wrong, "anybody could have said that")
}
