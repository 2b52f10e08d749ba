// Package alipay is the payment provider behind Alipay's open gateway.
//
// What it guarantees: an answer counts only with Alipay's signature on it, so neither a
// broken line nor a stranger can make a payment succeed or fail; only a signed business
// refusal is final, and everything else is an unknown outcome. Each exchange is bounded
// in time and in size, and redirects are not followed. The only host that it ever calls
// is the configured gateway: a certificate serial it does not know makes it refuse, not
// download.
package alipay

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
	_ "time/tzdata" // Alipay's clock is that of Shanghai, also on machines that know no zones

	"github.com/smartwalle/alipay/v3"
	"github.com/smartwalle/ncrypto"

	"github.com/pushledger/pushledger/sagas/payment"
)

const (
	// ProductionGateway is where real money moves.
	ProductionGateway = "https://openapi.alipay.com/gateway.do"

	defaultTimeout = 15 * time.Second
	clockFormat    = time.DateTime
)

// Config of a Provider.
type Config struct {
	AppID           string
	PrivateKey      string        // ours: PKCS #1 or #8, in PEM or as bare base64
	AlipayPublicKey string        // Alipay's for this application: PKIX, in PEM or as bare base64
	SellerID        string        // the merchant's number at Alipay (2088…), to which buyers pay
	Gateway         string        // empty: ProductionGateway
	NotifyURL       string        // where Alipay reports payments to
	ReturnURL       string        // where a buyer's browser goes after paying; empty: stays at Alipay
	Timeout         time.Duration // of one exchange; 0: 15 seconds
	RefundVisible   time.Duration // how long a refund that was made may not be shown yet; 0: 10 seconds
}

// Provider implements payment.Provider. It is safe for concurrent use.
type Provider struct {
	config    Config
	client    *alipay.Client
	http      *http.Client
	publicKey *rsa.PublicKey
	clock     *time.Location
	unseen    *unseen
}

var _ payment.Provider = (*Provider)(nil)

// New returns a provider, or an error if the configuration cannot work.
func New(config Config) (*Provider, error) {
	if config.Gateway == "" {
		config.Gateway = ProductionGateway
	}
	if config.Timeout <= 0 {
		config.Timeout = defaultTimeout
	}
	if config.RefundVisible <= 0 {
		config.RefundVisible = refundVisible
	}
	if err := config.check(); err != nil {
		return nil, fmt.Errorf("alipay: configuration: %w", err)
	}
	clock, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		return nil, fmt.Errorf("alipay: clock: %w", err)
	}
	publicKey, err := ncrypto.DecodePublicKey([]byte(strings.TrimSpace(config.AlipayPublicKey))).PKIX().RSAPublicKey()
	if err != nil {
		return nil, fmt.Errorf("alipay: public key: %w", err)
	}
	httpClient := newHTTPClient(config.Timeout)
	// To the library this is never production: there it would fetch certificates whose
	// serial a stranger may name in a notification. The gateway decides what is real.
	client, err := alipay.New(config.AppID, strings.TrimSpace(config.PrivateKey), false,
		alipay.WithSandboxGateway(config.Gateway), alipay.WithHTTPClient(httpClient), alipay.WithTimeLocation(clock))
	if err != nil {
		return nil, fmt.Errorf("alipay: private key: %w", err)
	}
	if err := client.LoadAliPayPublicKey(strings.TrimSpace(config.AlipayPublicKey)); err != nil {
		return nil, fmt.Errorf("alipay: public key: %w", err)
	}
	return &Provider{config: config, client: client, http: httpClient, publicKey: publicKey, clock: clock, unseen: newUnseen(config.RefundVisible)}, nil
}

// Disconnect lets go of the connections that are kept for the next calls.
func (p *Provider) Disconnect() { p.http.CloseIdleConnections() }

func (c Config) check() error {
	if c.AppID == "" || c.SellerID == "" {
		return errors.New("application and seller id are needed")
	}
	for _, text := range []string{c.Gateway, c.NotifyURL} {
		address, err := url.Parse(text)
		if err != nil {
			return err
		}
		if (address.Scheme != "https" && address.Scheme != "http") || address.Host == "" || address.RawQuery != "" {
			return fmt.Errorf("%q is no address of a gateway or a receiver of notifications", text)
		}
	}
	return nil
}

// ask makes one exchange and reads the signed answer into said.
func (p *Provider) ask(ctx context.Context, question alipay.Param, said answer) error {
	ctx, cancel := context.WithTimeout(ctx, p.config.Timeout)
	defer cancel()
	if err := p.client.Request(ctx, question, said); err != nil {
		return unknown(question.APIName(), err)
	}
	return said.outcome().check(question.APIName())
}

// at reads a time of Alipay's; an empty one is the zero time.
func (p *Provider) at(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	at, err := time.ParseInLocation(clockFormat, text, p.clock)
	if err != nil {
		return time.Time{}, fmt.Errorf("alipay: time %.40q: %w", text, err)
	}
	if at = at.UTC(); at.Year() < 1 { // which no event can hold
		return time.Time{}, fmt.Errorf("alipay: time %.40q is out of all bounds", text)
	}
	return at, nil
}
