// Package alipay is the payment.Provider over Alipay's gateway.
//
// What it guarantees: every answer and every notification is believed only if Alipay
// has signed it for this merchant; no call lasts longer than its timeout, follows a
// redirect or reads more than 1 MiB; an answer that is not a plain yes or a plain no
// is an error that leaves the outcome open, and a plain no to a refund or a payout is
// passed on only after Alipay, asked again, has not said that the money has moved.
package alipay

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
	_ "time/tzdata" // Alipay's clock must be known on machines without a time zone database

	sdk "github.com/smartwalle/alipay/v3"

	"github.com/pushledger/pushledger/sagas/payment"
)

// Alipay's own gateways.
const (
	productionGateway = "https://openapi.alipay.com/gateway.do"
	sandboxGateway    = "https://openapi-sandbox.dl.alipaydev.com/gateway.do"
)

const (
	defaultTimeout = 10 * time.Second
	maxAnswer      = 1 << 20  // bytes of a body
	maxHeader      = 64 << 10 // bytes of all headers of an answer
	maxNumber      = 64       // bytes of a number that Alipay takes
	timeLayout     = "2006-01-02 15:04:05"
	zone           = "Asia/Shanghai" // of every time in the protocol
)

// Config of a merchant's account at Alipay.
type Config struct {
	AppID           string
	PrivateKey      string // of the merchant: RSA, PEM or the bare base64 of its DER
	AlipayPublicKey string // of Alipay for this application, in the same forms
	SellerID        string // the merchant's user id, to whom notifications must be made out
	Gateway         string // empty: Alipay's own, by Production
	NotifyURL       string // where Alipay sends notifications
	Production      bool
	Timeout         time.Duration // of one call, 0 means 10 s
}

// Provider is a merchant's account at Alipay. It may be used by many goroutines.
type Provider struct {
	client    *sdk.Client
	http      *http.Client
	gateway   *url.URL
	zone      *time.Location
	appID     string
	sellerID  string
	notifyURL string
}

var _ payment.Provider = (*Provider)(nil)

// New checks the configuration and makes no call.
func New(config Config) (*Provider, error) {
	if config.AppID == "" || config.SellerID == "" || config.AlipayPublicKey == "" {
		return nil, errors.New("alipay: application, seller and Alipay's key are needed")
	}
	gateway, err := absolute(gatewayOf(config))
	if err != nil {
		return nil, err
	}
	if _, err := absolute(config.NotifyURL); err != nil {
		return nil, err
	}
	location, err := time.LoadLocation(zone)
	if err != nil {
		return nil, fmt.Errorf("alipay: %w", err)
	}
	caller := boundedClient(config.Timeout)
	// In its production mode the SDK downloads a certificate that an answer names and
	// believes it unchecked. Here one key is believed, so that mode stays off for good.
	client, err := sdk.New(config.AppID, strings.TrimSpace(config.PrivateKey), false,
		sdk.WithSandboxGateway(gateway.String()), sdk.WithHTTPClient(caller), sdk.WithTimeLocation(location))
	if err != nil {
		return nil, fmt.Errorf("alipay: merchant's private key: %w", err)
	}
	if err := client.LoadAliPayPublicKey(strings.TrimSpace(config.AlipayPublicKey)); err != nil {
		return nil, fmt.Errorf("alipay: Alipay's public key: %w", err)
	}
	return &Provider{
		client: client, http: caller, gateway: gateway, zone: location,
		appID: config.AppID, sellerID: config.SellerID, notifyURL: config.NotifyURL,
	}, nil
}

func gatewayOf(config Config) string {
	switch {
	case config.Gateway != "":
		return config.Gateway
	case config.Production:
		return productionGateway
	default:
		return sandboxGateway
	}
}

func absolute(text string) (*url.URL, error) {
	parsed, err := url.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("alipay: %w", err)
	}
	if parsed.Scheme != "https" && parsed.Scheme != "http" || parsed.Host == "" || parsed.RawQuery != "" {
		return nil, fmt.Errorf("alipay: %q is not an absolute web address without a query", text)
	}
	return parsed, nil
}

func boundedClient(timeout time.Duration) *http.Client {
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	return &http.Client{
		Timeout: timeout,
		Transport: bounded{&http.Transport{
			Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 16,
			IdleConnTimeout: time.Minute, TLSHandshakeTimeout: timeout, MaxResponseHeaderBytes: maxHeader,
		}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// bounded has an answer that is too large end in an error.
type bounded struct{ next http.RoundTripper }

func (b bounded) RoundTrip(request *http.Request) (*http.Response, error) {
	answer, err := b.next.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	answer.Body = http.MaxBytesReader(nil, answer.Body, maxAnswer)
	return answer, nil
}
