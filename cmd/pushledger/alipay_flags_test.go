package main

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/cmd/pushledger/internal/app"
	"github.com/pushledger/pushledger/sagas/payment/alipay"
)

func TestEveryMissingFlagForAlipayIsNamed(t *testing.T) {
	t.Parallel()
	private := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(private, []byte("x"), 0o600))
	ids := alipayFlags{AlipayAppID: "1", AlipaySellerID: "2", AlipayNotifyAddress: "https://ledger.example", AlipayPrivateKey: private}
	for name, given := range map[string]struct {
		flags alipayFlags
		named []string
	}{
		"nothing": {alipayFlags{}, []string{
			"--alipay-app-id", "--alipay-seller-id", "--alipay-notify-address", "--alipay-private-key", "--alipay-app-cert", "--alipay-cert", "--alipay-root-cert",
		}},
		"no signing": {ids, []string{"--alipay-app-cert", "--alipay-cert", "--alipay-root-cert"}},
	} {
		_, err := given.flags.alipayConfig()
		require.ErrorIs(t, err, errUsage, name)
		for _, flag := range given.named {
			require.ErrorContains(t, err, flag, name)
		}
	}
	some := ids
	some.AlipayAppCert = private
	_, err := some.alipayConfig()
	require.ErrorContains(t, err, "--alipay-cert, --alipay-root-cert")
	require.NotContains(t, err.Error(), "--alipay-app-cert")

	both := ids
	both.AlipayAppCert, both.AlipayCert, both.AlipayRootCert, both.AlipayPublicKey = private, []string{private}, private, private
	_, err = both.alipayConfig()
	require.ErrorIs(t, err, errUsage)
	both.AlipayPublicKey = ""
	config, err := both.alipayConfig()
	require.NoError(t, err)
	require.Equal(t, private, config.Certificates.Key)
	require.NoError(t, os.Chmod(private, 0o644)) // #nosec G302 -- what must be refused
	_, err = both.alipayConfig()
	require.ErrorContains(t, err, "others may read")
}

// serveConfig reads a command line that has everything a service without sandbox needs, and more.
func serveConfig(t *testing.T, more ...string) (app.Config, string, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, []byte("x"), 0o600))
	var line struct {
		Serve serveCommand `cmd:""`
	}
	parser, err := kong.New(&line)
	require.NoError(t, err)
	_, err = parser.Parse(append([]string{
		"serve", "--token-keys", file, "--alipay-app-id", "1", "--alipay-seller-id", "2",
		"--alipay-notify-address", "https://ledger.example/alipay/notify", "--alipay-private-key", file,
		"--alipay-app-cert", file, "--alipay-cert", file, "--alipay-cert", file, "--alipay-root-cert", file,
	}, more...))
	require.NoError(t, err)
	config, err := line.Serve.config(io.Discard)
	return config, file, err
}

func TestServeTakesCertificatesFromTheCommandLine(t *testing.T) {
	t.Parallel()
	config, file, err := serveConfig(t, "--settlement", "confirm")
	require.NoError(t, err)
	require.Equal(t, []string{file, file}, config.Alipay.Certificates.Alipay)
	require.True(t, config.ByMerchant)
}

func TestTransfersNeedAScene(t *testing.T) {
	t.Parallel()
	_, _, err := serveConfig(t)
	require.ErrorIs(t, err, errUsage)
	for _, remedy := range []string{"TRANSFER_SCENE_NAME_BLANK", "--alipay-transfer-scene", "--settlement confirm"} {
		require.ErrorContains(t, err, remedy)
	}
	_, _, err = serveConfig(t, "--alipay-transfer-scene", "业务结算", "--alipay-transfer-scene-report", "结算款项名称")
	require.ErrorContains(t, err, "INFO_TYPE=INFO_CONTENT")
	config, _, err := serveConfig(t, "--alipay-transfer-scene", "业务结算",
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
		require.Equal(t, given.served, served.checkWindow() == nil, "%s", window)
		served.Sandbox = true
		require.Equal(t, given.sandbox, served.checkWindow() == nil, "%s in a sandbox", window)
	}
}
