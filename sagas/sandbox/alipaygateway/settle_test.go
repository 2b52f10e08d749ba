package alipaygateway_test

import (
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	sdk "github.com/smartwalle/alipay/v3"
	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/sagas/payment"
	"github.com/pushledger/pushledger/sagas/payment/alipay"
	"github.com/pushledger/pushledger/sagas/sandbox/alipaygateway"
)

// seller is a merchant of the platform's at Alipay.
const seller = "2088000000000107"

func orderFor(merchant string) payment.Order {
	asked := order("T1", "push-1")
	asked.Merchant = merchant
	return asked
}

// confirmation pays the seller of the trade T1 with a fee of 5 %.
func (s sandbox) confirmation(t testing.TB) payment.Payout {
	t.Helper()
	trade, err := s.Query(t.Context(), "T1")
	require.NoError(t, err)
	return payment.Payout{
		PayoutNo: "P1", PushID: "push-1", Merchant: seller, TradeNo: "T1", ProviderTradeNo: trade.ProviderTradeNo,
		Amount: 1899_05, Fee: 99_95, FeeNo: "F1",
	}
}

func (s sandbox) bought(t testing.TB) payment.Payout {
	t.Helper()
	s.open(t, orderFor(seller))
	s.do(t, "pay", `{"push_id":"push-1","notify":"lost"}`)
	return s.confirmation(t)
}

func TestOnlyAMerchantIsTradedFor(t *testing.T) {
	s := start(t)
	for merchant, code := range map[string]string{
		"2088000000000000": "ACQ.SECONDARY_MERCHANT_ID_INVALID", "anna": "ACQ.SECONDARY_MERCHANT_ID_INVALID",
	} {
		page, err := s.PayURL(orderFor(merchant))
		require.NoError(t, err)
		require.Error(t, s.Open(t.Context(), page))
		shown, err := s.street.Client().Get(page)
		require.NoError(t, err)
		text, err := io.ReadAll(shown.Body)
		require.NoError(t, errors.Join(err, shown.Body.Close()))
		require.Contains(t, string(text), code, "a page for people says why")
	}
	s.open(t, orderFor(seller))
	page, err := s.PayURL(orderFor("2088000000000206"))
	require.NoError(t, err)
	require.Error(t, s.Open(t.Context(), page), "a trade is made for one merchant")
}

func TestAConfirmedTradeGoesToItsMerchantLessTheFee(t *testing.T) {
	s := start(t)
	asked := s.bought(t)
	number, err := s.Payout(t.Context(), asked)
	require.NoError(t, err)
	require.Equal(t, asked.ProviderTradeNo, number)
	require.JSONEq(t, fmt.Sprintf(`{"ok":true,
		"trades":[{"push_id":"push-1","out_trade_no":"T1","amount":"1999.00","state":"TRADE_SUCCESS","channel":"ALIPAYACCOUNT"}],
		"refunds":[],"payouts":[{"push_id":"push-1","out_biz_no":"P1","payee":%q,"amount":"1899.05"}],
		"fees":[{"push_id":"push-1","out_request_no":"F1","amount":"99.95"}]}`, seller), s.ledger(t, `{}`))
}

func TestATradeIsConfirmedOnce(t *testing.T) {
	s := start(t)
	asked := s.bought(t)
	_, err := s.Payout(t.Context(), asked)
	require.NoError(t, err)
	other := asked
	other.PayoutNo = "P2"
	_, err = s.Payout(t.Context(), other)
	require.NoError(t, err, "Alipay refuses, but the seller has the money")
	require.Contains(t, s.ledger(t, `{}`), `"out_biz_no":"P1"`)
	require.NotContains(t, s.ledger(t, `{}`), `"out_biz_no":"P2"`)
}

func TestWhatCannotBeConfirmed(t *testing.T) {
	for name, test := range map[string]struct {
		given func(*testing.T, sandbox) payment.Payout
		code  string
	}{
		"the platform's own trade": {func(t *testing.T, s sandbox) payment.Payout {
			s.open(t, orderFor(""))
			s.do(t, "pay", `{"push_id":"push-1","notify":"lost"}`)
			return s.confirmation(t)
		}, "ACQ.SETTLE_SCENE_NOT_SUPPORT"},
		"an unpaid trade": {func(t *testing.T, s sandbox) payment.Payout {
			s.open(t, orderFor(seller))
			return s.confirmation(t)
		}, "ACQ.REASON_TRADE_STATUS_INVALID"},
		"money that the merchant has not received": {func(t *testing.T, s sandbox) payment.Payout {
			s.open(t, orderFor(seller))
			s.do(t, "pay", `{"push_id":"push-1","notify":"lost","additional_status":"SELLER_NOT_RECEIVED"}`)
			return s.confirmation(t)
		}, "ACQ.REASON_TRADE_STATUS_INVALID"},
		"a refunded trade": {func(t *testing.T, s sandbox) payment.Payout {
			asked := s.bought(t)
			require.NoError(t, s.Refund(t.Context(), payment.Refund{TradeNo: "T1", RequestNo: "R1", Amount: 1999_00, Reason: "test"}))
			return asked
		}, "ACQ.CONFIRM_REFUSE_AFTER_REFUND"},
		"more than is left": {func(t *testing.T, s sandbox) payment.Payout {
			asked := s.bought(t)
			require.NoError(t, s.Refund(t.Context(), payment.Refund{TradeNo: "T1", RequestNo: "R1", Amount: 1, Reason: "test"}))
			return asked
		}, "ACQ.INVALID_SETTLE_AMOUNT_PARAMETER"},
		"a part of it": {func(t *testing.T, s sandbox) payment.Payout {
			asked := s.bought(t)
			asked.Amount--
			return asked
		}, "ACQ.INVALID_SETTLE_AMOUNT_PARAMETER"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			_, err := s.Payout(t.Context(), test.given(t, s))
			var refusal *payment.Refused
			require.ErrorAs(t, err, &refusal)
			require.Equal(t, test.code, refusal.Code)
			require.False(t, refusal.FeeOnly)
			require.NotContains(t, s.ledger(t, `{}`), `"P1"`)
		})
	}
}

