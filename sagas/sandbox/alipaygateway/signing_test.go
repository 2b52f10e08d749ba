package alipaygateway_test

import (
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	sdk "github.com/smartwalle/alipay/v3"
	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/sagas/payment"
	"github.com/pushledger/pushledger/sagas/payment/alipay"
	"github.com/pushledger/pushledger/sagas/payment/paymenttest"
	"github.com/pushledger/pushledger/sagas/sandbox/alipaygateway"
)

// startPlain is start with a merchant that signs without certificates.
func startPlain(t *testing.T) sandbox {
	t.Helper()
	s := start(t)
	plain, err := alipay.New(s.plain())
	require.NoError(t, err)
	t.Cleanup(plain.Disconnect)
	s.Disconnect()
	s.Provider = plain
	return s
}

func TestConformanceWithoutCertificates(t *testing.T) {
	paymenttest.RunReceiving(t, func(t *testing.T) paymenttest.World { return world(startPlain(t)) })
}

func TestNoMoneyGoesOutWithoutCertificates(t *testing.T) {
	s := startPlain(t)
	s.open(t, order("T1", "push-1"))
	s.do(t, "pay", `{"push_id":"push-1","notify":"lost"}`)
	before := s.ledger(t, `{}`)
	refund := payment.Refund{TradeNo: "T1", RequestNo: "R1", Amount: 9_00, Reason: "test"}
	payout := payment.Payout{PayoutNo: "P1", PushID: "push-1", Account: "ann@example.com", Name: "安", Amount: 9_00, Title: "push"}
	refunded := s.Refund(t.Context(), refund)
	_, paid := s.Payout(t.Context(), payout)
	for _, err := range []error{refunded, paid} {
		require.ErrorContains(t, err, "isv.missing-app-cert-sn")
		var final *payment.Refused
		require.NotErrorAs(t, err, &final, "it is done once there are certificates")
	}
	require.Equal(t, before, s.ledger(t, `{}`))

	certified, err := alipay.New(s.certified())
	require.NoError(t, err)
	defer certified.Disconnect()
	require.NoError(t, certified.Refund(t.Context(), refund))
	_, err = certified.Payout(t.Context(), payout)
	require.NoError(t, err)
}

func TestSerialsThatAreNotTheMerchants(t *testing.T) {
	s := start(t)
	app, key := s.ownKey(t)
	client := s.merchant(t, app, key)
	require.NoError(t, client.LoadAppCertPublicKeyFromFile(s.AppCertFile))
	require.NoError(t, client.LoadAliPayRootCertFromFile(s.RootCertFile))
	sound, err := client.URLValues(sdk.TradeQuery{OutTradeNo: "T1"})
	require.NoError(t, err)
	said := s.post(t, sound)
	require.Contains(t, said, "ACQ.TRADE_NOT_EXIST")
	require.Contains(t, said, `"alipay_cert_sn":"`)
	for code, change := range map[string]func(url.Values){
		"isv.missing-app-cert-sn":         func(f url.Values) { f.Del("app_cert_sn") },
		"isv.missing-alipay-root-cert-sn": func(f url.Values) { f.Del("alipay_root_cert_sn") },
		"isv.app-cert-not-exist":          func(f url.Values) { f.Set("app_cert_sn", strings.Repeat("0", 32)) },
		"isv.invalid-alipay-root-cert-sn": func(f url.Values) { f.Set("alipay_root_cert_sn", f.Get("app_cert_sn")) },
	} {
		fields := url.Values{}
		for name := range sound {
			fields.Set(name, sound.Get(name))
		}
		change(fields)
		said := s.post(t, fields)
		require.Contains(t, said, `"`+code+`"`)
		require.Contains(t, said, `"40002"`)
	}
	s.ahead.Store(int64(6 * 365 * 24 * time.Hour))
	require.Contains(t, s.post(t, sound), `"isv.app-cert-expired"`)

	plain, err := s.merchant(t, app, key).URLValues(sdk.TradeQuery{OutTradeNo: "T1"})
	require.NoError(t, err)
	s.ahead.Store(0)
	require.NotContains(t, s.post(t, plain), "alipay_cert_sn", "who signs without certificates is answered without")
}

