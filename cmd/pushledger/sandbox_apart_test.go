package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/pushledger/pushledger/cmd/pushledger/internal/app"
)

// outsideIssuer signs tokens as the platform of a service in production does.
type outsideIssuer struct {
	key    ed25519.PrivateKey
	public string // file of a JWK set
}

func newOutsideIssuer(t *testing.T) *outsideIssuer {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "issuer.json")
	keys := fmt.Sprintf(`{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"outside","x":%q}]}`, base64.RawURLEncoding.EncodeToString(public))
	require.NoError(t, os.WriteFile(path, []byte(keys), 0o600))
	return &outsideIssuer{key: private, public: path}
}

func (i *outsideIssuer) token(t *testing.T, account, role string) string {
	t.Helper()
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, jwt.MapClaims{
		"iss": "pushledger", "sub": account, "role": role, "exp": time.Now().Add(time.Hour).Unix(),
	})
	token.Header["kid"] = "outside"
	text, err := token.SignedString(i.key)
	require.NoError(t, err)
	return text
}

// freeAddress is one on which nobody listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	return listener.Addr().String()
}

// runServe starts the program with flags and waits for its ready file.
func runServe(t *testing.T, flags ...string) (*process, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ready.json")
	running := &process{
		doors: doors{stderr: &lockedBuffer{}}, exited: make(chan error, 1),
		command: exec.Command("pushledger", append([]string{"serve", "--ready-file", path, "--log-level", "warn"}, flags...)...), // #nosec G204 -- the test's own words
	}
	running.command.Stderr = running.stderr
	require.NoError(t, running.command.Start())
	go func() { running.exited <- running.command.Wait() }()
	running.endWith(t)
	require.NoError(t, running.await(path))
	return running, path
}

// The service is one in production: tokens of another issuer, no sandbox of its own. All
// that it knows of its partners is what flags tell it.
func TestASandboxApartIsThePartnersOfAnotherService(t *testing.T) {
	t.Parallel()
	issuer, doorNATS, doorHTTP := newOutsideIssuer(t), freeAddress(t), freeAddress(t)
	partner := filepath.Join(t.TempDir(), "partner.token")
	require.NoError(t, os.WriteFile(partner, []byte(issuer.token(t, "platform", "partner")+"\n"), 0o600))
	partners, ready := runServe(t, "--roles", "sandbox", "--data", t.TempDir(), "--sandbox-inventory", writeInventory(t, 1),
		"--nats-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0", "--ledger-nats-url", "nats://"+doorNATS, "--ledger-token-file", partner)
	require.Equal(t, http.StatusServiceUnavailable, status(t, partners.ready.HTTPURL+"/readyz"), "there is no ledger yet")
	text, err := os.ReadFile(ready) // #nosec G304 -- the test's own file
	require.NoError(t, err)
	var told app.Ready
	require.NoError(t, json.Unmarshal(text, &told))

	service, _ := runServe(t, "--data", t.TempDir(), "--nats-listen", doorNATS, "--http-listen", doorHTTP, "--token-keys", issuer.public,
		"--alipay-app-id", told.Alipay.AppID, "--alipay-seller-id", told.Alipay.SellerID, "--alipay-gateway", told.Alipay.Gateway,
		"--alipay-private-key", told.Alipay.PrivateKey, "--alipay-app-cert", told.Alipay.AppCert, "--alipay-cert", told.Alipay.Cert,
		"--alipay-root-cert", told.Alipay.RootCert, "--alipay-transfer-scene", told.Alipay.TransferScene, "--alipay-notify-address", "http://"+doorHTTP+"/alipay/notify")
	require.Eventually(t, func() bool { return status(t, partners.ready.HTTPURL+"/readyz") == http.StatusOK }, readyPatience, lookAgain)

	service.ready.Tokens = map[string]string{"anna": issuer.token(t, "anna", "trader"), "bo": issuer.token(t, "bo", "trader")}
	offered := ask(t, service.connect(t, "anna"), "push.cmd.anna.offer", `{"push_id":"p1","buyer":"bo","items":[{"domain":"d0.com","price":"8.00"}]}`)
	require.True(t, offered.OK, offered)
	require.True(t, ask(t, service.connect(t, "bo"), "push.cmd.bo.accept", `{"push_id":"p1","total":"8.00"}`).OK)
	operator := partners.connect(t, "operator")
	require.True(t, ask(t, operator, "sandbox.alipay.pay", `{"push_id":"p1"}`).OK)
	service.eventually(t, "bo", "p1", "Completed")

	require.True(t, ask(t, operator, "sandbox.registrar.act", `{"domain":"d0.com","account":"bo","act":"move","to":"eve"}`).OK,
		"the registrar's event is taken in by the ledger")
	partners.stop(t)
	service.stop(t)
}

func TestASandboxApartWithATokenThatIsNotGoodEnds(t *testing.T) {
	t.Parallel()
	service := startProcess(t, t.TempDir(), writeInventory(t, 1))
	partner := filepath.Join(t.TempDir(), "partner.token")
	require.NoError(t, os.WriteFile(partner, []byte(newOutsideIssuer(t).token(t, "platform", "partner")), 0o600))
	said, err := exec.Command("pushledger", "serve", "--roles", "sandbox", "--data", t.TempDir(), "--nats-listen", "127.0.0.1:0", // #nosec G204 -- the test's own words
		"--http-listen", "127.0.0.1:0", "--ledger-nats-url", service.ready.NATSURL, "--ledger-token-file", partner).CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(said), "the ledger does not let the sandbox in")
}

func status(t *testing.T, url string) int {
	t.Helper()
	response, err := http.Get(url) // #nosec G107 -- the test's own process
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response.StatusCode
}