func TestAFeeIsTakenOutOfWhatWasConfirmed(t *testing.T) {
	on := newStreet(t)
	on.allocAfter = 30 * time.Second
	s := run(t, t.TempDir(), on, alipaygateway.Schedule{FirstRetry: time.Millisecond, Late: time.Millisecond}, 0)
	asked := s.bought(t)
	_, err := s.Payout(t.Context(), asked)
	require.ErrorContains(t, err, "ACQ.ALLOC_REFUSE_BEFORE_SETTLE")
	var refusal *payment.Refused
	require.NotErrorAs(t, err, &refusal, "it is only too early")
	s.ahead.Store(int64(31 * time.Second))
	_, err = s.Payout(t.Context(), asked)
	require.NoError(t, err)

	greedy := start(t)
	asked = greedy.bought(t)
	asked.Amount, asked.Fee = 1399_00, 600_00
	_, err = greedy.Payout(t.Context(), asked)
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, "ACQ.ALLOC_AMOUNT_VALIDATE_ERROR", refusal.Code)
	require.True(t, refusal.FeeOnly, "the seller has been paid")
	require.Contains(t, greedy.ledger(t, `{}`), `"amount":"1999.00"}]}`)
}

// After the confirmation a refund takes from the merchant, and from the platform what it is told to.
func TestARefundAfterTheConfirmation(t *testing.T) {
	s := start(t)
	_, err := s.Payout(t.Context(), s.bought(t))
	require.NoError(t, err)
	all := payment.Refund{TradeNo: "T1", RequestNo: "R1", Amount: 1999_00, Reason: "test"}
	require.Error(t, s.Refund(t.Context(), all))
	time.Sleep(visible)
	requirePostponed(t, s.Refund(t.Context(), all), "ACQ.SELLER_BALANCE_NOT_ENOUGH") // the platform has a part of it

	asked := sdk.TradeRefund{
		OutTradeNo: "T1", OutRequestNo: "R2", RefundAmount: "1999.00",
		RefundRoyaltyParameters: []*sdk.RefundRoyaltyParameter{{TransOut: s.SellerID, TransIn: seller, Amount: "99.96"}},
	}
	s.ahead.Add(int64(visible))
	require.Contains(t, s.say(t, asked), "ACQ.ALLOC_AMOUNT_VALIDATE_ERROR", "more than the platform took")
	s.ahead.Add(int64(visible))
	asked.RefundRoyaltyParameters[0].Amount = "99.95"
	require.Contains(t, s.say(t, asked), `"fund_change":"Y"`)
	require.Equal(t, payment.TradeClosed, s.state(t, "T1"))
}

// say makes a call that the provider would never make.
func (s sandbox) say(t *testing.T, param sdk.Param) string {
	t.Helper()
	app, key := s.ownKey(t)
	client := s.merchant(t, app, key)
	require.NoError(t, client.LoadAppCertPublicKeyFromFile(s.AppCertFile))
	require.NoError(t, client.LoadAliPayRootCertFromFile(s.RootCertFile))
	fields, err := client.URLValues(param)
	require.NoError(t, err)
	return s.post(t, fields)
}

func TestATradeIsConfirmedByItselfWhenItsTimeIsOver(t *testing.T) {
	s := start(t)
	asked := s.bought(t)
	require.Contains(t, s.ledger(t, `{}`), `"payouts":[]`)
	s.ahead.Store(int64(365*24*time.Hour + time.Minute))
	s.do(t, "pay", `{"push_id":"push-1","notify":"lost"}`)
	s.ahead.Store(0)
	require.Contains(t, s.ledger(t, `{}`), `"amount":"1999.00"}]}`, "all of it is the merchant's")
	_, err := s.Payout(t.Context(), asked)
	require.NoError(t, err, "the seller has its money, and the fee is taken")
	require.Contains(t, s.ledger(t, `{}`), `"amount":"1899.05"}],"fees":[{"push_id":"push-1","out_request_no":"F1","amount":"99.95"}]}`)
}

func TestATransferSaysWhatItIsFor(t *testing.T) {
	s := start(t)
	config := s.certified()
	config.Transfers = alipay.TransferScene{}
	silent, err := alipay.New(config)
	require.NoError(t, err)
	defer silent.Disconnect()
	payout := payment.Payout{PayoutNo: "P1", PushID: "push-1", Account: "ann@example.com", Name: "安", Amount: 9_00, Title: "push"}
	_, err = silent.Payout(t.Context(), payout)
	var wrong *payment.Misconfigured
	require.ErrorAs(t, err, &wrong)
	require.Equal(t, "TRANSFER_SCENE_NAME_BLANK", wrong.Code)
	_, err = s.Payout(t.Context(), payout)
	require.NoError(t, err)
}
