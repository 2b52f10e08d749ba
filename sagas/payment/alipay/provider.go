// Package alipay is the payment provider behind Alipay's open gateway.
//
// What it guarantees: an answer counts only with Alipay's signature on it, so neither a
// broken line nor a stranger can make a payment succeed or fail; only a signed business
// refusal is final, and everything else is an unknown outcome. Each exchange is bounded
// in time and in size, and redirects are not followed. It calls the configured gateway and,
// to fetch a bill, the host of Alipay's that a signed answer has named; no other, and a
// certificate serial it does not know makes it refuse, not download. Certificates may be replaced at any time: each question is signed and each
// answer verified with what the files hold at that moment, and while they are broken, or
// only some of them have been replaced, with what they held last.
package alipay

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"time"
	_ "time/tzdata" // Alipay's clock is that of Shanghai, also on machines that know no zones

	"github.com/pushledger/pushledger/sagas/payment"
)

const (
	// ProductionGateway is where real money moves.
	ProductionGateway = "https://openapi.alipay.com/gateway.do"

	defaultTimeout = 15 * time.Second
	clockFormat    = time.DateTime
)

// Config of a Provider. Of AlipayPublicKey and Certificates exactly one is given. Alipay
// sends no money out for an application that signs without certificates.
type Config struct {
	AppID           string
	PrivateKey      string           // ours: PKCS #1 or #8, in PEM or as bare base64
	AlipayPublicKey string           // Alipay's for this application: PKIX, in PEM or as bare base64
	Certificates    CertificateFiles // for signing with certificates
	SellerID        string           // the merchant's number at Alipay (2088…), to which buyers pay
	Gateway         string           // empty: ProductionGateway
	NotifyURL       string           // where Alipay reports payments to
	ReturnURL       string           // where a buyer's browser goes after paying; empty: stays at Alipay
	Timeout         time.Duration    // of one exchange; 0: 15 seconds
	RefundVisible   time.Duration    // how long a refund that was made may not be shown yet; 0: 10 seconds. Refunds of a trade are 3/10 of it apart
	Transfers       TransferScene    // what transfers to sellers are for; zero: Alipay refuses them
	Logger          *slog.Logger     // hears of certificates that change; nil: nobody does
}

// Provider implements payment.Provider. It is safe for concurrent use.
type Provider struct {
	config  Config
	keys    *keyring
	http    *http.Client
	files   *http.Client // for bills
	clock   *time.Location
	unseen  *unseen
	spacing *spacing
	theirs  toldTime
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
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	if err := config.check(); err != nil {
		return nil, fmt.Errorf("alipay: configuration: %w", err)
	}
	clock, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		return nil, fmt.Errorf("alipay: clock: %w", err)
	}
	ring, err := openKeyring(config)
	if err != nil {
		return nil, fmt.Errorf("alipay: %w", err)
	}
	return &Provider{
		config: config, keys: ring, http: newHTTPClient(config.Timeout, maxBody), files: newHTTPClient(billPatience, maxBill), clock: clock,
		unseen: newUnseen(config.RefundVisible), spacing: newSpacing(config.RefundVisible),
	}, nil
}

// Certified reports whether questions are signed with certificates.
func (p *Provider) Certified() bool { return p.keys.current().certified() }

// Certificates are those in use, a root as often as it vouches for another one; none
// without certificates.
func (p *Provider) Certificates() []Certificate { return slices.Clone(p.keys.current().expiries) }

// Disconnect lets go of the connections that are kept for the next calls.
func (p *Provider) Disconnect() {
	p.http.CloseIdleConnections()
	p.files.CloseIdleConnections()
}

func (c Config) check() error {
	if c.AppID == "" || c.SellerID == "" {
		return errors.New("application and seller id are needed")
	}
	if c.PrivateKey == "" && c.Certificates.Key == "" {
		return errors.New("private key: there is none")
	}
	if (c.AlipayPublicKey != "") == c.Certificates.given() {
		return errors.New("either Alipay's public key is needed or certificates, and not both")
	}
	if c.Certificates.given() {
		if err := c.Certificates.check(); err != nil {
			return err
		}
	}
	return errors.Join(CheckAddress(c.Gateway), CheckAddress(c.NotifyURL))
}

// CheckKeys says all that is wrong with the keys and certificates that are given; one that
// is missing is New's to refuse. It makes no call.
func (c Config) CheckKeys() error {
	_, err := openKeyring(c)
	return err
}

// CheckAddress refuses what is no address of a gateway or a receiver of notifications.
func CheckAddress(text string) error {
	address, err := url.Parse(text)
	if err != nil {
		return err
	}
	if (address.Scheme != "https" && address.Scheme != "http") || address.Host == "" || address.RawQuery != "" {
		return fmt.Errorf("%q is no address of a gateway or a receiver of notifications", text)
	}
	return nil
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
