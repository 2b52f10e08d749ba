package main

import (
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/sagas/payment/alipay"
)

func TestServeTakesCertificatesFromTheCommandLine(t *testing.T) {
	t.Parallel()
	config, err := serveConfig(t, "--settlement", "confirm")
	require.NoError(t, err)
	require.Len(t, config.Alipay.Certificates.Alipay, 2)
	require.True(t, config.ByMerchant)
}

func TestTransfersNeedAScene(t *testing.T) {
	t.Parallel()
	_, err := serveConfig(t)
	require.ErrorIs(t, err, errUsage)
	for _, remedy := range []string{"TRANSFER_SCENE_NAME_BLANK", "--alipay-transfer-scene", "--settlement confirm"} {
		require.ErrorContains(t, err, remedy)
	}
	_, err = serveConfig(t, "--alipay-transfer-scene", "业务结算", "--alipay-transfer-scene-report", "结算款项名称")
	require.ErrorContains(t, err, "INFO_TYPE=INFO_CONTENT")
	config, err := serveConfig(t, "--alipay-transfer-scene", "业务结算",
		"--alipay-transfer-scene-report", "结算款项名称=域名, 交易=款", "--alipay-transfer-scene-report", "b=c")
	require.NoError(t, err)
	require.False(t, config.ByMerchant)
	require.Equal(t, alipay.TransferScene{
		Name: "业务结算", Reports: []alipay.SceneReport{{Type: "结算款项名称", Content: "域名, 交易=款"}, {Type: "b", Content: "c"}},
	}, config.Alipay.Transfers)
}

// While Alipay signs with a certificate that the service does not have, nothing is decided;
// once its file has it, every purchase goes on to its end.
func TestAlipayChangesItsCertificate(t *testing.T) {
	t.Parallel()
	m := openSandbox(t, t.TempDir(), longWindow)
	paid, later := m.buy(t, 1), m.buy(t, 2)
	paid.pay(t)
	paid.await(t, settled(paid))
	m.control(t, "alipay.rotate", `{"only":"sign"}`)
	later.pay(t)
	accepted := m.buy(t, 1)
	time.Sleep(2 * time.Second) // for answers that nobody can verify
	require.Zero(t, later.count(t, "Paid"))
	m.control(t, "alipay.rotate", `{"only":"publish"}`)
	accepted.happened(t, "PaymentOpened", 1)
	accepted.pay(t)
	for _, d := range []*deal{paid, later, accepted} {
		d.ends(t, settled(d))
	}

	response, err := http.Get(m.ready.HTTPURL + "/metrics")
	require.NoError(t, err)
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	for _, kind := range []string{"app", "alipay", "root"} {
		require.Regexp(t, `pushledger_alipay_certificate_expiry_seconds\{certificate="`+kind+`"\} [1-9]`, string(text))
	}
}

// Alipay takes an order of a minute to 15 days; a sandbox takes shorter ones, for who waits.
func TestThePaymentWindowIsOneThatAlipayTakes(t *testing.T) {
	t.Parallel()
	for window, given := range map[time.Duration]struct{ served, sandbox bool }{
		0:                          {false, false},
		time.Second:                {false, true},
		time.Minute:                {false, true},
		2 * time.Minute:            {true, true},
		14 * 24 * time.Hour:        {true, true},
		14*24*time.Hour + 1:        {false, false},
		-2 * time.Minute:           {false, false},
		100 * 365 * 24 * time.Hour: {false, false},
	} {
		served := serveCommand{PaymentWindow: window}
		var wrong, wrongInSandbox wrongSettings
		served.checkWindow(&wrong)
		require.Equal(t, given.served, len(wrong) == 0, "%s", window)
		served.Sandbox = true
		served.checkWindow(&wrongInSandbox)
		require.Equal(t, given.sandbox, len(wrongInSandbox) == 0, "%s in a sandbox", window)
	}
}