// An answer that is signed with a certificate that the merchant does not have decides
// nothing. Once it has it, what was asked is asked again, and was done once.
func TestAnAnswerWithANewCertificateIsAskedAgain(t *testing.T) {
	s := start(t)
	s.open(t, order("T1", "push-1"))
	s.do(t, "rotate", `{"only":"sign"}`)
	s.do(t, "pay", `{"push_id":"push-1","notify":"normal"}`)
	told := next(t, s.street.taken)
	_, err := s.Notification(told)
	require.ErrorIs(t, err, payment.ErrForged)
	_, err = s.Query(t.Context(), "T1")
	require.ErrorContains(t, err, "which is not known")
	payout := payment.Payout{PayoutNo: "P1", PushID: "push-1", Account: "ann@example.com", Name: "安", Amount: 9_00, Title: "push"}
	_, err = s.Payout(t.Context(), payout)
	require.ErrorContains(t, err, "outcome unknown")

	s.do(t, "rotate", `{"only":"publish"}`)
	trade, err := s.Notification(told)
	require.NoError(t, err)
	require.Equal(t, payment.TradePaid, trade.State)
	require.Equal(t, payment.TradePaid, s.state(t, "T1"))
	_, err = s.Payout(t.Context(), payout)
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(s.ledger(t, `{}`), `"out_biz_no"`))
	s.control(t, "rotate", `{"only":"both"}`, "invalid_only")
}

// While certificates change, nothing that is asked again is lost or done twice.
func TestCertificatesChangeUnderLoad(t *testing.T) {
	s := start(t)
	s.open(t, order("T1", "push-1"))
	s.do(t, "pay", `{"push_id":"push-1","notify":"lost"}`)
	const payers, each = 4, 10
	var working sync.WaitGroup
	for payer := range payers {
		working.Go(func() {
			for i := range each {
				number := "P" + string(rune('A'+payer)) + string(rune('A'+i))
				paid := func() error {
					_, err := s.Payout(t.Context(), payment.Payout{
						PayoutNo: number, PushID: "push-1", Account: "ann@example.com", Name: "安", Amount: 1_00, Title: "push",
					})
					return err
				}
				deadline := time.Now().Add(patience)
				err := paid()
				for ; err != nil && time.Now().Before(deadline); err = paid() {
					var final *payment.Refused
					if errors.As(err, &final) {
						t.Errorf("payout %s: %v", number, err)
						return
					}
				}
				if err != nil {
					t.Errorf("payout %s: %v", number, err)
				}
			}
		})
	}
	for range 3 {
		s.do(t, "rotate", `{"only":"sign"}`)
		time.Sleep(20 * time.Millisecond) // for answers that the merchant cannot verify
		s.do(t, "rotate", `{"only":"publish"}`)
	}
	working.Wait()
	require.Equal(t, payers*each, strings.Count(s.ledger(t, `{}`), `"out_biz_no"`))
}

// A directory of a program that knew no certificates has the two keys alone. One that was
// left while a certificate changed has it published.
func TestADirectoryWithoutCertificatesGetsThem(t *testing.T) {
	dir, on := t.TempDir(), newStreet(t)
	schedule := alipaygateway.Schedule{FirstRetry: time.Millisecond}
	before := run(t, dir, on, schedule, 0)
	before.open(t, order("T1", "push-1"))
	before.do(t, "rotate", `{"only":"sign"}`)
	before.stop()

	after := run(t, dir, on, schedule, 0)
	require.Equal(t, payment.TradeWaiting, after.state(t, "T1"), "with the certificate of before")
	after.stop()

	for _, file := range []string{"root.pem", "root.crt", "merchant.crt", "alipay.crt", "rotated.pem"} {
		require.NoError(t, os.Remove(filepath.Join(after.keys, file)))
	}
	older := run(t, dir, on, schedule, 0)
	require.Equal(t, before.PrivateKey, older.PrivateKey)
	require.Equal(t, before.AlipayPublicKey, older.AlipayPublicKey)
	require.Equal(t, payment.TradeWaiting, older.state(t, "T1"))
}
